"""Drawing a repeat from a noise seed: a documented hash, the same everywhere and for ever.

Of a row's k trained repeats, in the order of their seeds, the one that answers is number
`splitmix64(splitmix64(noise_seed) xor row) mod k`. SplitMix64 is the generator of Steele, Lea and
Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), started at its argument.
"""

from __future__ import annotations

import operator

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidConfig

_MASK = (1 << 64) - 1


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
    z = (x + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def draw(noise_seed: int, row: int, repeats: int) -> int:
    """Which of a row's `repeats` answers; `noise_seed` is already `whole`."""
    return splitmix64(splitmix64(noise_seed) ^ row) % repeats


def draw_all(noise_seed: int, repeats: NDArray[np.int64]) -> NDArray[np.int64]:
    """`draw` for every row, (rows,), whose numbers of repeats are given."""
    rows = np.arange(len(repeats), dtype=np.uint64)
    z = (np.uint64(splitmix64(noise_seed)) ^ rows) + np.uint64(0x9E3779B97F4A7C15)  # wraps around
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn: NDArray[np.int64] = ((z ^ (z >> np.uint64(31))) % repeats.astype(np.uint64)).astype(
        np.int64
    )
    return drawn
