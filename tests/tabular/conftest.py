import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # worker processes import the fakes by name

import fakes


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory):
    """A complete table of the toy space with three repeats."""
    path = tmp_path_factory.mktemp("toy") / "toy.h5"
    fakes.build(path, seeds=(0, 1, 2))
    return path


@pytest.fixture
def toy(toy_file):
    from tabular.hdf5 import open_table

    return open_table(toy_file, fakes.SPACE)
