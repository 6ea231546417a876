"""Algorithms of pymoo as searchers, such as `pymoo:NSGA2`.

Blank & Deb, "pymoo: Multi-Objective Optimization in Python", IEEE Access 8, 2020. An architecture
is a vector of its genes. Algorithms that take operators are given the space's own moves; the
numbers of the others are rounded to genes, and what a restricted space does not contain is replaced
by a uniform draw. The algorithm's own seed is drawn from the searcher's generator.

A whole generation is asked and told at a time, as pymoo does:

- While some of a generation are not told yet, and once the algorithm has nothing left to propose,
  uniform draws are evaluated. They, and observations that were not asked for, are not told to the
  algorithm.
- Algorithms for one objective are told the first one.
- Infeasible ones violate a constraint by 1; algorithms that take no constraints refuse the problem.
  A failed training is told as the worst value of each objective so far.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

import numpy as np

from nasbench import registry
from nasbench.adapters.pymoo_problem import SpaceProblem
from nasbench.core import Architecture, Candidate, Observation, Problem, SearcherFactory
from nasbench.errors import InvalidConfig, MissingExtra, UnknownSearcher

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

_PACKAGES = ("pymoo.algorithms.moo", "pymoo.algorithms.soo.nonconvex")
_SINGLE = "pymoo.algorithms.soo"
_ROUNDS = 10
"""Generations without a new individual, after which an algorithm has nothing left to propose."""
_ROOTS = frozenset({"Algorithm", "GeneticAlgorithm", "LocalSearch", "LoopwiseAlgorithm"})
"""Bases of pymoo's algorithms, which are none themselves."""
_NO_ARGUMENTS = frozenset({"self", "args", "kwargs"})
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
    kind: ClassVar[type[Any]]

    def __init__(
        self,
        problem: Problem,
        rng: np.random.Generator,
        config: Config = Config(),  # noqa: B008 - frozen
    ) -> None:
        self._space, self._rng = problem.space, rng
        several = not self.kind.__module__.startswith(_SINGLE)
        self._objectives = len(problem.objectives) if several else 1
        self._constrained = bool(problem.constraints)
        self._problem = SpaceProblem(problem.space, self._objectives, int(self._constrained))
        seed, queries = int(rng.integers(2**32)), problem.budget.queries
        self._algorithm = _made(self.kind, config, self._problem, seed, queries)
        self._infills: Any = None  # what the algorithm asked for: a generation, or one individual
        self._members: Any = ()  # the individuals of it that are new
        self._queue: deque[tuple[int, Architecture]] = deque()  # of it, to be asked
        self._open: dict[Architecture, list[int]] = {}  # of it, asked and not told
        self._told: dict[int, Observation] = {}  # of it
        self._worst = np.full(self._objectives, -np.inf)  # finite values so far
        self._ended = False

    def ask(self, n: int = 1) -> list[Candidate]:
        """The next of the generation; beyond it uniform draws."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Advance the algorithm when its generation is complete."""
        for seen in observations:
            values = np.array(seen.values[: self._objectives])
            self._worst = np.fmax(self._worst, np.where(np.isfinite(values), values, -np.inf))
            places = self._open.get(seen.candidate.arch)
            if places:
                self._told[places.pop(0)] = seen
            if self._infills is not None and len(self._told) == len(self._members):
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
        from pymoo.core.individual import Individual
        from pymoo.core.population import Population

        for _ in range(_ROUNDS):
            infills = self._algorithm.ask() if self._algorithm.has_next() else None
            if infills is None:
                break
            everyone = [infills] if isinstance(infills, Individual) else list(infills)
            new = [individual for individual in everyone if not individual.evaluated]
            if new or not everyone:
                break
            self._algorithm.tell(infills=infills)
        if infills is None or not new:
            self._ended = True
            return
        for place, individual in enumerate(new):
            arch = self._problem.arch(individual.X)
            if not self._space.is_valid(arch):
                arch = self._space.sample(1, self._rng)[0]
                individual.X = np.array(arch.genes)
            self._queue.append((place, arch))
        self._infills, self._members = infills, Population.create(*new)
        self._open, self._told = {}, {}

    def _advance(self) -> None:
        from pymoo.problems.static import StaticProblem

        told = [self._told[place] for place in range(len(self._members))]
        values = np.array([seen.values[: self._objectives] for seen in told])
        worst = np.where(np.isfinite(self._worst), self._worst, 0.0)
        answers = {"F": np.where(np.isfinite(values), values, worst)}
        if self._constrained:
            answers["G"] = np.array([[0.0 if seen.feasible else 1.0] for seen in told])
        evaluator = self._algorithm.evaluator  # counts them
        evaluator.eval(StaticProblem(self._problem, **answers), self._members)
        self._algorithm.tell(infills=self._infills)
        self._infills = None


@cache
def searcher(name: str) -> SearcherFactory:
    """The searcher of an algorithm in `pymoo.algorithms.moo` or `.soo.nonconvex`.

    Raises:
        UnknownSearcher: pymoo has no such algorithm.
        MissingExtra: it needs a further library.
    """
    places = _places()
    if name not in places:
        raise registry.unknown(UnknownSearcher, "algorithm of pymoo", name, list(places))
    try:
        kind = getattr(importlib.import_module(places[name]), name)
    except Exception as fault:  # each says in its own way what it needs
        raise MissingExtra(f"pymoo:{name} does not import: {fault}") from fault
    about = f"pymoo's {name}, asked and told by generations."
    return cast("SearcherFactory", type(name, (PymooSearcher,), {"__doc__": about, "kind": kind}))


def _places() -> dict[str, str]:
    """Modules of all algorithms by name, read from their source: to import them takes seconds."""
    bases: dict[str, set[str]] = {}
    places = {}
    for package in _PACKAGES:
        for found in pkgutil.iter_modules(importlib.import_module(package).__path__):
            module = f"{package}.{found.name}"
            spec = importlib.util.find_spec(module)
            source = Path(cast("str", cast("ModuleSpec", spec).origin)).read_text(encoding="utf-8")
            for name, parents in re.findall(r"^class (\w+)\(([^)]*)\)", source, re.MULTILINE):
                places[name], bases[name] = module, set(re.findall(r"\w+", parents))
    known = set(_ROOTS)
    while more := {name for name in bases if bases[name] & known} - known:
        known |= more
    return {name: places[name] for name in sorted(known - _ROOTS)}


def _made(kind: type[Any], config: Config, problem: SpaceProblem, seed: int, queries: int) -> Any:
    """The algorithm, set up for a number of evaluations, by which some set their schedules."""
    _check_names(kind, config.arguments)
    takes = inspect.signature(kind).parameters
    given = {key: op for key, op in problem.operators().items() if key in takes}
    if "ref_dirs" in takes and takes["ref_dirs"].default in (inspect.Parameter.empty, None):
        from pymoo.util.ref_dirs import get_reference_directions

        given["ref_dirs"] = get_reference_directions(
            "das-dennis", problem.n_obj, n_partitions=_PARTITIONS
        )
    try:
        made = kind(**(given | config.arguments))
        made.setup(problem, seed=seed, termination=("n_eval", queries))
    except Exception as fault:  # they refuse by assertions, too
        raise InvalidConfig(
            f"pymoo:{kind.__name__} refuses this problem or the arguments {config.arguments}: "
            f"{type(fault).__name__}: {fault}. Arguments are those of its constructor: "
            f"--set 'pymoo:{kind.__name__}.arguments={{...}}'"
        ) from fault
    return made


def _check_names(kind: type[Any], arguments: Mapping[str, Any]) -> None:
    """Refuse what no constructor has: pymoo would take it, and do nothing with it."""
    classes = (each for each in kind.__mro__ if each is not object)
    known = {key for each in classes for key in inspect.signature(each).parameters}
    for key in arguments:
        if key not in known:
            what, names = f"argument of pymoo:{kind.__name__}", sorted(known - _NO_ARGUMENTS)
            raise InvalidConfig(str(registry.unknown(UnknownSearcher, what, key, names)))
