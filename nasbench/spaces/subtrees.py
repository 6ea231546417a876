"""Weisfeiler-Lehman features: how often each labeled subtree occurs in the graph of a cell.

Shervashidze et al., "Weisfeiler-Lehman Graph Kernels", JMLR 2011, sec. 3.2. A subtree of depth h at
a node is its label and the multiset of the subtrees of depth h - 1 at the nodes that read it, along
the direction of the edges, an edge of multiplicity m counting m times.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasbench.core import LabeledGraph

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Subtrees:
    """Numbers subtrees up to a depth, in the order in which they turn up."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._numbers: dict[Hashable, int] = {}

    def __call__(self, graph: LabeledGraph) -> NDArray[np.int64]:
        """Number of the subtree of each depth at each node, (depth + 1, nodes)."""
        levels = [[self._number(label) for label in graph.labels]]
        for _ in range(self._depth):
            below: list[list[int]] = [[] for _ in graph.labels]
            for source, target, multiplicity in graph.edges:
                below[source] += [levels[-1][target]] * multiplicity
            pairs = zip(levels[-1], below, strict=True)
            levels.append([self._number((own, *sorted(reading))) for own, reading in pairs])
        return np.array(levels)

    def counts(self, found: Sequence[NDArray[np.int64]], depth: int) -> csr_array:
        """Occurrences (n, subtrees known) of the subtrees up to a depth in n graphs."""
        from scipy.sparse import csr_array

        parts = [numbers[: depth + 1].ravel() for numbers in found]
        starts = np.cumsum([0, *map(len, parts)])
        columns = np.concatenate(parts)
        shape = (len(parts), len(self._numbers))
        counted = csr_array((np.ones(len(columns)), columns, starts), shape=shape)
        counted.sum_duplicates()
        return counted

    def _number(self, subtree: Hashable) -> int:
        return self._numbers.setdefault(subtree, len(self._numbers))


def similarity(a: csr_array, b: csr_array) -> NDArray[np.float64]:
    """Cosines (n, m) of the rows of counts `a` (n, d) and `b` (m, d): the normalized kernel."""
    products: NDArray[np.float64] = (a @ b.T).toarray()
    norms = (np.sqrt(counts.multiply(counts).sum(axis=1)) for counts in (a, b))
    left, right = norms
    return products / np.outer(left, right)
