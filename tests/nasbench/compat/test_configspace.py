import numpy as np
import pytest

from nasbench.compat import configspace
from nasbench.core import Architecture
from nasbench.errors import InvalidArchitecture, MissingExtra
from nasbench.spaces.cell201 import Cell201
from nasbench.spaces.macro import Macro
from nasbench.spaces.size import Size
from nasbench.testing.toy import ToySpace

SPACES = (Cell201(), Macro(), Size(), ToySpace())


class Halved(ToySpace):
    """A space that lacks every architecture whose last gene is 0."""

    def is_valid(self, arch):
        return super().is_valid(arch) and arch.genes[-1] != 0

    def __len__(self):
        return super().__len__() * 4 // 5


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_a_configuration_and_its_architecture_name_each_other(space):
    for arch in space.sample(50, np.random.default_rng(0)):
        assert configspace.architecture(space, configspace.configuration(space, arch)) == arch


def test_hyperparameters_follow_the_edges_of_the_string():
    space = Cell201()
    arch = space.parse(
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"
    )
    words = ["nor_conv_3x3", "none", "skip_connect", "avg_pool_3x3", "none", "nor_conv_1x1"]
    assert list(configspace.configuration(space, arch).values()) == words


def test_sizes_are_named_by_their_channels():
    arch = Size().parse("8:64:16:32:24")
    assert list(configspace.configuration(Size(), arch).values()) == ["8", "64", "16", "32", "24"]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_samples_of_the_configuration_space_are_architectures(space):
    pytest.importorskip("ConfigSpace")
    made = configspace.configuration_space(space, seed=3)
    assert made.estimate_size() == len(space)
    for configuration in made.sample_configuration(30):
        assert space.is_valid(configspace.architecture(space, configuration))


def test_the_seed_decides_the_samples():
    pytest.importorskip("ConfigSpace")
    first, again, other = (
        configspace.configuration_space(Cell201(), seed=seed).sample_configuration(30)
        for seed in (3, 3, 4)
    )
    assert first == again != other


def test_the_space_survives_json(tmp_path):
    found = pytest.importorskip("ConfigSpace").ConfigurationSpace
    made = configspace.configuration_space(Cell201())
    made.to_json(tmp_path / "space.json")
    read = found.from_json(tmp_path / "space.json")
    assert dict(read) == dict(made)
    assert read.name == "cell201-v1"


def test_a_configuration_that_the_space_lacks_is_refused():
    space = Halved()
    absent = configspace.configuration(space, Architecture(space.name, (1, 1, 1, 0)))
    with pytest.raises(InvalidArchitecture, match="does not contain the combination"):
        configspace.architecture(space, absent)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hp_x0": "conv"}, "hp_x0 of cell201-v1 is one of none, skip_connect"),
        ({"hp_x0": 3}, "got 3"),
        ({"hp_x9": "none"}, "a configuration of cell201-v1 has hp_x0, hp_x1"),
    ],
)
def test_a_wrong_configuration_is_named(changes, words):
    space = Cell201()
    configuration = configspace.configuration(space, space.arch(0)) | changes
    with pytest.raises(InvalidArchitecture, match=words):
        configspace.architecture(space, configuration)
    with pytest.raises(InvalidArchitecture, match="got nothing"):
        configspace.architecture(space, {})


def test_without_configspace_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"nasbench-lab\[configspace\]"):
        configspace.configuration_space(ToySpace())
