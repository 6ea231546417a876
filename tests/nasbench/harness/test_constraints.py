import numpy as np
import pytest

from nasbench.core import Architecture, Budget, Constraint
from nasbench.errors import InvalidConfig, SearcherFault, UnknownMetric
from nasbench.harness.constraints import Feasible, on_metrics, restricted
from nasbench.harness.run import run
from nasbench.testing.toy import ToyBenchmark

NO_FOURS = Constraint("choices[4]", upper=0)  # of the last gene of a 2 x 3 x 4 x 5 space


@pytest.fixture
def toy():
    return ToyBenchmark()


def test_bounds_are_told_apart_by_what_the_benchmark_measures(toy):
    small = Constraint("params", upper=300)
    assert on_metrics(toy, [small, NO_FOURS]) == (small,)
    assert len(restricted(toy, [small, NO_FOURS])) == 2 * 3 * 4 * 4
    assert restricted(toy, [small]) is toy.space


@pytest.mark.parametrize(
    "searcher", ["random-search", "local-search", "regularized-evolution", "reinforce", "genetic"]
)
def test_no_searcher_leaves_the_bounds_on_structure(toy, searcher):
    found = run(toy, searcher, 0, budget=Budget(150), constraints=[NO_FOURS])
    assert found.trajectory.genes[:, 3].max() < 4
    assert found.constraints == (NO_FOURS,)
    assert found.trajectory.feasible.all()


def test_a_proposal_outside_is_the_searchers_fault(toy):
    class Stubborn:
        def __init__(self, problem, rng, config=None):
            self.arch = Architecture(problem.space.name, (0, 0, 0, 4))

        class Config: ...

    from nasbench.core import Candidate
    from nasbench.harness.problem import make_problem
    from nasbench.harness.workers import Simulation

    problem = make_problem(toy, Stubborn, Budget(3), ["valid_accuracy"], [NO_FOURS])
    searcher = Stubborn(problem, None)
    searcher.ask = lambda n=1: [Candidate(searcher.arch)]
    searcher.tell = lambda observations: None
    with pytest.raises(SearcherFault, match="genes that"):
        Simulation(toy, searcher, problem).run()


def test_rows_hold_if_any_architecture_of_their_class_is_inside(toy):
    """Brute force over all architectures."""
    bounds = [Constraint("gene[1=2]", lower=1), Constraint("params", upper=1e9)]
    genes, columns = toy.rows()
    feasible = Feasible(toy, bounds, genes, columns)
    inside = [toy.space.arch(k) for k in range(len(toy.space))]
    inside = [arch for arch in inside if arch.genes[1] == 2]
    forms = {toy.space.canonical(arch).genes for arch in inside}
    assert feasible.holds.tolist() == [tuple(row) in forms for row in genes.tolist()]
    for row in np.flatnonzero(feasible.holds).tolist():
        arch = feasible.arch(row)
        assert arch.genes[1] == 2
        assert toy.space.canonical(arch).genes == tuple(genes[row].tolist())


@pytest.mark.parametrize(
    ("bound", "fault", "match"),
    [
        (Constraint("dept", lower=1), UnknownMetric, "depth"),
        (Constraint("choices[conv]", upper=0), UnknownMetric, "structure of toy"),
        (Constraint("choices[4]", lower=2), InvalidConfig, "weaken a bound"),
        (Constraint("depth", lower=float("-inf")), InvalidConfig, "infinite bound"),
    ],
)
def test_a_bound_that_cannot_be_met_or_understood_is_refused(toy, bound, fault, match):
    with pytest.raises(fault, match=match):
        run(toy, "random-search", 0, budget=Budget(3), constraints=[bound])
