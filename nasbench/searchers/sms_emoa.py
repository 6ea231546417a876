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
front's worst values + 1, as in the paper. With two the fronts are staircases, which a birth changes
in a few places, so nothing is ranked again: Li, Deb, Zhang, Suganthan & Zhang, "Efficient
Nondomination Level Update Method for Steady-State Evolutionary Multiobjective Optimization", IEEE
Transactions on Cybernetics 47(9), 2017. With more, `moocore` computes fronts and hypervolumes anew.

Deviations:
- Delta_S is computed with the front's range scaled to [0, 1], so that the + 1 of the reference
  point means the same to a percentage and to a number of parameters. The older end of a front of
  two leaves.
- Constraints, which the paper does not treat: a feasible one dominates every infeasible one, and a
  finished training a failed one (a value of `inf`) that is as feasible.
- Crossover takes each gene from either parent, and a mutation changes one gene.
- A child whose canonical form was evaluated before is mutated on until it is new, at most `_STEPS`
  times: half as many after each child for which that was in vain, one more after each other.
- Workers: children come from the members told so far once mu random ones were asked for, and are
  uniform draws while there are none. Observations that were not asked for join the population too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import isfinite
from operator import itemgetter
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
        self._known: set[tuple[int, ...]] = set()  # genes of canonical forms asked or told
        self._places: list[Architecture] = []  # P and, once that is full, a free place
        self._free = -1  # which one
        self._ranked = Staircases() if len(problem.objectives) <= 2 else Cloud()
        self._steps = _STEPS  # mutations to make the next child new
        self._draws: list[tuple[int, int, bool, bool]] = []  # see `_lots`

    def ask(self, n: int = 1) -> list[Candidate]:
        """Members of the first population, then children of the current one."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Add to the population; while it is too large, the least member leaves."""
        for seen in observations:
            arch = seen.candidate.arch
            self._known.add(self._space.canonical(arch).genes)
            place = self._free
            if place < 0:
                place = len(self._places)
                self._places.append(arch)
            else:
                self._places[place] = arch
            self._ranked.add(seen, place)
            if len(self._places) > self._config.population:
                self._free = self._ranked.pop_least()

    def _next(self) -> Architecture:
        if self._drawn < self._config.population or not self._places:
            self._drawn += 1
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
        child, other = self._member(one), self._member(two)
        if crossed and other is not child:
            child = self._space.crossover(child, other, self._rng)
        if mutated:
            child = self._space.mutate(child, self._rng)
        return child

    def _lots(self) -> list[tuple[int, int, bool, bool]]:
        """Of as many children as there are members; their parents are drawn uniformly."""
        size, config = min(len(self._places), self._config.population), self._config
        uniform = self._rng.random((4, size))
        parents = (uniform[:2] * size).astype(int).tolist()
        chances = uniform[2] < config.crossover, uniform[3] < config.mutation
        return list(zip(*parents, *(chance.tolist() for chance in chances), strict=True))

    def _member(self, position: int) -> Architecture:
        """Of the members in any order; the last place stands in for the free one."""
        return self._places[position if position != self._free else -1]


Member: TypeAlias = tuple[float, float, int, int]
"""Of two objectives: both values, number in the order of birth, place."""


class Staircases:
    """The fronts of a population with two objectives, or one, which then counts as both.

    Each front is sorted by its first objective, so the second one falls along it.
    """

    def __init__(self) -> None:
        self._kinds: dict[int, list[list[Member]]] = defaultdict(list)  # fronts, the best one first
        self._births = count()
        self._newest: Member = (0.0, 0.0, -1, -1)

    def add(self, seen: Observation, place: int) -> None:
        """Put a member into its front; whom it dominates there moves to the next one, and so on."""
        first, last = seen.values[0], seen.values[-1]
        failed = not (isfinite(first) and isfinite(last))
        if failed:
            first = last = 0.0  # one as good as another
        fronts = self._kinds[2 * (not seen.feasible) + failed]
        self._newest = (first, last, next(self._births), place)
        entering = [self._newest]
        for front in fronts:
            if not _dominated(entering[0], front):
                entering = _enter(entering, front)
                if not entering:
                    return
        fronts.append(entering)

    def pop_least(self) -> int:
        """Take away the member r of Reduce (algorithm 2); its place."""
        worst = max(self._kinds)
        fronts = self._kinds[worst]
        front = fronts[-1]
        if len(front) > 2:
            gone = front.pop(_least(front, self._newest))
        else:
            gone = min(front, key=itemgetter(2))
            front.remove(gone)
        if not front:
            fronts.pop()
        if not fronts:
            del self._kinds[worst]
        return gone[3]


def _dominated(member: Member, front: list[Member]) -> bool:
    """Whether a front has someone better: then the one before the member's position is."""
    at = bisect_left(front, member)
    return at > 0 and front[at - 1][1] <= member[1] and front[at - 1][:2] != member[:2]


def _least(front: list[Member], newest: Member) -> int:
    """Position of the least Delta_S, the ends apart: one is 0 where the newest has a twin."""
    at = bisect_left(front, newest)
    if 0 < at < len(front) and front[at] is newest and front[at - 1][:2] == newest[:2]:
        return max(at - 1, 1)
    steps = zip(front, front[1:], front[2:], strict=False)
    areas = [(c[0] - b[0]) * (a[1] - b[1]) for a, b, c in steps]
    return areas.index(min(areas)) + 1


def _enter(entering: list[Member], front: list[Member]) -> list[Member]:
    """Put members into a front that dominates none of them; the ones that they dominate leave."""
    leaving: list[Member] = []
    for member in entering:
        at = end = bisect_left(front, member)
        while end < len(front) and front[end][1] >= member[1]:
            end += 1
        leaving += front[at:end]
        front[at:end] = [member]
    return leaving


class Cloud:
    """A population with any number of objectives from two on, ranked when its least is asked."""

    def __init__(self) -> None:
        self._members: dict[int, tuple[int, NDArray[np.float64]]] = {}  # the oldest first

    def add(self, seen: Observation, place: int) -> None:
        """Take a member in."""
        values = np.array(seen.values)
        failed = not np.isfinite(values).all()
        if failed:
            values[:] = 0.0  # one as good as another
        self._members[place] = 2 * (not seen.feasible) + failed, values

    def pop_least(self) -> int:
        """Take away the member r of Reduce (algorithm 2); its place."""
        worst = max(kind for kind, _ in self._members.values())
        places = [place for place, (kind, _) in self._members.items() if kind == worst]
        values = np.array([self._members[place][1] for place in places])
        ranks = moocore.pareto_rank(values)
        front = np.flatnonzero(ranks == ranks.max())
        gone = places[int(front[contributions(values[front]).argmin()])]
        del self._members[gone]
        return gone


def contributions(front: NDArray[np.float64]) -> NDArray[np.float64]:
    """Delta_S (n,) of the members of a front (n, k), k >= 2, its range scaled to [0, 1]."""
    low, span = front.min(axis=0), np.ptp(front, axis=0)
    scaled = (front - low) / np.where(span > 0, span, 1.0)
    lost = np.asarray(moocore.hv_contributions(scaled, ref=scaled.max(axis=0) + 1))
    if front.shape[1] == 2:
        lost[scaled.argmin(axis=0)] = np.inf
    return lost
