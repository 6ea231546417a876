import itertools
import math

import numpy as np
import pytest

from nasbench.core import Candidate
from nasbench.errors import InvalidConfig
from nasbench.searchers.nsga2 import Config, Nsga2, crowded_order, crowding, fronts


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


def peeled(values):
    """Front numbers, by taking the non-dominated ones away again and again."""
    left, numbers = dict(enumerate(map(tuple, values))), {}
    for number in itertools.takewhile(lambda _: left, itertools.count()):
        front = [i for i, v in left.items() if not any(dominates(w, v) for w in left.values())]
        numbers |= dict.fromkeys(front, number)
        for i in front:
            del left[i]
    return [numbers[i] for i in range(len(values))]


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_fronts_are_those_of_brute_force(objectives, rng):
    values = rng.integers(0, 6, size=(60, objectives)).astype(float)  # with ties and duplicates
    assert fronts(values).tolist() == peeled(values)


def test_crowding_is_the_sum_of_relative_gaps():
    front = np.array([[0.0, 10.0], [1.0, 6.0], [4.0, 5.0], [10.0, 0.0]])
    found = crowding(front, np.zeros(4, dtype=int))
    # by hand: (4 - 0) / 10 + (10 - 5) / 10, and (10 - 1) / 10 + (6 - 0) / 10
    assert found.tolist() == [math.inf, pytest.approx(0.9), pytest.approx(1.5), math.inf]


def test_crowding_of_each_front_is_its_own(rng):
    values, ranks = rng.random((40, 3)), rng.integers(0, 4, 40)
    found = crowding(values, ranks)
    for rank in range(4):
        alone = crowding(values[ranks == rank], np.zeros((ranks == rank).sum(), dtype=int))
        np.testing.assert_array_equal(found[ranks == rank], alone)


def test_crowding_is_that_of_pymoo(rng):
    metrics = pytest.importorskip("pymoo.operators.survival.rank_and_crowding.metrics")
    front = np.sort(rng.random((12, 1)), axis=0) * [1.0, -3.0] + [0.0, 5.0]
    theirs = metrics.calc_crowding_distance(front)  # the mean over the objectives, not the sum
    np.testing.assert_allclose(crowding(front, np.zeros(12, dtype=int)), 2 * theirs)


def test_an_objective_that_is_constant_adds_nothing_to_the_crowding():
    front = np.array([[0.0, 1.0], [1.0, 1.0], [4.0, 1.0]])
    assert crowding(front, np.zeros(3, dtype=int))[1] == pytest.approx(1.0)


@pytest.fixture
def members(problem, observe):
    """Observations with these (values, feasible) pairs."""

    def make(*pairs):
        archs = [Candidate(problem.space.arch(i)) for i in range(len(pairs))]
        return [
            observe(arch, *values, feasible=feasible)
            for arch, (values, feasible) in zip(archs, pairs, strict=True)
        ]

    return make


def test_the_order_is_front_then_crowding(members):
    values = [(0, 10), (1, 6), (4, 5), (10, 0), (5, 6), (11, 11)]
    order = crowded_order(members(*((v, True) for v in values)))
    assert set(order[:2]) == {0, 3}  # the ends
    assert order[2:].tolist() == [2, 1, 4, 5]


def test_feasible_ones_dominate_infeasible_ones_and_finished_ones_failed_ones(members):
    pairs = [((0, 0), False), ((9, 9), True), ((math.inf, -1), True), ((math.inf, -2), False)]
    assert crowded_order(members(*pairs)).tolist() == [1, 2, 0, 3]


def test_a_generation_replaces_the_parents_by_the_best_of_both(problem, members, rng):
    searcher = Nsga2(problem, rng, Config(population=2))
    first, second, third, fourth = members(
        ((5, 5), True), ((1, 9), True), ((4, 4), True), ((9, 1), True)
    )
    searcher.tell([first, second])
    assert set(searcher._parents) == {first, second}
    searcher.tell([third])
    assert set(searcher._parents) == {first, second}  # one child is not a generation
    searcher.tell([fourth])
    assert set(searcher._parents) == {second, fourth}  # the ends; (5, 5) is dominated


def test_the_first_population_is_drawn_as_random_search_draws(problem, rng):
    asked = [candidate.arch for candidate in Nsga2(problem, rng).ask(40)]
    same = np.random.default_rng(0)
    assert asked == [problem.space.sample(1, same)[0] for _ in range(40)]


def test_a_child_is_no_twin_of_what_is_known(problem, observe, rng):
    """The toy has 80 classes among its 120 architectures."""
    searcher, form = Nsga2(problem, rng, Config(population=10)), problem.space.canonical
    first = searcher.ask(10)
    searcher.tell([observe(candidate, k, -k) for k, candidate in enumerate(first)])
    children = [form(candidate.arch) for candidate in searcher.ask(10)]
    assert len(set(children)) == 10
    assert not set(children) & {form(candidate.arch) for candidate in first}


@pytest.mark.parametrize("setting", [{"population": 0}, {"crossover": 1.1}, {"mutation": -0.1}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig, match="population >= 1 and crossover and mutation"):
        Config(**setting)
