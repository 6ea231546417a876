from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nasbench.core import Architecture, Budget, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.harness.run import run
from nasbench.searchers.successive_halving import Config, SuccessiveHalving
from nasbench.testing.toy import ToyBenchmark, ToySpace


def published(toy, rng, sizes, lengths):
    """One bracket of the algorithm: (genes, epochs) of all trainings."""
    alive, found = [toy.space.sample(1, rng)[0] for _ in range(sizes[0])], []
    for k, epochs in enumerate(lengths):
        losses = [-accuracy(toy, arch, epochs) for arch in alive]
        found += [(arch.genes, epochs) for arch in alive]
        order = np.argsort(losses, kind="stable")
        alive = [alive[i] for i in order[: sizes[min(k + 1, len(sizes) - 1)]]]
    return found


def accuracy(toy, arch, epochs):
    return toy.query([Candidate(arch, epochs)])[0].metrics["valid_accuracy"]


def evaluated(done):
    return [(tuple(g), e) for g, e in zip(done.genes.tolist(), done.epochs.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("config", "sizes", "lengths"),
    [
        ({}, (16, 8, 4, 2), (1, 2, 4, 8)),
        ({"n": 20, "eta": 3}, (20, 6), (2, 8)),
        ({"n": 3, "eta": 2}, (3, 1), (4, 8)),
        ({"n": 1, "eta": 2}, (1,), (8,)),
    ],
)
def test_it_is_the_published_algorithm_again_and_again(config, sizes, lengths):
    toy, brackets = ToyBenchmark(), 3
    made = run(toy, SuccessiveHalving, 4, budget=Budget(brackets * sum(sizes)), config=config)
    rng = np.random.default_rng(np.random.SeedSequence(4))
    expected = [published(toy, rng, sizes, lengths) for _ in range(brackets)]
    found = evaluated(made.trajectory)
    for k, bracket in enumerate(expected):  # survivors of a rung go best first, as listed
        assert found[k * sum(sizes) : (k + 1) * sum(sizes)] == bracket


def test_long_schedules_begin_where_n_architectures_come_down_to_one():
    toy = ToyBenchmark()
    epochs = tuple(range(1, 201))
    accuracy = next(m for m in toy.metrics if m.name == "valid_accuracy")
    problem = Problem(toy.space, epochs=epochs, objectives=(accuracy,), budget=Budget(31))
    searcher, asked = SuccessiveHalving(problem, np.random.default_rng(0)), []
    for _ in range(31):
        (candidate,) = searcher.ask()
        asked.append(candidate.epochs)
        searcher.tell([Observation(candidate, (0.0,), cost_s=1.0, feasible=True)])
    assert asked == [12] * 16 + [25] * 8 + [50] * 4 + [100] * 2 + [200]


def charged(toy, made):
    """Seconds of training that the trajectory stands for, by hand."""
    total, longest = 0.0, {}
    for genes, epochs in evaluated(made):
        arch = Architecture(toy.space.name, genes)
        (result,) = toy.query([Candidate(arch, epochs)])
        before = longest.get(genes, (0, 0.0))
        total += result.cost_s - (before[1] if before[0] < epochs else 0.0)
        longest[genes] = max(before, (epochs, result.cost_s))
    return total


def test_survivors_are_charged_the_difference():
    toy = ToyBenchmark()
    made = run(toy, SuccessiveHalving, 0, budget=Budget(30)).trajectory
    assert made.spent_s[-1] - made.overhead_s[-1] == pytest.approx(charged(toy, made))


def test_more_workers_never_wait():
    toy = ToyBenchmark(ToySpace((9, 9, 9, 9)))  # large, so that nothing repeats while it runs
    made = run(toy, SuccessiveHalving, 0, budget=Budget(300), workers=5).trajectory
    counts = Counter(made.epochs.tolist())
    assert counts[1] / counts[8] == pytest.approx(8, rel=0.35)
    wall = made.spent_s[-1] - made.overhead_s[-1]
    assert charged(toy, made) > 0.95 * 5 * wall


@pytest.mark.parametrize("setting", [{"n": 0}, {"eta": 1}])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(InvalidConfig, match="n >= 1 and eta >= 2"):
        Config(**setting)
