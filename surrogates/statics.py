"""Metrics that need no model: sums over genes, such as parameters and multiply-adds of a cell.

Weights that fit what a table has are exact elsewhere only if the table leaves no choice of them
and could not have been fitted by chance; else a model predicts the metric like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Metric, Space

Floats = NDArray[np.float64]
TOLERANCE = 1e-9
"""Relative; of values that are not whole numbers."""
EVERY = 20_000
"""Architectures of the largest space of which all must be determined."""
DRAWN = 2_000
"""Random architectures that must be in a larger one."""


@dataclass(frozen=True, slots=True, eq=False)
class Statics:
    """s metrics that are sums of a weight for each one-hot gene."""

    metrics: tuple[Metric, ...]
    weights: Floats
    """(d, s)."""
    whole: NDArray[np.bool_]
    """(s,) whether the values are whole numbers, and sums are rounded to these."""

    @classmethod
    def found(
        cls, space: Space, archs: Sequence[Architecture], columns: Mapping[Metric, Floats]
    ) -> Self:
        """Those of the `columns` (n,) that sums give exactly for all of the canonical `archs`.

        None if these do not determine the sums of every other architecture.
        """
        hot = space.encode(archs).astype(np.float64)
        kept: dict[Metric, tuple[Floats, bool]] = {}
        known = {m: column for m, column in columns.items() if np.isfinite(column).all()}
        if not (known and _determined(space, hot)):
            known = {}
        for metric, column in known.items():
            weights: Floats = np.linalg.lstsq(hot, column, rcond=None)[0].astype(np.float64)
            whole = bool((column == np.rint(column)).all())
            sums = np.rint(hot @ weights) if whole else hot @ weights
            if np.allclose(sums, column, rtol=0 if whole else TOLERANCE, atol=0):
                kept[metric] = weights, whole
        found = [weights for weights, _ in kept.values()]
        stacked = np.stack(found, axis=1) if kept else np.zeros((hot.shape[1], 0))
        return cls(tuple(kept), stacked, np.array([w for _, w in kept.values()], dtype=np.bool_))

    @classmethod
    def restore(cls, metrics: Sequence[Mapping[str, Any]], weights: Floats, whole: Any) -> Self:
        """Those of stored parts."""
        return cls(tuple(Metric(**each) for each in metrics), weights, whole)

    def state(self) -> list[dict[str, Any]]:
        """The metrics as JSON holds them."""
        return [asdict(metric) for metric in self.metrics]

    def values(self, space: Space, forms: Sequence[Architecture]) -> Floats:
        """Values (n, s) of canonical architectures."""
        # einsum sums each row for itself, where a product by BLAS depends on the other rows
        sums = np.einsum("nd,ds->ns", space.encode(forms).astype(np.float64), self.weights)
        values: Floats = np.where(self.whole, np.rint(sums), sums)
        return values


def _determined(space: Space, hot: Floats) -> bool:
    """Whether the sums of one-hot rows (n, d) determine those of the whole space.

    They do if no canonical form has an encoding outside of their span. With twice as many rows as
    the weights have degrees of freedom, values that are no sums are not taken for such.
    """
    if len(space) <= EVERY:
        archs = [space.arch(k) for k in range(len(space))]
    else:
        archs = space.sample(DRAWN, np.random.default_rng(0))
    others = space.encode([space.canonical(arch) for arch in archs]).astype(np.float64)
    products = hot.T @ hot  # has the rank of the rows, and is small
    rank = _rank(products)
    return len(hot) >= 2 * rank and _rank(products + others.T @ others) == rank


def _rank(products: Floats) -> int:
    return int(np.linalg.matrix_rank(products, hermitian=True))
