"""Drawing a repeat from a noise seed.

Of a row's k trained repeats, in the order of their seeds, the one that answers is number
`splitmix64(splitmix64(noise_seed) xor row) mod k`, with the hash of `nasbench.noise`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasbench.noise import splitmix64, splitmix64_all


def draw(noise_seed: int, row: int, repeats: int) -> int:
    """Which of a row's `repeats` answers; `noise_seed` is already `whole`."""
    return splitmix64(splitmix64(noise_seed) ^ row) % repeats


def draw_all(noise_seed: int, repeats: NDArray[np.int64]) -> NDArray[np.int64]:
    """`draw` for every row, (rows,), whose numbers of repeats are given."""
    rows = np.arange(len(repeats), dtype=np.uint64)
    hashed = splitmix64_all(np.uint64(splitmix64(noise_seed)) ^ rows)
    drawn: NDArray[np.int64] = (hashed % repeats.astype(np.uint64)).astype(np.int64)
    return drawn
