"""Successive halving: train many architectures briefly, the best half of them on, and so forth.

Jamieson & Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
AISTATS 2016, algorithm "Successive Halving", in the form of Li et al. (JMLR 2018), where every
survivor's training grows by the factor that their number shrinks by. (R: the full training)::

    K = 1 + floor(log_eta n)                                        (the last rung has one or more)
    repeat until the budget is spent:
        S_0 = n uniform draws
        for k = 0, 1, ..., K - 1:
            train every architecture of S_k to r_k epochs           (r_{K-1} = R)
            S_{k+1} = the best floor(n eta^-(k+1)) of S_k           (eta = 2: half of them)

Going on to r_k is charged the difference to r_{k-1}, as in the paper, whose arms are pulled on.

Deviations:
- A bracket's length is given by n, not by a total budget B, and brackets are repeated: a search
  has an answer at any time, and the budget may be one of seconds.
- r_k are of the training lengths offered: R eta^-(K-1-k), rounded down. With only three
  of them K is 3, and not one architecture survives but n eta^-2; the harness takes the best.
- With several evaluations under way, the last of a rung have to be waited for. Meanwhile the next
  bracket is begun.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones,
  failed trainings after all finished ones; they go on if there are too few others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat, takewhile
from typing import TypeAlias

import numpy as np

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.training.halving import Brackets, rungs


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of successive halving."""

    n: int = 16
    """Architectures that start a bracket."""
    eta: int = 2
    """One of so many goes on at every rung, to so many times the epochs."""

    def __post_init__(self) -> None:
        if self.n < 1 or self.eta < 2:
            raise InvalidConfig(
                f"successive halving needs n >= 1 and eta >= 2, got {self.n!r} and {self.eta!r}"
            )


class SuccessiveHalving:
    """Brackets of one shape, one after the other, on the first objective."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng = problem.space, rng
        lengths = rungs(problem.epochs, config.eta)
        sizes = takewhile(bool, (config.n // config.eta**k for k in range(len(lengths))))
        numbers = list(sizes)  # K of them: 1 + floor(log_eta n), or as many as there are rungs
        shape = list(zip(numbers, lengths[-len(numbers) :], strict=True))
        self._brackets = Brackets(repeat(shape), self._draw)

    def ask(self, n: int = 1) -> list[Candidate]:
        """Survivors of a rung, else uniform draws with the shortest training."""
        return [self._brackets.ask() for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Decide who goes on when a rung is complete; ignore what was not asked for."""
        for seen in observations:
            self._brackets.tell(seen)

    def _draw(self) -> Architecture:
        return self._space.sample(1, self._rng)[0]
