import math
from dataclasses import replace

import numpy as np
import pytest

from nasbench.core import Candidate, Metric
from nasbench.errors import InvalidConfig
from nasbench.searchers.nsga2 import fronts
from nasbench.searchers.sms_emoa import Cloud, Config, SmsEmoa, Staircases, contributions


@pytest.fixture
def two(problem):
    """The toy problem with a second objective."""
    params = Metric("params", "", "lower", "static")
    return replace(problem, objectives=(*problem.objectives, params))


def population(searcher):
    """Of the members alive, in their places."""
    places = enumerate(searcher._places)
    return [arch for place, arch in places if place != searcher._free]


def least(seen, ranked=Staircases):
    """The place that the least of these leaves."""
    alive = ranked()
    for place, one in enumerate(seen):
        alive.add(one, place)
    return alive.pop_least()


@pytest.fixture
def members(problem, observe):
    """Feasible observations with these values, or pairs of values and feasibility."""

    def make(*rows):
        pairs = [row if isinstance(row[0], tuple) else (row, True) for row in rows]
        archs = [Candidate(problem.space.arch(i)) for i in range(len(pairs))]
        return [
            observe(arch, *values, feasible=feasible)
            for arch, (values, feasible) in zip(archs, pairs, strict=True)
        ]

    return make


def volume(points, corner):
    """What points dominate below the corner, by adding up the cells of their grid."""
    axes = [np.append(np.unique(axis), end) for axis, end in zip(points.T, corner, strict=True)]
    total = 0.0
    for cell in np.ndindex(*(len(axis) - 1 for axis in axes)):
        low = np.array([axis[i] for axis, i in zip(axes, cell, strict=True)])
        high = np.array([axis[i + 1] for axis, i in zip(axes, cell, strict=True)])
        total += np.prod(high - low) * (points <= low).all(axis=1).any()
    return total


def test_contributions_are_what_the_grid_loses(rng):
    """Three objectives, scaled to the unit cube, reference point (2, 2, 2)."""
    front = rng.dirichlet((1, 1, 1), 7) * [1, 10, 1000]  # on a plane: none dominates another
    unit = (front - front.min(axis=0)) / np.ptp(front, axis=0)
    whole = volume(unit, np.full(3, 2.0))
    lost = [whole - volume(np.delete(unit, i, axis=0), np.full(3, 2.0)) for i in range(7)]
    np.testing.assert_allclose(contributions(front), lost)


def test_two_objectives_keep_the_ends():
    front = np.array([[0.0, 10.0], [0.001, 9.9], [5.0, 5.0], [10.0, 0.0]])
    lost = contributions(front)
    assert np.isinf(lost[[0, 3]]).all()
    # by hand, scaled: (0.5 - 0.0001) * (1 - 0.99) and (1 - 0.5) * (0.99 - 0.5)
    np.testing.assert_allclose(lost[1:3], [0.4999 * 0.01, 0.5 * 0.49])


@pytest.mark.parametrize("ranked", [Staircases, Cloud])
def test_the_worst_front_loses_its_least_member(members, ranked):
    inner = members((0, 10), (1, 9), (5, 5), (10, 0), (6, 11), (11, 6), (8.5, 8.7), (7, 9))
    # the worst front is (6, 11), (7, 9), (8.5, 8.7), (11, 6), between whose ends (7, 9) adds
    # 1.5 * 2 of 5 * 5 and (8.5, 8.7) adds 2.5 * 0.3
    assert least(inner, ranked) == 6


@pytest.mark.parametrize("ranked", [Staircases, Cloud])
def test_infeasible_and_failed_ones_leave_first(members, ranked):
    rows = [((9, 9), True), ((0, 0), False), ((math.inf, -1), True)]
    assert least(members(*rows), ranked) == 1
    assert least(members(*rows[:1], rows[2]), ranked) == 1


def test_a_single_objective_loses_its_worst_value(members):
    assert least(members((3.0,), (7.0,), (1.0,))) == 1


@pytest.mark.parametrize("ranked", [Staircases, Cloud])
def test_of_equal_members_one_leaves(members, ranked):
    assert least(members((1.0, 2.0), (1.0, 2.0), (1.0, 2.0)), ranked) in range(3)


def test_the_older_end_of_a_front_of_two_leaves(members):
    assert least(members((0, 0), (2, 1), (1, 2))) == 1
    assert least(members((0, 0), (1, 2), (2, 1))) == 1


def test_staircases_are_the_fronts_of_all_that_is_alive(rng, observe, problem):
    """Small whole numbers, so that there are twins and ties in one objective."""
    candidate = Candidate(problem.space.arch(0))
    ranked, alive, births = Staircases(), {}, 0
    for step in range(3000):
        if len(alive) < 30 or (len(alive) < 50 and rng.random() < 0.5):
            alive[births] = tuple(rng.integers(0, 12, 2).tolist())
            ranked.add(observe(candidate, *alive[births]), births)
            births += 1
        else:
            gone = ranked.pop_least()
            worst = fronts(np.array([*alive.values()], float))
            assert worst[[*alive].index(gone)] == worst.max(), step
            del alive[gone]
        ranks = fronts(np.array([*alive.values()], float))
        found = ranked._kinds[0]
        assert [{place for *_, place in front} for front in found] == [
            {place for place, rank in zip(alive, ranks, strict=True) if rank == front}
            for front in range(len(found))
        ]


def test_of_a_front_the_one_who_adds_least_leaves_also_among_twins(rng, observe, problem):
    candidate = Candidate(problem.space.arch(0))
    ranked, twins = Staircases(), 0
    for birth in range(2000):
        ranked.add(observe(candidate, *rng.integers(0, 12, 2).tolist()), birth)
        front = list(ranked._kinds[0][-1])
        gone = ranked.pop_least() if birth >= 20 else None
        if gone is not None and len(front) > 2:
            lost = {
                member[3]: (after[0] - member[0]) * (before[1] - member[1])
                for before, member, after in zip(front, front[1:], front[2:], strict=False)
            }
            assert lost[gone] == min(lost.values())
            twins += lost[gone] == 0
    assert twins > 20


def test_both_rankings_lose_the_same_members(rng, observe, problem):
    """Different values, so that nothing is decided by who is older; fronts of two are left out."""
    candidate = Candidate(problem.space.arch(0))
    for _ in range(300):
        values = rng.random((12, 2))
        ranks = fronts(values)
        if (ranks == ranks.max()).sum() > 2:
            seen = [observe(candidate, *row) for row in values.tolist()]
            assert least(seen, Staircases) == least(seen, Cloud)


def test_the_population_keeps_its_size(two, rng, members):
    searcher = SmsEmoa(two, rng, Config(population=3))
    seen = members((1, 5), (5, 1), (3, 3), (4, 4))
    searcher.tell(seen)
    assert population(searcher) == [one.candidate.arch for one in seen[:3]]


def test_three_objectives_are_searched(problem, rng, observe):
    extra = (Metric("params", "", "lower", "static"), Metric("macs", "", "lower", "static"))
    many = replace(problem, objectives=(*problem.objectives, *extra))
    searcher, values = SmsEmoa(many, rng, Config(population=6)), {}
    for _ in range(60):
        (candidate,) = searcher.ask()
        genes = candidate.arch.genes
        values[candidate.arch] = (9.0 - sum(genes), float(genes[0]), float(genes[3]))
        searcher.tell([observe(candidate, *values[candidate.arch])])
    alive = np.array([values[arch] for arch in population(searcher)])
    assert len(alive) == 6
    assert (fronts(alive) == 0).all()


def test_its_front_is_never_worse_than_before(two, rng, observe):
    """Two objectives: what was dominated once stays dominated."""
    searcher = SmsEmoa(two, rng, Config(population=8))
    corner, before, values = np.array([10.0, 10.0]), 0.0, {}
    for _ in range(80):
        (candidate,) = searcher.ask()
        genes = candidate.arch.genes
        values[candidate.arch] = (9.0 - sum(genes), float(genes[0] + 2 * genes[3]))
        searcher.tell([observe(candidate, *values[candidate.arch])])
        now = volume(np.array([values[arch] for arch in population(searcher)]), corner)
        assert now >= before
        before = now


def test_the_first_population_is_drawn_as_random_search_draws(problem, rng):
    asked = [candidate.arch for candidate in SmsEmoa(problem, rng).ask(40)]
    same = np.random.default_rng(0)
    assert asked == [problem.space.sample(1, same)[0] for _ in range(40)]


def test_a_child_is_no_twin_of_what_is_known(two, observe, rng):
    """The toy has 80 classes among its 120 architectures."""
    searcher, form = SmsEmoa(two, rng, Config(population=10)), two.space.canonical
    first = searcher.ask(10)
    searcher.tell([observe(candidate, k, -k) for k, candidate in enumerate(first)])
    children = [form(candidate.arch) for candidate in searcher.ask(10)]
    assert len(set(children)) == 10
    assert not set(children) & {form(candidate.arch) for candidate in first}


@pytest.mark.parametrize("setting", [{"population": 0}, {"crossover": 1.1}, {"mutation": -0.1}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig, match="population >= 1 and crossover and mutation"):
        Config(**setting)
