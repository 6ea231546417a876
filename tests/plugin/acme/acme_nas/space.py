"""A space of fully connected networks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, LabeledGraph
from nasbench.errors import InvalidArchitecture, WrongSpace

WIDTHS = (0, 16, 32, 64)


class Mlp:
    """Three layers of width 0 (left out), 16, 32 or 64; text form `16-0-64`."""

    name = "acme-mlp-v1"
    arity = (4, 4, 4)

    def __len__(self) -> int:
        return 64

    def is_valid(self, arch: Architecture) -> bool:
        return arch.space == self.name and len(arch.genes) == 3 and set(arch.genes) <= {0, 1, 2, 3}

    def canonical(self, arch: Architecture) -> Architecture:
        """The layers that are there first: where those of width 0 stand makes no difference."""
        kept = [gene for gene in self._genes(arch) if gene]
        return Architecture(self.name, (*kept, *[0] * (3 - len(kept))))

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        return [self.arch(int(i)) for i in rng.integers(len(self), size=n)]

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        near = self.neighbors(arch)
        return near[int(rng.integers(len(near)))]

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        parents = np.array([self._genes(a), self._genes(b)])
        genes = parents[rng.integers(2, size=3), np.arange(3)]
        return Architecture(self.name, tuple(genes.tolist()))

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        genes = self._genes(arch)
        return [
            Architecture(self.name, (*genes[:i], gene, *genes[i + 1 :]))
            for i in range(3)
            for gene in range(4)
            if gene != genes[i]
        ]

    def encode(self, archs: Sequence[Architecture]) -> NDArray[np.float32]:
        genes = np.array([self._genes(arch) for arch in archs], int).reshape(len(archs), 3)
        return np.eye(4, dtype=np.float32)[genes].reshape(len(archs), 12)

    def graph(self, arch: Architecture) -> LabeledGraph:
        layers = [f"width{WIDTHS[gene]}" for gene in self.canonical(arch).genes if gene]
        edges = tuple((i, i + 1, 1) for i in range(len(layers) + 1))
        return LabeledGraph(("input", *layers, "output"), edges)

    def parse(self, text: str) -> Architecture:
        names = [str(width) for width in WIDTHS]
        parts = text.split("-")
        if len(parts) != 3 or not set(parts) <= set(names):
            raise InvalidArchitecture(
                f"expected three of {', '.join(names)} joined by '-', such as 16-0-64; got {text!r}"
            )
        return Architecture(self.name, tuple(names.index(part) for part in parts))

    def format(self, arch: Architecture) -> str:
        return "-".join(str(WIDTHS[gene]) for gene in self._genes(arch))

    def index(self, arch: Architecture) -> int:
        a, b, c = self._genes(arch)
        return 16 * a + 4 * b + c

    def arch(self, index: int) -> Architecture:
        if not 0 <= index < len(self):
            raise InvalidArchitecture(f"{self.name} has the indices 0..63, got {index}")
        return Architecture(self.name, (index // 16, index // 4 % 4, index % 4))

    def _genes(self, arch: Architecture) -> tuple[int, ...]:
        if arch.space != self.name:
            raise WrongSpace(f"expected an architecture of {self.name}, got one of {arch.space}")
        if not self.is_valid(arch):
            raise InvalidArchitecture(f"{self.name} has three genes 0..3, got {arch.genes}")
        return arch.genes
