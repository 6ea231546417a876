import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Architecture
from nasbench.errors import InvalidArchitecture
from nasbench.spaces.size import CHANNELS, Size

SPACE = Size()


def test_it_has_every_choice_of_five_of_eight_channel_counts():
    assert len(SPACE) == 32_768 == 8**5
    assert CHANNELS == (8, 16, 24, 32, 40, 48, 56, 64)
    assert registry.space("size-v1").name == SPACE.name


@pytest.mark.parametrize(
    ("index", "text"),
    [(0, "8:8:8:8:8"), (1, "8:8:8:8:16"), (8, "8:8:8:16:8"), (32_767, "64:64:64:64:64")],
)
def test_strings_and_indices_are_those_of_nats_bench(index, text):
    assert SPACE.format(SPACE.arch(index)) == text
    assert SPACE.index(SPACE.parse(text)) == index


def test_all_genes_are_in_the_order_of_the_index():
    genes = SPACE.all_genes()
    assert genes.shape == (32_768, 5)
    for index in (0, 1, 777, 32_767):
        assert SPACE.arch(index).genes == tuple(genes[index])


def test_every_architecture_is_a_class_of_its_own():
    arch = SPACE.parse("8:16:24:32:64")
    assert SPACE.canonical(arch) == arch
    assert SPACE.class_size(arch) == 1
    assert len(np.unique(SPACE.classes())) == len(SPACE.representatives()) == len(SPACE)
    assert SPACE.graph(arch).labels[1:3] == ("8 channels", "16 channels")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("8:16:24:32", "4 numbers"),
        ("8:16:24:32:64:8", "6 numbers"),
        ("8:16:24:32:65", "'65'"),
        ("8,16,24,32,64", "'8,16,24,32,64'"),
        ("8:16:24:32:+64", r"'\+64'"),
    ],
)
def test_malformed_strings_are_refused_with_the_reason(text, why):
    with pytest.raises(InvalidArchitecture, match=rf"it has {why}.*such as 8:16:24:32:64"):
        SPACE.parse(text)


def test_genes_beyond_the_channels_are_refused():
    with pytest.raises(InvalidArchitecture):
        SPACE.format(Architecture("size-v1", (0, 0, 0, 0, 8)))
