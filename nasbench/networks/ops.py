"""The operations of the cells and the fixed parts around them, as plain `nn.Module`s.

Dong & Yang, NAS-Bench-201 (ICLR 2020), sec. 2: a convolution is ReLU, convolution, batch norm;
pooling does not count its padding; stages are joined by a basic residual block of stride 2. On
inputs of height 1 (sequences) every kernel, stride and padding acts along the width alone.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
"""Width of the kernel of each operation that has weights."""


def plane(height: int, k: int) -> tuple[int, int]:
    """`k` along both axes of an image, along the width alone of a sequence (height 1)."""
    return (k, k) if height > 1 else (1, k)


def halo(height: int, k: int) -> tuple[int, int]:
    """Padding of a kernel of width `k` that keeps the size."""
    return (k // 2, k // 2) if height > 1 else (0, k // 2)


def strided(size: int, stride: int) -> int:
    """Length of an axis of `size` after a padded convolution with `stride`."""
    return -(-size // stride)


class ReLUConvBN(nn.Module):
    """ReLU, convolution without bias, batch norm."""

    def __init__(self, c_in: int, c_out: int, k: int, height: int, stride: int = 1) -> None:
        super().__init__()
        step = plane(height, stride)
        self.conv = nn.Conv2d(c_in, c_out, plane(height, k), step, halo(height, k), bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.bn(self.conv(F.relu(x))))


class AvgPool(nn.Module):
    """Average over 3 x 3, stride 1, padding not counted."""

    def __init__(self, height: int) -> None:
        super().__init__()
        self.height = height

    def forward(self, x: Tensor) -> Tensor:
        size, pad = plane(self.height, 3), halo(self.height, 3)
        return F.avg_pool2d(x, size, 1, pad, count_include_pad=False)


class Stem(nn.Module):
    """The first convolution and its batch norm."""

    def __init__(self, c_in: int, c_out: int, height: int, stride: int) -> None:
        super().__init__()
        step = plane(height, stride)
        self.conv = nn.Conv2d(c_in, c_out, plane(height, 3), step, halo(height, 3), bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.bn(self.conv(x)))


class Reduction(nn.Module):
    """Basic residual block of stride 2 that doubles the width (He et al., 2016)."""

    def __init__(self, c_in: int, c_out: int, height: int) -> None:
        super().__init__()
        self.a = ReLUConvBN(c_in, c_out, 3, height, stride=2)
        self.b = ReLUConvBN(c_out, c_out, 3, height)
        self.height = height
        self.project = nn.Conv2d(c_in, c_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.b(self.a(x)) + self.project(halve(x, self.height)))


def halve(x: Tensor, height: int) -> Tensor:
    """Average over 2 x 2 with stride 2; at the end of an odd size, over what is there."""
    size = plane(height, 2)
    return F.avg_pool2d(x, size, size, ceil_mode=True, count_include_pad=False)


class Head(nn.Module):
    """Batch norm, ReLU, mean over the image, linear classifier."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.linear(F.relu(self.bn(x)).mean(dim=(2, 3))))


class TokensAsImage(nn.Module):
    """Learned embedding of tokens (n, width) as an image (n, channels, 1, width)."""

    def __init__(self, vocabulary: int, channels: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.table(tokens)).permute(0, 2, 1).unsqueeze(2)


def total(terms: list[Tensor], like: Tensor) -> Tensor:
    """Sum of the terms, in order; zeros of the shape of `like` for none."""
    if not terms:
        return torch.zeros_like(like)
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result
