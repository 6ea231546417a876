"""Problems that show how a searcher behaves, and games that play the harness against it."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

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
from nasbench.harness.problem import find_objectives, find_searcher, make_config
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


def play_elsewhere(
    factory: SearcherFactory, space: Space, config: Any, seed: int, evaluations: int
) -> list[list[Any]]:
    """`as_lists` of the same game in a process of its own with another hash seed."""
    where = "toy" if space == ToySpace() else space.name
    if where not in ("toy", *registry.names(registry.SPACES)):
        pytest.skip(f"{where} is not registered, so no other process finds it")
    settings = json.dumps(dataclasses.asdict(config))
    arguments = [_reference(factory), where, settings, str(seed), str(evaluations)]
    hash_seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-m", __name__, *arguments],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"the searcher fails in another process:\n{done.stderr}")
    return cast("list[list[Any]]", json.loads(done.stdout))


def _reference(kind: Any) -> str:
    """`module:Class` or `file.py:Class` of a class at the top of a module."""
    name = getattr(kind, "__qualname__", "")
    if not name.isidentifier():
        pytest.skip(f"{kind!r} is not at the top of a module, so no other process can import it")
    try:
        found = importlib.util.find_spec(kind.__module__)
    except (ImportError, ValueError):
        found = None
    file = inspect.getfile(kind)
    importable = found is not None and found.origin and Path(found.origin).samefile(file)
    return f"{kind.__module__ if importable else file}:{name}"


def _main(reference: str, where: str, settings: str, seed: str, evaluations: str) -> None:
    name, factory = find_searcher(reference)
    space = ToySpace() if where == "toy" else registry.space(where)
    problem = make_problem(factory, space)
    config = make_config(name, factory, json.loads(settings))
    searcher = factory(problem, np.random.default_rng(int(seed)), config)
    print(json.dumps(as_lists(play(searcher, problem, int(evaluations)))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
