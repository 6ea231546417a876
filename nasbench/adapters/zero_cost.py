"""Searchers that begin where a zero-cost proxy points: `zero-cost-warmup:regularized-evolution`.

Abdelfattah, Mehrotra, Dudziak & Lane, "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, sec. 5.1,
"zero-cost warmup"::

    pool = uniform draws of the space; score each by the proxy
    the searcher's first draws = the best of the pool, in the order of their scores

With `start` equal to `pool` and random search inside it is the paper's random search with warmup.

- The pool's classes are distinct. It is scored when the searcher is made, and the seconds that this
  takes are charged like any of the searcher's own.
- What is in the searcher's draws is warmed: populations, starting points, initial designs.
  Searchers that draw from a policy or a sampler of their own (nas-rl, optuna:...) are unaffected.
- Objectives and constraints on metrics play no part in the scores; a restricted space is respected.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeAlias

import numpy as np

from nasbench.adapters.warmed import WarmSearcher, around, distinct
from nasbench.core import Architecture, Problem, SearcherFactory
from nasbench.errors import InvalidConfig
from nasbench.harness.problem import find_searcher
from nasbench.training.proxies import preload, proxy


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a zero-cost warmup."""

    proxy: str = "synflow"
    """Name of the proxy; see `nasbench.proxies`."""
    pool: int = 100
    """Uniform draws that are scored."""
    start: int = 10
    """Best of the pool that become the searcher's first draws."""
    batch_size: int = 64
    """Examples of the train split in the minibatch."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the searcher inside."""

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.pool:
            raise InvalidConfig(
                f"expected 1 <= start <= pool, got start={self.start!r} and pool={self.pool!r}"
            )


class ZeroCostWarmup(WarmSearcher):
    """A searcher on a space whose first draws a proxy ranked; subclasses name the searcher."""

    Config: TypeAlias = Config
    needs_task: ClassVar[bool] = True
    inside: ClassVar[tuple[str, SearcherFactory]]

    def __init__(
        self,
        problem: Problem,
        rng: np.random.Generator,
        config: Config = Config(),  # noqa: B008 - frozen
    ) -> None:
        design = _best(problem, rng, config)
        super().__init__(*self.inside, config.settings, problem, rng, design)


@cache
def searcher(member: str) -> SearcherFactory:
    """The warmed-up searcher of a registered one or of any other reference.

    Raises:
        UnknownSearcher: there is no such searcher.
    """
    preload()
    inside = find_searcher(member)
    about = f"{member}, begun with the best of a pool by a zero-cost proxy."
    return around(ZeroCostWarmup, inside, about)


def _best(problem: Problem, rng: np.random.Generator, config: Config) -> list[Architecture]:
    if problem.task is None:
        raise InvalidConfig("zero-cost-warmup scores on the data of a task, got a problem without")
    seed, space = int(rng.integers(2**31)), problem.space
    batch_size = min(config.batch_size, len(problem.task.train))
    model = proxy(config.proxy)(problem.task, seed=seed, batch_size=batch_size)
    pool = distinct(space.sample(config.pool, rng), space, config.pool)
    scores = np.array([estimate.value for estimate in model.estimate(pool)])
    order = np.argsort(scores if model.metric.better == "lower" else -scores, kind="stable")
    return [pool[k] for k in order[: config.start].tolist()]
