"""The size space of NATS-Bench (Dong et al., TPAMI 2021): channels of five layers, 32,768 networks.

The cell is fixed; each layer has 8, 16, ... or 64 channels. Strings and indices are those of
NATS-Bench: `8:8:8:8:8` is 0, and the last layer changes fastest. No two of these networks compute
the same family of functions, so every architecture is a class of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, LabeledGraph
from nasbench.errors import InvalidArchitecture
from nasbench.spaces.product import Product

NAME = "size-v1"
CHANNELS: tuple[int, ...] = (8, 16, 24, 32, 40, 48, 56, 64)
"""Channels by number."""
LAYERS = 5


class Size(Product):
    """The space `size-v1`; genes are five numbers of `CHANNELS`, from the input to the output."""

    name = NAME
    arity = (len(CHANNELS),) * LAYERS

    def canonical(self, arch: Architecture) -> Architecture:
        """The architecture itself."""
        return Architecture(NAME, self.genes_of(arch))

    def class_size(self, arch: Architecture) -> int:
        """One."""
        self.genes_of(arch)
        return 1

    def graph(self, arch: Architecture) -> LabeledGraph:
        """The chain of layers, each labeled with its channels."""
        layers = [f"{CHANNELS[gene]} channels" for gene in self.genes_of(arch)]
        labels = ("input", *layers, "output")
        return LabeledGraph(labels, tuple((k, k + 1, 1) for k in range(LAYERS + 1)))

    def parse(self, text: str) -> Architecture:
        """The architecture of a NATS-Bench string such as 8:16:24:32:64.

        Raises:
            InvalidArchitecture: the text is none.
        """
        numbers = {str(channels): gene for gene, channels in enumerate(CHANNELS)}
        parts = text.strip().split(":")
        wrong = next((part for part in parts if part not in numbers), None)
        if wrong is not None or len(parts) != LAYERS:
            what = f"{len(parts)} numbers" if wrong is None else repr(wrong)
            raise InvalidArchitecture(
                f"{text!r} is not a string of {NAME}: it has {what}, expected {LAYERS} of "
                f"{', '.join(numbers)} joined by colons, such as 8:16:24:32:64"
            )
        return Architecture(NAME, tuple(numbers[part] for part in parts))

    def format(self, arch: Architecture) -> str:
        """The NATS-Bench string of the architecture."""
        return ":".join(str(CHANNELS[gene]) for gene in self.genes_of(arch))

    def all_genes(self) -> NDArray[np.int16]:
        """Genes of all architectures in the order of the index, (32768, 5)."""
        return np.indices(self.arity).reshape(LAYERS, -1).T.astype(np.int16)

    def classes(self) -> NDArray[np.int32]:
        """Class number of each index (32768,): the index."""
        return np.arange(len(self), dtype=np.int32)

    def representatives(self) -> NDArray[np.int32]:
        """Index of the architecture of each class (32768,): the class number."""
        return np.arange(len(self), dtype=np.int32)
