"""The weight-sharing network of DARTS on cell201: all operations on every edge, mixed by weights.

Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, eq. 2, on the cells of
NAS-Bench-201. Stem, residual blocks and classifier are those of `nasbench.networks.cell201`. All
cells share one set of alphas; batch norms inside cells have no affine parameters, since these could
undo the weights of the mixture.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from nasbench.core import InputSpec, Recipe
from nasbench.networks.cell201 import NODES, widths
from nasbench.networks.ops import AvgPool, Head, Reduction, ReLUConvBN, Stem, TokensAsImage, total
from nasbench.spaces.cell201 import EDGES, OPS


class MixedOp(nn.Module):
    """All operations of one edge; maps x (n, c, h, w) and weights (5,) to the weighted sum."""

    def __init__(self, channels: int, height: int) -> None:
        super().__init__()
        self.conv_1x1 = ReLUConvBN(channels, channels, 1, height)
        self.conv_3x3 = ReLUConvBN(channels, channels, 3, height)
        self.pool = AvgPool(height)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        _, skip, conv_1x1, conv_3x3, pool = weights.unbind()  # in the order of OPS
        return cast(
            Tensor,
            skip * x
            + conv_1x1 * self.conv_1x1(x)
            + conv_3x3 * self.conv_3x3(x)
            + pool * self.pool(x),
        )


class MixedCell(nn.Module):
    """A cell with a mixed operation on each edge; `weights` is (6, 5), by edge and operation."""

    def __init__(self, channels: int, height: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(MixedOp(channels, height) for _ in EDGES)
        for module in self.modules():
            if isinstance(module, ReLUConvBN):
                module.bn = nn.BatchNorm2d(channels, affine=False)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        nodes = [x]
        for target in range(1, NODES):
            terms = [
                self.edges[e](nodes[source], weights[e])
                for e, (source, into) in enumerate(EDGES)
                if into == target
            ]
            nodes.append(total(terms, x))
        return nodes[-1]


class Supernet(nn.Module):
    """Maps inputs (n, ...) to logits (n, classes); `alphas` (edges, operations) are a parameter."""

    def __init__(self, recipe: Recipe, spec: InputSpec, classes: int) -> None:
        super().__init__()
        self.alphas = nn.Parameter(torch.zeros(len(EDGES), len(OPS)))
        self.embed = (
            TokensAsImage(spec.vocabulary, spec.channels)
            if spec.kind == "tokens"
            else nn.Identity()
        )
        self.stem = Stem(spec.channels, recipe.channels, spec.height, recipe.stem_stride)
        self.body = nn.ModuleList()
        for stage, channels in enumerate(widths(recipe)):
            if stage:
                self.body.append(Reduction(channels // 2, channels, spec.height))
            self.body.extend(MixedCell(channels, spec.height) for _ in range(recipe.cells))
        self.head = Head(widths(recipe)[-1], classes)

    def forward(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Logits with these weights of the mixture, (edges, operations); else softmax(alphas)."""
        weights = self.alphas.softmax(dim=1) if weights is None else weights
        x = self.stem(self.embed(x))
        for part in self.body:
            x = part(x, weights) if isinstance(part, MixedCell) else part(x)
        return cast(Tensor, self.head(x))


def seeded_supernet(recipe: Recipe, spec: InputSpec, classes: int, seed: int) -> Supernet:
    """A supernet on the CPU with weights of PyTorch's default distribution, alphas of N(0, 0.001).

    Torch's global generator is neither read nor changed.
    """
    with torch.random.fork_rng(devices=[]):  # what it draws is drawn again below
        net = Supernet(recipe, spec, classes)
    rng = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=rng)
            if module.bias is not None:
                bound = 1 / math.sqrt(module.weight.shape[1])  # only the classifier has a bias
                nn.init.uniform_(module.bias, -bound, bound, generator=rng)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=rng)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    nn.init.normal_(net.alphas, std=1e-3, generator=rng)
    return net
