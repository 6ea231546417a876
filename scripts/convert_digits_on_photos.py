"""Write data/digits-on-photos.npz: scikit-learn's digits, and its two photos at half size.

    python scripts/convert_digits_on_photos.py

Needs scikit-learn and Pillow. JPEG decoders differ in the last bit, so the photos are decoded
once, here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_sample_images

TARGET = Path(__file__).parents[1] / "nasbench/tasks/data/digits-on-photos.npz"


def halved(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean of every 2x2 block, rounded half up; an odd last row is dropped."""
    rows, columns = photo.shape[0] // 2, photo.shape[1] // 2
    blocks = photo[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, 3).astype(np.uint16)
    small: NDArray[np.uint8] = ((blocks.sum(axis=(1, 3)) + 2) // 4).astype(np.uint8)
    return small


def main() -> None:
    """Write the file and print its size and sha256."""
    digits = load_digits()
    photos = load_sample_images()
    names = [Path(name).name for name in photos.filenames]
    if names != ["china.jpg", "flower.jpg"]:
        raise SystemExit(f"expected the photos china.jpg and flower.jpg, got {names}")
    np.savez_compressed(
        TARGET,
        digits=digits.images.astype(np.uint8),  # (1797, 8, 8), values 0..16
        labels=digits.target.astype(np.uint8),
        photos=np.stack([halved(photo) for photo in photos.images]),  # (2, 213, 320, 3)
    )
    content = TARGET.read_bytes()
    print(f"{TARGET.name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
