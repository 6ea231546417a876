from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from nasbench.core import Budget
from nasbench.errors import InvalidConfig
from nasbench.harness.run import run
from nasbench.searchers.hyperband import Config, Hyperband
from nasbench.testing.toy import ToyBenchmark

TABLE_1 = [
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    [(34, 3), (11, 9), (3, 27), (1, 81)],
    [(15, 9), (5, 27), (1, 81)],
    [(8, 27), (2, 81)],
    [(5, 81)],
]
"""(n_i, r_i) of the brackets s = 4, ..., 0 for R = 81 and eta = 3, in Li et al. (JMLR 2018)."""


def lengths_of(searcher, problem, observe, evaluations):
    """Epochs of what is asked for, in order; every value is 0."""
    found = []
    for _ in range(evaluations):
        (candidate,) = searcher.ask()
        found.append(candidate.epochs)
        searcher.tell([observe(candidate, 0.0)])
    return found


@pytest.mark.parametrize(
    ("epochs", "eta", "brackets"),
    [
        (tuple(range(1, 82)), 3, TABLE_1),
        ((1, 2, 3, 4, 5, 6), 3, [[(3, 2), (1, 6)], [(2, 6)]]),
        ((1, 2, 3, 4, 5, 6), 2, [[(4, 1), (2, 3), (1, 6)], [(3, 3), (1, 6)], [(3, 6)]]),
        ((8,), 3, [[(1, 8)]]),
    ],
)
def test_the_brackets_are_those_of_the_paper(problem, rng, observe, epochs, eta, brackets):
    problem = dataclasses.replace(problem, epochs=epochs)
    expected = [r for bracket in brackets for n, r in bracket for _ in range(n)]
    searcher = Hyperband(problem, rng, Config(eta))
    assert lengths_of(searcher, problem, observe, 2 * len(expected)) == 2 * expected


def test_brackets_start_from_the_same_draws_as_random_search():
    toy = ToyBenchmark()
    made = run(toy, Hyperband, 5, budget=Budget(40), config={"eta": 9}).trajectory  # one rung
    drawn = run(toy, "random-search", 5, budget=Budget(40)).trajectory
    assert made.genes.tolist() == drawn.genes.tolist()
    assert set(made.epochs.tolist()) == {8}


def test_those_trained_in_full_are_better_than_draws_where_lengths_agree():
    toy = ToyBenchmark(noise=0.0)  # its short trainings rank like its long ones
    made = run(toy, Hyperband, 1, budget=Budget(600), config={"eta": 2}).trajectory
    full = made.values[made.epochs == 8, 0]
    draws = run(toy, "random-search", 1, budget=Budget(300)).trajectory.values[:, 0]
    assert np.median(full) < np.quantile(draws, 0.35)


def test_with_workers_every_bracket_is_completed():
    toy = ToyBenchmark()
    made = run(toy, Hyperband, 2, budget=Budget(500), workers=4, config={"eta": 2}).trajectory
    counts = Counter(made.epochs.tolist())
    # a round is 8+4+2+1, 6+3+1, 4+2, 4 trainings: of 1, 2, 4, 8 epochs 8, 10, 9, 8
    assert [counts[r] / counts[1] for r in (2, 4, 8)] == pytest.approx([10 / 8, 9 / 8, 1], rel=0.2)


def test_an_eta_below_two_is_refused():
    with pytest.raises(InvalidConfig, match="eta >= 2"):
        Config(eta=1)
