from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from nasbench.core import Architecture, Candidate
from nasbench.errors import InvalidConfig
from nasbench.harness.statistics import difference_of_means
from nasbench.searchers.genetic import Config, Genetic
from nasbench.testing.toy import ToySpace

STILL = {"crossover": 0.0, "mutation": 0.0}


def tell(searcher, observe, *ranked):
    searcher.tell([observe(Candidate(arch), value) for value, arch in ranked])


def test_parents_win_binary_tournaments(make_problem, observe):
    """Of N sorted parents the k-th wins with probability (2 (N - k) + 1) / N^2, k from 1."""
    problem = make_problem(4, 1000)
    size, trials = 4, 3000
    searcher = Genetic(problem, np.random.default_rng(0), Config(size, **STILL))
    members = [Architecture(problem.space.name, (k, 0)) for k in range(size)]
    searcher._parents, searcher._ranks = members, [(False, float(k)) for k in range(size)]
    drawn = Counter(searcher._child().genes[0] for _ in range(trials))
    chances = [(2 * (size - k) + 1) / size**2 for k in range(1, size + 1)]
    assert chisquare([drawn[k] for k in range(size)], np.array(chances) * trials).pvalue > 1e-4


def test_survivors_win_binary_tournaments_among_parents_and_offspring(make_problem, observe):
    problem = make_problem(20)
    counts, rounds = Counter(), 600
    for seed in range(rounds):
        searcher = Genetic(problem, np.random.default_rng(seed), Config(2, **STILL))
        members = [Architecture(problem.space.name, (k,)) for k in range(4)]
        tell(searcher, observe, (1.0, members[1]), (3.0, members[3]))
        searcher._parents = [members[1], members[3]]  # whoever won among the first two
        searcher._ranks = [(False, 1.0), (False, 3.0)]
        tell(searcher, observe, (2.0, members[2]), (0.0, members[0]))
        counts.update(tuple(arch.genes[0] for arch in searcher._parents)[1:])
    # two winners of four; where none is the best, it replaces the worst, so that the second is
    # the better of the two: P(the lower of both is k) of the others, P(the higher is k) with it
    chance = np.array([7, 5, 3, 1]) / 16
    pairs = np.outer(chance, chance)
    expected = np.zeros(4)
    for a in range(4):
        for b in range(4):
            low, high = sorted((a, b))
            expected[high if low == 0 else low] += pairs[a, b]
    assert chisquare([counts[k] for k in range(4)], expected * rounds).pvalue > 1e-4


def test_the_best_is_never_lost(problem, search):
    searcher = Genetic(problem, np.random.default_rng(3), Config(population=4))
    best = np.inf
    for _ in range(25):
        search(searcher, 4)
        now = searcher._ranks[0][1]
        assert now <= best
        best = now


def test_a_child_takes_each_gene_from_one_of_its_parents(make_problem, observe):
    problem = make_problem(*[9] * 6)
    config = Config(2, crossover=1.0, mutation=0.0)
    searcher = Genetic(problem, np.random.default_rng(0), config)
    zeros, ones = (Architecture(problem.space.name, (k,) * 6) for k in (0, 1))
    searcher._parents, searcher._ranks = [zeros, ones], [(False, 0.0), (False, 1.0)]
    children = [searcher._child().genes for _ in range(200)]
    assert {gene for genes in children for gene in genes} == {0, 1}
    assert len(set(children)) > 20


def test_nothing_is_evaluated_twice_while_there_is_news_close_by(make_problem):
    space = make_problem(9, 9, 9, 9)
    searcher = Genetic(space, np.random.default_rng(0))
    asked = searcher.ask(300)
    assert len({candidate.arch for candidate in asked}) == 300


def test_it_goes_on_with_repeats_when_everything_is_known(make_problem, observe):
    problem = make_problem(2, 2)
    searcher = Genetic(problem, np.random.default_rng(0), Config(population=2))
    for _ in range(50):
        (candidate,) = searcher.ask()
        searcher.tell([observe(candidate, 0.0)])


def test_infeasible_ones_lose_to_feasible_ones(make_problem, observe):
    problem = make_problem(5)
    searcher = Genetic(problem, np.random.default_rng(0), Config(2, **STILL))
    good, bad = (Candidate(problem.space.arch(k)) for k in range(2))
    searcher.tell([observe(bad, -9.0, feasible=False), observe(good, 9.0)])
    assert searcher._parents[0] == good.arch


@pytest.mark.slow
def test_it_beats_random_search_on_the_toy_beyond_the_noise(toy_regrets):
    found, reference = toy_regrets("genetic"), toy_regrets("random-search")
    assert difference_of_means(found, reference).high < 0


@pytest.fixture
def toy_regrets():
    """Final regrets over 30 seeds on a toy space of 4,096 architectures."""
    from nasbench.core import Budget
    from nasbench.harness.run import run
    from nasbench.testing.toy import ToyBenchmark

    toy = ToyBenchmark(ToySpace((4,) * 6), noise=0.0)
    best = toy.rows()[1]["valid_accuracy"].max()

    def measure(name):
        runs = [run(toy, name, seed, budget=Budget(100)) for seed in range(30)]
        return np.array([best + done.trajectory.values.min() for done in runs])

    return measure


@pytest.mark.parametrize("setting", [{"population": 0}, {"crossover": 1.1}, {"mutation": -0.1}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig, match="population >= 1 and crossover and mutation"):
        Config(**setting)
