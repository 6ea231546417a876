"""The network of a cell201 architecture: stem, stages of cells with residual blocks between, head.

Dong & Yang, NAS-Bench-201 (ICLR 2020), fig. 1. With `FULL_SIZE` on 32 x 32 images this is the
published CIFAR network. One deviation: a convolution of nothing is nothing (there, it is the
constant that its batch norm adds).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks.ops import (
    KERNELS,
    AvgPool,
    Head,
    Reduction,
    ReLUConvBN,
    Stem,
    TokensAsImage,
    strided,
    total,
)
from nasbench.spaces.cell201 import EDGES, OPS

FULL_SIZE = Recipe(channels=16, stages=3, cells=5, stem_stride=1, epochs=200, batch_size=256)
"""Width and depth of the published network, and its training length."""
NODES = 4


class Cell(nn.Module):
    """One cell: node j is the sum of an operation on every earlier node."""

    def __init__(self, genes: tuple[int, ...], channels: int, height: int) -> None:
        super().__init__()
        self.ops = nn.ModuleList(_operation(OPS[gene], channels, height) for gene in genes)
        self.genes = genes

    def forward(self, x: Tensor) -> Tensor:
        nodes: list[Tensor | None] = [x]
        for target in range(1, NODES):
            terms = [
                self.ops[e](nodes[source])
                for e, (source, into) in enumerate(EDGES)
                if into == target and OPS[self.genes[e]] != "none" and nodes[source] is not None
            ]
            nodes.append(total(terms, x) if terms else None)
        return torch.zeros_like(x) if nodes[-1] is None else nodes[-1]


class Network(nn.Module):
    """The whole network; maps inputs (n, ...) of a task to logits (n, classes)."""

    def __init__(self, arch: Architecture, recipe: Recipe, spec: InputSpec, classes: int) -> None:
        super().__init__()
        self.embed = (
            TokensAsImage(spec.vocabulary, spec.channels)
            if spec.kind == "tokens"
            else nn.Identity()
        )
        body: list[nn.Module] = []
        for stage, channels in enumerate(widths(recipe)):
            if stage:
                body.append(Reduction(channels // 2, channels, spec.height))
            body.extend(Cell(arch.genes, channels, spec.height) for _ in range(recipe.cells))
        self.stem = Stem(spec.channels, recipe.channels, spec.height, recipe.stem_stride)
        self.body = nn.Sequential(*body)
        self.head = Head(widths(recipe)[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.body(self.stem(self.embed(x)))))


def build(arch: Architecture, recipe: Recipe, spec: InputSpec, classes: int) -> Network:
    """The plain network of an architecture, initialized by torch's global generator."""
    return Network(arch, recipe, spec, classes)


def widths(recipe: Recipe) -> list[int]:
    """Channels of each stage."""
    return [recipe.channels * 2**stage for stage in range(recipe.stages)]


def sizes(recipe: Recipe, spec: InputSpec) -> list[tuple[int, int]]:
    """Height and width of the feature maps of each stage."""
    height, width = spec.height, spec.width
    result = []
    for stage in range(recipe.stages):
        stride = 2 if stage else recipe.stem_stride
        height, width = strided(height, stride), strided(width, stride)
        result.append((height, width))
    return result


def _operation(name: str, channels: int, height: int) -> nn.Module:
    if name in KERNELS:
        return ReLUConvBN(channels, channels, KERNELS[name], height)
    return AvgPool(height) if name == "avg_pool_3x3" else nn.Identity()
