import math
from types import SimpleNamespace

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Architecture, Budget, Candidate, Constraint
from nasbench.errors import InvalidConfig, RunFault, TestMetricRefused
from nasbench.harness import statistics
from nasbench.harness.pareto import (
    Front,
    exact_front,
    hypervolume,
    known_front,
    pareto_front,
    shares,
    told_front,
)
from nasbench.harness.run import run
from nasbench.testing.toy import ToyBenchmark, ToySpace

OBJECTIVES = ("valid_accuracy", "params")


def dominated(values, i):
    better = (values <= values[i]).all(axis=1) & (values < values[i]).any(axis=1)
    return better.any()


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_a_front_is_what_brute_force_finds(objectives):
    values = np.random.default_rng(0).integers(0, 8, size=(80, objectives)).astype(float)
    expected = {tuple(v) for i, v in enumerate(values) if not dominated(values, i)}
    found = pareto_front(values)
    assert [tuple(values[i]) for i in found] == sorted(expected)  # each once, by first objective
    assert all(not (values[:i] == values[i]).all(axis=1).any() for i in found)  # the earliest


def test_failed_evaluations_are_in_no_front():
    values = np.array([[math.inf, 0.0], [1.0, 1.0], [0.0, math.nan]])
    assert pareto_front(values).tolist() == [1]
    assert pareto_front(values[[0, 2]]).tolist() == []
    assert pareto_front(np.zeros((0, 2))).tolist() == []


def test_hypervolume_is_the_area_below_the_reference_point():
    values = [[1.0, 3.0], [2.0, 1.0], [2.0, 5.0], [9.0, 0.0]]  # the last two add nothing
    assert hypervolume(values, [4.0, 4.0]) == pytest.approx(3 * 1 + 2 * 2)  # by hand
    assert hypervolume([[3.0], [1.5]], [4.0]) == 2.5
    assert hypervolume(np.zeros((0, 2)), [1.0, 1.0]) == 0
    assert hypervolume([[math.inf, 0.0]], [1.0, 1.0]) == 0


def test_hypervolume_in_three_dimensions_is_what_sampling_estimates():
    rng = np.random.default_rng(0)
    points, drawn = rng.random((6, 3)), rng.random((20_000, 3))
    covered = (points[:, None] <= drawn).all(axis=2).any(axis=0).mean()
    assert hypervolume(points, np.ones(3)) == pytest.approx(covered, abs=0.015)


@pytest.fixture
def toy():
    return ToyBenchmark(ToySpace((4, 4, 4)), noise=0.0)


def test_the_exact_front_is_that_of_all_architectures(toy):
    found = exact_front(toy, OBJECTIVES)
    archs = [toy.space.arch(i) for i in range(len(toy.space))]
    answers = [result.metrics for result in toy.query([Candidate(arch) for arch in archs])]
    values = np.array([[-m["valid_accuracy"], m["params"]] for m in answers])
    expected = {tuple(v) for i, v in enumerate(values) if not dominated(values, i)}
    assert set(map(tuple, found.values)) == expected
    assert found.exact
    assert (np.diff(found.values[:, 0]) > 0).all()


def test_constraints_restrict_the_exact_front(toy):
    found = exact_front(toy, OBJECTIVES, [Constraint("params", upper=300.0, lower=150.0)])
    assert found.values[:, 1].max() <= 300
    assert found.values[:, 1].min() >= 150
    with pytest.raises(RunFault, match="no architecture with valid_accuracy, params that meets"):
        exact_front(toy, OBJECTIVES, [Constraint("params", upper=1.0)])


def test_a_test_metric_has_no_front(toy):
    with pytest.raises(TestMetricRefused):
        exact_front(toy, ("test_accuracy", "params"))


def test_a_benchmark_that_cannot_list_has_no_exact_front(toy):
    known = {name: getattr(toy, name) for name in ("name", "space", "metrics", "epochs", "query")}
    toy = SimpleNamespace(**known)
    with pytest.raises(InvalidConfig, match="cannot list its architectures"):
        exact_front(toy, OBJECTIVES)
    runs = [run(toy, "nsga2", seed, budget=Budget(60), objectives=OBJECTIVES) for seed in (0, 1)]
    found = known_front(toy, runs)
    assert not found.exact
    # as good as the better run, or better
    assert all(shares(done, toy, found, [60])[0] <= 1 + 1e-12 for done in runs)


def test_the_reference_point_is_a_tenth_of_the_range_beyond_the_worst_values():
    front = Front(np.zeros((2, 1), np.int16), np.array([[-80.0, 300.0], [-60.0, 100.0]]), True)
    assert front.reference.tolist() == [-58.0, 320.0]
    assert front.share(front.values) == 1
    assert front.share(front.values[:0]) == 0
    # by hand: 22 x 20 and 2 x 220 overlap in 2 x 20
    assert front.share(front.values[:1]) == pytest.approx(22 * 20 / (22 * 20 + 2 * 220 - 2 * 20))


def test_a_front_of_one_point_has_a_box_all_the_same():
    front = Front(np.zeros((1, 1), np.int16), np.array([[-80.0, 0.0]]), True)
    assert front.share([[-80.0, 0.0]]) == 1
    assert 0 < front.share([[-76.0, 0.05]]) < 1


def test_the_share_is_that_of_the_noise_free_values_of_what_was_told_to_be_best():
    toy = ToyBenchmark(ToySpace((4, 4, 4)), noise=5.0)
    front = exact_front(toy, OBJECTIVES)
    done = run(toy, "nsga2", 3, budget=Budget(80), objectives=OBJECTIVES, noise_seed=3)
    for step, share in zip((1, 20, 80, 20), shares(done, toy, front, (1, 20, 80, 20)), strict=True):
        told = done.trajectory.values[:step]
        best = [i for i in range(step) if not dominated(told, i)]
        archs = [Architecture(done.space, tuple(done.trajectory.genes[i].tolist())) for i in best]
        known = [result.metrics for result in toy.query([Candidate(arch) for arch in archs])]
        exact = [[-m["valid_accuracy"], m["params"]] for m in known]
        assert share == pytest.approx(front.share(exact))


def test_nothing_feasible_is_a_share_of_nothing(toy):
    bound = [Constraint("params", upper=1.0)]
    done = run(toy, "nsga2", 0, budget=Budget(9), objectives=OBJECTIVES, constraints=bound)
    assert told_front(done.trajectory, 9).tolist() == []
    assert shares(done, toy, exact_front(toy, OBJECTIVES), [0, 9]).tolist() == [0, 0]


def test_short_trainings_are_recommended_only_while_there_are_no_longer_ones(toy, scripted):
    archs = [toy.space.arch(i) for i in (1, 2, 3)]
    asked = [Candidate(archs[0], 2), Candidate(archs[1], 8), Candidate(archs[2], 2)]
    done = run(toy, scripted(asked), 0, budget=Budget(3), objectives=OBJECTIVES)
    assert [told_front(done.trajectory, n).tolist() for n in (1, 2, 3)] == [[0], [1], [1]]


@pytest.mark.slow
def test_nsga2_holds_95_percent_of_the_embedded_front_and_no_less_than_pymoos():
    """After 500 evaluations; compared on the same seeds with the same population and moves.

    Both are told means over repeats, as which the front is known; the luck of single trainings
    would hide a part of it from any searcher.
    """
    pytest.importorskip("pymoo", reason="the extra pymoo is not installed")
    table = registry.benchmark("cell201/digits-on-photos")
    front = exact_front(table, OBJECTIVES)

    def held(name, seed, config):
        asked = {"objectives": OBJECTIVES, "noise_seed": None, "config": config}
        done = run(table, name, seed, budget=Budget(500), **asked)
        return shares(done, table, front, [500])[0]

    ours = [held("nsga2", seed, {}) for seed in range(20)]
    theirs = [held("pymoo:NSGA2", seed, {"arguments": {"pop_size": 40}}) for seed in range(20)]
    assert front.exact
    assert np.mean(ours) >= 0.95
    assert statistics.difference_of_means(ours, theirs).high >= 0
