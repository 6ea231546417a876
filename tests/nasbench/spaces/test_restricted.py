import pickle
from collections import Counter

import numpy as np
import pytest

from nasbench.core import Constraint
from nasbench.errors import InvalidArchitecture, InvalidConfig, UnknownMetric
from nasbench.spaces import restricted
from nasbench.spaces.cell201 import OPS, Cell201
from nasbench.spaces.restricted import Restricted
from nasbench.testing.spaces import SpaceConformance
from nasbench.testing.toy import ToySpace

SKIP = OPS.index("skip_connect")


class TestRestrictedCells(SpaceConformance):
    """Bounds on what all architectures of a class agree in."""

    @pytest.fixture
    def space(self, shallow):
        return shallow


@pytest.fixture(scope="module")
def shallow():
    return Restricted(Cell201(), [Constraint("depth", lower=2), Constraint("operations", 5)])


@pytest.fixture(scope="module")
def no_skips():
    return Restricted(Cell201(), [Constraint("choices[skip_connect]", upper=0)])


def test_the_inside_is_what_the_bounds_say(no_skips):
    """Five operations less one on six edges."""
    assert len(no_skips) == 4**6
    assert all(SKIP not in no_skips.arch(k).genes for k in range(len(no_skips)))


def test_no_move_leads_outside(no_skips, rng):
    outside = Cell201().parse("|skip_connect~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|")
    archs = [*no_skips.sample(50, rng), outside]
    moved = [no_skips.mutate(arch, rng) for arch in archs]
    moved += [no_skips.crossover(a, b, rng) for a in archs for b in archs[-5:]]
    moved += [near for arch in archs for near in no_skips.neighbors(arch)]
    assert all(no_skips.is_valid(arch) and SKIP not in arch.genes for arch in moved)


def test_what_is_outside_is_not_valid_and_has_no_index(no_skips):
    outside = Cell201().arch(1835)  # all skips
    assert not no_skips.is_valid(outside)
    with pytest.raises(InvalidArchitecture, match=r"choices\[skip_connect\] <= 0"):
        no_skips.index(outside)


def test_an_architecture_without_neighbors_inside_stays(rng):
    """Two architectures are left, two genes apart."""
    space = ToySpace((2, 2))
    alone = Restricted(space, [Constraint("choices[1]", lower=0, upper=0)])
    assert len(alone) == 1
    assert alone.mutate(alone.arch(0), rng) == alone.arch(0)
    assert alone.neighbors(alone.arch(0)) == []


def test_nothing_inside_is_refused():
    with pytest.raises(InvalidConfig, match="weaken a bound"):
        Restricted(Cell201(), [Constraint("depth", lower=4)])


def test_a_bound_on_a_metric_is_refused():
    with pytest.raises(UnknownMetric, match="params"):
        Restricted(Cell201(), [Constraint("params", upper=1000)])


def test_it_survives_a_trip_to_another_process(no_skips):
    copy = pickle.loads(pickle.dumps(no_skips))
    assert len(copy) == len(no_skips)
    assert copy.arch(17) == no_skips.arch(17)


class TestTooLargeToList:
    """The same space, drawn from instead of listed."""

    @pytest.fixture
    def space(self, monkeypatch):
        monkeypatch.setattr(restricted, "MAX_LISTED", 10)
        return Restricted(ToySpace((2, 3, 4)), [Constraint("gene[1=2]", upper=0)])

    def test_samples_are_uniform_over_the_inside(self, space, rng):
        counts = Counter(arch.genes for arch in space.sample(4000, rng))
        assert len(counts) == 16
        assert all(genes[1] != 2 for genes in counts)
        expected = 4000 / 16
        chi_square = sum((n - expected) ** 2 / expected for n in counts.values())
        assert chi_square < 37.7  # 0.1 % of the distribution with 15 degrees of freedom

    def test_index_and_length_are_those_of_the_whole(self, space):
        assert len(space) == 24
        assert [space.index(space.arch(k)) for k in range(24)] == list(range(24))

    def test_draws_that_never_succeed_are_refused(self, monkeypatch, rng):
        monkeypatch.setattr(restricted, "MAX_LISTED", 10)
        monkeypatch.setattr(restricted, "MAX_DRAWS", 50)
        none = Restricted(ToySpace((2, 3, 4)), [Constraint("choices[1]", lower=4)])
        with pytest.raises(InvalidConfig, match="of 50 draws"):
            none.sample(1, rng)


def test_the_generator_decides_the_draws(no_skips):
    twice = [no_skips.sample(20, np.random.default_rng(3)) for _ in range(2)]
    assert twice[0] == twice[1]
    assert twice[0] != no_skips.sample(20, np.random.default_rng(4))
