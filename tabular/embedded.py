"""The tables that are installed with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nasbench.packaged import data_path

if TYPE_CHECKING:
    from tabular.table import Table

NAMES = (
    "cell201/digits-on-photos",
    "cell201/language-names",
    "cell201/mnist1d",
    "cell201/spoken-digits",
    "darts/digits-on-photos",
)
"""What each is registered by, next to which plug-ins may register others."""


def digits_on_photos() -> Table:
    """`cell201/digits-on-photos`: every class of cell201 trained on digits in front of photos."""
    return _embedded("cell201/digits-on-photos")


def mnist1d() -> Table:
    """`cell201/mnist1d`: every class of cell201 trained on signals in the shapes of digits."""
    return _embedded("cell201/mnist1d")


def spoken_digits() -> Table:
    """`cell201/spoken-digits`: every class of cell201 trained on digits said by many voices."""
    return _embedded("cell201/spoken-digits")


def language_names() -> Table:
    """`cell201/language-names`: every class of cell201 trained to tell languages by names."""
    return _embedded("cell201/language-names")


def darts_digits_on_photos() -> Table:
    """`darts/digits-on-photos`: a sample of darts-v1, which is too large for a table of it all.

    It answers for its own architectures alone; its surrogates answer for all of the space.
    """
    return _embedded("darts/digits-on-photos")


def _embedded(name: str) -> Table:
    from tabular.hdf5 import open_table

    return open_table(path_of(name))


def path_of(name: str) -> Path:
    """Where an embedded table is on disk."""
    return data_path("tabular", f"{name.replace('/', '_')}.h5")
