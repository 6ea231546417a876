"""Successive halving of trainings: many short ones, of which only the best go on.

What the synchronous multi-fidelity searchers share. A rung is a training length; a bracket trains
n_0 architectures r_0 epochs, the best n_1 of them r_1 epochs, and so on to the top. Nothing here
draws: who starts a bracket is the searcher's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from nasbench.core import Architecture, Candidate, Observation

Shape: TypeAlias = Sequence[tuple[int, int]]
"""(architectures, epochs) of each rung, the shortest training first."""


def rungs(epochs: Sequence[int], eta: int) -> tuple[int, ...]:
    """Training lengths to halve between: R, R / eta, R / eta^2, ..., ascending.

    R is the longest of the `epochs` offered; the others are rounded down to one that is offered,
    which may make two of them the same, and end where there is none.
    """
    full, scale, found = max(epochs), 1, set[int]()
    while shorter := [r for r in epochs if r * scale <= full]:
        found.add(max(shorter))
        scale *= eta
    return tuple(sorted(found))


def hyperband_shapes(epochs: Sequence[int], eta: int) -> list[Shape]:
    """The brackets s_max, ..., 0 of Hyperband (Li et al., JMLR 2018, algorithm 1).

    Bracket s starts n = ceil((s_max + 1) / (s + 1) eta^s) architectures at the rung s below the
    top, and floor(n eta^-i) of them reach the i-th rung from there.
    """
    lengths = rungs(epochs, eta)
    brackets = reversed(range(len(lengths)))
    starts = [(s, -(-len(lengths) * eta**s // (s + 1))) for s in brackets]  # n, rounded up
    return [[(n // eta**i, r) for i, r in enumerate(lengths[-1 - s :])] for s, n in starts]


@dataclass(slots=True, eq=False)
class _Bracket:
    """One run of successive halving, at one of its rungs."""

    shape: Shape
    ready: Iterator[Architecture]
    """Architectures of this rung that nobody trains yet."""
    rung: int = 0
    told: list[Observation] = field(default_factory=list)
    """Results of this rung."""

    @property
    def epochs(self) -> int:
        return self.shape[self.rung][1]

    @property
    def ended(self) -> bool:
        return self.rung == len(self.shape)

    def tell(self, seen: Observation) -> None:
        """Take in a result, and go on to the next rung if it was the last of this one."""
        self.told.append(seen)
        if len(self.told) == self.shape[self.rung][0]:
            self.rung += 1
            best = [] if self.ended else sorted(self.told, key=rank)[: self.shape[self.rung][0]]
            self.ready, self.told = iter([each.candidate.arch for each in best]), []


class Brackets:
    """Brackets under way, the next of `shapes` opened whenever all others wait for results.

    So there always is something to train, whatever the number of workers (Falkner et al., 2018,
    start further brackets in the same way). An earlier bracket is served before a later one.
    """

    def __init__(self, shapes: Iterator[Shape], draw: Callable[[], Architecture]) -> None:
        """`shapes` has no end; `draw` is called for each architecture that starts a bracket."""
        self._shapes, self._draw = shapes, draw
        self._open: list[_Bracket] = []
        self._asked: dict[Candidate, list[_Bracket]] = {}  # -> who waits for its result

    def ask(self) -> Candidate:
        """The next training."""
        for bracket in self._open:
            if (arch := next(bracket.ready, None)) is not None:
                break
        else:
            bracket = self._opened()
            arch = next(bracket.ready)
        candidate = Candidate(arch, bracket.epochs)
        self._asked.setdefault(candidate, []).append(bracket)
        return candidate

    def tell(self, seen: Observation) -> None:
        """Give a result to the bracket that waits for it; ignore what was not asked for."""
        if waiting := self._asked.get(seen.candidate):
            bracket = waiting.pop(0)
            if not waiting:
                del self._asked[seen.candidate]
            bracket.tell(seen)
            if bracket.ended:
                self._open.remove(bracket)

    def _opened(self) -> _Bracket:
        shape = next(self._shapes)
        bracket = _Bracket(shape, (self._draw() for _ in range(shape[0][0])))
        self._open.append(bracket)
        return bracket


def rank(seen: Observation) -> tuple[bool, float]:
    """Sorts by the first objective, infeasible architectures behind all feasible ones."""
    return not seen.feasible, seen.values[0]
