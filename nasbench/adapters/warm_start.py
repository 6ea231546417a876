"""Searchers that begin with what was good on other tasks: `warm-start:regularized-evolution`.

Transfer by the average rank, the simplest prior that tables of other tasks allow (as for
hyperparameters in Feurer, Springenberg & Hutter, "Initializing Bayesian Hyperparameter Optimization
via Meta-Learning", AAAI 2015, who take the best of the most similar tasks)::

    of each table of another task: rank its architectures by the first objective, from 0 to 1
    the searcher's first draws = the architectures of the best mean rank, in that order

- Leave one task out: a table of the task that is searched is never learnt from. Registered ones are
  told apart by the end of their name (`cell201/mnist1d` is mnist1d's) and are not opened; a file of
  that task is refused when it says so.
- Training what the other tables hold is not charged: it was spent on those tasks. Reading them is.
- What is in the searcher's draws is warmed: populations, starting points, initial designs.
  Searchers that draw from a policy or a sampler of their own (nas-rl, optuna:...) are unaffected.
- Constraints on metrics play no part in the ranks; a restricted space is respected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.adapters.warmed import WarmSearcher, around, distinct
from nasbench.core import Architecture, Benchmark, Problem, SearcherFactory, SupportsRows
from nasbench.errors import InvalidConfig, WrongSpace
from nasbench.harness.problem import find_searcher


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a warm start."""

    sources: tuple[str, ...] = ()
    """Names or files of the tables to learn from; none: all registered ones of other tasks."""
    start: int = 10
    """Architectures of the best mean rank that become the searcher's first draws."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the searcher inside."""

    def __post_init__(self) -> None:
        if self.start < 1:
            raise InvalidConfig(f"expected start >= 1, got {self.start!r}")


class WarmStart(WarmSearcher):
    """A searcher on a space whose first draws were good elsewhere; subclasses name the searcher."""

    Config: TypeAlias = Config
    needs_task: ClassVar[bool] = True  # which says what task to leave out
    inside: ClassVar[tuple[str, SearcherFactory]]

    def __init__(
        self,
        problem: Problem,
        rng: np.random.Generator,
        config: Config = Config(),  # noqa: B008 - frozen
    ) -> None:
        if problem.task is None:
            raise InvalidConfig("warm-start leaves out a task's tables, got a problem without one")
        tables = [
            _source(name, problem, problem.task.task)
            for name in config.sources or _others(problem.space.name, problem.task.task)
        ]
        ranked = best_on_average(tables, problem)
        design = distinct(ranked, problem.space, config.start)
        super().__init__(*self.inside, config.settings, problem, rng, design)


@cache
def searcher(member: str) -> SearcherFactory:
    """The warm-started searcher of a registered one or of any other reference.

    Raises:
        UnknownSearcher: there is no such searcher.
    """
    inside = find_searcher(member)
    about = f"{member}, begun with the architectures that were best on other tasks."
    return around(WarmStart, inside, about)


def best_on_average(tables: Sequence[SupportsRows], problem: Problem) -> list[Architecture]:
    """Architectures by their mean rank over the tables that know them, the best first."""
    objective, ranks = problem.objectives[0], dict[tuple[int, ...], list[float]]()
    for table in tables:
        genes, columns = table.rows()
        column = objective.sign * columns[objective.name]
        known = np.flatnonzero(np.isfinite(column))
        for row, rank in zip(genes[known].tolist(), _ranks(column[known]), strict=True):
            ranks.setdefault(tuple(row), []).append(rank)
    order = sorted(ranks, key=lambda genes: (sum(ranks[genes]) / len(ranks[genes]), genes))
    return [Architecture(problem.space.name, genes) for genes in order]


def _others(space: str, task: str) -> list[str]:
    """Registered tables of a space (`cell201-v1` is that of `cell201/...`), but for a task's.

    Surrogates, and tables with latencies, are left out: they know no more than their tables.

    Raises:
        WrongSpace: there is none of the space.
        InvalidConfig: there is none of another task.
    """
    family = space.rpartition("-")[0]
    names = registry.names(registry.BENCHMARKS)
    own = [name for name in names if name.startswith(f"{family}/")]
    known = [name for name in own if registry.table_of(name) == name]
    if not known:
        raise WrongSpace(
            f"warm-start learns from tables of other tasks, and none of {space} is registered; "
            f"pass their files as `sources`, or choose another searcher"
        )
    others = [name for name in known if not _is_of(name, task)]
    if not others:
        raise InvalidConfig(
            f"warm-start learns from tables of other tasks than {task}, and of {space} only "
            f"{', '.join(known)} is registered; pass files of others as `sources`: --set "
            f"'warm-start:SEARCHER.sources=[\"other.h5\"]'"
        )
    return others


def _source(name: str, problem: Problem, task: str) -> SupportsRows:
    """A table to learn from.

    Raises:
        InvalidConfig: it is of the task that is searched, or has not the objective.
        WrongSpace: it is of another space.
    """
    table: Benchmark | None = None if _is_of(name, task) else registry.benchmark(name)
    if table is None or getattr(table, "task", "") == task:
        raise InvalidConfig(
            f"{name} is a table of {task}, the task that is searched; warm-start learns from "
            f"other tasks' tables only. Take it out of `sources`"
        )
    if table.space.name != problem.space.name:
        raise WrongSpace(
            f"expected a table of {problem.space.name} to learn from, got {name} of "
            f"{table.space.name}"
        )
    objective = problem.objectives[0].name
    if objective not in {metric.name for metric in table.metrics}:
        raise InvalidConfig(f"{name} has no {objective} to learn from; take it out of `sources`")
    if not isinstance(table, SupportsRows):
        raise InvalidConfig(f"{name} cannot list its architectures; take it out of `sources`")
    return table


def _is_of(name: str, task: str) -> bool:
    """Whether a registered table, or what is made of one, is of a task: its name tells."""
    known = name in registry.names(registry.BENCHMARKS)
    return known and registry.table_of(name).rpartition("/")[2] == task


def _ranks(values: NDArray[np.float64]) -> list[float]:
    """Ranks (n,) from 0, the lowest value's, to 1; equal values share the middle one."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    return cast("list[float]", (middle / max(len(values) - 1, 1))[which].tolist())
