import math
import warnings

import numpy as np
import pytest

from nasbench.core import Budget, Candidate, Constraint
from nasbench.errors import InvalidConfig, TestMetricRefused, UnknownSearcher
from nasbench.harness.problem import find_searcher
from nasbench.harness.run import run
from nasbench.testing.elsewhere import play_elsewhere
from nasbench.testing.games import as_lists, make_problem, observe, play
from nasbench.testing.searchers import SearcherConformance
from nasbench.testing.toy import ToyBenchmark, ToySpace

pytest.importorskip("pymoo", reason="the extra pymoo is not installed")

from nasbench.adapters.pymoo_problem import WORST, CellProblem, SpaceProblem

OBJECTIVES = ("valid_accuracy", "params")


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["pymoo:NSGA2", "pymoo:PSO"])
class TestConformance(SearcherConformance):
    @pytest.fixture
    def factory(self, reference):
        return find_searcher(reference)[1]

    @pytest.fixture
    def config(self, factory):
        """Few enough for pymoo to find new architectures among the toy's 120 at once."""
        return factory.Config({"pop_size": 10})

    def test_another_process_proposes_the_same(self, reference, start, problem, config):
        there = play_elsewhere(reference, problem.space, config, 5, 40)
        assert there == as_lists(play(start(5), problem, 40))


@pytest.fixture
def make():
    def start(problem, name="NSGA2", **arguments):
        factory = find_searcher(f"pymoo:{name}")[1]
        return factory(problem, np.random.default_rng(0), factory.Config(arguments))

    return start


@pytest.fixture
def problem():
    return make_problem(None, ToySpace((5, 5, 5, 5)), objectives=OBJECTIVES)


def test_the_proposals_are_those_of_pymoos_own_loop(problem, make):
    """Asked and told one by one, or minimized by pymoo: the same architectures."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    toy = ToyBenchmark(problem.space)
    cells = CellProblem(toy, ("valid_accuracy", "params"))
    algorithm = NSGA2(pop_size=10, **cells.operators())
    seed = int(np.random.default_rng(0).integers(2**32))
    found = minimize(cells, algorithm, ("n_gen", 5), seed=seed, save_history=True)
    theirs = [tuple(map(int, x)) for each in found.history for x in each.off.get("X")]
    ours = play(make(problem, pop_size=10), problem, 50)
    assert [candidate.arch.genes for candidate in ours] == theirs


def test_a_generation_that_is_not_complete_is_waited_for_with_uniform_draws(problem, make):
    searcher = make(problem, pop_size=4)
    asked = searcher.ask(9)
    told = [observe(problem, candidate) for candidate in asked]
    searcher.tell(told[4:])  # the draws: not of the generation, unless they happen to equal one
    before = searcher._algorithm.n_gen
    searcher.tell(told[:4][::-1])  # in any order
    assert searcher._algorithm.n_gen == before + 1
    survivors = set(map(tuple, searcher._algorithm.pop.get("F")))
    assert survivors == {seen.values for seen in told[:4]}


def test_failed_trainings_are_told_as_the_worst_so_far(problem, make):
    searcher = make(problem, pop_size=3)
    first, second, third = searcher.ask(3)
    searcher.tell([observe(problem, first, values=(1.0, 5.0))])
    searcher.tell([observe(problem, second, values=(2.0, 4.0))])
    searcher.tell([observe(problem, third, values=(math.inf, 1.0))])
    assert sorted(map(tuple, searcher._algorithm.pop.get("F"))) == [(1, 5), (2, 1), (2, 4)]


def test_infeasible_ones_violate_a_constraint(make):
    bounded = make_problem(
        None, ToySpace((5, 5, 5, 5)), constraints=[Constraint("params", upper=400.0)]
    )
    searcher = make(bounded, "GA", pop_size=8)
    asked = searcher.ask(8)
    told = [observe(bounded, candidate) for candidate in asked]
    searcher.tell(told)
    feasible = {seen.candidate.arch.genes: seen.feasible for seen in told}
    for individual in searcher._algorithm.pop:
        assert individual.feas == feasible[tuple(individual.X)]


@pytest.mark.parametrize(
    ("name", "objectives"),
    [
        *((name, OBJECTIVES[:1]) for name in ("GA", "DE", "PSO", "ES", "NelderMead", "CMAES")),
        *((name, OBJECTIVES) for name in ("MOEAD", "NSGA3", "SMSEMOA", "RVEA", "CMOPSO")),
    ],
)
@pytest.mark.slow
def test_many_algorithms_run(name, objectives):
    toy = ToyBenchmark(ToySpace((5, 5, 5, 5)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymoo's own, of some algorithms
        done = run(toy, f"pymoo:{name}", 0, budget=Budget(150), objectives=objectives)
    assert len(done.trajectory) == 150


def test_what_pymoo_refuses_is_named(problem, make):
    with pytest.raises(InvalidConfig, match="did you mean 'pop_size'"):
        make(problem, popsize=3)
    bounds = [Constraint("params", upper=400.0)]
    bounded = make_problem(None, problem.space, objectives=OBJECTIVES, constraints=bounds)
    with pytest.raises(InvalidConfig, match="pymoo:MOEAD refuses this problem"):
        make(bounded, "MOEAD")


def test_all_that_are_found_are_algorithms():
    from pymoo.core.algorithm import Algorithm

    from nasbench.adapters.pymoo import _places

    assert len(_places()) > 40
    for name in ("NSGA2", "SMSEMOA", "GA", "DE", "PSO", "NelderMead", "MOEAD"):
        assert issubclass(find_searcher(f"pymoo:{name}")[1].kind, Algorithm)


def test_a_mistyped_algorithm_gets_a_suggestion():
    with pytest.raises(UnknownSearcher, match="did you mean 'NSGA2'"):
        find_searcher("pymoo:NSGA22")


def test_the_problem_is_the_benchmark_with_every_objective_minimized():
    toy = ToyBenchmark(ToySpace((3, 3)))
    bounds = [Constraint("params", upper=200.0, lower=110.0)]
    cells = CellProblem(toy, ("valid_accuracy", "params"), bounds)
    x = np.array([[0, 0], [1, 2], [2.4, 1.6]])
    out = cells.evaluate(x, return_as_dictionary=True)
    archs = [toy.space.parse(text) for text in ("0-0", "1-2", "2-2")]
    known = [result.metrics for result in toy.query([Candidate(arch) for arch in archs])]
    np.testing.assert_allclose(out["F"], [[-m["valid_accuracy"], m["params"]] for m in known])
    np.testing.assert_allclose(out["G"], [[m["params"] - 200, 110 - m["params"]] for m in known])
    with pytest.raises(TestMetricRefused):
        CellProblem(toy, ("test_accuracy",))


def test_what_the_space_lacks_is_the_worst():
    class Half(ToySpace):
        __slots__ = ()

        def is_valid(self, arch):
            return super().is_valid(arch) and arch.genes[0] == 0

    cells = CellProblem(ToyBenchmark(Half((2, 2))))
    assert (cells.evaluate(np.array([[0, 1], [1, 1]]))[:, 0] == WORST).tolist() == [False, True]


def test_the_operators_are_the_spaces_moves():
    from pymoo.core.population import Population

    space = ToySpace((6, 6, 6))
    problem, rng = SpaceProblem(space, 1, 0), np.random.default_rng(0)
    moves = problem.operators()
    drawn = moves["sampling"].do(problem, 50, random_state=rng).get("X")
    assert all(space.is_valid(problem.arch(x)) for x in drawn)
    parents = Population.new("X", np.array([[0, 0, 0], [5, 5, 5]]))
    born = moves["crossover"].do(problem, parents, np.array([[0, 1]] * 20), random_state=rng)
    assert set(born.get("X").ravel().tolist()) == {0, 5}
    mutated = moves["mutation"].do(problem, Population.new("X", drawn.copy()), random_state=rng)
    assert ((mutated.get("X") != drawn).sum(axis=1) == 1).all()
