"""Vision: handwritten digits blended into photos, after MNIST-M (Ganin et al., 2016, sec. 5.2.4).

A digit of 8x8 is enlarged to 12x12, put at a random place of a 16x16 crop of a photo, and
subtracted from it: every pixel is |photo - digit|. The digits and photos are those of
data/digits-on-photos.npz; data/digits-on-photos.md says where they come from. Examples are made
from them on loading, with whole numbers only, so they are the same on every machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Recipe, TaskData
from nasbench.errors import DataFault
from nasbench.tasks import shipped

FILE = "digits-on-photos.npz"
FILE_SHA256 = "2367b5f39f7073c21a97943eb6addc937264555ec204489c8126f8ae77fa9f39"
EXAMPLES_SHA256 = "39dc1f7c0e4e1798f34c691d5f787be938db95fcec118748890bcbf11e3ce838"
"""Of the uint8 images of the three splits, train first."""

SEED = 2016
CLASSES = 10
CROP = 16
DIGIT = 12
TILE = 32
"""Photos are cut into tiles of this size; each is of one split, and no crop leaves its tile."""
USES = {"train": 3, "valid": 4, "test": 4}
"""Times that every digit of the split is drawn: 3591, 1200 and 1200 examples."""


class DigitsOnPhotos:
    """3591 / 1200 / 1200 color images of 16x16, 10 classes; no digit or photo region is shared."""

    name = "digits-on-photos"
    domain = "vision"
    recipe = Recipe(channels=8, epochs=6, batch_size=100, lr=0.1)

    def load(self) -> TaskData:
        """The three splits, made once per process.

        Raises:
            DataFault: the shipped sources are missing or were changed.
        """
        return _load()


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What the examples of one split are made of; every array is (n,)."""

    digit: NDArray[np.int64]
    """Which of the 1797 digits."""
    photo: NDArray[np.int64]
    row: NDArray[np.int64]
    """Top of the crop in the photo."""
    column: NDArray[np.int64]
    down: NDArray[np.int64]
    """Top of the digit in the crop."""
    right: NDArray[np.int64]


def layouts(labels: NDArray[np.uint8], photos: NDArray[np.uint8]) -> dict[str, Layout]:
    """The layout of each split; digits are stratified by label 4 : 1 : 1, tiles drawn 3 : 1 : 1."""
    rng = np.random.default_rng(SEED)
    shuffled = _permutation(len(labels), rng)
    digits = shuffled[np.argsort(labels[shuffled], kind="stable")]
    rank = np.arange(len(digits)) % 6
    digits_of = {"train": digits[rank > 1], "valid": digits[rank == 0], "test": digits[rank == 1]}

    count, rows, columns, _ = photos.shape
    grid = (count, rows // TILE, columns // TILE)
    tiles = _permutation(int(np.prod(grid)), rng)
    fifth = len(tiles) // 5
    tiles_of = {
        "valid": tiles[:fifth],
        "test": tiles[fifth : 2 * fifth],
        "train": tiles[2 * fifth :],
    }
    return {s: _layout(digits_of[s], tiles_of[s], grid, USES[s], rng) for s in shipped.SPLITS}


def paint(
    layout: Layout, digits: NDArray[np.uint8], photos: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Images (n, 3, 16, 16) of a layout."""
    step = np.arange(CROP)
    crops = photos[
        layout.photo[:, None, None],
        (layout.row[:, None] + step)[:, :, None],
        (layout.column[:, None] + step)[:, None, :],
    ]
    ink = np.zeros((len(layout.digit), CROP, CROP), np.int64)
    step = np.arange(DIGIT)
    ink[
        np.arange(len(ink))[:, None, None],
        (layout.down[:, None] + step)[:, :, None],
        (layout.right[:, None] + step)[:, None, :],
    ] = enlarged(digits)[layout.digit]
    images: NDArray[np.uint8] = np.abs(crops.transpose(0, 3, 1, 2) - ink[:, None]).astype(np.uint8)
    return images


def enlarged(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Digits (n, 8, 8) of 0..16 scaled to (n, 12, 12) of 0..255, bilinear."""
    weights = np.zeros((DIGIT, 8), np.int64)
    for i in range(DIGIT):
        left, part = divmod(4 * i - 1, 6)  # center i + 1/2 of 12 lies at (4 i - 1) / 6 among the 8
        weights[i, max(left, 0)] += 6 - part
        weights[i, min(left + 1, 7)] += part
    scaled = weights @ digits.astype(np.int64) @ weights.T  # 0 .. 16 * 36
    whole: NDArray[np.int64] = (scaled * 255 + 288) // 576
    return whole


@cache
def _load() -> TaskData:
    source = shipped.read(FILE, FILE_SHA256)
    digits, labels, photos = source["digits"], source["labels"], source["photos"]
    drawn = layouts(labels, photos)
    images = {split: paint(drawn[split], digits, photos) for split in shipped.SPLITS}
    got = hashlib.sha256(b"".join(images[s].tobytes() for s in shipped.SPLITS)).hexdigest()
    if got != EXAMPLES_SHA256:
        raise DataFault(
            f"digits-on-photos made examples of sha256 {got}, expected {EXAMPLES_SHA256}: NumPy "
            f"{np.__version__} draws other random numbers. Install the NumPy of constraints.txt."
        )
    splits = {s: (images[s], labels[drawn[s].digit]) for s in shipped.SPLITS}
    return shipped.image_task(DigitsOnPhotos.name, CLASSES, splits)


def _layout(
    digits: NDArray[np.int64],
    tiles: NDArray[np.int64],
    grid: tuple[int, ...],
    uses: int,
    rng: np.random.Generator,
) -> Layout:
    digit = np.repeat(digits, uses)[_permutation(len(digits) * uses, rng)]
    n = len(digit)
    photo, row, column = np.unravel_index(tiles[_below(len(tiles), n, rng)], grid)
    room, margin = TILE - CROP + 1, CROP - DIGIT + 1
    return Layout(
        digit,
        photo,
        row * TILE + _below(room, n, rng),
        column * TILE + _below(room, n, rng),
        _below(margin, n, rng),
        _below(margin, n, rng),
    )


def _below(limit: int, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`n` whole numbers of 0 .. limit - 1, from the stream that is least likely to change."""
    return (rng.random(n) * limit).astype(np.int64)


def _permutation(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.argsort(rng.random(n), kind="stable")
