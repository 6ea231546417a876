"""Hyperband: successive halving at every trade-off between many short and few long trainings.

Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, "Hyperband: A Novel Bandit-Based Approach to
Hyperparameter Optimization", JMLR 2018, algorithm 1, repeated (R: the full training, s_max =
floor(log_eta R), B = (s_max + 1) R)::

    repeat until the budget is spent:
        for s = s_max, s_max - 1, ..., 0:
            n = ceil(B / R eta^s / (s + 1));   r = R eta^-s
            T = n uniform draws
            for i = 0, ..., s:
                n_i = floor(n eta^-i);   r_i = r eta^i
                train every architecture of T to r_i epochs
                T = the best floor(n_i / eta) of T

Bracket s = 0 is random search: whatever the short trainings are worth, Hyperband is slower than it
by no more than about the number of brackets.

Deviations:
- s_max + 1 is the number of different training lengths offered among R, R / eta, R / eta^2, ...,
  each rounded down, and r_i is one of them.
- Going on to more epochs is charged the difference, which the paper allows but does not count on.
- With several evaluations under way, the last of a rung have to be waited for. Meanwhile the next
  bracket is begun.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones,
  failed trainings after all finished ones; they go on if there are too few others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TypeAlias

import numpy as np

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.training.halving import Brackets, hyperband_shapes


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of Hyperband."""

    eta: int = 3
    """One of so many goes on at every rung, to so many times the epochs."""

    def __post_init__(self) -> None:
        if self.eta < 2:
            raise InvalidConfig(f"Hyperband needs eta >= 2, got {self.eta!r}")


class Hyperband:
    """The brackets s_max, ..., 0 again and again, on the first objective."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng = problem.space, rng
        self._brackets = Brackets(cycle(hyperband_shapes(problem.epochs, config.eta)), self._draw)

    def ask(self, n: int = 1) -> list[Candidate]:
        """Survivors of a rung, else uniform draws with the first training length of a bracket."""
        return [self._brackets.ask() for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Decide who goes on when a rung is complete; ignore what was not asked for."""
        for seen in observations:
            self._brackets.tell(seen)

    def _draw(self) -> Architecture:
        return self._space.sample(1, self._rng)[0]
