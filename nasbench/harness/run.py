"""One searcher, one seed, one benchmark: the harness owns budget, direction, seeds and clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from time import perf_counter
from typing import Any, Literal

import numpy as np

from nasbench.core import (
    Benchmark,
    Budget,
    Constraint,
    Problem,
    Run,
    SearcherFactory,
    Trajectory,
)
from nasbench.harness.derived import content_hash
from nasbench.harness.environment import environment
from nasbench.harness.problem import (
    default_noise_seed,
    find_searcher,
    json_config,
    make_config,
    make_problem,
    source_sha256,
    whole,
)
from nasbench.harness.workers import Simulation, Steps

OBJECTIVES = ("valid_accuracy",)
TORCH = ("torch", "torch._dynamo")
"""What training loads; the second one is loaded by the first optimizer."""


def run(
    benchmark: Benchmark,
    searcher: str | SearcherFactory,
    seed: int,
    *,
    budget: Budget,
    objectives: Sequence[str] = OBJECTIVES,
    constraints: Sequence[Constraint] = (),
    workers: int = 1,
    noise_seed: int | Literal["seed"] | None = "seed",
    config: Mapping[str, Any] | None = None,
    on_evaluations: Callable[[int], None] = lambda number: None,
) -> Run:
    """Search until the budget is used up, and return everything needed to replay it.

    `searcher` is a registered name, `module:Class`, `path/to/file.py:Class` or a class. Its
    generator comes from `np.random.SeedSequence(seed)` alone, so all searchers of one seed draw the
    same stream. `config` holds settings of the searcher's `Config` that differ from the defaults.
    `noise_seed` is handed to every query: by default the run's seed where the benchmark has several
    repeats, as in a comparison; None asks for the mean over repeats. What is charged is told in
    `nasbench.harness.workers`; the searcher's construction counts as its own time, loading the task
    does not. `on_evaluations` is told of progress, as there.

    Raises:
        UnknownSearcher, UnknownMetric, TestMetricRefused, InvalidConfig: the setting is wrong.
        SearcherFault: the searcher breaks the protocol.
    """
    seed, workers = whole("seed", seed, 0), whole("workers", workers, 1)
    if noise_seed == "seed":
        noise_seed = default_noise_seed(benchmark, seed)
    noise_seed = None if noise_seed is None else whole("noise_seed", noise_seed, 0)
    name, factory = find_searcher(searcher)
    problem = make_problem(benchmark, factory, budget, objectives, constraints)
    settings = make_config(name, factory, config or {})
    recorded = json_config(name, settings)
    for module in _preloaded(factory, problem):  # once in a process, and nobody's own time
        import_module(module)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    before = perf_counter()
    method = factory(problem, rng, settings)
    made_s = perf_counter() - before
    simulation = Simulation(
        *(benchmark, method, problem),
        workers=workers,
        noise_seed=noise_seed,
        overhead_s=made_s,
        on_evaluations=on_evaluations,
    )
    return Run(
        benchmark=benchmark.name,
        table_sha256=content_hash(benchmark, objectives, constraints),
        space=benchmark.space.name,
        searcher=name,
        config=recorded,
        objectives=tuple(objectives),
        constraints=tuple(constraints),
        seed=seed,
        noise_seed=noise_seed,
        workers=workers,
        budget=budget,
        trajectory=_trajectory(simulation.run(), problem),
        environment=environment(),
        code=source_sha256(factory),
    )


def _preloaded(factory: SearcherFactory, problem: Problem) -> tuple[str, ...]:
    """Modules that the searcher says it uses; PyTorch for all who train on a task's data."""
    named: tuple[str, ...] = getattr(factory, "preload", ())
    return (*named, *TORCH) if "torch" in named or problem.task is not None else named


def _trajectory(steps: Steps, problem: Problem) -> Trajectory:
    n = len(steps)
    return Trajectory(
        genes=np.array(steps.genes, dtype=np.int16).reshape(n, len(problem.space.arity)),
        epochs=np.array(steps.epochs, dtype=np.int32),
        values=np.array(steps.values, dtype=np.float64).reshape(n, len(problem.objectives)),
        feasible=np.array(steps.feasible, dtype=np.bool_),
        spent_s=np.array(steps.spent_s, dtype=np.float64),
        overhead_s=np.array(steps.overhead_s, dtype=np.float64),
    )
