"""Algorithms of pymoo as searchers, such as `pymoo:NSGA2`.

Blank & Deb, "pymoo: Multi-Objective Optimization in Python", IEEE Access 8, 2020. An architecture
is a vector of its genes. Algorithms that take operators are given the space's own moves; the
numbers of the others are rounded to genes, and what a restricted space does not contain is replaced
by a uniform draw. The algorithm's own seed is drawn from the searcher's generator.

A whole generation is asked and told at a time, as pymoo does:

- While some of a generation are not told yet, and once the algorithm has nothing left to propose,
  uniform draws are evaluated. They, and observations that were not asked for, are not told to the
  algorithm.
- Infeasible ones violate a constraint by 1; algorithms that take no constraints refuse the problem.
  A failed training is told as the worst value of each objective so far.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeAlias, cast

import numpy as np

from nasbench import registry
from nasbench.adapters.pymoo_problem import SpaceProblem
from nasbench.core import Architecture, Candidate, Observation, Problem, SearcherFactory
from nasbench.errors import InvalidConfig, UnknownSearcher

_PACKAGES = ("pymoo.algorithms.moo", "pymoo.algorithms.soo.nonconvex")
_PARTITIONS = 12
"""Of Das and Dennis's reference directions, for algorithms that need some; as in pymoo's manual."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a pymoo algorithm."""

    arguments: dict[str, Any] = field(default_factory=dict)
    """Of the algorithm's constructor, such as {"pop_size": 40}; operators and seed are given."""


class PymooSearcher:
    """An algorithm that is asked and told by generations; subclasses name it."""

    Config: TypeAlias = Config
    algorithm: ClassVar[type[Any]]

    def __init__(
        self,
        problem: Problem,
        rng: np.random.Generator,
        config: Config = Config(),  # noqa: B008 - frozen
    ) -> None:
        self._space, self._rng = problem.space, rng
        k, self._constraints = len(problem.objectives), int(bool(problem.constraints))
        self._problem = SpaceProblem(problem.space, k, self._constraints)
        self._algorithm = _made(self.algorithm, config, self._problem, int(rng.integers(2**32)))
        self._infills: Any = None  # the generation that is being evaluated
        self._queue: deque[tuple[int, Architecture]] = deque()  # of it, to be asked
        self._open: dict[Architecture, list[int]] = {}  # of it, asked and not told
        self._told: dict[int, Observation] = {}  # of it
        self._worst = np.full(k, -np.inf)  # finite value of each objective so far
        self._ended = False

    def ask(self, n: int = 1) -> list[Candidate]:
        """The next of the generation; beyond it uniform draws."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Advance the algorithm when its generation is complete."""
        for seen in observations:
            values = np.array(seen.values)
            self._worst = np.where(
                np.isfinite(values), np.maximum(self._worst, values), self._worst
            )
            places = self._open.get(seen.candidate.arch)
            if places:
                self._told[places.pop(0)] = seen
            if self._infills is not None and len(self._told) == len(self._infills):
                self._advance()

    def _next(self) -> Architecture:
        if self._infills is None and not self._ended:
            self._breed()
        if not self._queue:
            return self._space.sample(1, self._rng)[0]
        place, arch = self._queue.popleft()
        self._open.setdefault(arch, []).append(place)
        return arch

    def _breed(self) -> None:
        infills = self._algorithm.ask() if self._algorithm.has_next() else None
        if infills is None or len(infills) == 0:
            self._ended = True
            return
        for place, individual in enumerate(infills):
            arch = self._problem.arch(individual.X)
            if not self._space.is_valid(arch):
                arch = self._space.sample(1, self._rng)[0]
                individual.X = np.array(arch.genes)
            self._queue.append((place, arch))
        self._infills, self._open, self._told = infills, {}, {}

    def _advance(self) -> None:
        from pymoo.core.evaluator import Evaluator
        from pymoo.problems.static import StaticProblem

        told = [self._told[place] for place in range(len(self._infills))]
        values = np.array([seen.values for seen in told])
        worst = np.where(np.isfinite(self._worst), self._worst, 0.0)
        answers = {"F": np.where(np.isfinite(values), values, worst)}
        if self._constraints:
            answers["G"] = np.array([[0.0 if seen.feasible else 1.0] for seen in told])
        Evaluator().eval(StaticProblem(self._problem, **answers), self._infills)
        self._algorithm.tell(infills=self._infills)
        self._infills = None


@cache
def searcher(name: str) -> SearcherFactory:
    """The searcher of an algorithm in `pymoo.algorithms.moo` or `.soo.nonconvex`.

    Raises:
        UnknownSearcher: pymoo has no such algorithm, or its module does not import.
    """
    known: dict[str, type[Any]] = {}
    broken = ""
    for module in sorted(_modules(), key=lambda module: not _may_hold(module, name)):
        try:
            known |= _algorithms(module)
        except Exception as fault:  # some need further libraries, and say so in their own way
            broken += f" {module} does not import: {fault}."
        if name in known:
            about = f"pymoo's {name}, asked and told by generations."
            made = type(name, (PymooSearcher,), {"__doc__": about, "algorithm": known[name]})
            return cast("SearcherFactory", made)
    fault = registry.unknown(UnknownSearcher, "algorithm of pymoo", name, list(known))
    raise UnknownSearcher(f"{fault}{broken}")


def _modules() -> Iterator[str]:
    for package in _PACKAGES:
        for found in pkgutil.iter_modules(importlib.import_module(package).__path__):
            yield f"{package}.{found.name}"


def _may_hold(module: str, name: str) -> bool:
    """Whether to look into it first, as importing all of them takes seconds."""
    return name.lower().startswith(module.rpartition(".")[2].replace("_", ""))


def _algorithms(module: str) -> dict[str, type[Any]]:
    from pymoo.core.algorithm import Algorithm

    members = inspect.getmembers(importlib.import_module(module), inspect.isclass)
    return {
        key: kind
        for key, kind in members
        if issubclass(kind, Algorithm) and kind.__module__ == module
    }


def _made(kind: type[Any], config: Config, problem: SpaceProblem, seed: int) -> Any:
    """The algorithm, set up to go on for ever."""
    from pymoo.core.termination import NoTermination

    takes = inspect.signature(kind).parameters
    given = {key: op for key, op in problem.operators().items() if key in takes}
    if "ref_dirs" in takes and takes["ref_dirs"].default in (inspect.Parameter.empty, None):
        from pymoo.util.ref_dirs import get_reference_directions

        given["ref_dirs"] = get_reference_directions(
            "das-dennis", problem.n_obj, n_partitions=_PARTITIONS
        )
    try:
        made = kind(**(given | config.arguments))
        made.setup(problem, seed=seed, termination=NoTermination())
    except Exception as fault:  # they refuse by assertions, too
        raise InvalidConfig(
            f"pymoo:{kind.__name__} refuses this problem or the arguments {config.arguments}: "
            f"{type(fault).__name__}: {fault}. Arguments are those of its constructor: "
            f"--set 'pymoo:{kind.__name__}.arguments={{...}}'"
        ) from fault
    return made
