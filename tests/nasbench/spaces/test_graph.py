"""The space of NAS-Bench-Graph against the package that defines it."""

import itertools

import numpy as np
import pytest

from nasbench.core import Architecture
from nasbench.errors import InvalidArchitecture
from nasbench.spaces.graph import LINKS, NAME, OPS, Graph, number

SPACE = Graph()


def test_there_are_26206_classes_among_59040_architectures():
    assert len(SPACE) == 9 * (9**4 - 1) == len(SPACE.all_genes())
    assert len(SPACE.representatives()) == SPACE.classes().max() + 1 == 26_206


def test_vectorized_answers_agree_with_single_ones():
    genes, classes, first = SPACE.all_genes(), SPACE.classes(), SPACE.representatives()
    for index in range(0, len(SPACE), 997):
        arch = SPACE.arch(index)
        assert tuple(genes[index].tolist()) == arch.genes
        assert SPACE.canonical(arch) == SPACE.arch(int(first[classes[index]]))
        assert SPACE.class_size(arch) == int((classes == classes[index]).sum())


def test_a_cell_of_skips_is_no_architecture():
    skips = Architecture(NAME, (3, 8, 8, 8, 8))
    assert not SPACE.is_valid(skips)
    with pytest.raises(InvalidArchitecture):
        SPACE.index(skips)
    with pytest.raises(InvalidArchitecture, match="all operations are skips"):
        SPACE.parse("Arch([0, 1, 2, 0], ['skip', 'skip', 'skip', 'skip'])")


def test_moves_never_end_at_a_cell_of_skips():
    rng = np.random.default_rng(0)
    near = SPACE.parse("Arch([0, 1, 2, 3], ['skip', 'skip', 'skip', 'gcn'])")
    other = SPACE.parse("Arch([0, 1, 2, 3], ['gcn', 'skip', 'skip', 'skip'])")
    children = [SPACE.crossover(near, other, rng) for _ in range(100)]
    assert all(map(SPACE.is_valid, [*children, *(SPACE.mutate(near, rng) for _ in range(300))]))
    assert len(SPACE.neighbors(near)) == 8 * 5 - 1


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Arch([0, 1, 2, 1], ['gcn', 'gin', 'fc', 'cheb'])", 61237),
        ("Arch([0, 1, 1, 2], ['gcn', 'cheb', 'gin', 'fc'])", 61327),
        ("[0,1,2,3] [gcn, skip, skip, gcn]", 88811),
        ("Arch([0, 0, 0, 0], ['skip', 'gcn', 'gcn', 'gat'])", 58011),
        ("Arch([0, 1, 1, 1], ['gcn', 'skip', 'skip', 'skip'])", 51888),
    ],
)
def test_keys_are_those_that_the_package_computes(text, key):
    assert number(SPACE.canonical(SPACE.parse(text)).genes) == key


@pytest.mark.slow
def test_every_text_has_the_key_that_the_package_computes():
    """A seventh of all architectures, and a part of the other orders of their nodes."""
    package = pytest.importorskip("nas_bench_graph")
    for links in itertools.product(*(range(k + 1) for k in range(4))):
        step = 7 if links in LINKS else 41
        for ops in itertools.islice(itertools.product(OPS, repeat=4), 0, None, step):
            if set(ops) == {"skip"}:
                continue
            arch = SPACE.parse(f"Arch({list(links)}, {list(ops)})")
            expected = package.Arch(list(links), list(ops)).valid_hash()
            assert number(SPACE.canonical(arch).genes) == expected


def test_the_graph_adds_an_operation_that_a_skip_passes_beside_another():
    graph = SPACE.graph(SPACE.parse("Arch([0, 1, 1, 1], ['gcn', 'skip', 'skip', 'gat'])"))
    assert graph.labels == ("input", "gcn", "gat", "output")
    assert graph.edges == ((0, 1, 1), (1, 2, 1), (1, 3, 2), (2, 3, 1))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "other form"),
        ("Arch([0, 1, 1], ['gcn', 'gcn', 'gcn'])", "other form"),
        ("Arch([0, 1, 1, 4], ['gcn', 'gcn', 'gcn', 'fc'])", "itself or a later"),
        ("Arch([0, 1, 1, 2], ['gcn', 'gnc', 'gcn', 'fc'])", "unknown operations: gnc"),
    ],
)
def test_other_texts_are_refused_with_a_reason(text, complaint):
    with pytest.raises(InvalidArchitecture, match=complaint):
        SPACE.parse(text)
