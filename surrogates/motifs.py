"""Labeled sub-graphs that are more frequent among the best architectures than among the others.

A motif is a connected, induced sub-graph of up to `MOST_NODES` operation instances, the input and
the output among them, up to isomorphism; how often an edge counts is left out. Each class of
architectures has a motif or has it not, and Fisher's exact test says how surprising its share among
the best is; p-values are adjusted for the number of motifs (Benjamini & Hochberg, JRSS B 1995).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from nasbench.core import LabeledGraph

MOST_NODES = 4
FEWEST = 5
"""Classes that have a motif, for it to be tested."""
GAP = "…"
"""Stands in a picture for whatever the motif reads, and for whatever reads it."""
_Arcs = frozenset[tuple[int, int]]
Form = tuple[tuple[str, ...], tuple[tuple[int, int], ...]]
"""Labels and (source, target) of a motif in canonical order."""


@dataclass(frozen=True, slots=True)
class Motif:
    """One sub-graph, and how often it occurs."""

    form: Form
    best: int
    """Of the best classes, those that have it."""
    others: int
    """Of the other classes."""
    lift: float
    """Share among the best over the share among the others; inf if these never have it."""
    p_value: float
    """One-sided, adjusted."""

    def picture(self) -> LabeledGraph:
        """The motif between two gaps, or from the input and to the output where it has them."""
        labels, arcs = self.form
        heads = set(range(len(labels))) - {target for _, target in arcs}
        tails = set(range(len(labels))) - {source for source, _ in arcs}
        before = [] if [labels[k] for k in heads] == ["input"] else [GAP]
        after = [] if [labels[k] for k in tails] == ["output"] else [GAP]
        order = _topological(len(labels), arcs)
        place = {node: k + len(before) for k, node in enumerate(order)}
        edges = [(place[a], place[b], 1) for a, b in arcs]
        last = len(before) + len(labels)
        edges += [(0, place[k], 1) for k in heads if before]
        edges += [(place[k], last, 1) for k in tails if after]
        return LabeledGraph((*before, *(labels[k] for k in order), *after), tuple(sorted(edges)))


def enriched(graphs: Sequence[LabeledGraph], best: NDArray[np.bool_]) -> list[Motif]:
    """Motifs of n graphs of which `best` (n,) says the best ones, the most surprising first.

    Of motifs in exactly the same graphs, the largest is listed.
    """
    from scipy.stats import false_discovery_control, hypergeom

    owners: dict[Form, list[int]] = {}
    for row, graph in enumerate(graphs):
        for form in forms(graph):
            owners.setdefault(form, []).append(row)
    kept = _largest({form: rows for form, rows in owners.items() if len(rows) >= FEWEST})
    if not kept:
        return []
    total = np.array([len(rows) for rows in kept.values()])
    among = np.array([int(best[rows].sum()) for rows in kept.values()])
    n = int(best.sum())
    p = hypergeom.sf(among - 1, len(graphs), total, n)  # Fisher's, towards more among the best
    adjusted = false_discovery_control(np.clip(p, 0, 1))
    with np.errstate(divide="ignore"):
        lift = (among / n) / ((total - among) / max(1, len(graphs) - n))
    rows = zip(kept, among.tolist(), (total - among).tolist(), lift, adjusted, strict=True)
    found = [Motif(form, a, b, float(up), float(q)) for form, a, b, up, q in rows]
    return sorted(found, key=lambda motif: (motif.p_value, -motif.lift, motif.form))


def forms(graph: LabeledGraph) -> set[Form]:
    """The motifs of a graph: 2 to `MOST_NODES` nodes."""
    arcs = {(source, target) for source, target, _ in graph.edges}
    sizes = range(2, 1 + min(MOST_NODES, len(graph.labels)))
    found = set()
    for nodes in (some for size in sizes for some in combinations(range(len(graph.labels)), size)):
        inside = frozenset(
            (j, k)
            for (j, a), (k, b) in combinations(list(enumerate(nodes)), 2)
            if (a, b) in arcs  # nodes are in topological order
        )
        if _connected(len(nodes), inside):
            found.add(_canonical(tuple(graph.labels[k] for k in nodes), inside))
    return found


@cache
def _connected(n: int, arcs: _Arcs) -> bool:
    reached, grown = {0}, True
    while grown:
        more = {b for a, b in arcs if a in reached} | {a for a, b in arcs if b in reached}
        grown, reached = not more <= reached, reached | more
    return len(reached) == n


@cache
def _canonical(labels: tuple[str, ...], arcs: _Arcs) -> Form:
    """The smallest of all ways to number the nodes."""
    return min(
        (
            tuple(labels[k] for k in order),
            tuple(sorted((order.index(a), order.index(b)) for a, b in arcs)),
        )
        for order in permutations(range(len(labels)))
    )


def _largest(owners: dict[Form, list[int]]) -> dict[Form, list[int]]:
    """Without motifs that a larger one stands for, being in the same graphs."""
    kept: dict[tuple[int, ...], Form] = {}
    for form in sorted(owners, key=lambda form: (-len(form[0]), -len(form[1]), form)):
        kept.setdefault(tuple(owners[form]), form)
    return {form: owners[form] for form in sorted(kept.values())}


def _topological(n: int, arcs: Iterable[tuple[int, int]]) -> list[int]:
    order: list[int] = []
    while len(order) < n:
        order += [
            k for k in range(n) if k not in order and all(a in order for a, b in arcs if b == k)
        ]
    return order
