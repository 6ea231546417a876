from __future__ import annotations

import numpy as np
import pytest

from nasbench.core import Budget, Candidate, Metric, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.searchers.vae_bo import Config, VaeBo
from nasbench.spaces.cell201 import Cell201
from nasbench.training.gaussian_process import log_expected_improvement

SPACE = Cell201()


def seen(arch):
    """Minus the convolutions that are live, the large ones counting more."""
    labels = SPACE.graph(arch).labels
    convs = 2 * labels.count("nor_conv_3x3") + labels.count("nor_conv_1x1")
    return Observation(Candidate(arch), (-float(convs),), cost_s=1.0)


@pytest.fixture
def problem():
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(SPACE, epochs=(8,), objectives=(accuracy,), budget=Budget(200))


@pytest.fixture
def told(problem):
    config = Config(initial=1, pool=150, steps=100)
    searcher = VaeBo(problem, np.random.default_rng(0), config)
    searcher.tell([seen(arch) for arch in SPACE.sample(60, np.random.default_rng(1))])
    return searcher


def test_a_batch_has_the_largest_expected_improvement_of_the_pool(told):
    batch = [candidate.arch for candidate in told.ask(6)][1:]
    z = np.array([told._latents[SPACE.canonical(arch)] for arch in told._pool])
    mean, std = told._process.predict(z)
    gain = log_expected_improvement(mean, std, told._lowest)
    found = [gain[told._pool.index(arch)] for arch in batch]
    np.testing.assert_allclose(found, np.sort(gain)[:-6:-1])


def test_the_latent_space_does_not_depend_on_any_evaluation(problem):
    latents = []
    for sign in (1.0, -1.0):
        searcher = VaeBo(problem, np.random.default_rng(0), Config(initial=1, pool=60, steps=10))
        archs = SPACE.sample(30, np.random.default_rng(1))
        values = [sign * seen(arch).values[0] for arch in archs]
        pairs = zip(archs, values, strict=True)
        searcher.tell([Observation(Candidate(a), (value,), cost_s=1.0) for a, value in pairs])
        searcher.ask(2)
        latents.append([searcher._latents[SPACE.canonical(arch)] for arch in archs])
    np.testing.assert_array_equal(*latents)


def test_a_pool_that_is_used_up_is_drawn_again(problem):
    searcher = VaeBo(problem, np.random.default_rng(0), Config(initial=1, pool=7, steps=5))
    archs = [candidate.arch for candidate in searcher.ask(1)]
    searcher.tell([seen(archs[0])])
    archs += [candidate.arch for candidate in searcher.ask(40)]
    assert len({SPACE.canonical(arch) for arch in archs}) == 41


@pytest.mark.parametrize("setting", [{"initial": 0}, {"pool": 0}, {"latent": 0}, {"lr": 0.0}])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected"):
        Config(**setting)
