"""A space without the architectures whose structure is out of bounds.

It has the name of the space that it is cut from, so tables answer for its architectures; samples
and moves stay inside. A space of up to `MAX_LISTED` architectures is listed, which makes every draw
exactly uniform, and then `len`, `index` and `arch` count what is inside. Of a larger one they count
everything, and draws are repeated until one is inside: uniform as well, or refused when none of
`MAX_DRAWS` is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Constraint, LabeledGraph, Space
from nasbench.errors import InvalidArchitecture, InvalidConfig
from nasbench.spaces import structure

MAX_LISTED = 1 << 17
MAX_DRAWS = 10_000
_TRIES = 30
"""Moves that may end outside before the neighbors inside are listed."""


class Restricted:
    """The architectures of `whole` within all `bounds` on what `structure` names.

    Raises:
        UnknownMetric: a bound on something that is not about structure.
        InvalidConfig: nothing is within the bounds.
    """

    def __init__(self, whole: Space, bounds: Sequence[Constraint]) -> None:
        self._whole, self._bounds = whole, tuple(bounds)
        self._measures = [(bound, structure.measure(whole, bound.metric)) for bound in bounds]
        self.name, self.arity = whole.name, whole.arity
        self._listed = len(whole) <= MAX_LISTED
        if self._listed and not len(self._inside):
            raise self._empty()

    def __len__(self) -> int:
        return len(self._inside) if self._listed else len(self._whole)

    def __repr__(self) -> str:
        return f"Restricted({self._whole!r}, {self._terms()})"

    def __reduce__(self) -> tuple[object, ...]:
        return Restricted, (self._whole, self._bounds)

    def is_valid(self, arch: Architecture) -> bool:
        """Whether the architecture is in the whole space and within the bounds."""
        if not self._whole.is_valid(arch):
            return False
        if self._listed:
            return int(self._rank[self._whole.index(arch)]) >= 0
        return all(bound.holds(of(arch)) for bound, of in self._measures)

    def canonical(self, arch: Architecture) -> Architecture:
        """That of the whole space; it may be outside if a bound is about genes as written."""
        return self._whole.canonical(arch)

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        """`n` independent uniform draws from the inside."""
        if self._listed:
            drawn = self._inside[(rng.random(n) * len(self._inside)).astype(np.int64)]
            return [self._whole.arch(index) for index in drawn.tolist()]
        return [self._draw(rng) for _ in range(n)]

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        """A uniformly drawn neighbor that is inside; `arch` itself, or a draw, if there is none."""
        near = self._inside_of(lambda: self._whole.mutate(arch, rng))
        if near is not None and near != arch:
            return near
        around = self.neighbors(arch)
        if around:
            return around[int(rng.integers(len(around)))]
        return arch if self.is_valid(arch) else self.sample(1, rng)[0]

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A child that takes each gene from either parent; a parent, if no child is inside."""
        child = self._inside_of(lambda: self._whole.crossover(a, b, rng))
        if child is not None:
            return child
        return (
            next((each for each in (a, b) if self.is_valid(each)), None) or self.sample(1, rng)[0]
        )

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        """The neighbors that are inside, in the order of the whole space."""
        return [near for near in self._whole.neighbors(arch) if self.is_valid(near)]

    def encode(self, archs: Sequence[Architecture]) -> NDArray[np.float32]:
        """As the whole space does."""
        return self._whole.encode(archs)

    def graph(self, arch: Architecture) -> LabeledGraph:
        """As the whole space does."""
        return self._whole.graph(arch)

    def parse(self, text: str) -> Architecture:
        """As the whole space does; what is outside is understood, too."""
        return self._whole.parse(text)

    def format(self, arch: Architecture) -> str:
        """As the whole space does."""
        return self._whole.format(arch)

    def index(self, arch: Architecture) -> int:
        """Number among those inside, if they are listed; else that of the whole space."""
        index = self._whole.index(arch)
        if not self._listed:
            return index
        if self._rank[index] < 0:
            raise InvalidArchitecture(
                f"{self._whole.format(arch)} is outside of {self._terms()}; take one that "
                f"`is_valid`"
            )
        return int(self._rank[index])

    def arch(self, index: int) -> Architecture:
        """The architecture of a number."""
        if not self._listed:
            return self._whole.arch(index)
        if not 0 <= index < len(self._inside):
            raise InvalidArchitecture(
                f"{self.name} within {self._terms()} has no architecture {index!r}; pass a whole "
                f"number from 0 to {len(self._inside) - 1}"
            )
        return self._whole.arch(int(self._inside[index]))

    @cached_property
    def _inside(self) -> NDArray[np.int64]:
        """Indices, in the whole space, of what is inside; ascending."""
        holds = np.ones(len(self._whole), dtype=np.bool_)
        for bound in self._bounds:
            column = structure.column(self._whole, bound.metric)
            low = -np.inf if bound.lower is None else bound.lower
            high = np.inf if bound.upper is None else bound.upper
            holds &= (low <= column) & (column <= high)
        return np.flatnonzero(holds).astype(np.int64)

    @cached_property
    def _rank(self) -> NDArray[np.int64]:
        """Place in `_inside` of each index of the whole space, -1 if it is outside."""
        rank = np.full(len(self._whole), -1, dtype=np.int64)
        rank[self._inside] = np.arange(len(self._inside))
        return rank

    def _inside_of(self, draw: Callable[[], Architecture]) -> Architecture | None:
        drawn: Iterable[Architecture] = (draw() for _ in range(_TRIES))
        return next(filter(self.is_valid, drawn), None)

    def _draw(self, rng: np.random.Generator) -> Architecture:
        for _ in range(MAX_DRAWS):
            arch = self._whole.sample(1, rng)[0]
            if self.is_valid(arch):
                return arch
        raise self._empty(f" of {MAX_DRAWS:,} draws")

    def _empty(self, among: str = "") -> InvalidConfig:
        return InvalidConfig(
            f"no architecture{among} of {self.name} meets {self._terms()}; weaken a bound"
        )

    def _terms(self) -> str:
        terms = [
            f"{bound.metric} {relation} {value:g}"
            for bound in self._bounds
            for relation, value in ((">=", bound.lower), ("<=", bound.upper))
            if value is not None
        ]
        return ", ".join(terms)
