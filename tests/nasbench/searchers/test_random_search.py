import numpy as np
from scipy.stats import chisquare

from nasbench.searchers.random_search import RandomSearch


def test_draws_are_uniform_over_the_space(problem, rng):
    asked = RandomSearch(problem, rng).ask(12_000)
    counts = np.bincount([problem.space.index(c.arch) for c in asked], minlength=120)
    assert chisquare(counts).pvalue > 1e-4


def test_draws_do_not_depend_on_what_is_told(problem, search):
    told = search(RandomSearch(problem, np.random.default_rng(5)), 30)
    silent = RandomSearch(problem, np.random.default_rng(5))
    assert told == [silent.ask()[0].arch for _ in range(30)]


def test_every_candidate_is_trained_in_full(problem, rng):
    assert {c.epochs for c in RandomSearch(problem, rng).ask(5)} == {None}
