from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nasbench.core import LabeledGraph
from nasbench.spaces.cell201 import Cell201
from nasbench.spaces.subtrees import Subtrees, similarity

CHAIN = LabeledGraph(("input", "a", "a", "output"), ((0, 1, 1), (1, 2, 1), (2, 3, 1)))
TWICE = LabeledGraph(("input", "a", "output"), ((0, 1, 2), (1, 2, 1)))


def trees(graph, depth):
    """Each node's subtree of a depth, written out."""

    def tree(node, depth):
        if depth == 0:
            return graph.labels[node]
        below = [
            tree(target, depth - 1)
            for source, target, multiplicity in graph.edges
            for _ in range(multiplicity)
            if source == node
        ]
        return f"{tree(node, depth - 1)}({','.join(sorted(below))})"

    return Counter(tree(node, depth) for node in range(len(graph.labels)))


def test_the_kernel_is_the_cosine_of_subtree_counts():
    rng, space = np.random.default_rng(0), Cell201()
    graphs = [CHAIN, TWICE, *(space.graph(arch) for arch in space.sample(30, rng))]
    for depth in range(3):
        counted = [
            sum((Counter({(d, t): k for t, k in trees(g, d).items()}) for d in range(depth + 1)),
                Counter())
            for g in graphs
        ]  # fmt: skip
        products = np.array([[sum(a[t] * b[t] for t in a) for b in counted] for a in counted])
        norms = np.sqrt(np.diag(products))
        numbered = Subtrees(depth=2)
        counts = numbered.counts([numbered(graph) for graph in graphs], depth)
        np.testing.assert_allclose(
            similarity(counts, counts), products / np.outer(norms, norms), atol=1e-12
        )


def test_deeper_subtrees_tell_more_apart():
    long = LabeledGraph(("input", "a", "b", "output"), ((0, 1, 1), (1, 2, 1), (2, 3, 1)))
    swapped = LabeledGraph(("input", "b", "a", "output"), ((0, 1, 1), (1, 2, 1), (2, 3, 1)))
    numbered = Subtrees(depth=1)
    found = [numbered(long), numbered(swapped)]
    for depth, alike in ((0, 1.0), (1, 5 / 8)):
        # of depth 1 only the output's is common, 4 + 1 of 4 + 4
        counts = numbered.counts(found, depth)
        assert similarity(counts, counts)[0, 1] == pytest.approx(alike)


def test_graphs_may_come_one_after_another():
    together, apart = Subtrees(depth=2), Subtrees(depth=2)
    for graph in (CHAIN, TWICE):
        apart(graph)
    assert [together(g).tolist() for g in (CHAIN, TWICE)] == [
        apart(g).tolist() for g in (CHAIN, TWICE)
    ]
