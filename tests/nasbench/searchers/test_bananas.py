from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nasbench.core import Budget, Candidate, Metric, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.searchers.bananas import Bananas, Config
from nasbench.spaces.cell201 import Cell201
from nasbench.spaces.paths import paths
from nasbench.testing.toy import ToySpace

SPACE = Cell201()


@pytest.fixture
def cells():
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(SPACE, epochs=(8,), objectives=(accuracy,), budget=Budget(200))


def value(arch):
    """Minus the number of paths with a convolution: what path features can tell."""
    found = paths(SPACE.graph(arch))
    return -float(sum(any("conv" in label for label in path) for path in found))


def seen(arch, of=value):
    return Observation(Candidate(arch), (of(arch),), cost_s=1.0)


def test_a_batch_holds_the_lowest_predictions_of_a_sure_ensemble(cells):
    class Sure:
        """Members that agree on minus the number of paths."""

        def __call__(self, x):
            return np.repeat(-x.sum(axis=1)[None], 3, axis=0)

    searcher = Bananas(cells, np.random.default_rng(0), Config(initial=1))
    searcher.tell([seen(arch) for arch in SPACE.sample(100, np.random.default_rng(1))])
    searcher.ask(11)  # trains
    searcher._ensemble = Sure()
    searcher._archive._queue.clear()
    found = searcher._archive.new(SPACE.sample(120, np.random.default_rng(2)), 100)
    searcher._archive.mutants = lambda parents, n, *, most: found
    lengths = [len(paths(SPACE.graph(arch)) & set(searcher._columns)) for arch in found]
    batch = [lengths[found.index(candidate.arch)] for candidate in searcher.ask(10)]
    assert batch == sorted(lengths, reverse=True)[:10]


def test_thompson_samples_have_the_mean_and_spread_of_the_ensemble(cells):
    class Two:
        """Members that disagree by a lot on half of the candidates."""

        def __call__(self, x):
            unsure = np.arange(len(x)) % 2
            return np.stack([-100.0 * unsure, 100.0 * unsure])

    searcher = Bananas(cells, np.random.default_rng(0), Config(initial=1))
    searcher.tell([seen(arch) for arch in SPACE.sample(100, np.random.default_rng(1))])
    searcher.ask(11)
    searcher._ensemble, picked = Two(), []
    found = SPACE.sample(100, np.random.default_rng(2))
    searcher._archive.mutants = lambda parents, n, *, most: found
    for _ in range(50):
        picked += [found.index(arch) % 2 for arch in searcher._batch()]
    assert np.mean(picked) == 1.0  # lowest of Normal(0, 100^2), never of Normal(0, 0)


def test_candidates_are_at_most_two_mutations_from_the_best(cells):
    searcher = Bananas(cells, np.random.default_rng(0), Config(initial=1, incumbents=2))
    archs = SPACE.sample(100, np.random.default_rng(1))
    searcher.tell([seen(arch) for arch in archs])
    best = searcher._archive.best(2)
    for candidate in searcher.ask(11)[1:]:
        genes = candidate.arch.genes
        assert min(sum(map(int.__ne__, genes, arch.genes)) for arch in best) <= 2


def test_the_ensemble_ranks_architectures_that_it_has_not_seen(cells):
    searcher = Bananas(cells, np.random.default_rng(0), Config(initial=1))
    searcher.tell([seen(arch) for arch in SPACE.sample(150, np.random.default_rng(1))])
    searcher.ask(2)
    others = [SPACE.canonical(arch) for arch in SPACE.sample(300, np.random.default_rng(2))]
    predicted = searcher._ensemble(searcher._encode(others)).mean(axis=0)
    assert np.corrcoef(predicted, [value(arch) for arch in others])[0, 1] > 0.9


def test_in_a_space_of_chains_the_genes_are_encoded(cells):
    space = ToySpace()
    problem = dataclasses.replace(cells, space=space)
    searcher = Bananas(problem, np.random.default_rng(0), Config(initial=1))
    archs = space.sample(60, np.random.default_rng(1))
    searcher.tell([seen(arch, lambda arch: -float(sum(arch.genes))) for arch in archs])
    searcher.ask(2)
    np.testing.assert_array_equal(searcher._encode(archs), space.encode(archs))


@pytest.mark.slow
def test_it_finds_the_optimum_long_before_chance_would(cells):
    best = min(value(SPACE.arch(k)) for k in range(0, len(SPACE), 3))
    searcher, found = Bananas(cells, np.random.default_rng(0)), []
    for _ in range(12):
        told = [seen(candidate.arch) for candidate in searcher.ask(10)]
        searcher.tell(told)
        found += [each.values[0] for each in told]
    assert min(found) <= best
    # Several paths must agree: of 10 uniform draws the best is far from it.
    assert min(found[:10]) > best


@pytest.mark.parametrize(
    "setting", [{"initial": 0}, {"members": 1}, {"candidates": 5}, {"lr": 0.0}, {"steps": 0}]
)
def test_impossible_settings_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected"):
        Config(**setting)
