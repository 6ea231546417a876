from __future__ import annotations

import numpy as np
import pytest

from nasbench.core import Architecture, Budget, Candidate, Metric, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.searchers.darts_surrogate import Config, DartsSurrogate
from nasbench.spaces.cell201 import Cell201

SPACE = Cell201()
ACCURACY = Metric("valid_accuracy", "%", "higher", "valid")
PROBLEM = Problem(SPACE, epochs=(8,), objectives=(ACCURACY,), budget=Budget(200))


def value(arch):
    """Minus the convolutions of 3x3, on the long way counting double."""
    wide = np.array(arch.genes) == 3
    return -float(wide @ np.array([2, 1, 2, 1, 1, 2]))


def seen(archs):
    return [Observation(Candidate(arch), (value(arch),), cost_s=1.0) for arch in archs]


@pytest.fixture
def told():
    config = Config(initial=1, members=1, steps=100)
    searcher = DartsSurrogate(PROBLEM, np.random.default_rng(0), config)
    searcher.tell(seen(map(SPACE.canonical, SPACE.sample(100, np.random.default_rng(1)))))
    searcher.ask(1)  # the draw
    return searcher


@pytest.mark.slow
def test_a_batch_is_what_the_surrogate_ranks_first_and_better_than_what_it_was_told(told):
    batch = [candidate.arch for candidate in told.ask(10)]
    predicted = told._predict(batch)
    assert (np.diff(predicted) >= 0).all()
    assert np.mean([value(arch) for arch in batch]) < np.quantile(
        [rank[1] for rank, _ in told._archive._told.values()], 0.05
    )


def test_no_class_is_proposed_twice(told):
    asked = [candidate.arch for candidate in told.ask(30)]
    assert len({SPACE.canonical(arch) for arch in asked}) == 30


def test_genes_that_the_space_does_not_hold_are_never_proposed(told, monkeypatch):
    class Without(Cell201):
        """No 3x3 convolution, which is what descent wants."""

        def is_valid(self, arch):
            return 3 not in arch.genes

        def mutate(self, arch, rng):
            moved = super().mutate(arch, rng)
            return moved if self.is_valid(moved) else arch

    space = Without()
    monkeypatch.setattr(told, "_space", space)
    monkeypatch.setattr(told._archive, "space", space)
    allowed = [arch for arch in SPACE.sample(60, np.random.default_rng(3)) if space.is_valid(arch)]
    told._archive._told.clear()
    told.tell(seen(allowed))
    told._train()
    assert all(space.is_valid(arch) for arch in told._batch())


def test_where_descent_ends_nowhere_the_best_are_mutated(told, monkeypatch):
    told._train()
    monkeypatch.setattr(told, "_descended", list)
    best = told._archive.best(10)
    for arch in told._batch():
        assert min(sum(map(int.__ne__, arch.genes, other.genes)) for other in best) == 1


def test_it_learns_from_what_it_was_told_and_nothing_else(told):
    told._train()
    liked = told._predict([Architecture(SPACE.name, genes) for genes in ((3,) * 6, (4,) * 6)])
    told._archive._told.clear()
    told.tell(
        Observation(o.candidate, (-o.values[0],), cost_s=1.0)
        for o in seen(SPACE.sample(100, np.random.default_rng(1)))
    )
    told._train()
    disliked = told._predict([Architecture(SPACE.name, genes) for genes in ((3,) * 6, (4,) * 6)])
    assert liked[0] < liked[1]
    assert disliked[0] > disliked[1]


@pytest.mark.parametrize("wrong", [{"restarts": 0}, {"alpha_lr": 0.0}, {"lr": float("inf")}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidConfig, match="expected counts >= 1"):
        Config(**wrong)
