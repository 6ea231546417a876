"""Parameters and multiply-accumulates of a network, without building it (no torch).

The convention is that of NAS-Bench-201's published "FLOPs": one per multiplication of a convolution
or of the classifier, whose bias counts, too; poolings, batch norms, ReLUs and additions are free.
Every operation of the cell counts, whether or not its result reaches the output: it is there.
"""

from __future__ import annotations

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.spaces.cell201 import OPS

KERNEL_WIDTHS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


def count(arch: Architecture, recipe: Recipe, spec: InputSpec, classes: int) -> tuple[int, int]:
    """Parameters, and multiply-accumulates of one input."""
    plane = 2 if spec.height > 1 else 1  # axes along which kernels and strides act
    height, width = (_strided(size, recipe.stem_stride) for size in (spec.height, spec.width))
    channels = recipe.channels
    params, macs = _convolution(spec.channels, channels, 3**plane, height * width, norm=True)
    params += spec.vocabulary * spec.channels
    for stage in range(recipe.stages):
        if stage:
            height, width = _strided(height, 2), _strided(width, 2)
            params, macs = _plus((params, macs), _reduction(channels, plane, height * width))
            channels *= 2
        for _ in range(recipe.cells):
            params, macs = _plus((params, macs), _cell(arch, channels, plane, height * width))
    params += 2 * channels + channels * classes + classes
    return params, macs + channels * classes + classes


def _cell(arch: Architecture, channels: int, plane: int, area: int) -> tuple[int, int]:
    total = (0, 0)
    for gene in arch.genes:
        name = OPS[gene]
        if name in KERNEL_WIDTHS:
            kernel = KERNEL_WIDTHS[name] ** plane
            total = _plus(total, _convolution(channels, channels, kernel, area, norm=True))
    return total


def _reduction(channels: int, plane: int, area: int) -> tuple[int, int]:
    wide, kernel = 2 * channels, 3**plane
    total = _convolution(channels, wide, 1, area, norm=False)
    total = _plus(total, _convolution(channels, wide, kernel, area, norm=True))
    return _plus(total, _convolution(wide, wide, kernel, area, norm=True))


def _convolution(c_in: int, c_out: int, kernel: int, area: int, *, norm: bool) -> tuple[int, int]:
    weights = c_in * c_out * kernel
    return weights + 2 * c_out * norm, weights * area


def _plus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return a[0] + b[0], a[1] + b[1]


def _strided(size: int, stride: int) -> int:
    return -(-size // stride)
