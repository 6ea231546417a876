"""What a searcher with a model keeps: what it proposed, what it was told, and data to fit on.

Shared by the searchers that fit a predictor to their observations; predictor and acquisition are
theirs. There is one entry for each class of architectures, as twins would tell nothing new.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Observation, Problem

Batch = Callable[[], Sequence[Architecture]]
"""Makes the next proposals from what was told; none if it has no idea."""
GROWTH = 1.05
"""A model is fitted again when there are so many times the observations of its last fit."""
MAX_LISTED = 1 << 17
"""Architectures of a space that are listed when draws find nothing new."""
PRELOAD = ("scipy.stats",)
"""What a searcher with an archive names as its own `preload`; brings the rest of SciPy along."""
_TRIES = 10
_Entry = tuple[tuple[bool, float], Architecture]
"""(infeasible, value), which sorts as wanted, and the architecture."""


class Archive:
    """Proposals that do not repeat a class, and observations of full trainings.

    The first objective counts. An infeasible observation ranks after all feasible ones, a failed
    one (value `inf`) after all finished ones that are as feasible.
    """

    def __init__(self, problem: Problem, rng: np.random.Generator, *, initial: int, cap: int):
        self.space, self._rng, self._full = problem.space, rng, problem.epochs[-1]
        self._initial, self._cap = initial, cap
        self._queue: deque[Architecture] = deque()
        self._proposed: set[Architecture] = set()  # canonical forms
        self._told: dict[Architecture, _Entry] = {}  # by canonical form
        self._fitted = 0  # observations at the last fit
        self._exhausted = False

    def ask(self, n: int, batch: Batch) -> list[Candidate]:
        """`n` candidates, fewer only if nothing is left.

        They are the first uniform draws, then what `batch` makes; if that is nothing, or nothing
        was told yet, another uniform draw.
        """
        asked: list[Candidate] = []
        while len(asked) < n and (self._queue or self._refill(batch)):
            arch = self._queue.popleft()
            form = self.space.canonical(arch)
            if form not in self._told:  # somebody else's word may have come meanwhile
                self._proposed.add(form)
                asked.append(Candidate(arch))
        return asked

    def tell(self, observations: Sequence[Observation]) -> None:
        """Keep observations, of twins the last one; those of shorter trainings are ignored."""
        for seen in observations:
            if seen.candidate.epochs in (None, self._full):
                arch = seen.candidate.arch
                rank = (not seen.feasible, seen.values[0])
                self._told[self.space.canonical(arch)] = rank, arch

    def best(self, n: int) -> list[Architecture]:
        """The best `n` architectures told so far, the best one first."""
        return [arch for _, arch in heapq.nsmallest(n, self._told.values(), key=itemgetter(0))]

    def due(self) -> bool:
        """Whether there are enough new observations since `data` to fit again."""
        return len(self._told) >= GROWTH * self._fitted

    def data(self) -> tuple[list[Architecture], NDArray[np.float64]]:
        """Canonical architectures to fit on, n at most `cap`, and their targets (n,).

        Targets are normal scores of the ranks among all observations, low for good ones: the same
        for any monotone scale of the objective, and unmoved by the size of bad values. Of more than
        `cap` observations these are the best half of `cap` and a uniform choice from the others.
        """
        self._fitted = len(self._told)
        archs, y = list(self._told), scores([rank for rank, _ in self._told.values()])
        if len(archs) > self._cap:
            order = np.argsort(y, kind="stable")
            half = self._cap // 2
            others = self._rng.choice(order[half:], self._cap - half, replace=False)
            kept = np.concatenate([order[:half], others]).tolist()
            archs, y = [archs[k] for k in kept], y[kept]
        return archs, y

    def mutants(
        self, parents: Sequence[Architecture], n: int, *, most: int = 1
    ) -> list[Architecture]:
        """Up to `n` architectures of new classes, 1 to `most` mutations from one of `parents`."""

        def mutate() -> Architecture:
            arch = parents[int(self._rng.integers(len(parents)))]
            for _ in range(1 + int(self._rng.integers(most))):
                arch = self.space.mutate(arch, self._rng)
            return arch

        return self.new((mutate() for _ in range(_TRIES * n)), n)

    def draws(self, n: int) -> list[Architecture]:
        """Up to `n` uniform draws of new classes; none only if there is no new class.

        In a space too large to be listed, where draws find nothing new, one that is known.
        """
        if self._exhausted:
            return []
        tries = range(_TRIES * max(n, 10))
        found = self.new((self.space.sample(1, self._rng)[0] for _ in tries), n)
        if found:
            return found
        if len(self.space) > MAX_LISTED:
            return self.space.sample(1, self._rng)
        size = len(self.space)
        left = self.new(filter(self.space.is_valid, map(self.space.arch, range(size))), size)
        self._exhausted = not left
        return [left[k] for k in self._rng.permutation(len(left))[:n].tolist()]

    def new(self, archs: Iterable[Architecture], n: int) -> list[Architecture]:
        """The first `n` of classes neither proposed nor told, one of each class."""
        found: dict[Architecture, Architecture] = {}
        for arch in archs:
            form = self.space.canonical(arch)
            if form not in self._proposed and form not in self._told:
                found.setdefault(form, arch)
            if len(found) == n:
                break
        return list(found.values())

    def _refill(self, batch: Batch) -> bool:
        drawing = self._initial > 0 or not self._told
        self._initial -= 1
        self._queue.extend((() if drawing or self._exhausted else batch()) or self.draws(1))
        return bool(self._queue)


def scores(ranks: Sequence[tuple[bool, float]]) -> NDArray[np.float64]:
    """Normal scores (n,) of (infeasible, value), lexicographic: quantiles at (rank - 1/2) / n.

    Equal ones share the mean of their ranks.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    rows = np.array(ranks, dtype=np.float64)
    _, places = np.unique(rows, axis=0, return_inverse=True)
    shares = (rankdata(places.reshape(-1)) - 0.5) / len(rows)
    return np.asarray(ndtri(shares), dtype=np.float64)
