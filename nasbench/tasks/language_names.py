"""Language: in which of 35 languages with Latin script a name of the Unicode CLDR is written.

data/language-names.md says how data/language-names.npz was made.
"""

from __future__ import annotations

from functools import cache

from nasbench.core import Recipe, TaskData
from nasbench.tasks import shipped

FILE = "language-names.npz"
FILE_SHA256 = "b8746d8ec1422faf2b71874a5683513db611c45bff89ca4e0f488bb13192fa99"
EMBEDDING = 16
"""Channels that a token is embedded in."""


class LanguageNames:
    """15000 / 3000 / 3000 strings of up to 24 characters, 35 classes."""

    name = "language-names"
    domain = "language"
    recipe = Recipe(channels=16, stages=1, epochs=4, batch_size=100, lr=0.1)

    def load(self) -> TaskData:
        """The three splits, read once per process.

        Raises:
            DataFault: the shipped file is missing or was changed.
        """
        return _load()


@cache
def _load() -> TaskData:
    arrays = shipped.read(FILE, FILE_SHA256)
    vocabulary = 2 + len(arrays["characters"])  # padding and rare characters come first
    classes = len(arrays["languages"])
    return shipped.token_task(
        LanguageNames.name, classes, EMBEDDING, vocabulary, shipped.splits(arrays)
    )
