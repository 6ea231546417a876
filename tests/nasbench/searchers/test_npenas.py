from __future__ import annotations

import numpy as np
import pytest

from nasbench.core import Budget, Candidate, Metric, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.searchers.npenas import Config, Npenas
from nasbench.spaces.cell201 import Cell201

SPACE = Cell201()


def seen(arch):
    """Minus the convolutions that are live, the large ones counting more."""
    labels = SPACE.graph(arch).labels
    convs = 2 * labels.count("nor_conv_3x3") + labels.count("nor_conv_1x1")
    return Observation(Candidate(arch), (-float(convs),), cost_s=1.0)


@pytest.fixture
def told():
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    problem = Problem(SPACE, epochs=(8,), objectives=(accuracy,), budget=Budget(200))
    searcher = Npenas(problem, np.random.default_rng(0), Config(initial=1, steps=100))
    searcher.tell([seen(arch) for arch in SPACE.sample(100, np.random.default_rng(1))])
    return searcher


def test_a_batch_are_the_offspring_that_the_predictor_ranks_first(told, monkeypatch):
    told.ask(2)
    found = told._archive.new(SPACE.sample(120, np.random.default_rng(2)), 100)
    monkeypatch.setattr(told._archive, "mutants", lambda parents, n: found)
    nodes = [len(SPACE.graph(arch).labels) for arch in found]
    monkeypatch.setattr(told, "_predict", lambda graphs: [len(g.labels) for g in graphs])
    batch = [nodes[found.index(arch)] for arch in told._batch()]
    assert batch == sorted(nodes)[:10]


def test_offspring_are_one_mutation_from_the_best(told):
    parents = told._archive.best(10)
    for candidate in told.ask(11)[1:]:
        genes = candidate.arch.genes
        assert min(sum(map(int.__ne__, genes, arch.genes)) for arch in parents) == 1


def test_the_predictor_ranks_architectures_that_it_has_not_seen(told):
    told.ask(2)
    others = SPACE.sample(200, np.random.default_rng(2))
    predicted = told._predict([SPACE.graph(arch) for arch in others])
    assert np.corrcoef(predicted, [seen(arch).values[0] for arch in others])[0, 1] > 0.9


def test_operations_that_no_observation_has_are_allowed(told):
    pools = [Candidate(SPACE.arch(int(k))) for k in SPACE.index_of([[4] * 6, [0] * 6, [1] * 6])]
    searcher = told
    searcher._archive._told.clear()
    searcher.tell([seen(candidate.arch) for candidate in pools])
    assert len(searcher.ask(30)) == 30


@pytest.mark.parametrize("setting", [{"initial": 0}, {"offspring": 5}, {"lr": 0.0}, {"steps": 0}])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected"):
        Config(**setting)
