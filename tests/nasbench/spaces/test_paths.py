from __future__ import annotations

import numpy as np
import pytest

from nasbench.core import LabeledGraph
from nasbench.spaces.cell201 import Cell201
from nasbench.spaces.darts import DartsCells
from nasbench.spaces.paths import encode, likely, paths

GRAPH = LabeledGraph(
    ("input", "a", "b", "a", "output"),
    ((0, 1, 1), (0, 2, 1), (0, 4, 2), (1, 2, 1), (1, 3, 1), (2, 4, 1), (3, 4, 1)),
)


def walks(graph, node=0):
    """All ways to the output as label tuples, one by one."""
    last = len(graph.labels) - 1
    if node == last:
        return [()]
    ways = []
    for source, target, _ in graph.edges:
        if source == node:
            label = () if target == last else (graph.labels[target],)
            ways += [label + rest for rest in walks(graph, target)]
    return ways


def test_paths_are_the_labels_on_the_ways_from_input_to_output():
    assert paths(GRAPH) == {(), ("a", "b"), ("b",), ("a", "a")}


@pytest.mark.parametrize("space", [Cell201(), DartsCells()], ids=lambda space: space.name)
def test_paths_are_those_of_an_enumeration(space, rng):
    for arch in space.sample(20, rng):
        graph = space.graph(arch)
        assert paths(graph) == set(walks(graph))


def test_a_cell_that_computes_nothing_has_no_path():
    space = Cell201()
    assert paths(space.graph(space.arch(space.index_of([[0] * 6])[0]))) == frozenset()


def test_paths_of_cell201_are_the_40_of_three_operations():
    space = Cell201()
    found = set().union(*(paths(space.graph(space.arch(k))) for k in range(0, len(space), 5)))
    assert len(found) == 1 + 3 + 9 + 27


def test_likely_ones_are_frequent_then_short():
    found = [frozenset({("a",), ("b", "c")}), frozenset({("b", "c"), ("d",)})]
    assert likely(found, 2) == [("b", "c"), ("a",)]


def test_the_encoding_marks_the_paths_in_their_columns():
    found = [frozenset({(), ("a",)}), frozenset(), frozenset({("b",), ("z",)})]
    encoded = encode(found, [("a",), (), ("b",)])
    np.testing.assert_array_equal(encoded, [[1, 1, 0], [0, 0, 0], [0, 0, 1]])


@pytest.fixture
def rng():
    return np.random.default_rng(0)
