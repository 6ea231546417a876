"""When two cells compute the same family of functions: cells as graphs of operation instances.

A cell is a list of edges with one operation each. Its nodes are sums; written out, every node is a
sum of *instances* with multiplicities, an instance being the cell's input or one operation applied
to one such sum. Identities dissolve into the sums, zero and dead terms drop out, equal weightless
operations on equal sums are one instance, and operations with weights never are, because each
learns its own. Two cells are equivalent if their graphs of instances are isomorphic.

Everything is vectorized over cells. Arrays have the cells last: (m, n) for m instances and n cells,
instance 0 being the input, 1 + k the operation on edge k, and m - 1 the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nasbench.core import LabeledGraph

Kind = Literal["zero", "identity", "weighted", "fixed"]
"""What an operation is for equivalence; `fixed` has no weights, such as a pooling."""
_Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """Graphs of operation instances of n cells, in topological order."""

    labels: NDArray[np.int16]
    """(m, n) operation of each instance; -1 for the input, -2 for the output."""
    multiplicity: NDArray[np.int16]
    """(m, m, n) how often an instance (axis 0) adds another (axis 1) to its input; 0 if dead."""
    live: NDArray[np.bool_]
    """(m, n) whether the output depends on it; the input and the output always count as live."""


def instances(
    genes: NDArray[np.int16], edges: Sequence[tuple[int, int]], kinds: Sequence[Kind]
) -> Instances:
    """Instances of the cells `genes` (n, edges), whose values index `kinds`.

    Every edge (source, target) comes after all edges into its source; node 0 is the input, the last
    the output.
    """
    n, m = len(genes), len(edges) + 2
    ops = np.ascontiguousarray(genes.T)
    kind = np.array([get_args(Kind).index(k) for k in kinds])[ops]
    sums = np.zeros((1 + max(target for _, target in edges), m, n), np.int16)
    sums[0, 0] = 1
    multiplicity = np.zeros((m, m, n), np.int16)
    for k, (source, target) in enumerate(edges):
        value = sums[source]
        sums[target] += value * (kind[k] == 1)
        made = (kind[k] >= 2) & value.any(axis=0)
        multiplicity[1 + k] = value * made
        single = made
        for j in range(k):  # an equal weightless operation on an equal sum is the same instance
            same = single & (kind[k] == 3) & (ops[j] == ops[k])
            same &= (multiplicity[1 + j] == value).all(axis=0)
            sums[target, 1 + j] += same
            single = single & ~same
        sums[target, 1 + k] += single
    multiplicity[-1] = sums[-1]
    labels = np.concatenate([np.full((1, n), -1), ops, np.full((1, n), -2)]).astype(np.int16)
    return Instances(labels, *_living(multiplicity))


def _living(
    multiplicity: NDArray[np.int16],
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """`multiplicity` without the rows of dead instances, and which are live (m, n)."""
    live = np.zeros(multiplicity.shape[1:], bool)
    live[-1] = True
    for target in range(len(live) - 1, 0, -1):
        live[:target] |= (multiplicity[target, :target] > 0) & live[target]
    live[0] = True
    return multiplicity * live[:, None], live


def graph(found: Instances, cell: int, names: Sequence[str]) -> LabeledGraph:
    """One cell's live instances, labeled `input`, `output` or by the operation's name."""
    kept = np.flatnonzero(found.live[:, cell])
    arrivals = found.multiplicity[np.ix_(kept, kept)][:, :, cell]
    labels = [(*names, "output", "input")[label] for label in found.labels[kept, cell]]
    edges = [
        (int(source), int(target), int(arrivals[target, source]))
        for source, target in np.argwhere(arrivals.T > 0)
    ]
    return LabeledGraph(tuple(labels), tuple(edges))


def signatures(found: Instances, *, rounds: int = 2) -> NDArray[np.uint64]:
    """A 64-bit number (n,) for each cell, equal for isomorphic graphs.

    Weisfeiler-Lehman refinement on a DAG: a round hashes each instance with all that it is computed
    from, then with all that is computed from it. That different graphs get different numbers is a
    fact of a given space, which the tests establish for each.
    """
    weight = _mixed(np.arange(found.multiplicity.max(initial=0) + 1, dtype=np.uint64))
    weight[0] = 0
    arcs = np.argwhere(found.multiplicity.any(axis=2)).tolist()
    weights = {
        (target, source): weight[found.multiplicity[target, source]] for target, source in arcs
    }
    order = range(len(found.labels))
    sources = [(k, [(s, weights[t, s]) for t, s in arcs if t == k]) for k in order]
    targets = [(k, [(t, weights[t, s]) for t, s in arcs if s == k]) for k in reversed(order)]
    colors = _mixed(np.arange(found.labels.max(initial=0) + 3, dtype=np.uint64))[found.labels + 2]
    colors *= found.live
    for _ in range(rounds):
        colors = _mixed(_hashed(colors, sources) + _mixed(_hashed(colors, targets))) * found.live
    total: _Words = colors.sum(axis=0)
    return total


def classes(numbers: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Class of each cell (n,), and first member of each class (classes,) in ascending order."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[inverse.reshape(-1)], first[order]


def _hashed(colors: _Words, arcs: Sequence[tuple[int, list[tuple[int, _Words]]]]) -> _Words:
    """Colors (m, n) after each instance, in the order of `arcs`, took in its neighbors there."""
    colors = colors.copy()
    for k, others in arcs:
        for other, weight in others:
            colors[k] += weight * colors[other]
        colors[k] = _mixed(colors[k])
    return colors


def _mixed(words: _Words) -> _Words:
    """The finalizer of SplitMix64 (Steele et al., 2014): a bijection whose outputs look random."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
