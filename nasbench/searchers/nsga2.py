"""NSGA-II: evolution towards the whole Pareto front, the least crowded of each rank first.

Deb, Pratap, Agarwal & Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II",
IEEE Transactions on Evolutionary Computation 6(2), 2002, sec. III and VI; for architectures as in
NSGA-Net (Lu et al., GECCO 2019). (P: parents, Q: offspring, N: size of both)::

    P = N random architectures, evaluated
    repeat until the budget is spent:
        Q = N children of P, evaluated: winners of binary tournaments, crossed over and mutated
        F_1, F_2, ... = the non-dominated fronts of P + Q
        P = the first N of P + Q in the order of <_n

i <_n j (crowded comparison): i is of an earlier front, or of the same one and more distant from its
neighbors there; the distance adds up, over the objectives, the gap between the neighbors on either
side relative to the front's range, and is infinite at the ends of the front.

i constrained-dominates j: i is feasible and j is not, or they agree in that and i dominates j. The
fronts are found by `moocore`.

Deviations:
- Crossover takes each gene from either parent, and a mutation changes one gene, which is what the
  paper's rate of 1 / (number of genes) does on average.
- By how much a constraint is violated is not told, so that infeasible ones are compared by their
  objectives. A failed training (`inf`) is dominated by every finished one that is as feasible.
- A child whose canonical form was evaluated before is mutated on, at most `_STEPS` times, until it
  is new. Twins have equal values: they would fill the fronts with copies of a few points.
- N = 40 is NSGA-Net's; the paper's 100 would leave 4 generations for 500 evaluations.
- Workers: nothing waits for the rest of a generation. Children come from the latest P, and are
  uniform draws while there is none; whatever is told joins Q, also what was not asked for.
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
    """Settings of NSGA-II."""

    population: int = 40
    """Parents, and children of a generation (N)."""
    crossover: float = 0.9
    """Probability that a child has two parents."""
    mutation: float = 1.0
    """Probability that a child is mutated."""

    def __post_init__(self) -> None:
        if self.population < 1 or not (0 <= self.crossover <= 1 and 0 <= self.mutation <= 1):
            raise InvalidConfig(
                f"nsga2 needs population >= 1 and crossover and mutation from 0 to 1, got {self}"
            )


class Nsga2:
    """Elitist generations on any number of objectives."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space = problem.space
        self._rng = rng
        self._config = config
        self._known: set[Architecture] = set()  # canonical forms that were asked or told
        self._parents: list[Observation] = []  # P in the order of <_n
        self._offspring: list[Observation] = []  # Q

    def ask(self, n: int = 1) -> list[Candidate]:
        """Children of the current parents; uniform draws before there are any."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Add to the offspring, and select among parents and offspring when these are complete."""
        for seen in observations:
            self._known.add(self._space.canonical(seen.candidate.arch))
            self._offspring.append(seen)
            if len(self._offspring) >= self._config.population:
                merged = self._parents + self._offspring
                best = crowded_order(merged)[: self._config.population]
                self._parents, self._offspring = [merged[i] for i in best.tolist()], []

    def _next(self) -> Architecture:
        if not self._parents:
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
        """As P is sorted, the lower of two uniform positions is the winner of a tournament."""
        alive, size = self._parents, len(self._parents)
        a, b, c, d, crossed, mutated = self._rng.random(6).tolist()
        child = alive[int(min(a, b) * size)].candidate.arch
        if crossed < self._config.crossover:
            other = alive[int(min(c, d) * size)].candidate.arch
            child = self._space.crossover(child, other, self._rng)
        if mutated < self._config.mutation:
            child = self._space.mutate(child, self._rng)
        return child


def crowded_order(members: Sequence[Observation]) -> NDArray[np.intp]:
    """Positions (n,) of the members in the order of <_n."""
    values = np.array([seen.values for seen in members])
    failed = ~np.isfinite(values).all(axis=1)
    values[failed] = 0.0  # one as good as another
    worse = 2 * np.array([not seen.feasible for seen in members]) + failed
    ranks, found = np.zeros(len(members), np.intp), 0
    for kind in np.unique(worse):
        alike = np.flatnonzero(worse == kind)
        ranks[alike] = found + fronts(values[alike])
        found = ranks.max() + 1
    return np.lexsort((-crowding(values, ranks), ranks))


def fronts(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Number (n,) of the non-dominated front of each of `values` (n, k), from 0."""
    twice = np.concatenate([values, values], axis=1)  # moocore needs two; dominance is the same
    return np.asarray(moocore.pareto_rank(twice if values.shape[1] == 1 else values), np.intp)


def crowding(values: NDArray[np.float64], ranks: NDArray[np.intp]) -> NDArray[np.float64]:
    """Distance (n,) of each of `values` (n, k) from its neighbors in the front of its rank (n,)."""
    distances = np.zeros(len(values))
    for objective in values.T:
        order = np.lexsort((objective, ranks))  # front by front
        ordered = objective[order]
        first = np.flatnonzero(np.diff(ranks[order], prepend=-1))
        last = np.append(first[1:], len(order)) - 1
        span = np.repeat(ordered[last] - ordered[first], last - first + 1)
        gaps = np.zeros(len(order))
        gaps[1:-1] = (ordered[2:] - ordered[:-2]) / np.where(span > 0, span, 1.0)[1:-1]
        gaps[first] = gaps[last] = np.inf
        distances[order] += gaps
    return distances
