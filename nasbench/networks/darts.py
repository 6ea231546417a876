"""The network of a `darts-v1` architecture: stem, normal cells with reduction cells between, head.

Liu, Simonyan & Yang, DARTS (ICLR 2019), sec. 3.1.1 and the network that their code evaluates. With
`FULL_SIZE` on 32 x 32 images this is the published CIFAR network, without auxiliary head and drop
path. A recipe's `cells` are normal cells a stage, and every further stage begins with a reduction
cell. Sizes may be odd, and on inputs of height 1 (sequences) all kernels act along the width alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks.ops import TokensAsImage, halo, plane, strided
from nasbench.spaces.darts import DartsCells
from nasbench.spaces.darts_cells import NODES, OPS, Node

FULL_SIZE = Recipe(
    channels=36, stages=3, cells=6, stem_stride=1, epochs=600, batch_size=96, lr=0.025
)
"""Width and depth of the published CIFAR-10 network: 20 cells, two of which reduce."""
STEM_MULTIPLIER = 3
"""Channels of the stem, in widths of the first stage."""


class SepConv(nn.Module):
    """Two rounds of `DilConv` without dilation, of which the first has the stride."""

    def __init__(self, channels: int, k: int, height: int, stride: int) -> None:
        super().__init__()
        self.first = DilConv(channels, k, height, stride, dilation=1)
        self.second = DilConv(channels, k, height, 1, dilation=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.second(self.first(x)))


class DilConv(nn.Module):
    """ReLU, depthwise convolution with dilation, pointwise convolution, batch norm."""

    def __init__(self, channels: int, k: int, height: int, stride: int, dilation: int = 2) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            channels,
            channels,
            plane(height, k),
            plane(height, stride),
            halo(height, 1 + dilation * (k - 1)),
            dilation,
            groups=channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.bn(self.pointwise(self.depthwise(F.relu(x)))))


class Pool(nn.Module):
    """Maximum or average over 3 x 3, padding not counted."""

    def __init__(self, kind: str, height: int, stride: int) -> None:
        super().__init__()
        self.kind = kind
        self.size = plane(height, 3), plane(height, stride), halo(height, 3)

    def forward(self, x: Tensor) -> Tensor:
        size, stride, pad = self.size
        if self.kind == "max":
            return F.max_pool2d(x, size, stride, pad)
        return F.avg_pool2d(x, size, stride, pad, count_include_pad=False)


class Pointwise(nn.Module):
    """ReLU, 1 x 1 convolution, batch norm."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.bn(self.conv(F.relu(x))))


class FactorizedReduce(nn.Module):
    """Half the size: two 1 x 1 convolutions of stride 2, one a pixel off, side by side."""

    def __init__(self, c_in: int, c_out: int, height: int) -> None:
        super().__init__()
        self.height = height
        step = plane(height, 2)
        self.even = nn.Conv2d(c_in, c_out // 2, 1, step, bias=False)
        self.odd = nn.Conv2d(c_in, c_out - c_out // 2, 1, step, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        down = x.shape[2] % 2 if self.height > 1 else 0  # one row of zeros where there is none
        moved = F.pad(x, (0, x.shape[3] % 2, 0, down))[:, :, 1 if self.height > 1 else 0 :, 1:]
        return cast(Tensor, self.bn(torch.cat([self.even(x), self.odd(moved)], 1)))


class Cell(nn.Module):
    """Each node adds up two operations; the output is all nodes side by side."""

    def __init__(
        self,
        nodes: Sequence[Node],
        inputs: tuple[int, int],
        channels: int,
        heights: tuple[int, int],
        *,
        reduces: bool,
        after_reduction: bool,
    ) -> None:
        """`inputs` are the channels of the last cell but one and of the last, `heights` theirs."""
        super().__init__()
        older, newer = inputs
        self.older = (
            FactorizedReduce(older, channels, heights[0])
            if after_reduction
            else Pointwise(older, channels)
        )
        self.newer = Pointwise(newer, channels)
        self.nodes = tuple(nodes)
        self.ops = nn.ModuleList(
            operation(OPS[op], channels, heights[1], 2 if reduces and source < 2 else 1)
            for node in nodes
            for source, op in node
        )

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        states = [self.older(older), self.newer(newer)]
        for k, (a, b) in enumerate(self.nodes):
            states.append(self.ops[2 * k](states[a[0]]) + self.ops[2 * k + 1](states[b[0]]))
        return torch.cat(states[2:], 1)


class DartsNetwork(nn.Module):
    """The whole network; maps inputs (n, ...) of a task to logits (n, classes)."""

    def __init__(self, arch: Architecture, recipe: Recipe, spec: InputSpec, classes: int) -> None:
        super().__init__()
        self.embed = (
            TokensAsImage(spec.vocabulary, spec.channels)
            if spec.kind == "tokens"
            else nn.Identity()
        )
        tall, width = spec.height, recipe.channels * STEM_MULTIPLIER
        self.stem = nn.Sequential(
            nn.Conv2d(
                spec.channels,
                width,
                plane(tall, 3),
                plane(tall, recipe.stem_stride),
                halo(tall, 3),
                bias=False,
            ),
            nn.BatchNorm2d(width),
        )
        normal, reduction = DartsCells().nodes(arch)
        cells: list[nn.Module] = []
        channels, inputs, reduced = recipe.channels, (width, width), False
        height = strided(tall, recipe.stem_stride)
        heights = (height, height)
        for reduces in layout(recipe):
            channels *= 2 if reduces else 1
            nodes = reduction if reduces else normal
            cells.append(
                Cell(nodes, inputs, channels, heights, reduces=reduces, after_reduction=reduced)
            )
            after = strided(heights[1], 2) if reduces else heights[1]
            inputs, heights, reduced = (inputs[1], NODES * channels), (heights[1], after), reduces
        self.cells = nn.ModuleList(cells)
        self.classifier = nn.Linear(inputs[1], classes)

    def forward(self, x: Tensor) -> Tensor:
        older = newer = self.stem(self.embed(x))
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        return cast(Tensor, self.classifier(newer.mean(dim=(2, 3))))


def layout(recipe: Recipe) -> list[bool]:
    """Which cells of the network reduce, from the first on."""
    stage = [False] * recipe.cells
    return stage + ([True, *stage] * (recipe.stages - 1))


def operation(name: str, channels: int, height: int, stride: int) -> nn.Module:
    """One operation of the space on an input of this height."""
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, height)
    kind, _, rest = name.partition("_")
    if kind in ("max", "avg"):
        return Pool(kind, height, stride)
    k = int(rest[-1])
    convolution = SepConv if kind == "sep" else DilConv
    return convolution(channels, k, height, stride)


def seeded_darts(
    arch: Architecture, recipe: Recipe, spec: InputSpec, classes: int, seed: int
) -> DartsNetwork:
    """The network on the CPU with PyTorch's default initial distribution, drawn from `seed`.

    Torch's global generator is neither read nor changed.
    """
    with torch.device("meta"):
        network = DartsNetwork(arch, recipe, spec, classes)
    network.to_empty(device="cpu")
    rng = torch.Generator().manual_seed(seed)
    # drawn as in `weights.seeded_network`, whose code no change may touch: shipped tables hash it
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=rng)
            if module.bias is not None:
                bound = 1 / math.sqrt(module.weight.shape[1])  # only the classifier has a bias
                nn.init.uniform_(module.bias, -bound, bound, generator=rng)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=rng)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    return network


def count_darts(
    arch: Architecture, recipe: Recipe, spec: InputSpec, classes: int
) -> tuple[int, int]:
    """Parameters, and multiply-accumulates of one input, counted as in `nasbench.networks.count`.

    The network is walked through without memory (torch's `meta` device).
    """
    macs = 0

    def add(module: nn.Module, _: object, out: Tensor) -> None:
        nonlocal macs
        positions = out[0, 0].numel() if isinstance(module, nn.Conv2d) else 1
        macs += positions * sum(p.numel() for p in module.parameters())

    with torch.device("meta"):
        network = DartsNetwork(arch, recipe, spec, classes).eval()
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.register_forward_hook(add)
        shape = (spec.channels, spec.height, spec.width)
        x = torch.zeros(1, spec.width, dtype=torch.int64) if spec.vocabulary else None
        network(torch.zeros(1, *shape) if x is None else x)
    return sum(p.numel() for p in network.parameters()), macs
