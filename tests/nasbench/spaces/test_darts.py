"""The DARTS space: published genotypes, and classes against graph isomorphism and relabeling."""

import math
import sys
from itertools import combinations, permutations, product

import networkx as nx
import numpy as np
import pytest

from nasbench.core import Architecture
from nasbench.errors import InvalidArchitecture
from nasbench.spaces import darts_cells
from nasbench.spaces.darts import NAME, DartsCells
from nasbench.spaces.darts_cells import ARITY, OPS, SKIP
from nasbench.testing.spaces import isomorphic

SPACE = DartsCells()
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
"""The cells that the DARTS paper found by its second-order search."""


def arch(normal, reduction=(0,) * len(ARITY)):
    return Architecture(NAME, (*normal, *reduction))


def poor_cells(n, rng):
    """Genes of cells of max poolings and skips, of which many compute the same."""
    rows = rng.integers([2 if n == len(OPS) else min(n, 3) for n in ARITY], size=(n, len(ARITY)))
    rows[:, np.array(ARITY) == len(OPS)] *= SKIP
    return [tuple(row) for row in rows.tolist()]


def test_the_size_is_the_published_one_and_a_length_of_python():
    per_cell = math.prod(math.comb(k + 2, 2) * len(OPS) ** 2 for k in range(4))
    assert len(SPACE) == per_cell**2 == 1_076_746_950_455_072_400 < sys.maxsize


def test_the_published_genotype_means_its_edges():
    found = SPACE.parse(DARTS_V2)
    normal, reduction = SPACE.nodes(found)
    assert [[source for source, _ in node] for node in normal] == [[0, 1], [0, 1], [0, 1], [0, 2]]
    assert normal[2] == ((0, SKIP), (1, OPS.index("sep_conv_3x3")))  # given the other way around
    assert reduction[1] == ((1, OPS.index("max_pool_3x3")), (2, SKIP))
    assert SPACE.arch_of(normal, reduction) == SPACE.parse(SPACE.format(found)) == found


def test_a_genotype_may_be_written_as_programs_print_it():
    printed = DARTS_V2.replace("[2, 3, 4, 5]", "range(2, 6)").replace("'", '"').replace(", ", ",\n")
    assert SPACE.parse(printed) == SPACE.parse(DARTS_V2)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("sep_conv_3x3", "sep_conv_7x7", "unknown operation 'sep_conv_7x7'; did you mean"),
        (
            "('dil_conv_3x3', 2)",
            "('dil_conv_3x3', 0)",
            "node 5 of the normal cell reads one source",
        ),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)", "node 5 of the normal cell reads 5"),
        ("('dil_conv_3x3', 2)", "", "normal cell is no list of 8"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 2), x", "normal cell is no list of 8"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=[4, 5]", "put out their four nodes"),
        ("Genotype", "__import__('os').system", "put out their four nodes"),
    ],
)
def test_other_texts_are_refused_with_a_reason(old, new, complaint):
    with pytest.raises(InvalidArchitecture, match=complaint):
        SPACE.parse(DARTS_V2.replace(old, new, 1))


def test_cells_with_reordered_nodes_are_one_class(rng):
    """Every order of the nodes in which each reads earlier ones, written down anew."""
    for each in SPACE.sample(25, rng):
        normal, reduction = SPACE.nodes(each)
        form, size = SPACE.canonical(each), 0
        for order in permutations(range(4)):
            place = {0: 0, 1: 1, **{node + 2: k + 2 for k, node in enumerate(order)}}
            moved = [[(place[s], op) for s, op in normal[node]] for node in order]
            if all(source < k for k, node in enumerate(moved, 2) for source, _ in node):
                size += 1
                assert SPACE.canonical(SPACE.arch_of(moved, reduction)) == form
        assert size >= 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The hashes produced for directed graphs")
@pytest.mark.parametrize("reduces", [False, True])
def test_classes_of_cells_are_those_of_isomorphic_graphs(rng, reduces):
    """Of cells with many equal sums, by networkx: hashes, and isomorphism where they agree."""
    filler = (3, 4, 0, 3, 4, 0, 3, 4, 0, 3, 4)
    groups = {}
    for cell in dict.fromkeys(poor_cells(400, rng)):
        whole = arch(filler, cell) if reduces else arch(cell, filler)
        groups.setdefault(_hash(SPACE.graph(whole)), []).append(whole)
    merged = 0
    for group in groups.values():
        for a, b in combinations(group, 2):
            same = SPACE.canonical(a) == SPACE.canonical(b)
            assert same == isomorphic(SPACE.graph(a), SPACE.graph(b))
            merged += same
    assert merged > 20
    forms = [SPACE.canonical(group[0]) for group in groups.values()]
    assert len(set(forms)) == len(forms)


def _hash(graph):
    found = nx.DiGraph()
    found.add_nodes_from((k, {"label": label}) for k, label in enumerate(graph.labels))
    found.add_edges_from((s, t, {"times": k}) for s, t, k in graph.edges)
    return nx.weisfeiler_lehman_graph_hash(found, node_attr="label", edge_attr="times")


def test_the_canonical_form_is_the_smallest_of_the_class(rng):
    for cell in poor_cells(12, rng):
        made = darts_cells.computed(cell, reduces=False)
        members = [c for c in _neighborhood(cell) if _same(made, c)]
        assert darts_cells.smallest(cell, reduces=False) <= min(members)
        assert darts_cells.class_size(cell, reduces=False) >= len(members)


def _neighborhood(cell):
    """The cell and all that differ from it in the last node."""
    return [(*cell[:8], *last) for last in product(*map(range, ARITY[8:]))]


def _same(made, cell):
    other = darts_cells.computed(cell, reduces=False)
    return other.instances == made.instances and sorted(other.sums) == sorted(made.sums)


def test_a_skip_dissolves_except_where_it_halves_the_resolution():
    genes = (SKIP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    graph = SPACE.graph(arch(genes, genes))
    assert graph.labels.count("skip_connect") == 1
    assert graph.labels[0] == "input"
    assert graph.labels[-1] == "output"


def test_equal_poolings_are_one_instance_and_equal_convolutions_are_two():
    pooled, convolved = (arch((op,) * 2 + (0, op, op) * 3) for op in (0, 3))
    for found, instances, sums in ((pooled, 2, 1), (convolved, 8, 4)):
        labels = SPACE.graph(found).labels
        normal = labels[: labels.index("reduce:c(k-2)")]
        assert sum(label in OPS for label in normal) == instances
        assert normal.count("sum") == sums


def test_a_sum_that_can_be_added_up_in_two_ways_has_both_genotypes_in_its_class():
    """n5 = skip(n2) + skip(n3) and n5 = skip(n4) + max(0), where n4 = skip(n3) + max(1)."""
    shared = [((0, 0), (1, 0)), ((0, 1), (1, 1)), ((1, 0), (3, SKIP))]
    one = darts_cells.genes([*shared, ((2, SKIP), (3, SKIP))])
    two = darts_cells.genes([*shared, ((0, 0), (4, SKIP))])
    assert one != two
    assert darts_cells.smallest(one, reduces=False) == darts_cells.smallest(two, reduces=False)


def test_operations_are_three_of_four_moves(rng):
    each = SPACE.arch(0)
    assert len(SPACE.neighbors(each)) == 128
    pairs = [k for k, choices in enumerate(SPACE.arity) if choices != len(OPS)]
    moved = [SPACE.mutate(each, rng).genes for _ in range(400)]
    share = np.mean([any(genes[k] for k in pairs) for genes in moved])
    assert abs(share - 0.25) < 0.1
