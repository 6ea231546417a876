"""The classes of a space as arrays: one row of a table for each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Space
from nasbench.errors import InvalidConfig

ORDER_SEED = 0
"""Decides in which order classes are trained."""


MOST_CLASSES = 1_000_000
"""A space of more architectures is not listed: its tables are of those that were trained."""


def are_listed(space: Space) -> bool:
    """Whether a table of the space has a row for every class."""
    return len(space) <= MOST_CLASSES


def canonical_genes(space: Space) -> NDArray[np.int16]:
    """Genes (classes, p) of every canonical architecture, sorted; the row is the class number."""
    found: Any = space
    if hasattr(found, "representatives") and hasattr(found, "all_genes"):
        genes: NDArray[np.int16] = found.all_genes()[found.representatives()]
        return genes
    everyone = (space.canonical(space.arch(index)).genes for index in range(len(space)))
    return np.array(sorted(set(everyone)), dtype=np.int16)


def all_genes(space: Space) -> NDArray[np.int16]:
    """Genes (n, p) of all architectures in the order of the space's index."""
    found: Any = space
    if hasattr(found, "all_genes"):
        genes: NDArray[np.int16] = found.all_genes()
        return genes
    return np.array([space.arch(index).genes for index in range(len(space))], dtype=np.int16)


def class_numbers(space: Space) -> NDArray[np.int32]:
    """Class number (n,) of all architectures in the order of the space's index."""
    found: Any = space
    if hasattr(found, "classes"):
        numbers: NDArray[np.int32] = found.classes()
        return numbers
    row = {tuple(genes): number for number, genes in enumerate(canonical_genes(space).tolist())}
    return np.array(
        [row[space.canonical(space.arch(index)).genes] for index in range(len(space))], np.int32
    )


def training_order(space: Space, limit: int | None = None) -> list[Architecture]:
    """Canonical architectures in random order, always the same: all of them, or the first `limit`.

    Raises:
        InvalidConfig: no limit in a space of too many to list.
    """
    rng = np.random.default_rng(ORDER_SEED)
    if are_listed(space):
        genes = canonical_genes(space).tolist()
        shuffled = np.argsort(rng.random(len(genes)), kind="stable")
        return [Architecture(space.name, tuple(genes[number])) for number in shuffled[:limit]]
    if limit is None:
        raise InvalidConfig(
            f"{space.name} has {len(space):.1e} architectures, too many to train each; say how "
            f"many (--limit), or which (--archs)"
        )
    found: dict[Architecture, None] = {}
    while len(found) < limit:
        found[space.canonical(space.sample(1, rng)[0])] = None
    return list(found)
