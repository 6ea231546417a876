"""Speech: the ten digits spoken by 108 synthetic voices in noise, 24 log-mel bands by 42 frames.

data/spoken-digits.md says how data/spoken-digits.npz was made.
"""

from __future__ import annotations

from functools import cache

from nasbench.core import Recipe, TaskData
from nasbench.tasks import shipped

FILE = "spoken-digits.npz"
FILE_SHA256 = "4d43fe118e9578dff1215040be3db2fa17a9a64e38e3000cbf0ce625f0f99782"
CLASSES = 10


class SpokenDigits:
    """2400 / 1920 / 1920 clips by 60 / 24 / 24 voices, 10 classes; the bands are the channels."""

    name = "spoken-digits"
    domain = "speech"
    recipe = Recipe(channels=16, stages=1, epochs=6, batch_size=100, lr=0.1)

    def load(self) -> TaskData:
        """The three splits, read once per process.

        Raises:
            DataFault: the shipped file is missing or was changed.
        """
        return _load()


@cache
def _load() -> TaskData:
    splits = shipped.splits(shipped.read(FILE, FILE_SHA256))
    return shipped.image_task(SpokenDigits.name, CLASSES, splits)
