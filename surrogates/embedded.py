"""The surrogates that are installed with the package; `scripts/ship_surrogates.py` fits them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nasbench.packaged import data_path

if TYPE_CHECKING:
    from surrogates.benchmark import Surrogate


def digits_on_photos_xgb() -> Surrogate:
    """`cell201/digits-on-photos@xgb`: fitted on 1,000 classes of the table of that name."""
    return _embedded("cell201/digits-on-photos@xgb")


def mnist1d_xgb() -> Surrogate:
    """`cell201/mnist1d@xgb`: fitted on 1,000 classes of the table of that name."""
    return _embedded("cell201/mnist1d@xgb")


def spoken_digits_xgb() -> Surrogate:
    """`cell201/spoken-digits@xgb`: fitted on 1,000 classes of the table of that name."""
    return _embedded("cell201/spoken-digits@xgb")


def language_names_xgb() -> Surrogate:
    """`cell201/language-names@xgb`: fitted on 1,000 classes of the table of that name."""
    return _embedded("cell201/language-names@xgb")


def digits_on_photos_gnn() -> Surrogate:
    """`cell201/digits-on-photos@gnn`: graph networks fitted on the same classes as `@xgb`."""
    return _embedded("cell201/digits-on-photos@gnn")


def mnist1d_gnn() -> Surrogate:
    """`cell201/mnist1d@gnn`: graph networks fitted on the same classes as `@xgb`."""
    return _embedded("cell201/mnist1d@gnn")


def spoken_digits_gnn() -> Surrogate:
    """`cell201/spoken-digits@gnn`: graph networks fitted on the same classes as `@xgb`."""
    return _embedded("cell201/spoken-digits@gnn")


def language_names_gnn() -> Surrogate:
    """`cell201/language-names@gnn`: graph networks fitted on the same classes as `@xgb`."""
    return _embedded("cell201/language-names@gnn")


def darts_digits_on_photos_xgb() -> Surrogate:
    """`darts/digits-on-photos@xgb`: of all of darts-v1, fitted on all classes of the sample."""
    return _embedded("darts/digits-on-photos@xgb")


def darts_digits_on_photos_gnn() -> Surrogate:
    """`darts/digits-on-photos@gnn`: graph networks fitted on the same classes as `@xgb`."""
    return _embedded("darts/digits-on-photos@gnn")


def folder_of(name: str) -> str:
    """The folder in `data` of a surrogate's name."""
    return f"{name.replace('/', '_')}.surrogate"


def path_of(name: str) -> Path:
    """Where an embedded surrogate is on disk."""
    return data_path("surrogates", folder_of(name))


def _embedded(name: str) -> Surrogate:
    from surrogates.artifact import read

    return read(path_of(name), lazy=True)
