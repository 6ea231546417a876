from __future__ import annotations

import math

import numpy as np
import pytest

from nasbench.core import Architecture, Budget, Candidate, Run, Trajectory
from nasbench.harness.trajectory import (
    candidate_at,
    final_position,
    incumbent_positions,
    incumbents,
    regret,
    steps_at,
)


def make(values, feasible=None, spent_s=None, epochs=8):
    n = len(values)
    return Trajectory(
        genes=np.arange(2 * n, dtype=np.int16).reshape(n, 2),
        epochs=np.broadcast_to(np.array(epochs, dtype=np.int32), n),
        values=np.array(values, dtype=float).reshape(n, -1) if n else np.zeros((0, 1)),
        feasible=np.ones(n, dtype=bool) if feasible is None else np.array(feasible, dtype=bool),
        spent_s=np.arange(1.0, n + 1) if spent_s is None else np.array(spent_s, dtype=float),
        overhead_s=np.zeros(n),
    )


def make_run(trajectory):
    setting = ("toy", None, "space-v1", "s", {}, ("valid_loss",), (), 0, None, 1, Budget(99))
    return Run(*setting, trajectory)


def takes_over(trajectory, new, old):
    """Whether an evaluation replaces an incumbent, rule by rule."""
    values, epochs = trajectory.values[:, 0], trajectory.epochs
    if math.isinf(values[new]) != math.isinf(values[old]):
        return math.isinf(values[old])
    if epochs[new] != epochs[old]:
        return epochs[new] > epochs[old]
    return values[new] < values[old]


def walked(trajectory):
    """(value, position) of the incumbent after each evaluation, one evaluation at a time."""
    where, found = -1, []
    for i, feasible in enumerate(trajectory.feasible):
        if feasible and (where < 0 or takes_over(trajectory, i, where)):
            where = i
        found.append((math.inf if where < 0 else trajectory.values[where, 0], where))
    return found


@pytest.mark.parametrize("lengths", [[8], [1, 2, 8]])
@pytest.mark.parametrize("seed", range(20))
def test_incumbents_are_those_of_a_walk_along_the_evaluations(seed, lengths):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 12, size=40).astype(float)
    values[rng.random(40) < 0.3] = math.inf
    epochs = rng.choice(lengths, size=40)
    trajectory = make(values, feasible=rng.random(40) < 0.4, epochs=epochs)
    expected = walked(trajectory)
    assert incumbents(trajectory).tolist() == [value for value, _ in expected]
    assert incumbent_positions(trajectory).tolist() == [where for _, where in expected]


def test_of_equal_values_the_earlier_one_stays_the_incumbent():
    assert incumbent_positions(make([2.0, 1.0, 1.0, 3.0])).tolist() == [0, 1, 1, 1]


def test_a_feasible_failed_training_is_an_incumbent_until_something_is_better():
    trajectory = make([1.0, math.inf, 5.0], feasible=[False, True, True])
    assert incumbent_positions(trajectory).tolist() == [-1, 1, 2]


def test_a_short_trainings_value_never_beats_that_of_a_longer_one():
    trajectory = make([3.0, 9.0, 1.0, 8.0], epochs=[1, 8, 1, 8])
    assert incumbent_positions(trajectory).tolist() == [0, 1, 1, 3]
    assert incumbents(trajectory).tolist() == [3.0, 9.0, 9.0, 8.0]


def test_a_short_training_is_the_incumbent_while_every_longer_one_failed_or_is_infeasible():
    values, feasible = [3.0, math.inf, 0.0, 2.0], [True, True, False, True]
    trajectory = make(values, feasible, epochs=[1, 8, 8, 1])
    assert incumbent_positions(trajectory).tolist() == [0, 0, 0, 3]


def test_only_the_first_objective_chooses_the_incumbent():
    assert incumbent_positions(make([[2.0, 0.0], [1.0, 9.0], [3.0, -9.0]])).tolist() == [0, 1, 1]


def test_the_recommended_evaluation_is_a_candidate_of_the_runs_space():
    run = make_run(make([3.0, 1.0, 2.0]))
    position = final_position(run.trajectory)
    assert candidate_at(run, position) == Candidate(Architecture("space-v1", (2, 3)), 8)


@pytest.mark.parametrize("trajectory", [make([]), make([1.0, 2.0], feasible=[False, False])])
def test_without_a_feasible_evaluation_there_is_no_incumbent(trajectory):
    assert final_position(trajectory) == -1


def test_steps_count_complete_evaluations():
    trajectory = make([1.0] * 3, spent_s=[1.0, 1.0, 4.0])
    assert steps_at(trajectory, [0.5, 1.0, 3.9, 4.0], "seconds").tolist() == [0, 2, 2, 3]
    assert steps_at(trajectory, [0, 1, 1.9, 3, 50], "evaluations").tolist() == [0, 1, 1, 3, 3]


def test_regret_is_the_distance_from_the_best():
    values = [[-80.0, -90.0], [math.inf, -91.5]]
    assert regret(values, -91.5).tolist() == [[11.5, 1.5], [math.inf, 0.0]]


@pytest.mark.parametrize(
    ("values", "best"), [([-92.0], -91.5), ([math.nan], 0.0), ([1.0], math.nan)]
)
def test_regret_refuses_a_best_that_is_none(values, best):
    with pytest.raises(ValueError, match=r"expected no value below|NaN"):
        regret(values, best)
