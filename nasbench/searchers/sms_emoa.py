"""SMS-EMOA: a population that loses, at every birth, the member that adds the least hypervolume.

Beume, Naujoks & Emmerich, "SMS-EMOA: Multiobjective selection based on dominated hypervolume",
European Journal of Operational Research 181(3), 2007, algorithms 1 and 2. (mu: size of the
population, Delta_S(s, R): the hypervolume that R loses without s)::

    P = mu random architectures, evaluated
    repeat until the budget is spent:
        q = a child of two members of P, drawn uniformly: crossed over and mutated; evaluate q
        R_1, ..., R_I = the non-dominated fronts of P + q
        r = argmin of Delta_S(s, R_I) over the s in R_I             (R_I: the worst front)
        P = P + q without r

For two objectives the ends of the worst front are kept, for more the reference point is that
front's worst values + 1, as in the paper. Fronts and hypervolumes are computed by `moocore`.

Deviations:
- Delta_S is computed with the front's range scaled to [0, 1], so that the + 1 of the reference
  point means the same to a percentage and to a number of parameters.
- Constraints, which the paper does not treat: a feasible one dominates every infeasible one, and a
  finished training a failed one (a value of `inf`) that is as feasible.
- Crossover takes each gene from either parent, and a mutation changes one gene. A child whose
  canonical form was evaluated before is mutated on, at most `_STEPS` times, until it is new.
- Workers: children come from the members told so far once mu random ones were asked for, and are
  uniform draws while there are none. Observations that were not asked for join the population too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import moocore
import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig

_STEPS = 3


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of SMS-EMOA."""

    population: int = 40
    """Members (mu)."""
    crossover: float = 0.9
    """Probability that a child has two parents."""
    mutation: float = 1.0
    """Probability that a child is mutated."""

    def __post_init__(self) -> None:
        if self.population < 1 or not (0 <= self.crossover <= 1 and 0 <= self.mutation <= 1):
            raise InvalidConfig(
                "sms-emoa needs population >= 1 and crossover and mutation from 0 to 1, got "
                f"{self.population!r}, {self.crossover!r} and {self.mutation!r}"
            )


class SmsEmoa:
    """Steady-state selection by hypervolume on any number of objectives."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space = problem.space
        self._rng = rng
        self._config = config
        self._drawn = 0  # members of the first population asked for
        self._known: set[Architecture] = set()  # canonical forms that were asked or told
        self._population: list[Observation] = []  # P

    def ask(self, n: int = 1) -> list[Candidate]:
        """Members of the first population, then children of the current one."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Add to the population; while it is too large, the least member leaves."""
        for seen in observations:
            self._known.add(self._space.canonical(seen.candidate.arch))
            self._population.append(seen)
            if len(self._population) > self._config.population:
                del self._population[least(self._population)]

    def _next(self) -> Architecture:
        if self._drawn < self._config.population or not self._population:
            self._drawn += 1
            arch = self._space.sample(1, self._rng)[0]
        else:
            arch = self._child()
            for _ in range(_STEPS):
                if self._space.canonical(arch) not in self._known:
                    break
                arch = self._space.mutate(arch, self._rng)
        self._known.add(self._space.canonical(arch))
        return arch

    def _child(self) -> Architecture:
        alive, size = self._population, len(self._population)
        a, b, crossed, mutated = self._rng.random(4).tolist()
        child = alive[int(a * size)].candidate.arch
        if crossed < self._config.crossover:
            child = self._space.crossover(child, alive[int(b * size)].candidate.arch, self._rng)
        if mutated < self._config.mutation:
            child = self._space.mutate(child, self._rng)
        return child


def least(members: Sequence[Observation]) -> int:
    """Position of the member r that Reduce (algorithm 2) takes away."""
    values = np.array([seen.values for seen in members])
    failed = ~np.isfinite(values).all(axis=1)
    values[failed] = 0.0  # one as good as another
    worse = 2 * np.array([not seen.feasible for seen in members]) + failed
    worst = np.flatnonzero(worse == worse.max())
    if values.shape[1] == 1:
        values = np.repeat(values, 2, axis=1)  # dominance stays the same; moocore needs two
    ranks = moocore.pareto_rank(values[worst])
    front = worst[ranks == ranks.max()]
    return int(front[contributions(values[front]).argmin()])


def contributions(front: NDArray[np.float64]) -> NDArray[np.float64]:
    """Delta_S (n,) of the members of a front (n, k), k >= 2, its range scaled to [0, 1]."""
    low, span = front.min(axis=0), np.ptp(front, axis=0)
    scaled = (front - low) / np.where(span > 0, span, 1.0)
    lost = np.asarray(moocore.hv_contributions(scaled, ref=scaled.max(axis=0) + 1))
    if front.shape[1] == 2:
        lost[scaled.argmin(axis=0)] = np.inf
    return lost
