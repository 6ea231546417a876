import math
from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from nasbench.core import Candidate
from nasbench.errors import InvalidConfig
from nasbench.searchers.regularized_evolution import Config, RegularizedEvolution


def published(space, rng, loss, size, sample, evaluations):
    """Algorithm 1 of Real et al. (2019), written down from the paper with the same draws."""
    population, history = [], []
    while len(population) < size:
        (arch,) = space.sample(1, rng)
        population.append(arch)
        history.append(arch)
    while len(history) < evaluations:
        drawn = [population[math.floor(u * size)] for u in rng.random(sample)]
        parent = sorted(drawn, key=loss)[0]
        child = space.mutate(parent, rng)
        history.append(child)
        population.append(child)
        population.pop(0)
    return history


@pytest.mark.parametrize(("size", "sample"), [(10, 3), (1, 1), (5, 20)])
def test_it_is_the_published_algorithm(problem, loss, search, size, sample):
    searcher = RegularizedEvolution(problem, np.random.default_rng(7), Config(size, sample))
    expected = published(problem.space, np.random.default_rng(7), loss, size, sample, 150)
    assert search(searcher, 150) == expected


def test_tournaments_select_with_the_probability_of_drawing_with_replacement(make_problem, observe):
    problem = make_problem(2, 10)  # children tell their parent: only the second gene has 10 choices
    size, sample, trials = 4, 2, 4000
    searcher = RegularizedEvolution(problem, np.random.default_rng(0), Config(size, sample))
    searcher.ask(size)
    ranked = [problem.space.arch(index) for index in (0, 1, 2, 3)]
    for rank, member in enumerate(ranked):
        searcher.tell([observe(Candidate(member), float(rank))])
    parents = Counter()
    for candidate in searcher.ask(trials):
        if candidate.arch.genes[0] == 1:  # the first gene mutated, so the second is the parent's
            parents[candidate.arch.genes[1]] += 1
    total = parents.total()
    chances = [
        ((size - r) ** sample - (size - r - 1) ** sample) / size**sample for r in range(size)
    ]
    assert total > 300
    assert chisquare([parents[r] for r in range(size)], np.array(chances) * total).pvalue > 1e-4


def test_the_oldest_dies_however_good_it_is(problem, rng, observe):
    searcher = RegularizedEvolution(problem, rng, Config(population=2, sample=50))
    best, *_ = asked = searcher.ask(2)
    searcher.tell([observe(c, float(i)) for i, c in enumerate(asked)])
    around = problem.space.neighbors(best.arch)
    assert all(c.arch in around for c in searcher.ask(20))
    newcomers = [Candidate(problem.space.arch(index)) for index in (118, 119)]
    searcher.tell([observe(c, 9.0) for c in newcomers])
    around = [n for c in newcomers for n in problem.space.neighbors(c.arch)]
    assert all(c.arch in around for c in searcher.ask(20))


def test_infeasible_members_lose_to_feasible_ones(problem, rng, observe):
    searcher = RegularizedEvolution(problem, rng, Config(population=2, sample=50))
    bad, failed = searcher.ask(2)
    searcher.tell([observe(bad, -100.0, feasible=False), observe(failed, math.inf)])
    around = problem.space.neighbors(failed.arch)
    assert all(c.arch in around for c in searcher.ask(20))


def test_the_first_population_is_completed_before_parents_are_chosen(problem, observe):
    searcher = RegularizedEvolution(problem, np.random.default_rng(2))
    uniform = problem.space.sample
    (first,) = searcher.ask()
    searcher.tell([observe(first, 0.0)])
    drawn = [c.arch for c in searcher.ask(9)]
    twin = np.random.default_rng(2)
    assert [first.arch, *drawn] == [uniform(1, twin)[0] for _ in range(10)]
    assert searcher.ask()[0].arch in problem.space.neighbors(first.arch)


def test_it_goes_on_drawing_while_no_result_has_come_in(problem, rng):
    assert len(RegularizedEvolution(problem, rng).ask(25)) == 25


@pytest.mark.parametrize("setting", [{"population": 0}, {"sample": 0}])
def test_empty_populations_and_samples_are_refused(setting):
    with pytest.raises(InvalidConfig, match="population >= 1 and sample >= 1"):
        Config(**setting)
