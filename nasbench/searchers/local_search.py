"""Local search: walk to the best neighbor until there is no better one, then start again elsewhere.

White, Nolen & Savani, "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021,
algorithm 1, with random restarts as in Den Ottelander et al., "Local Search is a Remarkably Strong
Baseline for Neural Architecture Search", EMO 2021. (l: the loss, N(v): the neighborhood of v)::

    repeat until the budget is spent:
        v ~ Uniform(A); evaluate l(v)
        loop:
            evaluate l(u) for every u in N(v)
            u* = argmin of l(u) over N(v)
            if l(u*) >= l(v): break             (v is a local optimum: restart)
            v = u*

An architecture met again, such as the v just left, is evaluated and charged again.

Deviations:
- N(v) is evaluated in random order, so that a budget that ends inside it favors no gene.
- With several evaluations under way, the last of N(v) have to be waited for. Meanwhile uniform
  draws are evaluated: the starting points of the next restarts, in the order of their results.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nasbench.core import Architecture, Candidate, Observation, Problem


@dataclass(frozen=True, slots=True)
class Config:
    """Local search has no settings."""


class LocalSearch:
    """Steepest descent on the first objective, with random restarts."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space = problem.space
        self._rng = rng
        self._center: Observation | None = None  # v
        self._best: Observation | None = None  # u*, of the neighbors told so far
        self._queue: deque[Architecture] = deque()  # neighbors of v not asked yet
        self._open: set[Architecture] = set()  # neighbors of v asked and not told
        self._starting: Counter[Architecture] = Counter()  # draws asked and not told
        self._starts: deque[Observation] = deque()  # draws told, not climbed from yet

    def ask(self, n: int = 1) -> list[Candidate]:
        """Neighbors of the current architecture; beyond them starting points of later restarts."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Move or restart when the neighborhood is complete; ignore what was not asked for."""
        for seen in observations:
            arch = seen.candidate.arch
            if arch in self._open:
                self._open.remove(arch)
                if self._best is None or _rank(seen) < _rank(self._best):
                    self._best = seen
            elif self._starting[arch]:
                self._starting[arch] -= 1
                self._starts.append(seen)
            while not (self._queue or self._open) and self._move():
                pass

    def _next(self) -> Architecture:
        if self._queue:
            arch = self._queue.popleft()
            self._open.add(arch)
        else:
            arch = self._space.sample(1, self._rng)[0]
            self._starting[arch] += 1
        return arch

    def _move(self) -> bool:
        """Go to the best neighbor, else to the next starting point; False if there is neither."""
        better = self._center is None or (
            self._best is not None and _rank(self._best) < _rank(self._center)
        )
        if self._best is not None and better:
            self._center = self._best
        else:
            self._center = self._starts.popleft() if self._starts else None
        self._best = None
        if self._center is None:
            return False
        neighbors = self._space.neighbors(self._center.candidate.arch)
        self._queue.extend(neighbors[i] for i in self._rng.permutation(len(neighbors)))
        return True


def _rank(seen: Observation) -> tuple[bool, float]:
    return not seen.feasible, seen.values[0]
