"""Architectures as arrays: one function for each encoding, all of them the same for twins.

An architecture is encoded as its canonical form, so that architectures that compute the same get
the same row. One-hot genes are the space's own; the others are read off `Space.graph`.

Path encoding: White, Neiswanger & Savani, "BANANAS", AAAI 2021, sec. 4, here with how many ways go
along a path instead of whether one does. Adjacency and operations: White, Neiswanger, Nolen &
Savani, "A Study on Encodings for Neural Architecture Search", NeurIPS 2020.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, LabeledGraph, Space
from nasbench.errors import InvalidConfig
from nasbench.spaces.paths import Path

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Graphs:
    """n graphs of at most v nodes, padded."""

    labels: NDArray[np.int16]
    """(n, v) number of each node's label, from 1; 0 is padding."""
    edges: NDArray[np.int8]
    """(n, v, v) multiplicity of the edge from a node (axis 1) to another (axis 2)."""
    vocabulary: tuple[str, ...]
    """The labels; the one of number k stands at k - 1."""


def canonical(space: Space, archs: Sequence[Architecture]) -> list[Architecture]:
    """The architecture that stands for the class of each."""
    return [space.canonical(arch) for arch in archs]


def one_hot(space: Space, archs: Sequence[Architecture]) -> Matrix:
    """One-hot genes of the canonical forms, (n, sum of arity)."""
    return space.encode(canonical(space, archs))


def graphs(space: Space, archs: Sequence[Architecture]) -> list[LabeledGraph]:
    """The graph of each canonical form; each class is looked up once."""
    forms = canonical(space, archs)
    look_up = partial(_kept, space) if isinstance(space, Hashable) else space.graph
    found = {form: look_up(form) for form in dict.fromkeys(forms)}
    return [found[form] for form in forms]


@lru_cache(maxsize=1 << 16)
def _kept(space: Space, form: Architecture) -> LabeledGraph:
    """Kept, since every model of a benchmark asks, and those of other benchmarks of the space."""
    return space.graph(form)


def vocabulary(found: Sequence[LabeledGraph]) -> tuple[str, ...]:
    """Every label of the graphs, sorted."""
    return tuple(sorted({label for graph in found for label in graph.labels}))


def padded(found: Sequence[LabeledGraph], labels: Sequence[str], nodes: int) -> Graphs:
    """The graphs as one batch of `nodes` nodes each.

    Raises:
        InvalidConfig: a graph has more nodes, or a label that is not among `labels`.
    """
    number = {label: k for k, label in enumerate(labels, 1)}
    largest = max((len(graph.labels) for graph in found), default=0)
    unknown = sorted(set(vocabulary(found)) - set(labels))
    if largest > nodes or unknown:
        raise InvalidConfig(
            f"expected graphs of at most {nodes} nodes labeled {', '.join(labels)}; got one of "
            f"{largest} nodes, and the unknown labels: {', '.join(unknown) or 'none'}"
        )
    marks = np.zeros((len(found), nodes), dtype=np.int16)
    edges = np.zeros((len(found), nodes, nodes), dtype=np.int8)
    for row, graph in enumerate(found):
        marks[row, : len(graph.labels)] = [number[label] for label in graph.labels]
        for source, target, multiplicity in graph.edges:
            edges[row, source, target] = multiplicity
    return Graphs(marks, edges, tuple(labels))


def adjacency(batch: Graphs) -> Matrix:
    """Edges above the diagonal and one-hot labels of each node, (n, v (v - 1) / 2 + v d)."""
    n, v = batch.labels.shape
    upper = batch.edges[:, *np.triu_indices(v, k=1)]
    marks = batch.labels[..., None] == np.arange(1, len(batch.vocabulary) + 1)
    return np.concatenate([upper, marks.reshape(n, -1)], axis=1, dtype=np.float32)


def label_counts(found: Sequence[LabeledGraph], labels: Sequence[str]) -> Matrix:
    """How often each of `labels` (d,) occurs in each graph, (n, d); other labels do not count."""
    place = {label: k for k, label in enumerate(labels)}
    counted = np.zeros((len(found), len(labels)), dtype=np.float32)
    for row, graph in zip(counted, found, strict=True):
        for label in graph.labels:
            if label in place:
                row[place[label]] += 1
    return counted


def path_counts(found: Sequence[LabeledGraph], paths: Sequence[Path]) -> Matrix:
    """In how many ways the input reaches the output along each of `paths` (d,), (n, d)."""
    place = {path: k for k, path in enumerate(paths)}
    counted = np.zeros((len(found), len(paths)), dtype=np.float32)
    for row, graph in zip(counted, found, strict=True):
        for path, ways in _ways(graph).items():
            if path in place:
                row[place[path]] = ways
    return counted


def _ways(graph: LabeledGraph) -> Counter[Path]:
    """Number of ways from input to output by the labels between them."""
    last = len(graph.labels) - 1
    arriving: list[Counter[Path]] = [Counter() for _ in graph.labels]
    arriving[0][()] = 1
    for source, target, multiplicity in graph.edges:  # sorted: all that arrives there is known
        label = () if target == last else (graph.labels[target],)
        for path, ways in arriving[source].items():
            arriving[target][path + label] += ways * multiplicity
    return arriving[last]
