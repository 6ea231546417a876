import dataclasses
import math

import numpy as np
import pytest

from nasbench.core import Budget, Constraint
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
