"""Samplers of Optuna as searchers: `optuna:TPESampler`, `optuna:NSGAIISampler` and all others.

Akiba, Sano, Yanase, Ohta & Koyama, "Optuna: A Next-generation Hyperparameter Optimization
Framework", KDD 2019. Every gene is a categorical parameter of a study in memory, which is asked and
told. The sampler's own seed is drawn from the searcher's generator.

- Constraints are told as `Trial.set_constraint`, which the samplers TPE, NSGA-II, NSGA-III and GP
  listen to.
- A failed training is told as a failed trial, which samplers leave out of account.
- What a restricted space does not contain is told as failed, too; after `_DRAWS` of them in a row a
  uniform draw of the space is enqueued as the next trial.
- Evaluations that were not asked for become trials of their own.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeAlias, cast

import numpy as np

from nasbench import registry
from nasbench.core import Architecture, Candidate, Observation, Problem, SearcherFactory
from nasbench.errors import InvalidConfig, MissingExtra, UnknownSearcher

try:
    import optuna
except ImportError as fault:
    raise MissingExtra(
        "the searchers optuna:... need Optuna, which is not installed; "
        "run: pip install 'nasbench-lab[optuna]'"
    ) from fault

_DRAWS = 20


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of an Optuna sampler."""

    arguments: dict[str, Any] = field(default_factory=dict)
    """Of the sampler's constructor, such as {"n_startup_trials": 20}; the seed is given."""


class OptunaSearcher:
    """A study that is asked and told; subclasses name the sampler."""

    Config: TypeAlias = Config
    sampler: ClassVar[type[optuna.samplers.BaseSampler]]

    def __init__(
        self,
        problem: Problem,
        rng: np.random.Generator,
        config: Config = Config(),  # noqa: B008 - frozen
    ) -> None:
        self._space = problem.space
        self._rng = rng
        self._constrained = bool(problem.constraints)
        self._choices: dict[str, optuna.distributions.BaseDistribution] = {
            f"gene{i}": optuna.distributions.CategoricalDistribution(range(n))
            for i, n in enumerate(problem.space.arity)
        }
        seed = int(rng.integers(2**32))
        self._study = _study(_made(self.sampler, config.arguments, seed), len(problem.objectives))
        self._open: dict[Architecture, deque[optuna.Trial]] = {}  # asked and not told

    def ask(self, n: int = 1) -> list[Candidate]:
        """One new trial for each candidate."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Finish the architecture's oldest open trial, or make one if there is none."""
        for seen in observations:
            arch = seen.candidate.arch
            trials = self._open.get(arch)
            trial = trials.popleft() if trials else self._trial_of(arch)
            if not np.isfinite(seen.values).all():
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            if self._constrained:
                trial.set_constraint("feasible", -1.0 if seen.feasible else 1.0)
            self._study.tell(trial, list(seen.values))

    def _next(self) -> Architecture:
        for _ in range(_DRAWS):
            trial = self._study.ask(self._choices)
            genes = tuple(int(trial.params[name]) for name in self._choices)
            arch = Architecture(self._space.name, genes)
            if self._space.is_valid(arch):
                break
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            arch = self._space.sample(1, self._rng)[0]
            trial = self._trial_of(arch)
        self._open.setdefault(arch, deque()).append(trial)
        return arch

    def _trial_of(self, arch: Architecture) -> optuna.Trial:
        self._study.enqueue_trial(dict(zip(self._choices, arch.genes, strict=True)))
        return self._study.ask(self._choices)


@cache
def searcher(name: str) -> SearcherFactory:
    """The searcher of a class in `optuna.samplers`.

    Raises:
        UnknownSearcher: Optuna has no such sampler.
    """
    base = optuna.samplers.BaseSampler
    known = {
        key: kind
        for key, kind in inspect.getmembers(optuna.samplers, inspect.isclass)
        if issubclass(kind, base) and kind is not base
    }
    if name not in known:
        raise registry.unknown(UnknownSearcher, "sampler of optuna", name, list(known))
    about = f"Optuna's {name}, asked and told."
    made = type(name, (OptunaSearcher,), {"__doc__": about, "sampler": known[name]})
    return cast("SearcherFactory", made)


def _made(
    kind: type[optuna.samplers.BaseSampler], arguments: Mapping[str, Any], seed: int
) -> optuna.samplers.BaseSampler:
    seeded = {"seed": seed} if "seed" in inspect.signature(kind).parameters else {}
    try:
        return kind(**(dict(arguments) | seeded))
    except (TypeError, ValueError) as fault:
        raise InvalidConfig(
            f"optuna:{kind.__name__} refuses the arguments {dict(arguments)}: {fault}. They are "
            f"those of its constructor: --set 'optuna:{kind.__name__}.arguments={{...}}'"
        ) from fault


def _study(sampler: optuna.samplers.BaseSampler, objectives: int) -> optuna.Study:
    """A study in memory that minimizes; its creation is not logged."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    try:
        return optuna.create_study(sampler=sampler, directions=["minimize"] * objectives)
    finally:
        optuna.logging.set_verbosity(verbosity)
