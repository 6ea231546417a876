"""Regularized evolution: a population that loses its oldest member, not its worst, at every birth.

Real, Aggarwal, Huang & Le, "Regularized Evolution for Image Classifier Architecture Search", AAAI
2019, algorithm 1 (P: population size, S: sample size)::

    population = P random architectures, evaluated                              (a queue)
    repeat until the budget is spent:
        sample = S members of the population, drawn uniformly with replacement
        parent = the best of the sample
        child = mutate(parent); evaluate child
        append child to the right of the population; remove its leftmost, the oldest

The defaults P = 10, S = 3 are those of NAS-Bench-201 (Dong & Yang, ICLR 2020). The paper's P = 100,
S = 25 were meant for 20,000 evaluations: they would spend half of a budget of 200 on random draws.

Deviations:
- One mutation: another choice for one uniformly drawn gene. The paper's mutation of hidden states
  and its identity mutation have no counterpart in a cell of fixed topology.
- Workers: age is the order of results. Once P draws were asked for, parents come from the members
  told so far, however few, and children are uniform draws while there are none.
- Observations of candidates that were not asked for join the population too.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig

_Member = tuple[tuple[bool, float], Architecture]
"""(infeasible, value), which sorts as wanted, and the architecture."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of regularized evolution."""

    population: int = 10
    """Architectures kept alive (P)."""
    sample: int = 3
    """Draws that compete to be the parent (S)."""

    def __post_init__(self) -> None:
        if self.population < 1 or self.sample < 1:
            raise InvalidConfig(
                "regularized evolution needs population >= 1 and sample >= 1, got "
                f"{self.population!r} and {self.sample!r}"
            )


class RegularizedEvolution:
    """Aging evolution on the first objective."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space = problem.space
        self._rng = rng
        self._config = config
        self._drawn = 0  # members of the first population asked for
        self._population: deque[_Member] = deque(maxlen=config.population)

    def ask(self, n: int = 1) -> list[Candidate]:
        """Members of the first population, then mutated winners of tournaments."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Append to the right of the population; its oldest members fall off the left."""
        for seen in observations:
            self._population.append(((not seen.feasible, seen.values[0]), seen.candidate.arch))

    def _next(self) -> Architecture:
        if self._drawn < self._config.population or not self._population:
            self._drawn += 1
            return self._space.sample(1, self._rng)[0]
        return self._space.mutate(self._parent(), self._rng)

    def _parent(self) -> Architecture:
        """The best of S members drawn with replacement; the first drawn among equals."""
        alive, size = self._population, len(self._population)
        draws = self._rng.random(self._config.sample).tolist()  # 3x faster than integers()
        return min([alive[int(u * size)] for u in draws], key=_rank)[1]


def _rank(member: _Member) -> tuple[bool, float]:
    return member[0]
