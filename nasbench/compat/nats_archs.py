"""The architectures of a space as nats_bench numbers, names and takes apart them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Space
from nasbench.errors import InvalidArchitecture
from nasbench.spaces import cell201

_FULL_EPOCHS = {"topology": 200, "size": 90}
_NODES = 4


class Architectures:
    """By index, string or object; `rng` draws among them."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self.space = space
        self._size = len(space)
        self._rng = rng

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> str:
        return self.arch(index)

    @property
    def search_space_name(self) -> str:
        """`topology` or `size`."""
        return "topology" if self.space.name == cell201.NAME else "size"

    @property
    def is_topology(self) -> bool:
        """Whether the space is that of cells."""
        return self.search_space_name == "topology"

    @property
    def is_size(self) -> bool:
        """Whether the space is that of widths."""
        return self.search_space_name == "size"

    @property
    def full_train_epochs(self) -> int:
        """Epochs of the longest schedule, 200 or 90."""
        return _FULL_EPOCHS[self.search_space_name]

    full_epochs_in_paper = full_train_epochs

    @cached_property
    def meta_archs(self) -> list[str]:
        """The strings of all architectures, by index."""
        return [self.arch(index) for index in range(len(self))]

    @cached_property
    def archstr2index(self) -> dict[str, int]:
        """The index of each string."""
        return {text: index for index, text in enumerate(self.meta_archs)}

    def random(self) -> int:
        """The index of a uniformly drawn architecture."""
        return int(self._rng.integers(len(self)))

    def arch(self, index: int) -> str:
        """The string of an architecture."""
        return self.space.format(self.space.arch(index))

    def query_index_by_arch(self, arch: Any) -> int:
        """Index of a string, of an object with `tostr()`, of an `Architecture`, or of an index.

        -1 for anything that is not in the space.

        Raises:
            InvalidArchitecture: an index that is out of range.
        """
        if isinstance(arch, (int, np.integer)):
            if not 0 <= arch < self._size:
                self.space.arch(int(arch))  # says what is wrong with it
            return int(arch)
        try:
            if isinstance(arch, Architecture):
                return self.space.index(arch)
            text = arch.tostr() if hasattr(arch, "tostr") else arch
            return self.space.index(self.space.parse(text)) if isinstance(text, str) else -1
        except InvalidArchitecture:
            return -1

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """Operation and source of each edge of a cell, by the node that they lead to.

        Raises:
            InvalidArchitecture: it is no cell.
        """
        arch = _CELLS.parse(arch_str)
        found: list[list[tuple[str, int]]] = [[] for _ in range(_NODES - 1)]
        for (source, target), gene in zip(cell201.EDGES, arch.genes, strict=True):
            found[target - 1].append((cell201.OPS[gene], source))
        return [tuple(edges) for edges in found]

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = cell201.OPS) -> NDArray[np.float64]:
        """Numbers of the operations of a cell (4, 4), by target and source.

        Raises:
            InvalidArchitecture: it is no cell, or `search_space` lacks one of its operations.
        """
        matrix = np.zeros((_NODES, _NODES))
        for target, edges in enumerate(Architectures.str2lists(arch_str), 1):
            for op, source in edges:
                if op not in search_space:
                    raise InvalidArchitecture(
                        f"{op!r} of {arch_str!r} is none of the operations {list(search_space)}"
                    )
                matrix[target, source] = list(search_space).index(op)
        return matrix

    def _index(self, arch: Any) -> int:
        index = self.query_index_by_arch(arch)
        if index < 0:
            raise InvalidArchitecture(
                f"{arch!r} is not an architecture of {self.space.name}; "
                f"its strings are such as {self.arch(0)!r}"
            )
        return index


_CELLS = cell201.Cell201()
