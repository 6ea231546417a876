"""The space against published facts: the counts and the hashes of NAS-Bench-101."""

import itertools

import networkx as nx
import numpy as np
import pytest

from nasbench.core import Architecture
from nasbench.errors import InvalidArchitecture
from nasbench.spaces import modules101
from nasbench.spaces.cell101 import NAME, Cell101
from nasbench.spaces.modules101 import OPS

INCEPTION = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
CONV3, CONV1, POOL = OPS
LABELS = ["input", CONV1, CONV3, CONV3, CONV3, POOL, "output"]
UNIQUE = {2: 1, 3: 6, 4: 84, 5: 2_441, 6: 62_010, 7: 359_082}
"""Unique cells by number of vertices."""


@pytest.fixture(scope="module")
def space():
    return Cell101()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def relabeled(matrix, ops, order):
    """The same cell with its vertices in another order, if that is still upper triangular."""
    matrix = np.asarray(matrix)[np.ix_(order, order)]
    return None if np.tril(matrix).any() else (matrix, [ops[v] for v in order])


def vertices(genes):
    """Vertices (n,) of canonical genes (n, 26)."""
    live = modules101.read(genes.astype(np.int64).T).live()
    return 2 + np.unpackbits(live.astype(np.uint8)[:, None], axis=1).sum(axis=1)


def test_the_published_hashes_are_found(space):
    assert space.module_hash(space.embed(INCEPTION, LABELS)) == "28cfc7874f6d200472e1a9dcd8650aa0"
    alone = space.embed([[0, 1], [0, 0]], ["input", "output"])
    assert space.module_hash(alone) == "043721b9c7fe8c5fad811d47d83132ec"


def test_numpy_labels_do_not_change_the_hash():
    sources = [[], [0], [0, 1]]
    plain = modules101.module_hash(sources, [-1, 0, -2])
    assert modules101.module_hash(sources, list(np.array([-1, 0, -2]))) == plain


@pytest.mark.slow
def test_the_unique_cells_are_as_many_as_published(space):
    genes = space.class_genes()
    counted = dict(zip(*np.unique(vertices(genes), return_counts=True), strict=True))
    assert counted == UNIQUE
    assert len(genes) == 423_624


@pytest.mark.slow
def test_the_classes_are_their_own_canonical_forms_in_order(space):
    genes = space.class_genes()[::97]
    np.testing.assert_array_equal(space.canonical_genes(genes), genes)
    assert (np.lexsort(genes.T[::-1]) == np.arange(len(genes))).all()


@pytest.mark.slow
def test_hash_and_canonical_form_tell_the_same_cells_apart(space):
    genes = space.class_genes()
    small = [Architecture(NAME, tuple(row)) for row in genes[vertices(genes) <= 5].tolist()]
    assert len({space.module_hash(arch) for arch in small}) == len(small) == 2_532


@pytest.mark.slow
def test_some_large_cells_have_different_hashes(space, rng):
    genes = rng.permutation(space.class_genes()[vertices(space.class_genes()) > 5])[:5_000]
    archs = [Architecture(NAME, tuple(row)) for row in genes.tolist()]
    assert len({space.module_hash(arch) for arch in archs}) == len(archs)


def test_every_order_of_the_vertices_has_one_form_and_one_hash(space):
    form = space.canonical(space.embed(INCEPTION, LABELS))
    orders = [(0, *order, 6) for order in itertools.permutations(range(1, 6))]
    twins = [twin for order in orders if (twin := relabeled(INCEPTION, LABELS, order))]
    assert len(twins) == 60  # one of its 120 orders in two has the edge between 3x3 forward
    for twin in twins:
        arch = space.embed(*twin)
        assert space.canonical(arch) == form
        assert space.module_hash(arch) == space.module_hash(form)


def test_the_canonical_form_has_the_smallest_genes_of_all_orders(space, rng):
    for arch in space.sample(20, rng):
        matrix, ops = space.pruned(arch)
        last = len(ops) - 1
        orders = ((0, *inner, last) for inner in itertools.permutations(range(1, last)))
        twins = [twin for order in orders if (twin := relabeled(matrix, ops, order))]
        assert space.canonical(arch).genes == min(space.embed(*twin).genes for twin in twins)


def test_pruning_keeps_what_networkx_finds_between_input_and_output(space, rng):
    for arch in space.sample(100, rng):
        edges = [pair for pair, gene in zip(modules101.PAIRS, arch.genes, strict=False) if gene]
        whole = nx.DiGraph(edges)
        kept = sorted({0, 6} | (nx.descendants(whole, 0) & nx.ancestors(whole, 6)))
        matrix, ops = space.pruned(arch)
        labels = ["input", *(OPS[gene] for gene in arch.genes[21:]), "output"]
        assert ops == [labels[v] for v in kept]
        found = {(kept[u], kept[v]) for u, v in np.argwhere(matrix)}
        assert found == {(u, v) for u, v in edges if u in kept and v in kept}


def test_the_size_is_the_number_of_matrices_times_that_of_operations(space):
    assert len(modules101.matrices()) * 3**5 == len(space)
    assert (np.diff(modules101.matrices()) > 0).all()


def test_unconnected_cells_and_cells_of_ten_edges_are_refused(space):
    ten = np.array(INCEPTION)
    space.embed(ten, LABELS)
    ten[1, 4] = 1
    assert ten.sum() == 10
    with pytest.raises(InvalidArchitecture, match="at most 9 edges"):
        space.embed(ten, LABELS)
    with pytest.raises(InvalidArchitecture, match="path"):
        space.embed(np.zeros((7, 7), int), LABELS)


def test_edges_of_unused_vertices_do_not_count(space):
    matrix = np.zeros((7, 7), int)
    matrix[0, 6] = 1
    matrix[1:6, 2:7] = np.triu(np.ones((5, 5), int))  # never reached from the input
    assert matrix.sum() == 16
    arch = space.embed(matrix, LABELS)
    assert space.pruned(arch)[1] == ["input", "output"]


@pytest.mark.slow
def test_the_classes_of_small_cells_hold_every_architecture_that_prunes_to_one(space):
    genes = space.class_genes()
    small = [Architecture(NAME, tuple(row)) for row in genes[vertices(genes) <= 5].tolist()]
    matrices = modules101.genes_of(modules101.matrices() * modules101.LABELINGS)
    expected = int((vertices(matrices) <= 5).sum()) * modules101.LABELINGS
    assert sum(map(space.class_size, small)) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "square matrix"),
        ("0110 input,output", "upper triangular"),
        ("010 input,output", "square matrix"),
        ("0200 input,output", "square matrix"),
        ("0100", "shape"),
        ("0100 input,conv3x3-bn-relu,output", "shape"),
        ("0100 output,input", "begin with input"),
        ("011001000 input,conv3x3,output", "did you mean 'conv3x3-bn-relu'"),
        ("0000 input,output", "path"),
        (f"{'0' * 64} {'input,' + 'maxpool3x3,' * 6}output", "2 to 7 vertices"),
    ],
)
def test_a_text_that_is_no_cell_is_refused_with_the_reason(space, text, complaint):
    with pytest.raises(InvalidArchitecture, match=complaint):
        space.parse(text)


def test_the_text_of_a_small_cell_means_its_seven_vertices(space):
    arch = space.parse("011001000 input,maxpool3x3,output")
    assert space.format(arch).endswith(
        " input,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,conv3x3-bn-relu,conv3x3-bn-relu,output"
    )
    assert space.parse(space.format(arch)) == arch


def test_arrays_of_genes_have_the_canonical_forms_of_the_architectures(space, rng):
    archs = space.sample(200, rng)
    expected = [space.canonical(arch).genes for arch in archs]
    np.testing.assert_array_equal(space.canonical_genes([a.genes for a in archs]), expected)


@pytest.mark.parametrize(
    ("genes", "complaint"),
    [
        ([[0] * 26], "path"),
        ([[2] * 26], "26 genes below"),
        ([[-1] * 26], "26 genes below"),
        ([[0] * 25], "shape"),
        ([[0.0] * 26], "whole-number"),
    ],
)
def test_arrays_with_impossible_genes_are_refused(space, genes, complaint):
    with pytest.raises(InvalidArchitecture, match=complaint):
        space.canonical_genes(genes)
