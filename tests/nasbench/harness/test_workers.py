from __future__ import annotations

import numpy as np
import pytest

from nasbench.core import Budget, Candidate
from nasbench.harness.run import run


def scheduled(costs, workers):
    """(end, number) of each job by completion: each goes to the worker that is free first."""
    free_at, done = [0.0] * workers, []
    for number, cost in enumerate(costs):
        first = min(range(workers), key=lambda worker: free_at[worker])
        free_at[first] += cost
        done.append((free_at[first], number))
    return sorted(done)


def candidates(space, count, seed=0):
    """Different architectures, so that nothing is resumed or repeated."""
    order = np.random.default_rng(seed).permutation(len(space))[:count]
    return [Candidate(space.arch(int(i))) for i in order]


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 60, 100])
def test_completions_are_those_of_list_scheduling(toy, scripted, workers):
    asked = candidates(toy.space, 60)
    costs = [toy.query([candidate])[0].cost_s for candidate in asked]
    done = run(toy, scripted(asked), 0, budget=Budget(60), workers=workers).trajectory
    expected = scheduled(costs, workers)
    order = [list(asked[number].arch.genes) for _, number in expected]
    assert done.genes.tolist() == order
    np.testing.assert_allclose(done.spent_s - done.overhead_s, [end for end, _ in expected])


def test_one_worker_is_the_plain_loop(toy, uniform):
    done = run(toy, uniform, 9, budget=Budget(40)).trajectory
    problem = type("P", (), {"space": toy.space})
    searcher = uniform(problem, np.random.default_rng(np.random.SeedSequence(9)), uniform.Config())
    clock = 0.0
    for i in range(40):
        (candidate,) = searcher.ask(1)
        (result,) = toy.query([candidate])
        clock += result.cost_s
        assert tuple(done.genes[i]) == candidate.arch.genes
        assert done.values[i, 0] == -result.metrics["valid_accuracy"]
        assert done.spent_s[i] - done.overhead_s[i] == pytest.approx(clock)


def test_ties_go_to_the_evaluation_that_was_started_first(toy, scripted):
    equal = [c for c in candidates(toy.space, 120) if sum(c.arch.genes) == 4 and c.arch.genes[0]]
    done = run(toy, scripted(equal), 0, budget=Budget(99), workers=4).trajectory
    assert done.genes.tolist() == [list(candidate.arch.genes) for candidate in equal]


def test_every_free_worker_asks_before_anything_is_told(toy, scripted):
    events = []

    class Watched(scripted(candidates(toy.space, 6))):
        def ask(self, n=1):
            events.append(f"ask {n}")
            return super().ask(n)

        def tell(self, observations):
            events.append(f"tell {len(observations)}")

    run(toy, Watched, 0, budget=Budget(6), workers=3)
    assert events == ["ask 1"] * 3 + ["tell 1", "ask 1"] * 3 + ["tell 1"] * 3


def test_a_lower_fidelity_still_in_training_is_not_resumed(toy, scripted):
    arch = toy.space.arch(3)
    kind = scripted([Candidate(arch, 4), Candidate(arch, 8)])
    run(toy, kind, 0, budget=Budget(2), workers=2)
    assert [o.cost_s for o in kind.told] == [
        toy.query([Candidate(arch, epochs)])[0].cost_s for epochs in (4, 8)
    ]


def test_more_workers_need_less_time_for_the_same_evaluations(toy, scripted):
    asked = candidates(toy.space, 50)
    ends = [
        run(toy, scripted(asked), 0, budget=Budget(50), workers=k).trajectory.spent_s[-1]
        for k in (1, 2, 4)
    ]
    assert ends[0] > 1.8 * ends[1] > 3.2 * ends[2]


def test_the_budgets_seconds_are_the_wall_clock_of_all_workers(toy, scripted):
    asked = [Candidate(toy.space.arch(3), 8)] * 40
    one = toy.query(asked[:1])[0].cost_s
    done = run(toy, scripted(asked), 0, budget=Budget(40, cost_s=2.5 * one), workers=4)
    assert len(done.trajectory) == 8


def test_an_empty_answer_waits_for_the_evaluations_under_way(toy, scripted):
    done = run(toy, scripted(candidates(toy.space, 5)), 0, budget=Budget(99), workers=3)
    assert len(done.trajectory) == 5
