"""The space against published facts: NATS-Bench's order, its strings, and the known cells."""

import hashlib
import itertools
import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from nasbench.core import Architecture
from nasbench.errors import InvalidArchitecture, WrongSpace
from nasbench.spaces.cell201 import EDGES, NAME, OPS, Cell201
from nasbench.testing.elsewhere import print_elsewhere

RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
BEST = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)


@pytest.fixture(scope="module")
def space():
    return Cell201()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def uniform(op):
    return f"|{op}~0|+|{op}~0|{op}~1|+|{op}~0|{op}~1|{op}~2|"


def test_the_strings_are_those_of_nats_bench_in_its_order(space):
    strings = [space.format(space.arch(index)) for index in range(len(space))]
    digest = hashlib.sha256("\n".join(strings).encode()).hexdigest()
    assert digest == "83abc799e45cf34e9d2163654668ab998b9a54d01c39e72ca1f71f2cdf356d84"
    assert [space.index(space.parse(text)) for text in strings] == list(range(15625))


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (9930, BEST),
        (11472, RESNET),
        (1835, uniform("skip_connect")),
        (1462, uniform("nor_conv_3x3")),
    ],
)
def test_known_cells_have_their_published_index(space, index, text):
    assert space.format(space.arch(index)) == text
    assert space.index(space.parse(text)) == index


def test_genes_are_operation_numbers_in_the_order_of_the_string(space):
    assert space.parse(RESNET).genes == (3, 0, 3, 1, 0, 1)
    assert EDGES == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    assert [OPS[gene] for gene in space.parse(BEST).genes].count("nor_conv_3x3") == 5


def test_all_genes_are_every_combination_once_in_the_order_of_the_index(space):
    genes = space.all_genes()
    assert genes.dtype == np.int16
    assert sorted(map(tuple, genes.tolist())) == list(itertools.product(range(5), repeat=6))
    assert [tuple(row) for row in genes[::500].tolist()] == [
        space.arch(index).genes for index in range(0, 15625, 500)
    ]


def test_indices_of_many_genes_agree_with_single_ones(space, rng):
    archs = space.sample(200, rng)
    genes = [arch.genes for arch in archs]
    assert space.index_of(genes).tolist() == [space.index(arch) for arch in archs]
    assert space.index_of(space.all_genes()).tolist() == list(range(15625))
    assert space.index_of(np.zeros((0, 6), np.int16)).shape == (0,)


@pytest.mark.parametrize(
    "genes", [[[0, 0, 0, 0, 0, 5]], [[-1, 0, 0, 0, 0, 0]], [[0] * 5], [0] * 6, [[0.0] * 6]]
)
def test_impossible_rows_of_genes_are_refused(space, genes):
    for many in (space.index_of, space.class_of):
        with pytest.raises(InvalidArchitecture, match="got"):
            many(genes)


def test_there_are_24_neighbors_in_the_order_of_genes_and_operations(space):
    arch = Architecture(NAME, (0, 1, 2, 3, 4, 0))
    expected = [
        (*arch.genes[:i], op, *arch.genes[i + 1 :])
        for i in range(6)
        for op in range(5)
        if op != arch.genes[i]
    ]
    assert [near.genes for near in space.neighbors(arch)] == expected


def test_the_largest_draw_stays_inside_the_space(space):
    """random() < 1, but its product with a count could have been rounded up to the count."""
    last = np.nextafter(1.0, 0.0)
    rng = SimpleNamespace(random=lambda n=None: last if n is None else np.full(n, last))
    arch = space.arch(9930)
    assert space.mutate(arch, rng) == space.neighbors(arch)[-1]
    assert space.sample(1, rng)[0].genes == (4,) * 6
    assert space.crossover(arch, space.arch(0), rng) == space.arch(0)


def test_one_draw_of_many_is_many_draws_of_one(space):
    one, many = np.random.default_rng(3), np.random.default_rng(3)
    assert [space.sample(1, one)[0] for _ in range(50)] == space.sample(50, many)


def test_the_same_architecture_is_the_same_object(space, rng):
    arch = space.arch(77)
    assert space.parse(space.format(arch)) is arch
    assert space.neighbors(space.neighbors(arch)[0])[0] in (arch, *space.neighbors(arch))
    assert Cell201().arch(77) is arch
    assert space.canonical(arch) is space.canonical(space.canonical(arch))


def test_wiring_lists_the_edges_that_carry_something(space):
    assert space.wiring(space.parse(RESNET)) == [
        (0, 1, "nor_conv_3x3"),
        (1, 2, "nor_conv_3x3"),
        (0, 3, "skip_connect"),
        (2, 3, "skip_connect"),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "'~1' belongs"),
        ("|none~0|none~0|none~0|+|none~1|none~1|+|none~2|", "node 1 has 3 inputs, not 1"),
        ("|none~0|+|none~1|none~0|+|none~0|none~1|none~2|", "by target node, then by source"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none|", "'~2' belongs"),
        ("|none~0|+|none~0|none~1|", "2 nodes joined by '\\+', not 3"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2", "not between bars"),
        ("||none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "node 1 has 2 inputs"),
        ("|+|none~0|none~1|+|none~0|none~1|none~2|", "node 1 is not between bars"),
        ("||+|none~0|none~1|+|none~0|none~1|none~2|", "unknown operation ''"),
        ("|conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|", "mean 'nor_conv_3x3'"),
        ("", "1 nodes"),
    ],
)
def test_a_malformed_string_is_refused_where_it_goes_wrong(space, text, complaint):
    with pytest.raises(InvalidArchitecture, match=complaint) as caught:
        space.parse(text)
    assert "Expected |op~0|+|op~0|op~1|+|op~0|op~1|op~2|" in str(caught.value)


@pytest.mark.parametrize("index", [-1, 15625, 2.5, "7", None])
def test_an_index_that_is_none_is_refused(space, index):
    with pytest.raises(InvalidArchitecture, match="whole number from 0 to 15624"):
        space.arch(index)


def test_an_index_may_be_of_any_integer_type(space):
    assert space.arch(np.int32(9930)) is space.arch(9930)


def test_unhashable_genes_are_refused(space):
    with pytest.raises(InvalidArchitecture, match="six genes"):
        space.index(Architecture(NAME, [0] * 6))


def test_an_architecture_of_another_space_names_both_spaces(space):
    with pytest.raises(WrongSpace, match="cell201-v1, got one of 'other-v1'"):
        space.wiring(Architecture("other-v1", (0,) * 6))


def test_results_do_not_depend_on_the_process(space):
    """The hash seed of the other process is not this one's."""
    script = (
        "import json, numpy as np; from nasbench.spaces.cell201 import Cell201; s = Cell201();"
        "rng = np.random.default_rng(5); drawn = s.sample(20, rng);"
        "print(json.dumps([[s.index(s.mutate(a, rng)), s.index(s.canonical(a))] for a in drawn]"
        "+ [s.classes()[::100].tolist()]))"
    )
    printed = print_elsewhere(script)
    rng = np.random.default_rng(5)
    drawn = space.sample(20, rng)
    pairs = [[space.index(space.mutate(a, rng)), space.index(space.canonical(a))] for a in drawn]
    assert json.loads(printed) == [*pairs, space.classes()[::100].tolist()]


def test_a_space_travels_to_other_processes_in_few_bytes(space):
    assert len(pickle.dumps(space)) < 100
