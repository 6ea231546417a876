"""Metrics that need no model: sums over genes, such as parameters and multiply-adds of a cell.

Where genes alone do not give them, operations of the graph are counted, too: a skip of `darts-v1`
has weights if it halves the resolution, which depends on another gene, and only then stands in the
graph. Weights that fit what a table has are exact elsewhere only if the table leaves no choice of
them and could not have been fitted by chance; else a model predicts the metric like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Metric, Space
from surrogates import encodings

Floats = NDArray[np.float64]
TOLERANCE = 1e-9
"""Relative; of values that are not whole numbers."""
EVERY = 20_000
"""Architectures of the largest space of which all must be determined."""
DRAWN = 2_000
"""Random architectures that must be in a larger one."""


@dataclass(frozen=True, slots=True, eq=False)
class Statics:
    """s metrics that are sums of a weight for each one-hot gene and each operation counted."""

    metrics: tuple[Metric, ...]
    weights: Floats
    """(d, s)."""
    whole: NDArray[np.bool_]
    """(s,) whether the values are whole numbers, and sums are rounded to these."""
    labels: tuple[str, ...] = ()
    """Operations counted."""

    @classmethod
    def found(
        cls, space: Space, archs: Sequence[Architecture], columns: Mapping[Metric, Floats]
    ) -> Self:
        """Those of the `columns` (n,) that sums give exactly for all of the canonical `archs`.

        None if these do not determine the sums of every other architecture.
        """
        known = {m: column for m, column in columns.items() if np.isfinite(column).all()}
        genes = cls._of(space, archs, known, ())
        if len(genes.metrics) == len(known) or len(archs) > EVERY:
            return genes
        labels = encodings.vocabulary(encodings.graphs(space, archs))
        both = cls._of(space, archs, known, labels)
        return both if len(both.metrics) > len(genes.metrics) else genes

    @classmethod
    def _of(
        cls,
        space: Space,
        archs: Sequence[Architecture],
        known: Mapping[Metric, Floats],
        labels: tuple[str, ...],
    ) -> Self:
        """Those that are sums over genes and these labels."""
        rows = _rows(space, archs, labels)
        kept: dict[Metric, tuple[Floats, bool]] = {}
        if not (known and _determined(space, rows, labels)):
            known = {}
        for metric, column in known.items():
            weights: Floats = np.linalg.lstsq(rows, column, rcond=None)[0].astype(np.float64)
            whole = bool((column == np.rint(column)).all())
            sums = np.rint(rows @ weights) if whole else rows @ weights
            if np.allclose(sums, column, rtol=0 if whole else TOLERANCE, atol=0):
                kept[metric] = weights, whole
        found = [weights for weights, _ in kept.values()]
        stacked = np.stack(found, axis=1) if kept else np.zeros((rows.shape[1], 0))
        whole_ones = np.array([w for _, w in kept.values()], dtype=np.bool_)
        return cls(tuple(kept), stacked, whole_ones, labels)

    @classmethod
    def restore(
        cls,
        metrics: Sequence[Mapping[str, Any]],
        weights: Floats,
        whole: Any,
        labels: Sequence[str] = (),
    ) -> Self:
        """Those of stored parts."""
        return cls(tuple(Metric(**each) for each in metrics), weights, whole, tuple(labels))

    def state(self) -> list[dict[str, Any]]:
        """The metrics as JSON holds them."""
        return [asdict(metric) for metric in self.metrics]

    def values(self, space: Space, forms: Sequence[Architecture]) -> Floats:
        """Values (n, s) of canonical architectures."""
        # einsum sums each row for itself, where a product by BLAS depends on the other rows
        sums = np.einsum("nd,ds->ns", _rows(space, forms, self.labels), self.weights)
        values: Floats = np.where(self.whole, np.rint(sums), sums)
        return values


def _rows(space: Space, forms: Sequence[Architecture], labels: Sequence[str]) -> Floats:
    """One-hot genes and counts of labels (n, d) of canonical architectures."""
    hot = space.encode(forms).astype(np.float64)
    if not labels:
        return hot
    counts = encodings.label_counts(encodings.graphs(space, forms), labels)
    return np.concatenate([hot, counts.astype(np.float64)], axis=1)


def _determined(space: Space, rows: Floats, labels: Sequence[str]) -> bool:
    """Whether the sums of rows (n, d) determine those of the whole space.

    They do if no canonical form has a row outside of their span. With twice as many rows as
    the weights have degrees of freedom, values that are no sums are not taken for such.
    """
    products = rows.T @ rows  # has the rank of the rows, and is small
    rank = _rank(products)
    if len(rows) < 2 * rank:
        return False
    if len(space) <= EVERY:
        archs = [space.arch(k) for k in range(len(space))]
    else:
        archs = space.sample(DRAWN, np.random.default_rng(0))
    others = _rows(space, [space.canonical(arch) for arch in archs], labels)
    return _rank(products + others.T @ others) == rank


def _rank(products: Floats) -> int:
    return int(np.linalg.matrix_rank(products, hermitian=True))
