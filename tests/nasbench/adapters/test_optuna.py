import builtins
import importlib
import math
import random
import sys
from collections import Counter

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Budget, Candidate, Constraint
from nasbench.errors import InvalidConfig, MissingExtra, UnknownSearcher
from nasbench.harness.problem import find_searcher
from nasbench.harness.run import run
from nasbench.testing.elsewhere import play_elsewhere
from nasbench.testing.games import as_lists, make_problem, observe, play
from nasbench.testing.searchers import SearcherConformance
from nasbench.testing.toy import ToyBenchmark, ToySpace

optuna = pytest.importorskip("optuna", reason="the extra optuna is not installed")


class FamilyConformance(SearcherConformance):
    """Of a searcher that is known by a reference alone; subclasses say which."""

    reference = ""

    @pytest.fixture
    def factory(self):
        return find_searcher(self.reference)[1]

    def test_another_process_proposes_the_same(self, start, problem, config):
        there = play_elsewhere(self.reference, problem.space, config, 5, 40)
        assert there == as_lists(play(start(5), problem, 40))


@pytest.mark.slow
class TestTpe(FamilyConformance):
    reference = "optuna:TPESampler"


@pytest.mark.slow
class TestNsga2(FamilyConformance):
    reference = "optuna:NSGAIISampler"


@pytest.fixture
def problem():
    return make_problem(None, ToySpace())


@pytest.fixture
def make(problem):
    def start(name="RandomSampler", problem=problem, **arguments):
        factory = find_searcher(f"optuna:{name}")[1]
        return factory(problem, np.random.default_rng(0), factory.Config(arguments))

    return start


def test_the_proposals_are_those_of_the_sampler_itself(problem, make):
    seed = int(np.random.default_rng(0).integers(2**32))
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=3))
    expected = []
    for _ in range(15):
        trial = study.ask(
            {
                f"gene{i}": optuna.distributions.CategoricalDistribution(range(n))
                for i, n in enumerate(problem.space.arity)
            }
        )
        genes = [trial.params[f"gene{i}"] for i in range(4)]
        arch = problem.space.parse("-".join(map(str, genes)))
        study.tell(trial, observe(problem, Candidate(arch)).values)
        expected.append([genes, None])
    assert as_lists(play(make("TPESampler", n_startup_trials=3), problem, 15)) == expected


def test_constraints_failures_and_foreign_observations_reach_the_study(make):
    bounded = make_problem(None, ToySpace(), constraints=[Constraint("params", upper=300.0)])
    searcher = make("TPESampler", bounded)
    asked = searcher.ask(3)
    told = [observe(bounded, candidate) for candidate in asked]
    foreign = Candidate(bounded.space.arch(77))
    searcher.tell([*told[:2], observe(bounded, asked[2], values=(math.inf,))])
    searcher.tell([observe(bounded, foreign)])
    trials = searcher._study.get_trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE", "FAIL", "COMPLETE"]
    assert [trial.values for trial in trials[:2]] == [list(seen.values) for seen in told[:2]]
    for trial, seen in zip(trials[:2], told[:2], strict=True):
        assert (trial.constraints["feasible"] <= 0) == seen.feasible
    assert tuple(trials[3].params.values()) == foreign.arch.genes


class Restricted(ToySpace):
    """Only the architectures whose genes are all 0, or the first is 1."""

    __slots__ = ()

    def is_valid(self, arch):
        return super().is_valid(arch) and (arch.genes[0] == 1 and arch.genes[1:] == (2, 3, 4))

    def sample(self, n, rng):
        rng.random()
        return [self.arch(119)] * n


def test_a_restricted_space_is_never_left(make):
    problem = make_problem(None, Restricted())
    searcher = make(problem=problem)
    played = Counter(candidate.arch.genes for candidate in searcher.ask(10))
    assert played == {(1, 2, 3, 4): 10}


def test_arguments_that_the_sampler_refuses_are_named(make):
    with pytest.raises(InvalidConfig, match="optuna:TPESampler refuses the arguments"):
        make("TPESampler", no_such=1)
    with pytest.raises(InvalidConfig, match=r"optuna:GridSampler refuses.*search_space"):
        make("GridSampler")


def test_a_mistyped_sampler_gets_a_suggestion():
    with pytest.raises(UnknownSearcher, match="did you mean 'TPESampler'"):
        find_searcher("optuna:TPESample")


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "optuna":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "nasbench.adapters.optuna", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"pip install 'nasbench-lab\[optuna\]'"):
        importlib.import_module("nasbench.adapters.optuna")
    with pytest.raises(MissingExtra):
        find_searcher("optuna:TPESampler")


def test_a_run_names_it_as_it_was_asked_for_and_seeds_decide_it():
    random.seed(0)
    runs = [run(ToyBenchmark(), "optuna:RandomSampler", s, budget=Budget(9)) for s in (1, 1, 2)]
    assert runs[0].searcher == "optuna:RandomSampler"
    assert runs[0].config == {"arguments": {}}
    assert runs[0].code is not None
    first, same, other = (done.trajectory.genes.tolist() for done in runs)
    assert first == same != other


def test_the_families_are_registered():
    assert {"optuna", "pymoo"} <= set(registry.names(registry.FAMILIES))
