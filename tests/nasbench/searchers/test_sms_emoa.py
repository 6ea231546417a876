import math

import numpy as np
import pytest

from nasbench.core import Candidate
from nasbench.errors import InvalidConfig
from nasbench.searchers.sms_emoa import Config, SmsEmoa, contributions, least


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


def test_the_worst_front_loses_its_least_member(members):
    inner = members((0, 10), (1, 9), (5, 5), (10, 0), (6, 11), (11, 6), (8.5, 8.7), (7, 9))
    # the worst front is (6, 11), (7, 9), (8.5, 8.7), (11, 6), between whose ends (7, 9) adds
    # 1.5 * 2 of 5 * 5 and (8.5, 8.7) adds 2.5 * 0.3
    assert least(inner) == 6


def test_infeasible_and_failed_ones_leave_first(members):
    rows = [((9, 9), True), ((0, 0), False), ((math.inf, -1), True)]
    assert least(members(*rows)) == 1
    assert least(members(*rows[:1], rows[2])) == 1


def test_a_single_objective_loses_its_worst_value(members):
    assert least(members((3.0,), (7.0,), (1.0,))) == 1


def test_of_equal_members_one_leaves(members):
    assert least(members((1.0, 2.0), (1.0, 2.0), (1.0, 2.0))) in range(3)


def test_the_population_keeps_its_size(problem, rng, members):
    searcher = SmsEmoa(problem, rng, Config(population=3))
    searcher.tell(members((1, 5), (5, 1), (3, 3), (4, 4)))
    assert [seen.values for seen in searcher._population] == [(1, 5), (5, 1), (3, 3)]


def test_its_front_is_never_worse_than_before(problem, rng, observe):
    """Two objectives: what was dominated once stays dominated."""
    searcher = SmsEmoa(problem, rng, Config(population=8))
    corner, before = np.array([10.0, 10.0]), 0.0
    for _ in range(80):
        (candidate,) = searcher.ask()
        genes = candidate.arch.genes
        searcher.tell([observe(candidate, 9.0 - sum(genes), float(genes[0] + 2 * genes[3]))])
        now = volume(np.array([seen.values for seen in searcher._population]), corner)
        assert now >= before
        before = now


def test_the_first_population_is_drawn_as_random_search_draws(problem, rng):
    asked = [candidate.arch for candidate in SmsEmoa(problem, rng).ask(40)]
    same = np.random.default_rng(0)
    assert asked == [problem.space.sample(1, same)[0] for _ in range(40)]


def test_a_child_is_no_twin_of_what_is_known(problem, observe, rng):
    """The toy has 80 classes among its 120 architectures."""
    searcher, form = SmsEmoa(problem, rng, Config(population=10)), problem.space.canonical
    first = searcher.ask(10)
    searcher.tell([observe(candidate, k, -k) for k, candidate in enumerate(first)])
    children = [form(candidate.arch) for candidate in searcher.ask(10)]
    assert len(set(children)) == 10
    assert not set(children) & {form(candidate.arch) for candidate in first}


@pytest.mark.parametrize("setting", [{"population": 0}, {"crossover": 1.1}, {"mutation": -0.1}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig, match="population >= 1 and crossover and mutation"):
        Config(**setting)
