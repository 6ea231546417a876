"""Trainers by space, and the training of ordinary modules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Recipe, TaskData
from nasbench.errors import UnknownName
from nasbench.networks.darts import seeded_darts
from nasbench.training.modules import measure_darts, train_darts
from nasbench.training.trainers import modules_of, network_of, spaces_with_networks, trainer_of
from nasbench.training.version import code_version


def small(task):
    data = task.load()
    parts = [
        type(split)(split.x[:n], split.y[:n])
        for split, n in ((data.train, 200), (data.valid, 100), (data.test, 100))
    ]
    return TaskData(data.task, data.input, data.classes, *parts)


@pytest.fixture(scope="module")
def data():
    return small(registry.task("mnist1d"))


def test_a_training_repeats_itself_and_its_seed_decides(data):
    arch = registry.space("darts-v1").sample(1, np.random.default_rng(3))[0]
    recipe = Recipe(channels=4, stages=2, epochs=2, batch_size=50, lr=0.1)
    curves = [train_darts(arch, data, recipe, seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(curves[0].train_loss, curves[1].train_loss)
    np.testing.assert_array_equal(curves[0].test_accuracy, curves[1].test_accuracy)
    assert curves[0].train_loss[0] != curves[2].train_loss[0]
    assert curves[0].train_loss[1] < curves[0].train_loss[0]
    assert not curves[0].diverged
    assert measure_darts(arch, data, recipe, steps=2) > 0


def test_a_training_that_diverges_is_a_result(data):
    arch = registry.space("darts-v1").sample(1, np.random.default_rng(3))[0]
    curve = train_darts(arch, data, Recipe(channels=4, stages=2, epochs=2, lr=1e30), 0)
    assert curve.diverged
    assert np.isnan(curve.train_loss[-1])
    assert curve.test_accuracy[-1] == 10


def test_spaces_have_their_own_trainers():
    assert trainer_of("cell201-v1").train.__module__ == "nasbench.training.train"
    assert trainer_of("darts-v1").train is train_darts
    with pytest.raises(UnknownName, match="macro-v1"):
        trainer_of("macro-v1")
    assert modules_of("macro-v1") == ()


def test_a_trainer_without_networks_is_told_from_one_that_brings_them(monkeypatch):
    assert network_of("darts-v1") is seeded_darts
    bare = replace(trainer_of("darts-v1"), network=None)
    resolve = registry.resolve
    made = {"darts-v1": lambda: bare}
    monkeypatch.setattr(registry, "resolve", lambda g, name: made.get(name) or resolve(g, name))
    assert spaces_with_networks() == ["cell201-v1"]
    with pytest.raises(UnknownName, match="darts-v1"):
        network_of("darts-v1")


def test_the_trainer_of_a_space_counts_as_its_code():
    space = type(registry.space("darts-v1")).__module__
    assert code_version(space) != code_version(space, *modules_of("darts-v1"))
    cells = type(registry.space("cell201-v1")).__module__
    assert code_version(cells) == code_version(cells, *modules_of("cell201-v1"))
