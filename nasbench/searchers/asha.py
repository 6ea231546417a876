"""ASHA: successive halving that never waits; whoever is in the best 1/eta of a rung goes on.

Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht & Talwalkar, "A System for Massively
Parallel Hyperparameter Tuning", MLSys 2020, algorithm 2, for every worker that is free (rung k
trains r eta^(s + k) epochs, K is the last)::

    for k = K - 1, ..., 1, 0:
        candidates = the best floor(|rung k| / eta) results of rung k
        promotable = those of them that did not go on yet
        if there are any: train the best of them in rung k + 1 and stop here
    train a uniform draw in rung 0

Promotions are made on what is known, so that no worker ever idles; the price are promotions that
would not have been made later, by the paper's argument of the order of sqrt(|rung k|).

Deviations:
- r eta^(s + k) are of the training lengths offered: R, R / eta, R / eta^2, ..., rounded down.
- The best promotable goes first, where the paper says only "promotable[0]".
- Observations of candidates that were not asked for join the rung of their epochs, if there is one.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones,
  failed trainings after all finished ones.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TypeAlias

import numpy as np

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.training.halving import rungs

_Entry = tuple[bool, float, int, Architecture]
"""(infeasible, value, order of results), which sorts as wanted, and the architecture."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of ASHA."""

    eta: int = 4
    """One of so many goes on at every rung, to so many times the epochs."""
    s: int = 0
    """Rungs of the shortest trainings that are left out (minimum early-stopping rate)."""

    def __post_init__(self) -> None:
        if self.eta < 2 or self.s < 0:
            raise InvalidConfig(f"ASHA needs eta >= 2 and s >= 0, got {self.eta!r} and {self.s!r}")


@dataclass(slots=True, eq=False)
class _Rung:
    """Results of one training length."""

    told: list[_Entry] = field(default_factory=list)
    """The best first."""
    waiting: list[_Entry] = field(default_factory=list)
    """Heap of those that did not go on."""

    def add(self, entry: _Entry) -> None:
        insort(self.told, entry)
        heappush(self.waiting, entry)

    def promote(self, eta: int) -> Architecture | None:
        """The best that did not go on, if it is among the best 1/eta of all; it now goes on."""
        if self.waiting and bisect_left(self.told, self.waiting[0]) < len(self.told) // eta:
            return heappop(self.waiting)[-1]
        return None


class Asha:
    """Asynchronous successive halving on the first objective."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng, self._eta = problem.space, rng, config.eta
        lengths = rungs(problem.epochs, config.eta)
        if config.s >= len(lengths):
            raise InvalidConfig(
                f"ASHA has the rungs {lengths} here (epochs), so it needs s < {len(lengths)}, "
                f"got {config.s}; lower s or eta"
            )
        self._full = problem.epochs[-1]
        self._rungs = {r: _Rung() for r in lengths[config.s :]}  # ascending
        self._told = 0

    def ask(self, n: int = 1) -> list[Candidate]:
        """Promotions to the longest trainings first, else uniform draws with the shortest."""
        return [self._next() for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Enter each result in the rung of its epochs."""
        for seen in observations:
            rung = self._rungs.get(seen.candidate.epochs or self._full)
            if rung is not None:
                rung.add((not seen.feasible, seen.values[0], self._told, seen.candidate.arch))
                self._told += 1

    def _next(self) -> Candidate:
        lengths = list(self._rungs)
        for k in reversed(range(len(lengths) - 1)):
            arch = self._rungs[lengths[k]].promote(self._eta)
            if arch is not None:
                return Candidate(arch, lengths[k + 1])
        return Candidate(self._space.sample(1, self._rng)[0], lengths[0])
