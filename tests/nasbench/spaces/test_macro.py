"""The space of NAS-Bench-Macro against its published counts and the twins' own definition."""

from itertools import product

import pytest

from nasbench.core import Architecture
from nasbench.errors import InvalidArchitecture
from nasbench.spaces.macro import NAME, Macro
from nasbench.spaces.notation import read

SPACE = Macro()


def test_there_are_3969_networks_among_6561_architectures():
    everyone = [SPACE.arch(index) for index in range(len(SPACE))]
    assert len(everyone) == 6561
    assert len(set(map(SPACE.canonical, everyone))) == 3969


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("22212220", "22212220"),
        ("00001001", "00010010"),
        ("01001012", "01010012"),
        ("01020022", "01020022"),
        ("20202202", "20220220"),
    ],
)
def test_identities_after_the_first_block_of_a_stage_move_to_its_end(text, form):
    assert SPACE.format(SPACE.canonical(SPACE.parse(text))) == form


def test_class_sizes_are_those_of_the_classes():
    for later in product(range(3), repeat=2):
        arch = Architecture(NAME, (0, 1, 2, *later, 1, 2, 2))
        stage = (
            Architecture(NAME, (0, 1, 2, *twin, 1, 2, 2)) for twin in product(range(3), repeat=2)
        )
        form = SPACE.canonical(arch)
        assert SPACE.class_size(arch) == sum(SPACE.canonical(twin) == form for twin in stage)


def test_the_graph_is_the_chain_of_blocks_that_do_something():
    graph = SPACE.graph(SPACE.parse("00102001"))
    assert graph.labels == (
        "input",
        "identity/2",
        "mb3_k3/2",
        "mb6_k5",
        "identity/2",
        "mb3_k3",
        "output",
    )


def test_all_genes_are_in_the_order_of_the_index():
    genes = SPACE.all_genes()
    assert [tuple(row) for row in genes[::500].tolist()] == [
        SPACE.arch(index).genes for index in range(0, 6561, 500)
    ]


def test_eight_digits_are_an_architecture_and_fewer_an_index():
    assert read(SPACE, "22212220").genes == (2, 2, 2, 1, 2, 2, 2, 0)
    assert read(SPACE, "00000012").genes == (0, 0, 0, 0, 0, 0, 1, 2)
    assert read(SPACE, "5") == SPACE.arch(5)


@pytest.mark.parametrize("text", ["", "2221222", "222122201", "22212223", "identity"])
def test_other_texts_are_refused_with_what_would_do(text):
    with pytest.raises(InvalidArchitecture, match="8 digits such as 22212220"):
        SPACE.parse(text)
