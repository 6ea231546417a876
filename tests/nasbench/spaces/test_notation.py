"""Architectures as people type them."""

import pytest

from nasbench.errors import InvalidArchitecture
from nasbench.spaces.cell201 import Cell201
from nasbench.spaces.darts import DartsCells
from nasbench.spaces.macro import Macro
from nasbench.spaces.notation import read
from nasbench.testing.toy import ToySpace

RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"


@pytest.mark.parametrize(
    "text", ["11472", " 11472 ", "3,0,3,1,0,1", "3, 0, 3, 1, 0, 1", "(3,0,3,1,0,1)", RESNET]
)
def test_index_genes_and_string_mean_the_same_cell(text):
    assert read(Cell201(), text).genes == (3, 0, 3, 1, 0, 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("15625", "0 to 15624"),
        ("-1", "0 to 15624"),
        ("1,2,3", "six genes"),
        ("0,0,0,0,0,5", "from 0 to 4"),
        ("0,0,0,0,0,-1", "from 0 to 4"),
        ("0.5", "index from 0 to 15624 or 6 genes"),
        ("", "index from 0 to 15624 or 6 genes"),
    ],
)
def test_anything_else_is_refused_with_what_would_do(text, complaint):
    with pytest.raises(InvalidArchitecture, match=complaint):
        read(Cell201(), text)


def test_a_string_of_another_space_is_told_from_a_misspelt_one():
    with pytest.raises(InvalidArchitecture, match="of cell201-v1, got one of size-v1, '8:16"):
        read(Cell201(), "8:16:24:32:64")
    genotype = DartsCells().format(DartsCells().arch(0))
    with pytest.raises(InvalidArchitecture, match=r"darts-v1, .*: name that space, or a benchmark"):
        read(Cell201(), genotype)


def test_any_space_can_be_read_from():
    assert read(ToySpace(), "1-2-3-4") == read(ToySpace(), "1,2,3,4") == read(ToySpace(), "119")


def test_digits_that_are_a_string_of_the_space_are_read_as_that():
    assert read(Macro(), "22212220").genes == (2, 2, 2, 1, 2, 2, 2, 0)
    assert read(Macro(), "6560").genes == (2,) * 8
