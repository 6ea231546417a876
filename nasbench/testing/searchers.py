"""What every searcher must do; subclass `SearcherConformance` and give it your searcher.

Nothing is asked of how good it is: that is what `nasbench compare` shows.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import math
import random
import statistics
import sys
import textwrap
from collections.abc import Callable, Sequence
from itertools import pairwise
from time import process_time
from typing import Any, NoReturn

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import (
    Architecture,
    Candidate,
    Constraint,
    Problem,
    Searcher,
    SearcherFactory,
    Space,
)
from nasbench.errors import WrongSpace
from nasbench.testing.elsewhere import play_elsewhere
from nasbench.testing.games import as_lists, find_space, make_problem, observe, play
from nasbench.testing.toy import ToySpace

_SPREAD = 10
"""How much longer than the first steps the last of 1,000 may take."""
_INSTANT_S = 5e-3
"""Steps of less processor time are never too long."""

_Start = Callable[..., Searcher]


class SearcherConformance:
    """Put a searcher through the protocol::

    class TestMySearcher(SearcherConformance):
        @pytest.fixture
        def factory(self):
            return MySearcher

    Override `space` for a searcher of one space, and `config` for settings that make it quick.
    """

    deterministic = False
    """Whether the searcher never draws, so that all seeds give the same proposals."""

    @pytest.fixture
    def factory(self) -> SearcherFactory:
        """The searcher under test; a subclass gives it."""
        raise NotImplementedError("override the fixture `factory` and return your searcher's class")

    @pytest.fixture
    def space(self, factory: SearcherFactory) -> Space:
        """The toy space, or the first registered one that the searcher accepts."""
        return find_space(factory)

    @pytest.fixture
    def config(self, factory: SearcherFactory) -> Any:
        """The searcher's settings, by default its defaults."""
        return factory.Config()

    @pytest.fixture
    def problem(self, factory: SearcherFactory, space: Space) -> Problem:
        """One objective, no constraints."""
        return make_problem(factory, space)

    @pytest.fixture
    def start(self, factory: SearcherFactory, problem: Problem, config: Any) -> _Start:
        """Makes the searcher anew: `start(seed=0, problem=problem)`."""

        def make(seed: int = 0, problem: Problem = problem) -> Searcher:
            return factory(problem, np.random.default_rng(seed), config)

        return make

    def test_it_says_what_it_is(self, factory: SearcherFactory) -> None:
        assert inspect.getdoc(factory), f"{factory} has no docstring"

    def test_the_config_is_a_frozen_dataclass_with_defaults_and_docstrings(
        self, factory: SearcherFactory
    ) -> None:
        config = factory.Config
        assert dataclasses.is_dataclass(config)
        settings = factory.Config()  # every field has a default
        for field in dataclasses.fields(config):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(settings, field.name, getattr(settings, field.name))
        bare = [f.name for f in dataclasses.fields(config) if f.name not in _documented(config)]
        assert not bare, f"fields of Config without a docstring below them: {', '.join(bare)}"

    def test_the_config_may_be_left_out(self, factory: SearcherFactory, problem: Problem) -> None:
        _check_valid(factory(problem, np.random.default_rng(0)).ask(1), problem)

    @pytest.mark.parametrize("n", [1, 2, 7, 50])
    def test_ask_returns_as_many_valid_candidates_as_asked_for(
        self, start: _Start, problem: Problem, n: int
    ) -> None:
        searcher = start()
        for _ in range(3):
            asked = searcher.ask(n)
            _check_valid(asked, problem)
            assert len(asked) == n or (len(asked) < n and searcher.ask(1) == [])
            searcher.tell([observe(problem, candidate) for candidate in asked])

    def test_ask_asks_for_one_unless_told(self, start: _Start) -> None:
        assert len(start().ask()) == 1

    def test_asking_for_none_gives_none(self, start: _Start) -> None:
        searcher = start()
        assert searcher.ask(0) == []
        assert as_lists(searcher.ask(2)) == as_lists(start().ask(2))

    def test_it_proposes_before_it_is_told_anything(self, start: _Start, problem: Problem) -> None:
        searcher = start()
        for _ in range(300):
            _check_valid(searcher.ask(1), problem)

    def test_nothing_to_tell_is_no_news(self, start: _Start, problem: Problem) -> None:
        searcher = start()
        searcher.tell([])
        assert as_lists(play(searcher, problem, 10)) == as_lists(play(start(), problem, 10))

    def test_the_seed_decides_what_is_proposed(self, start: _Start, problem: Problem) -> None:
        assert as_lists(play(start(3), problem, 60)) == as_lists(play(start(3), problem, 60))

    def test_another_seed_proposes_something_else(self, start: _Start, problem: Problem) -> None:
        played = (as_lists(play(start(seed), problem, 30)) for seed in range(4))
        first = next(played)
        different = any(other != first for other in played)  # mostly the second one
        assert different != self.deterministic, "deterministic must tell whether seeds matter"

    def test_another_process_proposes_the_same(
        self, factory: SearcherFactory, start: _Start, problem: Problem, config: Any
    ) -> None:
        there = play_elsewhere(factory, problem.space, config, seed=5, evaluations=40)
        assert there == as_lists(play(start(5), problem, 40))

    def test_the_global_generators_are_neither_read_nor_changed(
        self, start: _Start, problem: Problem
    ) -> None:
        play(start(), problem, 1)  # loads what is loaded late
        played = []
        for seed in 1, 2:
            _seed_globals(seed)
            before = _global_states()
            played.append(as_lists(play(start(7), problem, 40)))
            assert _global_states() == before, "the searcher draws from a global generator"
        assert played[0] == played[1], "the searcher's proposals depend on a global generator"

    def test_it_opens_neither_benchmark_nor_task(
        self, start: _Start, problem: Problem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Covers look-ups by name, and attributes of problem and observations that they lack.

        A searcher that reads a table's file by itself, or keeps what it looked up when its module
        was imported, goes undetected.
        """

        def refuse(name: object) -> NoReturn:
            pytest.fail(f"the searcher opens {name!r}, where it could see test metrics")

        monkeypatch.setattr(registry, "benchmark", refuse)
        monkeypatch.setattr(registry, "task", refuse)
        play(start(), problem, 40)

    def test_observations_may_come_late_shuffled_and_in_part(
        self, start: _Start, problem: Problem
    ) -> None:
        searcher, rng = start(), np.random.default_rng(0)
        waiting: list[Candidate] = []
        for _ in range(25):
            asked = searcher.ask(5)
            _check_valid(asked, problem)
            waiting += asked
            rng.shuffle(waiting)
            told, waiting = waiting[:3], waiting[3:]
            searcher.tell([observe(problem, candidate) for candidate in told])

    def test_foreign_observations_are_accepted(self, start: _Start, problem: Problem) -> None:
        searcher, rng = start(), np.random.default_rng(1)
        for _ in range(20):
            foreign = [Candidate(arch) for arch in problem.space.sample(3, rng)]
            searcher.tell([observe(problem, candidate) for candidate in foreign])
            _check_valid(searcher.ask(1), problem)

    def test_it_goes_on_when_nothing_is_feasible_at_first(
        self, start: _Start, problem: Problem
    ) -> None:
        self._endure(start(), problem, first=40, feasible=False)

    def test_it_goes_on_when_trainings_fail(self, start: _Start, problem: Problem) -> None:
        self._endure(start(), problem, first=40, values=(math.inf,))

    def test_it_goes_on_when_all_values_are_equal(self, start: _Start, problem: Problem) -> None:
        self._endure(start(), problem, first=80, values=(0.0,))

    def test_several_objectives_and_a_constraint_are_accepted(
        self, factory: SearcherFactory, space: Space, start: _Start
    ) -> None:
        bound = [Constraint("params", upper=400.0)]
        several = make_problem(
            factory, space, objectives=("valid_loss", "params"), constraints=bound
        )
        _check_valid(play(start(problem=several), several, 60), several)

    def test_a_budget_of_one_evaluation_is_enough(
        self, factory: SearcherFactory, space: Space, start: _Start
    ) -> None:
        single = make_problem(factory, space, queries=1)
        assert len(play(start(problem=single), single, 1)) == 1

    def test_a_space_with_one_architecture_is_enough(
        self, factory: SearcherFactory, start: _Start
    ) -> None:
        lonely = make_problem(factory, ToySpace((1, 1)))
        try:
            searcher = start(problem=lonely)
        except WrongSpace as refused:
            pytest.skip(str(refused))
        played = play(searcher, lonely, 30)
        assert {c.arch for c in played} == {Architecture(lonely.space.name, (0, 0))}

    def test_a_thousand_evaluations_do_not_slow_it_down(
        self, start: _Start, problem: Problem
    ) -> None:
        searcher, steps = start(), []
        for _ in range(1000):
            before = process_time()
            asked = searcher.ask(1)
            asked_s = process_time() - before
            told = [observe(problem, candidate) for candidate in asked]
            before = process_time()
            searcher.tell(told)
            steps.append(asked_s + process_time() - before)
        early, late = statistics.median(steps[100:300]), statistics.median(steps[-200:])
        assert late < max(_SPREAD * early, _INSTANT_S), (
            f"a step takes {1e3 * early:.3f} ms at first, {1e3 * late:.3f} ms after 800 evaluations"
        )

    def _endure(self, searcher: Searcher, problem: Problem, *, first: int, **changes: Any) -> None:
        """Tell `first` observations with these changes, then true ones."""
        for step in range(first + 20):
            asked = searcher.ask(1)
            _check_valid(asked, problem)
            bent = changes if step < first else {}
            searcher.tell([observe(problem, candidate, **bent) for candidate in asked])


def _check_valid(asked: Sequence[Candidate], problem: Problem) -> None:
    assert isinstance(asked, list), f"ask must return a list, got {asked!r}"
    for candidate in asked:
        assert isinstance(candidate, Candidate), f"expected a Candidate, got {candidate!r}"
        assert isinstance(candidate.arch.genes, tuple), f"genes are a tuple, got {candidate!r}"
        assert candidate.arch.space == problem.space.name
        assert problem.space.is_valid(candidate.arch), f"the space has no {candidate.arch!r}"
        assert candidate.epochs is None or candidate.epochs in problem.epochs


def _documented(config: type) -> set[str]:
    """Fields of a dataclass that are followed by a docstring in its source or a base's."""
    found = set()
    for kind in config.__mro__[:-1]:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        body = getattr(tree, "body", [])
        for line, following in pairwise(body):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                value = getattr(following, "value", None)
                if isinstance(following, ast.Expr) and isinstance(value, ast.Constant):
                    found.add(line.target.id)
    return found


def _seed_globals(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global generator is what is tested
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _global_states() -> list[object]:
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    states: list[object] = [random.getstate(), (name, keys.tobytes(), *rest)]  # type: ignore[union-attr]
    if "torch" in sys.modules:
        states.append(sys.modules["torch"].get_rng_state().numpy().tobytes())
    return states
