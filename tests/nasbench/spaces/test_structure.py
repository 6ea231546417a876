import networkx as nx
import pytest

from nasbench.errors import UnknownMetric
from nasbench.spaces import structure
from nasbench.spaces.cell201 import EDGES, OPS, Cell201
from nasbench.testing.toy import ToySpace

RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
CHAIN = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|none~0|none~1|nor_conv_1x1~2|"
DISCONNECTED = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|none~2|"


@pytest.fixture
def space():
    return Cell201()


@pytest.mark.parametrize(
    ("text", "name", "number"),
    [
        (RESNET, "depth", 2),
        (CHAIN, "depth", 3),
        (DISCONNECTED, "depth", 0),
        (RESNET, "operations", 2),
        (DISCONNECTED, "operations", 0),
        (CHAIN, "operations[nor_conv_3x3]", 1),
        (CHAIN, "operations[avg_pool_3x3]", 1),
        (RESNET, "operations[skip_connect]", 0),  # it computes nothing
        (RESNET, "choices[skip_connect]", 2),
        (RESNET, "choices[none]", 2),
        (RESNET, "gene[3=skip_connect]", 1),
        (RESNET, "gene[0=skip_connect]", 0),
    ],
)
def test_known_cells_have_known_structure(space, text, name, number):
    assert structure.measure(space, name)(space.parse(text)) == number


def test_depth_is_the_heaviest_path_of_the_cell_as_written(space, rng):
    """An operation weighs one, an edge that skips nothing, and an edge of `none` is not there."""
    depth = structure.measure(space, "depth")
    for arch in space.sample(200, rng):
        cell = nx.DiGraph()
        cell.add_nodes_from(range(4))
        for (source, target), gene in zip(EDGES, arch.genes, strict=True):
            if OPS[gene] != "none":
                cell.add_edge(source, target, weight=int(OPS[gene] != "skip_connect"))
        ways = nx.all_simple_paths(cell, 0, 3)
        assert depth(arch) == max((nx.path_weight(cell, way, "weight") for way in ways), default=0)


def test_a_column_is_the_measure_of_every_architecture(space, rng):
    for name in ("depth", "operations[nor_conv_1x1]", "choices[none]", "gene[5=avg_pool_3x3]"):
        column, of = structure.column(space, name), structure.measure(space, name)
        assert len(column) == len(space)
        assert all(column[space.index(arch)] == of(arch) for arch in space.sample(50, rng))


def test_choices_without_names_are_numbers():
    space = ToySpace((2, 3))
    assert structure.measure(space, "gene[1=2]")(space.arch(5)) == 1
    assert "choices[2]" in structure.names(space)


@pytest.mark.parametrize(
    "name",
    [
        "dept",
        "operations[input]",
        "operations[conv]",
        "choices[conv]",
        "gene[6=none]",
        "gene[0=conv]",
        "gene[none]",
    ],
)
def test_what_is_no_structure_is_refused_with_a_suggestion(space, name):
    with pytest.raises(UnknownMetric, match="cell201-v1"):
        structure.measure(space, name)


@pytest.mark.parametrize("name", structure.names(Cell201()))
def test_every_listed_name_can_be_measured(space, name):
    assert structure.is_about_structure(name)
    assert structure.measure(space, name)(space.arch(9930)) >= 0


def test_metrics_are_not_about_structure():
    assert not structure.is_about_structure("params")
    assert not structure.is_about_structure("latency_ms[cpu]")
