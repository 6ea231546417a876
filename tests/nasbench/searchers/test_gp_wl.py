from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import PairwiseKernel

from nasbench.core import Budget, Candidate, Metric, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.searchers.gp_wl import Config, GpWl
from nasbench.spaces.cell201 import Cell201

SPACE = Cell201()


@pytest.fixture
def problem():
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(SPACE, epochs=(8,), objectives=(accuracy,), budget=Budget(200))


def seen(arch):
    """Minus the convolutions that are live, the large ones counting more."""
    labels = SPACE.graph(arch).labels
    convs = 2 * labels.count("nor_conv_3x3") + labels.count("nor_conv_1x1")
    return Observation(Candidate(arch), (-float(convs),), cost_s=1.0)


@pytest.fixture
def told(problem):
    searcher = GpWl(problem, np.random.default_rng(0), Config(initial=1, pool=60))
    searcher.tell([seen(arch) for arch in SPACE.sample(60, np.random.default_rng(1))])
    return searcher


def test_a_batch_has_the_largest_expected_improvement_of_the_pool(told, monkeypatch):
    told.ask(2)  # one draw, and a fit
    pool = told._archive.new(SPACE.sample(80, np.random.default_rng(5)), 60)
    monkeypatch.setattr(told._archive, "mutants", lambda parents, n: pool[:30])
    monkeypatch.setattr(told._archive, "draws", lambda n: pool[30:])
    batch = told._batch()
    process, y = told._process, told._y
    features = told._subtrees.counts(
        [told._found(SPACE.canonical(a)) for a in (*told._archive._told, *pool)], told._h
    ).toarray()
    data, new = features[: len(y)], features[len(y) :]
    kernel = PairwiseKernel(metric="cosine")
    other = GaussianProcessRegressor(kernel, alpha=process.noise, optimizer=None)
    other.fit(data, y - y.mean())
    mean, std = other.predict(new, return_std=True)
    mean, std = mean + y.mean(), std * np.sqrt(process.variance)
    z = (y.min() - mean) / std
    gain = std * (norm.pdf(z) + z * norm.cdf(z))
    found = [gain[pool.index(arch)] for arch in batch]
    np.testing.assert_allclose(found, np.sort(gain)[:-6:-1], rtol=1e-5)


def test_the_level_has_the_largest_likelihood(told):
    from nasbench.spaces.subtrees import similarity
    from nasbench.training.gaussian_process import GaussianProcess

    told.ask(2)
    found = [told._found(arch) for arch in told._archive._told]
    likelihoods = []
    for h in range(3):
        counts = told._subtrees.counts(found, h)
        likelihoods.append(GaussianProcess(similarity(counts, counts), told._y).log_likelihood)
    assert told._h == int(np.argmax(likelihoods))
    assert told._process.log_likelihood == pytest.approx(max(likelihoods))


def test_half_of_the_pool_are_mutants_of_the_best(told, monkeypatch):
    asked = {}
    mutants, draws = told._archive.mutants, told._archive.draws

    def count_mutants(parents, n):
        asked["parents"], asked["mutants"] = parents, n
        return mutants(parents, n)

    def count_draws(n):
        asked["draws"] = n
        return draws(n)

    told.ask(1)
    monkeypatch.setattr(told._archive, "mutants", count_mutants)
    monkeypatch.setattr(told._archive, "draws", count_draws)
    told._batch()
    assert asked == {"parents": told._archive.best(10), "mutants": 30, "draws": 30}


def test_the_process_ranks_architectures_that_it_has_not_seen(told):
    from nasbench.spaces.subtrees import similarity

    told.ask(2)
    others = SPACE.sample(200, np.random.default_rng(2))
    counts = told._subtrees.counts([told._found(SPACE.canonical(a)) for a in others], told._h)
    data = told._subtrees.counts(told._data, told._h)
    mean, _ = told._process.predict(similarity(counts, data), np.ones(200))
    assert np.corrcoef(mean, [seen(arch).values[0] for arch in others])[0, 1] > 0.9


def test_it_finds_the_optimum_of_six_large_convolutions(problem):
    searcher, found = GpWl(problem, np.random.default_rng(0), Config(initial=10)), []
    for _ in range(14):
        observed = [seen(candidate.arch) for candidate in searcher.ask(5)]
        searcher.tell(observed)
        found += [each.values[0] for each in observed]
    assert min(found) == -12  # 1 of 15,625 strings


@pytest.mark.parametrize(
    "setting", [{"initial": 0}, {"batch": 0}, {"depth": -1}, {"pool": 1}, {"pool": 4}]
)
def test_impossible_settings_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected"):
        Config(**setting)
