from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from nasbench.core import Architecture, Candidate
from nasbench.errors import InvalidArchitecture, UnknownSchedule, WrongSpace
from nasbench.testing.toy import ToyBenchmark, ToySpace


@pytest.fixture
def toy():
    return ToyBenchmark()


def answer(toy, *genes, epochs=None, noise_seed=None):
    candidate = Candidate(Architecture(toy.space.name, genes), epochs)
    return toy.query([candidate], noise_seed=noise_seed)[0]


def test_the_default_space_has_80_classes_in_120_architectures(toy):
    live = [genes for genes in product(*map(range, toy.space.arity)) if genes[0] or not genes[1]]
    genes, columns = toy.rows()
    assert genes.tolist() == [list(row) for row in live]
    assert len(toy.space) == 120
    assert all(len(column) == len(live) == 80 for column in columns.values())


def test_no_two_classes_share_an_accuracy_and_the_best_is_as_documented(toy):
    genes, columns = toy.rows()
    accuracy = columns["valid_accuracy"]
    assert np.diff(np.sort(accuracy)).min() > 1e-6
    assert genes[accuracy.argmax()].tolist() == [1, 2, 3, 2]


def test_twins_have_equal_answers_also_with_noise(toy):
    for seed in None, 3:
        assert answer(toy, 0, 2, 1, 1, noise_seed=seed) == answer(toy, 0, 0, 1, 1, noise_seed=seed)


def test_noise_is_drawn_by_seed_and_class_around_the_mean(toy):
    mean = answer(toy, 1, 1, 1, 1).metrics["valid_accuracy"]
    drawn = [answer(toy, 1, 1, 1, 1, noise_seed=k).metrics["valid_accuracy"] for k in range(300)]
    assert len(set(drawn)) == 300
    assert np.mean(drawn) == pytest.approx(mean, abs=4 * toy.noise / np.sqrt(300))
    assert np.std(drawn) == pytest.approx(toy.noise, rel=0.2)


def test_more_epochs_are_better_and_cost_more(toy):
    curve = [answer(toy, 1, 2, 3, 2, epochs=epochs) for epochs in toy.epochs]
    assert (np.diff([point.metrics["valid_accuracy"] for point in curve]) > 0).all()
    assert (np.diff([point.cost_s for point in curve]) > 0).all()
    assert answer(toy, 1, 2, 3, 2) == curve[-1]


def test_what_is_not_there_is_refused(toy):
    with pytest.raises(UnknownSchedule, match="3-epoch"):
        answer(toy, 0, 0, 0, 0, epochs=3)
    with pytest.raises(InvalidArchitecture):
        answer(toy, 0, 0, 0, 5)
    with pytest.raises(WrongSpace):
        toy.query([Candidate(Architecture("cell201-v1", (0,) * 6))])


def test_a_space_may_have_one_architecture():
    alone = ToyBenchmark(ToySpace((1, 1)))
    arch = alone.space.arch(0)
    assert len(alone.space) == len(alone.rows()[0]) == 1
    assert alone.space.mutate(arch, np.random.default_rng(0)) == arch
    assert alone.space.neighbors(arch) == []
