import dataclasses
import math

import numpy as np
import pytest

from leaderboards import score
from nasbench.core import Candidate, Constraint
from nasbench.errors import RunFault, UnknownMetric

TWO = ("valid_accuracy", "params")


def without_evaluations(run):
    trajectory = run.trajectory
    cut = {f.name: getattr(trajectory, f.name)[:0] for f in dataclasses.fields(trajectory)}
    return dataclasses.replace(run, trajectory=type(trajectory)(**cut))


def test_accuracy(toy, arch):
    return toy.query([Candidate(arch)])[0].metrics["test_accuracy"]


test_accuracy.__test__ = False


def archs(toy):
    return [toy.space.arch(index) for index in range(len(toy.space))]


def test_the_loss_is_the_test_regret_of_what_validation_chooses(toy, runs):
    best = max(test_accuracy(toy, arch) for arch in archs(toy))
    ruler = score.ruler(toy, ["valid_accuracy"])
    for run in runs("random-search", noise_seed=3):
        expected, told = [], []
        for genes, value in zip(run.trajectory.genes, run.trajectory.values[:, 0], strict=True):
            told.append((value, len(told), tuple(genes.tolist())))
            arch = dataclasses.replace(toy.space.arch(0), genes=min(told)[2])
            expected.append(best - test_accuracy(toy, arch))
        np.testing.assert_allclose(score.losses(run, ruler), expected)


def test_values_of_short_trainings_give_way_to_long_ones(toy, runs):
    run = runs("hyperband", queries=60)[0]
    assert len(set(run.trajectory.epochs.tolist())) > 1
    ruler = score.ruler(toy, ["valid_accuracy"])
    longest = run.trajectory.epochs == run.trajectory.epochs.max()
    values = np.where(longest, run.trajectory.values[:, 0], np.inf)
    arch = dataclasses.replace(
        toy.space.arch(0), genes=tuple(run.trajectory.genes[values.argmin()].tolist())
    )
    best = max(test_accuracy(toy, arch) for arch in archs(toy))
    assert score.losses(run, ruler)[-1] == pytest.approx(best - test_accuracy(toy, arch))


def test_the_optimum_of_validation_and_a_random_draw_are_told(toy):
    genes, columns = toy.rows()
    ruler = score.ruler(toy, ["valid_accuracy"])
    regrets = columns["test_accuracy"].max() - columns["test_accuracy"]
    assert ruler.typical == pytest.approx(regrets.mean())
    assert ruler.chosen == pytest.approx(regrets[columns["valid_accuracy"].argmax()])
    assert ruler.worst == pytest.approx(regrets.max())
    assert ruler.exact
    assert len(genes) == len(regrets)


def test_only_what_is_within_the_bounds_can_be_the_best(toy):
    bound = Constraint("params", upper=300)
    small = [
        result.metrics["test_accuracy"]
        for result in toy.query([Candidate(arch) for arch in archs(toy)])
        if result.metrics["params"] <= 300
    ]
    assert -score.ruler(toy, ["valid_accuracy"], [bound]).best == pytest.approx(max(small))


def test_bounds_that_nothing_meets_are_refused(toy):
    with pytest.raises(RunFault, match="no feasible architecture"):
        score.ruler(toy, ["valid_accuracy"], [Constraint("params", upper=1)])


def test_an_unknown_objective_is_refused(toy):
    with pytest.raises(UnknownMetric):
        score.ruler(toy, ["accuracy"])


def test_a_run_without_evaluations_counts_the_worst(toy, runs):
    nothing = without_evaluations(runs("random-search", seeds=[0])[0])
    ruler = score.ruler(toy, ["valid_accuracy"])
    found = score.losses(nothing, ruler)
    assert score.at(np.zeros(0), found, [5.0], before=ruler.worst) == [ruler.worst]
    assert score.area(np.zeros(0), found, (1, 10), before=ruler.worst) == pytest.approx(ruler.worst)
    assert score.recommended(nothing) is None


class Asked:
    """A benchmark that cannot list its architectures."""

    def __init__(self, toy):
        self.name, self.space, self.metrics = toy.name, toy.space, toy.metrics
        self.epochs, self.query = toy.epochs, toy.query


def test_without_rows_the_best_is_that_of_the_runs(toy, runs):
    found = runs("random-search")
    ruler = score.ruler(Asked(toy), ["valid_accuracy"], (), found)
    ends = [score.losses(run, ruler) for run in found]
    assert min(map(min, ends)) == 0
    assert not ruler.exact


# ---- several objectives


def staircase(points, corner):
    """Area that points (n, 2) dominate below a corner, by strips."""
    area, y = 0.0, corner[1]
    for a, b in sorted(map(tuple, points)):
        if a < corner[0] and b < y:
            area += (corner[0] - a) * (y - b)
            y = b
    return area


def looked_up(toy, run, upto):
    rows = []
    for genes in run.trajectory.genes[:upto]:
        arch = dataclasses.replace(toy.space.arch(0), genes=tuple(genes.tolist()))
        metrics = toy.query([Candidate(arch)])[0].metrics
        rows.append((-metrics["valid_accuracy"], -metrics["test_accuracy"], metrics["params"]))
    return np.array(rows)


def chosen(rows):
    """Rows (valid, test, params) that no other dominates as told."""
    told = rows[:, [0, 2]]
    better = (told[None] <= told[:, None]).all(2) & (told[None] < told[:, None]).any(2)
    return rows[~better.any(axis=1)][:, 1:]


def test_the_loss_of_two_objectives_is_the_missing_hypervolume_of_test_metrics(toy, runs):
    ruler = score.ruler(toy, TWO)
    corner = ruler.front.reference
    for run in runs("random-search", objectives=TWO, noise_seed=None):
        losses = score.losses(run, ruler)
        for step in (1, 5, 24):
            held = staircase(chosen(looked_up(toy, run, step)), corner)
            expected = 1 - held / staircase(ruler.front.values, corner)
            assert losses[step - 1] == pytest.approx(max(expected, 0.0))


def test_the_front_is_that_of_the_test_metrics(toy):
    front = score.ruler(toy, TWO).front
    _, columns = toy.rows()
    rows = np.stack([-columns["test_accuracy"], -columns["test_accuracy"], columns["params"]], 1)
    assert {tuple(row) for row in chosen(rows)} == {tuple(row) for row in front.values}


def test_igd_plus_is_that_of_its_definition(toy, runs):
    run = runs("random-search", objectives=TWO, seeds=[1], noise_seed=None)[0]
    ruler = score.ruler(toy, TWO)
    low, high = ruler.front.values.min(axis=0), ruler.front.reference
    found = (chosen(looked_up(toy, run, 24)) - low) / (high - low)
    exact = (ruler.front.values - low) / (high - low)
    gaps = np.linalg.norm(np.maximum(found[None] - exact[:, None], 0), axis=2).min(axis=1)
    assert score.inverted_generational_distance(run, ruler) == pytest.approx(gaps.mean())


def test_igd_plus_of_nothing_is_the_distance_of_the_reference_point(toy, runs):
    nothing = without_evaluations(runs("random-search", objectives=TWO, seeds=[0])[0])
    ruler = score.ruler(toy, TWO)
    low, high = ruler.front.values.min(axis=0), ruler.front.reference
    gaps = np.linalg.norm((high - ruler.front.values) / (high - low), axis=1)
    assert score.inverted_generational_distance(nothing, ruler) == pytest.approx(gaps.mean())


def test_igd_plus_needs_a_front(toy, runs):
    with pytest.raises(ValueError, match="single objective"):
        score.inverted_generational_distance(
            runs("random-search", seeds=[0])[0], score.ruler(toy, ["valid_accuracy"])
        )


# ---- on a clock


def test_the_loss_at_a_time_is_that_of_the_last_complete_evaluation():
    times, losses = np.array([1.0, 2.0, 4.0]), np.array([9.0, 5.0, 2.0])
    found = score.at(times, losses, [0.5, 1, 1.9, 2, 3.9, 4, 50], before=20.0)
    assert found.tolist() == [20, 9, 9, 5, 5, 2, 2]


def test_the_area_is_the_integral_over_the_logarithm_of_time(rng):
    times, losses = np.sort(rng.uniform(0.5, 90, 40)), rng.uniform(0, 10, 40)
    fine = np.exp(np.linspace(math.log(2), math.log(80), 400_001))
    middle = np.sqrt(fine[1:] * fine[:-1])
    expected = score.at(times, losses, middle, before=10.0).mean()
    assert score.area(times, losses, (2, 80), before=10.0) == pytest.approx(expected, abs=1e-3)


def test_the_clocks_of_a_run(runs):
    run = runs("random-search", seeds=[0])[0]
    assert score.times(run, "evaluations").tolist() == list(range(1, 25))
    assert score.times(run, "seconds").tolist() == run.trajectory.spent_s.tolist()
