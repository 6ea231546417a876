"""The classes of a space as arrays: one row of a table for each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Space

ORDER_SEED = 0
"""Decides in which order classes are trained."""


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


def training_order(space: Space) -> list[Architecture]:
    """Every canonical architecture, shuffled: the first k are a random sample, always the same."""
    genes = canonical_genes(space).tolist()
    shuffled = np.argsort(np.random.default_rng(ORDER_SEED).random(len(genes)), kind="stable")
    return [Architecture(space.name, tuple(genes[number])) for number in shuffled]
