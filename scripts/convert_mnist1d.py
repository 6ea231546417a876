"""Write data/mnist1d.npz: MNIST-1D as its package makes it, without downloading.

    python scripts/convert_mnist1d.py

Needs the extra `tasks`. The test split is the package's own; its 4000 training examples become 3000
for training and 1000 for validation, stratified by label.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from mnist1d.data import get_dataset_args, make_dataset
from numpy.typing import NDArray

TARGET = Path(__file__).parents[1] / "nasbench/tasks/data/mnist1d.npz"
STEPS = 4096
"""Whole numbers to one standard deviation of the signal."""


def quantized(signal: NDArray[np.float64]) -> NDArray[np.int16]:
    """Signals (n, 40) in steps of 1/4096, as images (n, 1, 1, 40)."""
    steps = np.round(signal * STEPS)
    if np.abs(steps).max() > np.iinfo(np.int16).max:
        raise SystemExit(f"expected |signal| < 8, got {np.abs(signal).max():.2f}")
    return steps.astype(np.int16)[:, None, None, :]


def main() -> None:
    """Write the file and print its size and sha256."""
    made: dict[str, Any] = make_dataset(get_dataset_args())
    x, y = made["x"], made["y"]
    rank = np.empty(len(y), np.int64)
    rank[np.argsort(y, kind="stable")] = np.arange(len(y))
    held_out = rank % 4 == 0
    np.savez_compressed(
        TARGET,
        train_x=quantized(x[~held_out]),
        train_y=y[~held_out].astype(np.uint8),
        valid_x=quantized(x[held_out]),
        valid_y=y[held_out].astype(np.uint8),
        test_x=quantized(made["x_test"]),
        test_y=made["y_test"].astype(np.uint8),
    )
    content = TARGET.read_bytes()
    print(f"{TARGET.name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
