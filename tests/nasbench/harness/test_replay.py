import dataclasses
import math

import numpy as np
import pytest

from nasbench.core import Budget, Candidate, Constraint
from nasbench.errors import RunFault
from nasbench.harness.collection import check_told, collect
from nasbench.harness.files import run_path, write_run
from nasbench.harness.replay import replay
from nasbench.harness.run import run
from nasbench.testing.toy import ToyBenchmark


@pytest.fixture(scope="module")
def toy():
    return ToyBenchmark()


@pytest.fixture(scope="module")
def honest(toy):
    bound = Constraint("params", upper=300)
    return run(toy, "regularized-evolution", 3, budget=Budget(40), constraints=[bound])


def changed(honest, **columns):
    """The run with columns of its trajectory replaced by functions of copies of them."""
    trajectory = honest.trajectory
    new = {name: change(getattr(trajectory, name).copy()) for name, change in columns.items()}
    return dataclasses.replace(honest, trajectory=dataclasses.replace(trajectory, **new))


def put(row, value):
    def change(column):
        column[row] = value
        return column

    return change


@pytest.mark.parametrize(
    "searcher", ["random-search", "asha", "successive-halving", "nsga2", "local-search"]
)
@pytest.mark.parametrize("workers", [1, 3])
def test_an_honest_run_has_no_complaints(toy, searcher, workers):
    objectives = ["valid_loss", "params"] if searcher == "nsga2" else ["valid_accuracy"]
    budget = Budget(120, cost_s=1e6)
    done = run(toy, searcher, 5, budget=budget, objectives=objectives, workers=workers)
    assert replay(done, toy) == []


@pytest.mark.parametrize(
    ("field", "columns"),
    [
        ("values.7", {"values": put(7, -99.0)}),
        ("values.0", {"values": put(0, math.inf)}),
        ("genes.4", {"genes": put(4, (9, 0, 0, 0))}),
        ("epochs.2", {"epochs": put(2, 5)}),
        ("feasible.6", {"feasible": lambda column: ~column}),
        ("overhead_s", {"overhead_s": lambda column: column * 0}),
        ("spent_s", {"spent_s": lambda column: column / 2}),
        ("spent_s", {"spent_s": lambda column: column[::-1].copy()}),
    ],
)
def test_a_forged_trajectory_is_complained_about(toy, honest, field, columns):
    fields = [complaint.field for complaint in replay(changed(honest, **columns), toy)]
    assert any(field in each for each in fields)


def test_another_architecture_with_its_own_true_value_is_out_of_time(toy, honest):
    """The value fits the genes, but the seconds of the training do not."""
    genes = honest.trajectory.genes[10]
    other = next(a for a in toy.space.sample(50, np.random.default_rng(0)) if a.genes != (*genes,))
    from nasbench.core import Candidate

    (result,) = toy.query([Candidate(other)])
    forged = changed(
        honest,
        genes=put(10, other.genes),
        values=put(10, -result.metrics["valid_accuracy"]),
        feasible=put(10, result.metrics["params"] <= 300),
    )
    assert [c.field for c in replay(forged, toy)] == ["spent_s.10 - overhead_s.10"]


def test_more_than_the_budget_is_complained_about(toy, honest):
    greedy = dataclasses.replace(honest, budget=Budget(20, cost_s=0.5))
    assert [c.field for c in replay(greedy, toy)] == ["budget.queries", "budget.cost_s"]


def test_forged_files_are_refused_by_name(toy, honest, tmp_path):
    path = run_path(tmp_path, honest.benchmark, honest.searcher, honest.seed)
    write_run(honest, path)
    check_told(collect(tmp_path), toy)
    write_run(changed(honest, values=put(7, -99.0)), path)
    with pytest.raises(RunFault, match=r"seed-3.json is not what .* values.7: expected .* got"):
        check_told(collect(tmp_path), toy)


def test_a_file_of_another_seed_than_its_name_is_refused(honest, tmp_path):
    write_run(honest, tmp_path / "seed-4.json")
    with pytest.raises(RunFault, match="got seed 3"):
        collect(tmp_path)


def test_trainings_that_go_on_are_charged_as_a_loop_over_them_charges(toy, honest):
    """Any order of lengths, with repetitions: after each, the longest so far is what is kept."""
    rng = np.random.default_rng(0)
    pool = toy.space.sample(6, rng)
    asked = [Candidate(pool[i], int(n)) for i, n in zip(*picks(rng, toy), strict=True)]
    told = toy.query(asked, noise_seed=honest.noise_seed)
    longest, spent_s, total_s = {}, [], 0.0
    for candidate, result in zip(asked, told, strict=True):
        before = longest.get(candidate.arch)
        goes_on = before is not None and before[0] < candidate.epochs
        total_s += result.cost_s - (before[1] if goes_on else 0.0)
        if before is None or goes_on:
            longest[candidate.arch] = (candidate.epochs, result.cost_s)
        spent_s.append(total_s)
    columns = {
        "genes": np.array([each.arch.genes for each in asked], np.int16),
        "epochs": np.array([each.epochs for each in asked], np.int32),
        "values": np.array([[-result.metrics["valid_accuracy"]] for result in told]),
        "feasible": np.ones(len(asked), np.bool_),
        "spent_s": np.array(spent_s),
        "overhead_s": np.zeros(len(asked)),
    }
    free = dataclasses.replace(honest, constraints=(), budget=Budget(len(asked)))
    claimed = changed(free, **{name: lambda _, c=column: c for name, column in columns.items()})
    assert replay(claimed, toy) == []
    columns["spent_s"][100:] -= 0.01
    assert [each.field for each in replay(claimed, toy)] == ["spent_s.100 - overhead_s.100"]


def picks(rng, benchmark, n=200):
    return rng.integers(0, 6, n), rng.choice(benchmark.epochs, n)
