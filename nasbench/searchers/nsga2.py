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
- A child whose canonical form was evaluated before is mutated on until it is new, at most `_STEPS`
  times: half as many after each child for which that was in vain, one more after each other. Twins
  have equal values: they would fill the fronts with copies of a few points.
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

_STEPS = 32
"""Mutations at most that make a child new, at first: fewer where everything around is known."""


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
        self._known: set[tuple[int, ...]] = set()  # genes of canonical forms asked or told
        self._parents: list[Observation] = []  # P in the order of <_n
        self._offspring: list[Observation] = []  # Q
        self._steps = _STEPS  # mutations to make the next child new
        self._draws: list[tuple[int, int, bool, bool]] = []  # see `_lots`

    def ask(self, n: int = 1) -> list[Candidate]:
        """Children of the current parents; uniform draws before there are any."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Add to the offspring, and select among parents and offspring when these are complete."""
        for seen in observations:
            self._known.add(self._space.canonical(seen.candidate.arch).genes)
            self._offspring.append(seen)
            if len(self._offspring) >= self._config.population:
                merged = self._parents + self._offspring
                best = crowded_order(merged)[: self._config.population]
                self._parents, self._offspring = [merged[i] for i in best.tolist()], []

    def _next(self) -> Architecture:
        if not self._parents:
            arch = self._space.sample(1, self._rng)[0]
            self._known.add(self._space.canonical(arch).genes)
            return arch
        arch = self._child()
        known, canonical = self._known, self._space.canonical
        genes = canonical(arch).genes
        for _ in range(self._steps):
            if genes not in known:
                break
            arch = self._space.mutate(arch, self._rng)
            genes = canonical(arch).genes
        self._steps = self._steps // 2 if genes in known else min(self._steps + 1, _STEPS)
        known.add(genes)
        return arch

    def _child(self) -> Architecture:
        if not self._draws:
            self._draws = self._lots()
        one, two, crossed, mutated = self._draws.pop()
        child, other = self._parents[one].candidate.arch, self._parents[two].candidate.arch
        if crossed and other is not child:
            child = self._space.crossover(child, other, self._rng)
        if mutated:
            child = self._space.mutate(child, self._rng)
        return child

    def _lots(self) -> list[tuple[int, int, bool, bool]]:
        """Of N children: the parents' positions, whether to cross them, whether to mutate.

        As P is sorted, the lower of two uniform positions is the winner of a tournament.
        """
        size, config = len(self._parents), self._config
        uniform = self._rng.random((6, size))
        winners = (np.minimum(uniform[:2], uniform[2:4]) * size).astype(int).tolist()
        chances = uniform[4] < config.crossover, uniform[5] < config.mutation
        return list(zip(*winners, *(chance.tolist() for chance in chances), strict=True))


def crowded_order(members: Sequence[Observation]) -> NDArray[np.intp]:
    """Positions (n,) of the members in the order of <_n."""
    values = np.array([seen.values for seen in members])
    worse = np.array([not seen.feasible for seen in members]) * 2
    failed = ~np.isfinite(values).all(axis=1)
    if failed.any():
        values[failed] = 0.0  # one as good as another
        worse += failed
    ranks = fronts(values) if not worse.any() else _fronts_of_kinds(values, worse)
    return np.lexsort((-crowding(values, ranks), ranks))


def _fronts_of_kinds(values: NDArray[np.float64], worse: NDArray[np.intp]) -> NDArray[np.intp]:
    """As `fronts`, where all of a kind (n,) dominate all of a higher one."""
    ranks, found = np.zeros(len(values), np.intp), 0
    for kind in np.unique(worse):
        alike = np.flatnonzero(worse == kind)
        ranks[alike] = found + fronts(values[alike])
        found = ranks.max() + 1
    return ranks


def fronts(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Number (n,) of the non-dominated front of each of `values` (n, k), from 0."""
    if values.shape[1] == 1:
        values = np.concatenate([values, values], axis=1)  # moocore needs two; dominance stays
    return np.asarray(moocore.pareto_rank(values), np.intp)


def crowding(values: NDArray[np.float64], ranks: NDArray[np.intp]) -> NDArray[np.float64]:
    """Distance (n,) of each of `values` (n, k) from its neighbors in the front of its rank (n,).

    The ranks are 0, 1, 2, ... without gaps.
    """
    ends = np.cumsum(np.bincount(ranks))
    first, last = np.append(0, ends[:-1]), ends - 1
    distances, gaps = np.zeros(len(values)), np.zeros(len(values))
    for objective in values.T:
        order = np.lexsort((objective, ranks))  # front by front
        ordered = objective[order]
        span = ordered[last] - ordered[first]
        span[span == 0] = 1.0
        gaps[1:-1] = ordered[2:] - ordered[:-2]
        gaps /= span[ranks[order]]
        gaps[first] = gaps[last] = np.inf
        distances[order] += gaps
    return distances
