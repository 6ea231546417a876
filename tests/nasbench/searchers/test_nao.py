from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nasbench.core import Budget, Candidate, Metric, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.networks.gene_coder import GeneCoder
from nasbench.searchers.nao import Config, Nao
from nasbench.spaces.cell201 import Cell201

SPACE = Cell201()


@pytest.fixture
def problem():
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(SPACE, epochs=(8,), objectives=(accuracy,), budget=Budget(200))


def value(arch):
    """Minus the number of large convolutions as written."""
    return -float(arch.genes.count(3))


def started(problem, **settings):
    searcher = Nao(problem, np.random.default_rng(0), Config(initial=1, **settings))
    archs = SPACE.sample(80, np.random.default_rng(1))
    searcher.tell([Observation(Candidate(a), (value(a),), cost_s=1.0) for a in archs])
    return searcher


def test_steps_go_down_the_slope_of_the_predictor(problem):
    searcher = started(problem, steps=60, seeds=5)
    searcher.ask(2)
    coder, asked = searcher._coder, []
    decode = coder.decode

    def record(latents):
        asked.append(latents)
        return decode(latents)

    coder.decode = record
    list(searcher._steps(coder))
    best = searcher._archive.best(5)
    assert any(SPACE.canonical(arch) != arch for arch in best)  # the coder learned canonical forms
    begin = coder.encode(np.array([SPACE.canonical(arch).genes for arch in best]))
    for eta, latents in zip((0.2, 0.4), asked, strict=False):
        np.testing.assert_allclose(np.linalg.norm(latents - begin, axis=2), eta, rtol=1e-5)
    step = 1e-3 * (asked[0] - begin)
    assert (coder.predict(begin + step) < coder.predict(begin)).all()


def test_later_rounds_go_on_from_the_weights_of_the_one_before(problem, monkeypatch):
    lengths = []
    fit = GeneCoder.fit

    def fitted(self, *data, steps, **settings):
        lengths.append((id(self), steps))
        fit(self, *data, steps=steps, **settings)

    monkeypatch.setattr(GeneCoder, "fit", fitted)
    searcher = started(problem, steps=20, further=3, batch=8)
    for _ in range(3):
        asked = searcher.ask(8)
        searcher.tell([Observation(each, (value(each.arch),), cost_s=1.0) for each in asked])
    (coder,) = {coder for coder, _ in lengths}
    assert [steps for _, steps in lengths] == [20, 3, 3]
    assert coder == id(searcher._coder)


@pytest.mark.slow
def test_what_it_decodes_is_better_than_chance(problem):
    searcher = started(problem, lr=1e-2, trade_off=0.5)
    found = searcher._round()
    assert len({SPACE.canonical(arch) for arch in found}) == 20
    assert np.mean([value(arch) for arch in found]) < -1.8  # of uniform draws it is -1.2


def test_only_what_the_space_contains_is_proposed(problem):
    class Without(Cell201):
        def is_valid(self, arch):
            return super().is_valid(arch) and arch.genes[0] != 3

        def sample(self, n, rng):
            drawn = super().sample(20 * n, rng)
            return [arch for arch in drawn if self.is_valid(arch)][:n]

    searcher = started(dataclasses.replace(problem, space=Without()), steps=60)
    assert all(candidate.arch.genes[0] != 3 for candidate in searcher.ask(21))


@pytest.mark.parametrize(
    "setting", [{"initial": 0}, {"hidden": 0}, {"further": 0}, {"lr": 0.0}, {"trade_off": 1.0}]
)
def test_impossible_settings_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected"):
        Config(**setting)
