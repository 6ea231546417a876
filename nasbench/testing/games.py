"""Problems that show how a searcher behaves, and games that play the harness against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import (
    Budget,
    Candidate,
    Constraint,
    Examples,
    InputSpec,
    Observation,
    Problem,
    SearchData,
    Searcher,
    SearcherFactory,
    Space,
)
from nasbench.errors import WrongSpace
from nasbench.harness.problem import find_objectives
from nasbench.testing.toy import ToyBenchmark, ToySpace


class _Guarded:
    """Fails the test that reads what a searcher cannot know."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        pytest.fail(f"the searcher reads {name!r} of a {type(self).__bases__[1].__name__}")


class GuardedProblem(_Guarded, Problem):
    """A problem that is exactly what `core.Problem` says."""

    __slots__ = ()


class GuardedObservation(_Guarded, Observation):
    """An observation that is exactly what `core.Observation` says."""

    __slots__ = ()


def make_problem(
    factory: SearcherFactory,
    space: Space,
    *,
    queries: int = 200,
    objectives: Sequence[str] = ("valid_accuracy",),
    constraints: Sequence[Constraint] = (),
) -> Problem:
    """A problem of the toy benchmark on any space, with `noise_data` if the searcher needs some."""
    toy = ToyBenchmark(space)
    return GuardedProblem(
        space=space,
        epochs=toy.epochs,
        objectives=find_objectives(toy, objectives),
        budget=Budget(queries),
        constraints=tuple(constraints),
        task=noise_data() if getattr(factory, "needs_task", False) else None,
    )


def noise_data() -> SearchData:
    """32 + 32 images of noise, 3 x 8 x 8, in four classes: enough to train on, nothing to learn."""
    rng = np.random.default_rng(0)

    def examples() -> Examples:
        x = rng.standard_normal((32, 3, 8, 8)).astype(np.float32)
        return Examples(x, rng.integers(4, size=32))

    return SearchData("noise", InputSpec("image", 3, 8, 8), 4, examples(), examples())


def find_space(factory: SearcherFactory) -> Space:
    """The toy space, or the first registered one for a searcher that refuses the toy."""
    for space in (ToySpace(), *map(registry.space, registry.names(registry.SPACES))):
        try:
            factory(make_problem(factory, space), np.random.default_rng(0))
        except WrongSpace:
            continue
        return space
    pytest.fail("the searcher accepts no space; override the fixture `space` and return one")


def observe(problem: Problem, candidate: Candidate, **changes: Any) -> Observation:
    """What the toy benchmark says of a candidate, signed; `changes` replace fields."""
    result = ToyBenchmark(problem.space).query([candidate])[0]
    fields: dict[str, Any] = {
        "candidate": candidate,
        "values": tuple(m.sign * result.metrics[m.name] for m in problem.objectives),
        "cost_s": result.cost_s,
        "feasible": all(c.holds(result.metrics[c.metric]) for c in problem.constraints),
    }
    return GuardedObservation(**(fields | changes))


def play(searcher: Searcher, problem: Problem, evaluations: int) -> list[Candidate]:
    """What a searcher proposes, asked and told one by one; shorter if it finishes early."""
    played: list[Candidate] = []
    for _ in range(evaluations):
        asked = searcher.ask(1)
        played += asked
        searcher.tell([observe(problem, candidate) for candidate in asked])
    return played


def as_lists(candidates: Sequence[Candidate]) -> list[list[Any]]:
    """Genes and epochs, as JSON holds them."""
    return [[[int(g) for g in c.arch.genes], c.epochs] for c in candidates]
