"""Moves in a space whose architectures are the combinations of its genes, or all but a few of them.

What the genes mean, which architectures are equivalent and how they are written is for the space
to say; sampling, neighborhood and numbering follow from the number of choices of each gene.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture
from nasbench.errors import InvalidArchitecture, WrongSpace


class Product:
    """A space of `arity[0] x arity[1] x ...` architectures; the index reads genes as digits.

    A subclass gives name and arity, and what else `core.Space` asks for. One that leaves some
    combinations out overrides `excludes`, `__len__`, `index` and `arch`.
    """

    name: str
    arity: tuple[int, ...]

    def __len__(self) -> int:
        return math.prod(self.arity)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def excludes(self, genes: Sequence[int]) -> bool:
        """Whether a combination of possible genes is not an architecture."""
        return False

    def is_valid(self, arch: Architecture) -> bool:
        """Whether the space contains the architecture."""
        return arch.space == self.name and self._contains(arch.genes)

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        """`n` independent uniform draws; n calls for one give the same architectures."""
        return [self.arch(index) for index in rng.integers(len(self), size=n).tolist()]

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        """A uniformly drawn neighbor."""
        genes = self.genes_of(arch)
        moves = sum(self.arity) - len(self.arity)
        while True:
            place, move = 0, int(rng.integers(moves))
            while move >= self.arity[place] - 1:
                move -= self.arity[place] - 1
                place += 1
            near = _with_choice(genes, place, move + (move >= genes[place]))
            if not self.excludes(near):
                return Architecture(self.name, near)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A child that takes each gene from either parent with equal probability."""
        pairs = list(zip(self.genes_of(a), self.genes_of(b), strict=True))
        while True:
            from_a = (rng.random(len(pairs)) < 0.5).tolist()
            child = tuple(x if first else y for first, (x, y) in zip(from_a, pairs, strict=True))
            if not self.excludes(child):
                return Architecture(self.name, child)

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        """All architectures one gene away, by gene and then by choice."""
        genes = self.genes_of(arch)
        near = (
            _with_choice(genes, place, choice)
            for place, choices in enumerate(self.arity)
            for choice in range(choices)
            if choice != genes[place]
        )
        return [Architecture(self.name, each) for each in near if not self.excludes(each)]

    def encode(self, archs: Sequence[Architecture]) -> NDArray[np.float32]:
        """One-hot genes, (n, sum of arity), gene by gene."""
        starts = np.cumsum((0, *self.arity[:-1]))
        genes = np.array([self.genes_of(arch) for arch in archs], dtype=np.int64)
        places = genes.reshape(len(archs), len(self.arity)) + starts
        encoded = np.zeros((len(archs), sum(self.arity)), dtype=np.float32)
        encoded[np.arange(len(archs))[:, None], places] = 1
        return encoded

    def index(self, arch: Architecture) -> int:
        """The genes as digits of a mixed-radix number, the last one worth 1."""
        number = 0
        for gene, choices in zip(self.genes_of(arch), self.arity, strict=True):
            number = number * choices + int(gene)
        return number

    def arch(self, index: int) -> Architecture:
        """The architecture of an index."""
        return Architecture(self.name, self.digits(self.checked(index)))

    def digits(self, number: int) -> tuple[int, ...]:
        """The genes that a mixed-radix number from 0 to the product of `arity` - 1 stands for."""
        genes = []
        for choices in reversed(self.arity):
            number, gene = divmod(number, choices)
            genes.append(gene)
        return tuple(reversed(genes))

    def checked(self, index: int) -> int:
        """The index.

        Raises:
            InvalidArchitecture: it is not a whole number of the space.
        """
        try:
            number = operator.index(index)
        except TypeError:
            number = -1
        if not 0 <= number < len(self):
            raise InvalidArchitecture(
                f"{self.name} has no architecture {index!r}; "
                f"pass a whole number from 0 to {len(self) - 1}"
            )
        return number

    def genes_of(self, arch: Architecture) -> tuple[int, ...]:
        """The genes of an architecture of this space.

        Raises:
            WrongSpace: it is of another space.
            InvalidArchitecture: the space does not contain it.
        """
        if arch.space != self.name:
            raise WrongSpace(
                f"expected an architecture of {self.name}, got one of {arch.space!r}; "
                f"use the space it was made by, or parse its text with this one"
            )
        if not self._contains(arch.genes):
            raise InvalidArchitecture(
                f"{self.name} has {len(self.arity)} genes below {self.arity}, got {arch.genes!r}; "
                f"`nasbench show --space {self.name} 0` shows an architecture"
            )
        return arch.genes

    def _contains(self, genes: tuple[int, ...]) -> bool:
        return (
            len(genes) == len(self.arity)
            and all(
                isinstance(gene, (int, np.integer)) and 0 <= gene < choices
                for gene, choices in zip(genes, self.arity, strict=True)
            )
            and not self.excludes(genes)
        )


def _with_choice(genes: tuple[int, ...], place: int, choice: int) -> tuple[int, ...]:
    return (*genes[:place], choice, *genes[place + 1 :])
