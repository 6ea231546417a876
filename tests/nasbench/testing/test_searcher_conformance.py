"""The shipped conformance class: a sound searcher passes, and each faulty one is caught."""

from __future__ import annotations

import inspect
import random
from dataclasses import dataclass

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Architecture, Candidate
from nasbench.testing import searchers as module
from nasbench.testing.games import find_space, make_problem
from nasbench.testing.searchers import SearcherConformance


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the sound searcher."""

    keep: float = 0.5
    """Chance of staying with the best."""


DEFAULT = Config()


class Sound:
    """Draws, and sometimes goes back to the best it was told."""

    Config = Config

    def __init__(self, problem, rng, config=DEFAULT):
        self.problem, self.rng, self.config = problem, rng, config
        self.best = None

    def ask(self, n=1):
        return [self.next() for _ in range(n)]

    def next(self):
        if self.best is not None and self.rng.random() < self.config.keep:
            return Candidate(self.best.candidate.arch)
        return Candidate(self.problem.space.sample(1, self.rng)[0])

    def tell(self, observations):
        for seen in observations:
            if self.best is None or seen.values < self.best.values:
                self.best = seen


class TestSound(SearcherConformance):
    @pytest.fixture
    def factory(self):
        return Sound


class TestSoundWithSettings(SearcherConformance):
    @pytest.fixture
    def factory(self):
        return Sound

    @pytest.fixture
    def config(self):
        return Config(keep=0.9)


class ReturnsTuple(Sound):
    """..."""

    def ask(self, n=1):
        return tuple(super().ask(n))


class AlwaysOne(Sound):
    """..."""

    def ask(self, n=1):
        return super().ask(1)


class AtLeastOne(Sound):
    """..."""

    def ask(self, n=1):
        return super().ask(max(n, 1))


class WrongEpochs(Sound):
    """..."""

    def next(self):
        return Candidate(super().next().arch, epochs=3)


class OutsideTheSpace(Sound):
    """..."""

    def next(self):
        return Candidate(Architecture(self.problem.space.name, (9, 9, 9, 9)))


class ListsOfGenes(Sound):
    """..."""

    def next(self):
        arch = super().next().arch
        return Candidate(Architecture(arch.space, list(arch.genes)))


class ReadsGlobal(Sound):
    """..."""

    def next(self):
        return Candidate(self.problem.space.arch(random.randrange(len(self.problem.space))))


class ReadsGlobalNumpy(Sound):
    """..."""

    def next(self):
        return Candidate(self.problem.space.arch(np.random.randint(100)))  # noqa: NPY002


class SeedsGlobal(Sound):
    """..."""

    def next(self):
        random.seed(0)
        return super().next()


class IgnoresSeed(Sound):
    """..."""

    def __init__(self, problem, rng, config=DEFAULT):
        super().__init__(problem, np.random.default_rng(0), config)


class DependsOnHashes(Sound):
    """..."""

    def __init__(self, problem, rng, config=DEFAULT):
        super().__init__(problem, np.random.default_rng(abs(hash("architecture"))), config)


class ReadsMetrics(Sound):
    """..."""

    def tell(self, observations):
        assert all(seen.metrics["test_accuracy"] for seen in observations)


class ProbesForMetrics(Sound):
    """..."""

    def tell(self, observations):
        assert not any(hasattr(seen, "metrics") for seen in observations)


class ReadsBenchmark(Sound):
    """..."""

    def next(self):
        return self.problem.benchmark and super().next()


class OpensBenchmark(Sound):
    """..."""

    def next(self):
        registry.benchmark("cell201/digits-on-photos")
        return super().next()


class KnowsItsOwn(Sound):
    """..."""

    def __init__(self, problem, rng, config=DEFAULT):
        super().__init__(problem, rng, config)
        self.asked = []

    def next(self):
        self.asked.append(super().next())
        return self.asked[-1]

    def tell(self, observations):
        for seen in observations:
            self.asked.remove(seen.candidate)


class InOrderOnly(KnowsItsOwn):
    """..."""

    def tell(self, observations):
        for seen in observations:
            if self.asked and seen.candidate not in self.asked:
                return
            assert self.asked.pop(0) == seen.candidate


class WaitsForNews(Sound):
    """..."""

    def next(self):
        self.pending = getattr(self, "pending", 0) + 1
        assert self.pending < 100
        return super().next()

    def tell(self, observations):
        self.pending = 0


class NeedsFeasible(Sound):
    """..."""

    def tell(self, observations):
        assert any(seen.feasible for seen in observations) or not observations


class NeedsFinite(Sound):
    """..."""

    def tell(self, observations):
        assert np.isfinite([seen.values for seen in observations]).all()


class NeedsSpread(Sound):
    """..."""

    def tell(self, observations):
        self.values = [*getattr(self, "values", []), *(seen.values[0] for seen in observations)]
        assert len(self.values) < 70 or np.std(self.values) > 0


class OneObjective(Sound):
    """..."""

    def tell(self, observations):
        for seen in observations:
            (_,) = seen.values


class NeedsBudget(Sound):
    """..."""

    def __init__(self, problem, rng, config=DEFAULT):
        super().__init__(problem, rng, config)
        assert problem.budget.queries > 10


class NeedsNeighbors(Sound):
    """..."""

    def next(self):
        arch = super().next().arch
        return Candidate(self.problem.space.neighbors(arch)[0])


@dataclass
class Thawed:
    """Not frozen."""

    keep: float = 0.5
    """..."""


@dataclass(frozen=True)
class Bare:
    """Without the docstring of its field."""

    keep: float = 0.5


@dataclass(frozen=True)
class Required:
    """Without a default."""

    keep: float
    """..."""


class HasThawed(Sound):
    """..."""

    Config = Thawed


class HasBare(Sound):
    """..."""

    Config = Bare


class HasRequired(Sound):
    """..."""

    Config = Required


def check(name, factory, **extra):
    """Run one of the class' tests on a searcher."""
    space = find_space(Sound)
    problem = make_problem(factory, space)

    def start(seed=0, problem=problem):
        return factory(problem, np.random.default_rng(seed), Config())

    given = {
        "factory": factory,
        "space": space,
        "problem": problem,
        "config": Config(),
        "start": start,
        "n": 7,
    } | extra
    test = getattr(SearcherConformance(), f"test_{name}")
    test(**{argument: given[argument] for argument in inspect.signature(test).parameters})


AMOUNT = "ask_returns_as_many_valid_candidates_as_asked_for"
GLOBAL = "the_global_generators_are_neither_read_nor_changed"
CONFIG = "the_config_is_a_frozen_dataclass_with_defaults_and_docstrings"
SECRET = "it_opens_neither_benchmark_nor_task"


@pytest.mark.parametrize(
    ("name", "faulty"),
    [
        (AMOUNT, ReturnsTuple),
        (AMOUNT, AlwaysOne),
        (AMOUNT, WrongEpochs),
        (AMOUNT, OutsideTheSpace),
        (AMOUNT, ListsOfGenes),
        ("asking_for_none_gives_none", AtLeastOne),
        ("it_proposes_before_it_is_told_anything", WaitsForNews),
        (GLOBAL, ReadsGlobal),
        (GLOBAL, ReadsGlobalNumpy),
        (GLOBAL, SeedsGlobal),
        ("the_seed_decides_what_is_proposed", ReadsGlobal),
        ("another_seed_proposes_something_else", IgnoresSeed),
        ("another_process_proposes_the_same", DependsOnHashes),
        (SECRET, ReadsMetrics),
        (SECRET, ProbesForMetrics),
        (SECRET, ReadsBenchmark),
        (SECRET, OpensBenchmark),
        ("foreign_observations_are_accepted", KnowsItsOwn),
        ("observations_may_come_late_shuffled_and_in_part", InOrderOnly),
        ("it_goes_on_when_nothing_is_feasible_at_first", NeedsFeasible),
        ("it_goes_on_when_trainings_fail", NeedsFinite),
        ("it_goes_on_when_all_values_are_equal", NeedsSpread),
        ("several_objectives_and_a_constraint_are_accepted", OneObjective),
        ("a_budget_of_one_evaluation_is_enough", NeedsBudget),
        ("a_space_with_one_architecture_is_enough", NeedsNeighbors),
        (CONFIG, HasThawed),
        (CONFIG, HasBare),
        (CONFIG, HasRequired),
    ],
)
def test_a_faulty_searcher_is_caught(name, faulty, monkeypatch):
    extra = {"monkeypatch": monkeypatch}
    check(name, Sound, **extra)
    faults = (AssertionError, pytest.fail.Exception, ValueError, IndexError, TypeError)
    with pytest.raises(faults):
        check(name, faulty, **extra)


def test_a_searcher_that_slows_down_is_caught(monkeypatch):
    clock = {"now": 0.0}

    class Slowing(Sound):
        steps = 0

        def ask(self, n=1):
            Slowing.steps += 1
            clock["now"] += 1e-4 * Slowing.steps
            return super().ask(n)

    monkeypatch.setattr(module, "process_time", lambda: clock["now"])
    check("a_thousand_evaluations_do_not_slow_it_down", Sound)
    monkeypatch.setattr(module, "_SPREAD", 3)
    with pytest.raises(AssertionError, match="a step takes"):
        check("a_thousand_evaluations_do_not_slow_it_down", Slowing)


def test_a_deterministic_searcher_has_to_say_so(monkeypatch):
    monkeypatch.setattr(SearcherConformance, "deterministic", True)
    check("another_seed_proposes_something_else", IgnoresSeed)
    with pytest.raises(AssertionError, match="deterministic"):
        check("another_seed_proposes_something_else", Sound)
