"""The space of NAS-Bench-Macro (Su et al., CVPR 2021): 6,561 chains of eight blocks.

Three stages of 2, 3 and 3 blocks; the first of a stage halves the resolution and doubles the
channels, so even its "identity" is a strided 1x1 convolution. After it an identity changes nothing
wherever it stands in the stage: 3,969 different networks.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, LabeledGraph
from nasbench.errors import InvalidArchitecture
from nasbench.spaces.product import Product

NAME = "macro-v1"
OPS: tuple[str, ...] = ("identity", "mb3_k3", "mb6_k5")
"""Blocks by number: identity, and inverted bottlenecks (Sandler et al., 2018) that expand channels
3 and 6 times around a 3x3 and a 5x5 depthwise convolution."""
STAGES: tuple[int, ...] = (2, 3, 3)
"""Blocks in each stage."""
LAYERS = sum(STAGES)
_STARTS: tuple[int, ...] = (0, 2, 5, 8)


class Macro(Product):
    """The space `macro-v1`; genes are eight block numbers, written as in NAS-Bench-Macro."""

    name = NAME
    arity = (len(OPS),) * LAYERS

    def canonical(self, arch: Architecture) -> Architecture:
        """The same network with the identities of each stage, but for its first block, at its end.

        It is the form that NAS-Bench-Macro trained.
        """
        return Architecture(NAME, canonical_genes(self.genes_of(arch)))

    def class_size(self, arch: Architecture) -> int:
        """Number of architectures in the class, this one included."""
        later = [stage[1:] for stage in stages_of(self.genes_of(arch))]
        return math.prod(math.comb(len(blocks), blocks.count(0)) for blocks in later)

    def graph(self, arch: Architecture) -> LabeledGraph:
        """The chain of blocks, without identities; the first block of a stage ends in `/2`."""
        blocks = [
            OPS[gene] + ("/2" if place == 0 else "")
            for stage in stages_of(self.genes_of(arch))
            for place, gene in enumerate(stage)
            if place == 0 or gene
        ]
        labels = ("input", *blocks, "output")
        return LabeledGraph(labels, tuple((k, k + 1, 1) for k in range(len(labels) - 1)))

    def parse(self, text: str) -> Architecture:
        """The architecture of eight digits, such as 22212220.

        Raises:
            InvalidArchitecture: the text is something else.
        """
        if not re.fullmatch(f"[0-{len(OPS) - 1}]{{{LAYERS}}}", text.strip()):
            raise InvalidArchitecture(
                f"{text!r} is not an architecture of {NAME}: expected {LAYERS} digits such as "
                f"22212220, where {', '.join(f'{k} is {name}' for k, name in enumerate(OPS))}"
            )
        return Architecture(NAME, tuple(int(digit) for digit in text.strip()))

    def format(self, arch: Architecture) -> str:
        """Eight digits."""
        return "".join(str(int(gene)) for gene in self.genes_of(arch))

    def all_genes(self) -> NDArray[np.int16]:
        """Genes of all architectures in the order of the index, (6561, 8)."""
        return np.indices(self.arity).reshape(LAYERS, -1).T.astype(np.int16)


def canonical_genes(genes: tuple[int, ...]) -> tuple[int, ...]:
    """The genes with the later identities of each stage at its end."""
    return tuple(
        gene
        for first, *later in stages_of(genes)
        for gene in (first, *sorted(later, key=lambda gene: gene == 0))
    )


def stages_of(genes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The blocks of each stage."""
    return [genes[start:end] for start, end in pairwise(_STARTS)]
