"""Noise seeds: what may be one, and a documented hash that is the same everywhere and for ever.

SplitMix64 is the generator of Steele, Lea and Flood, "Fast splittable pseudorandom number
generators" (OOPSLA 2014), started at its argument.
"""

from __future__ import annotations

import operator

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidConfig

_MASK = (1 << 64) - 1
_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def whole(noise_seed: int) -> int:
    """The seed modulo 2**64.

    Raises:
        InvalidConfig: it is not a whole number >= 0.
    """
    try:
        seed = operator.index(noise_seed)
    except TypeError:
        seed = -1
    if seed < 0:
        raise InvalidConfig(
            f"noise_seed is a whole number >= 0 or None, got {noise_seed!r}; pass for instance 0"
        )
    return seed & _MASK


def splitmix64(x: int) -> int:
    """Hash of a number below 2**64."""
    z = (x + _STEP) & _MASK
    z = ((z ^ (z >> 30)) * _FIRST) & _MASK
    z = ((z ^ (z >> 27)) * _SECOND) & _MASK
    return z ^ (z >> 31)


def splitmix64_all(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`splitmix64` of every number of an array."""
    z = x + np.uint64(_STEP)  # arrays wrap around without a word
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    return z ^ (z >> np.uint64(31))
