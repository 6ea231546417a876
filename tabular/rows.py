"""Finding the row of an architecture: by an index of all combinations of genes, or by search."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench.core import Architecture, Space
from nasbench.errors import InvalidArchitecture
from tabular import schema
from tabular.columns import Columns


class Rows:
    """The rows of a table by genes.

    Small spaces have the table's data set `row`, indexed by the genes as a mixed-radix number. In
    others these numbers are searched for among those of the rows, if need be those of the canonical
    architectures.
    """

    def __init__(
        self, about: Mapping[str, Any], columns: Columns, space: Callable[[], Space]
    ) -> None:
        self._table: str = about["name"]
        self._space_name: str = about["space"]
        self._arity: tuple[int, ...] = tuple(about["arity"])
        self._weights = [math.prod(self._arity[k + 1 :]) for k in range(len(self._arity))]
        self._by_class: bool = about["per"] == "class"
        self._columns = columns
        self._space = space

    def of(self, arch: Architecture) -> int:
        """The row of an architecture of the table's space.

        Raises:
            InvalidArchitecture: genes that the space or the table does not have.
        """
        genes = arch.genes
        if not self._fits(genes):
            raise self._no_genes(genes)
        index = self._columns.index("row")
        if index is None:
            row = int(self._found(np.array([genes]))[0])
        else:  # in plain Python, which is faster for one
            row = int(index[sum(map(operator.mul, genes, self._weights))])
        if row < 0:
            raise self._no_row(genes)
        return row

    def of_all(self, genes: ArrayLike) -> NDArray[np.int64]:
        """Row (n,) of architectures given by their genes (n, p).

        Raises:
            InvalidArchitecture: genes that the space or the table does not have.
        """
        given = np.asarray(genes)
        if given.ndim != 2 or given.shape[1] != len(self._arity):
            raise InvalidArchitecture(
                f"expected genes of shape (n, {len(self._arity)}), got {given.shape}"
            )
        if given.dtype.kind not in "iu":
            raise InvalidArchitecture(f"expected whole-number genes, got {given.dtype}")
        invalid = np.zeros(len(given), dtype=np.bool_)
        for gene, choices in zip(given.T, self._arity, strict=True):
            invalid |= (gene < 0) | (gene >= choices)
        if invalid.any():
            raise self._no_genes(tuple(given[int(invalid.argmax())].tolist()))
        rows = self._found(given)
        if (rows < 0).any():
            raise self._no_row(tuple(given[int((rows < 0).argmax())].tolist()))
        return rows

    def _fits(self, genes: Sequence[int]) -> bool:
        return len(genes) == len(self._arity) and all(
            isinstance(gene, (int, np.integer)) and 0 <= gene < choices
            for gene, choices in zip(genes, self._arity, strict=True)
        )

    def _found(self, genes: NDArray[Any]) -> NDArray[np.int64]:
        """Row (n,) of genes (n, p) in their range; -1 where there is none."""
        index = self._columns.index("row")
        if index is not None:
            return index[schema.codes(genes, self._arity)].astype(np.int64)
        rows = self._searched(genes)
        others = np.flatnonzero(rows < 0)
        if self._by_class and others.size:
            rows[others] = self._searched(self._canonical(genes[others]))
        return rows

    def _searched(self, genes: NDArray[Any]) -> NDArray[np.int64]:
        """Row (n,) with exactly these genes, or -1."""
        keys, order = self._sorted
        wanted = self._keys(genes)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        rows: NDArray[np.int64] = np.where(keys[at] == wanted, order[at], -1)
        return rows

    @cached_property
    def _sorted(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Keys of the rows, ascending, and the row of each."""
        keys = self._columns.index("code")
        if keys is None:
            keys = self._keys(self._columns.genes)
        if (keys[1:] > keys[:-1]).all():
            return keys, np.arange(len(keys))
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def _keys(self, genes: NDArray[Any]) -> NDArray[Any]:
        """Sortable keys (n,) of genes: numbers, or bytes where these would be too large."""
        if schema.has_codes(self._arity):
            return schema.codes(genes, self._arity)
        texts = np.ascontiguousarray(genes.astype(">u2"))
        return texts.view(f"S{2 * len(self._arity)}").ravel()

    def _canonical(self, genes: NDArray[Any]) -> NDArray[Any]:
        """Genes (n, p) of the canonical forms; raises InvalidArchitecture."""
        space: Any = self._space()
        if hasattr(space, "canonical_genes"):
            forms: NDArray[np.int16] = space.canonical_genes(genes)
            return forms
        archs = (Architecture(self._space_name, tuple(row)) for row in genes.tolist())
        return np.array([space.canonical(arch).genes for arch in archs])

    def _no_genes(self, genes: Sequence[int]) -> InvalidArchitecture:
        return InvalidArchitecture(
            f"{self._table} has no row for the genes {genes}; "
            f"{self._space_name} has {len(self._arity)} genes below {self._arity}"
        )

    def _no_row(self, genes: Sequence[int]) -> InvalidArchitecture:
        return InvalidArchitecture(
            f"{self._table} has no row for the genes {genes}: it knows "
            f"{len(self._columns.genes):,} architectures of {self._space_name} and no others; "
            "ask a surrogate of it, listed by `nasbench list benchmarks` or made by "
            "`nasbench surrogate fit`"
        )
