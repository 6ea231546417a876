"""Sequence: MNIST-1D (Greydanus & Kobak, ICML 2024), curves of 40 samples, shifted and noisy.

data/mnist1d.md says how data/mnist1d.npz was made.
"""

from __future__ import annotations

from functools import cache

from nasbench.core import Recipe, TaskData
from nasbench.tasks import shipped

FILE = "mnist1d.npz"
FILE_SHA256 = "6866076458ecde756f7642b74619c12f03d94778b9dfa33c95dc74bcffb0f132"
CLASSES = 10


class Mnist1d:
    """3000 / 1000 / 1000 signals of 40 samples, 10 classes, as images of height 1."""

    name = "mnist1d"
    domain = "sequence"
    recipe = Recipe(channels=16, epochs=6, batch_size=100, lr=0.1)

    def load(self) -> TaskData:
        """The three splits, read once per process.

        Raises:
            DataFault: the shipped file is missing or was changed.
        """
        return _load()


@cache
def _load() -> TaskData:
    splits = shipped.splits(shipped.read(FILE, FILE_SHA256))
    return shipped.image_task(Mnist1d.name, CLASSES, splits)
