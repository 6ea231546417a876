"""What a comparison shows, in numbers computed from its run files and the benchmark alone.

The incumbent of a run is chosen on the first objective as the searcher was told it, among its
longest trainings (`nasbench.harness.trajectory`); afterwards its architecture is looked up at the
benchmark's full training, free of noise: the objective for the regret, a test metric for the score.
A run that failed, having no feasible incumbent or one without these numbers, counts as the worst
that is known. Resampling has a fixed seed, so the same files give the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Metric
from nasbench.harness import statistics
from nasbench.harness.collection import REFERENCE, Collection, RunFile, check_told
from nasbench.harness.known import optimum, trained, worst_of
from nasbench.harness.lookup import Lookup
from nasbench.harness.pareto import Front, known_front, shares
from nasbench.harness.problem import find_objectives
from nasbench.harness.ranks import rank_ranges
from nasbench.harness.statistics import Interval

Floats = NDArray[np.float64]

BOOTSTRAP_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How one run ended."""

    file: RunFile
    arch: Architecture | None
    """The final incumbent; None if nothing feasible was evaluated."""
    found_at: int
    """Number of the evaluation that found it, from 1; 0 if there is none."""
    told: float
    """First objective as the searcher was told it, in the metric's own direction."""
    epochs: int
    """How long it was trained for that; 0 if there is none."""
    metrics: Mapping[str, float]
    """Of the incumbent, fully trained and free of noise."""
    regret: float
    score: float
    """The test metric; the worst that is known for a run that failed."""
    failed: bool
    """Whether there is no incumbent, or none whose training succeeded and is in the table."""
    spent_s: float
    overhead_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """One searcher's row."""

    searcher: str
    number: int
    """Decides its color: 0 is the reference, if that was run."""
    outcomes: list[Outcome]
    mean: Interval
    iqm: Interval
    regret: Interval
    ranks: tuple[int, int]
    """Best and worst rank that the noise leaves possible."""
    improvement: Interval | None
    """Probability of scoring better than the reference; None for itself or without one."""
    hypervolume: Interval | None
    """Mean final share of the hypervolume of `Summary.front`; None for a single objective."""

    @property
    def scores(self) -> Floats:
        return np.array([outcome.score for outcome in self.outcomes])


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """A whole comparison."""

    collection: Collection
    benchmark: Benchmark
    objective: Metric
    target: Metric
    """What scores are: a test metric, or the objective if the benchmark has none."""
    optimum: Architecture
    """Best known by the objective, free of noise."""
    trained: tuple[int, int] | None
    """How many architectures of how many the benchmark knows; None if it cannot list them."""
    optimum_metrics: Mapping[str, float]
    worst: Mapping[str, float]
    """What a failed run counts, by metric: of `objective` and `target`."""
    standings: list[Standing]
    """The best mean score first."""
    lookup: Lookup
    pairwise: Floats
    """(searchers, searchers) chance that the row's run scores better, in the standings' order."""
    better: NDArray[np.bool_]
    """(searchers, searchers) whether the row is better beyond the noise."""
    front: Front | None
    """What hypervolumes are relative to; None for a single objective."""

    @property
    def exhaustive(self) -> bool:
        """Whether `optimum` is the best of all architectures, not only of those known."""
        return self.trained is not None and self.trained[0] == self.trained[1]


def summarize(collection: Collection, benchmark: Benchmark) -> Summary:
    """All numbers of a report but its curves.

    Raises:
        RunFault: a run is not what the benchmark answers, or nothing can be their optimum.
    """
    check_told(collection, benchmark)
    run = collection.first
    objective = find_objectives(benchmark, run.objectives)[0]
    target = target_of(benchmark, objective)
    lookup = Lookup(benchmark, collection)
    best, best_metrics = optimum(benchmark, objective, collection, lookup)
    worst = {metric.name: worst_of(benchmark, metric, lookup) for metric in (objective, target)}
    outcomes = {
        name: [_outcome(file, lookup, objective, target, best_metrics, worst) for file in files]
        for name, files in collection.searchers.items()
    }
    front = (
        known_front(benchmark, [f.run for f in collection.files]) if run.objectives[1:] else None
    )
    held = {name: _held(files, benchmark, front) for name, files in collection.searchers.items()}
    standings, pairwise, better = _standings(outcomes, target, held)
    return Summary(
        collection=collection,
        benchmark=benchmark,
        objective=objective,
        target=target,
        optimum=best,
        trained=trained(benchmark),
        optimum_metrics=best_metrics,
        worst=worst,
        standings=standings,
        lookup=lookup,
        pairwise=pairwise,
        better=better,
        front=front,
    )


def target_of(benchmark: Benchmark, objective: Metric) -> Metric:
    """The test metric of an objective, `test_loss` for `valid_loss`; else that of accuracy or any.

    The objective itself where nothing is measured on the test split, or if it is a size, a latency
    or the like beside trained metrics. Beside none, as zero-cost proxies are, a score stands for
    them and is held against the test split.
    """
    if objective.split == "static" and any(m.split == "valid" for m in benchmark.metrics):
        return objective
    tests = {metric.name: metric for metric in benchmark.metrics if metric.split == "test"}
    wanted = (f"test_{objective.name.partition('_')[2]}", "test_accuracy", *tests)
    return next((tests[name] for name in wanted if name in tests), objective)


def _outcome(
    file: RunFile,
    lookup: Lookup,
    objective: Metric,
    target: Metric,
    best: Mapping[str, float],
    worst: Mapping[str, float],
) -> Outcome:
    trajectory, position = file.run.trajectory, int(lookup.positions[file][-1])
    number = int(lookup.incumbents[file][-1])
    metrics = lookup.metrics[number] if number >= 0 else {}
    counted = {k: v if np.isfinite(v := metrics.get(k, np.nan)) else worst[k] for k in worst}
    lost = objective.sign * (counted[objective.name] - best[objective.name])
    told = objective.sign * trajectory.values[position, 0] if number >= 0 else np.nan
    return Outcome(
        file=file,
        arch=lookup.archs[number] if number >= 0 else None,
        found_at=position + 1,
        told=float(told),
        epochs=int(trajectory.epochs[position]) if number >= 0 else 0,
        metrics=metrics,
        regret=max(float(lost), 0.0) + 0.0,  # -0.0 is 0
        score=float(counted[target.name]),
        failed=not np.isfinite([told, *(metrics.get(name, np.nan) for name in worst)]).all(),
        spent_s=float(trajectory.spent_s[-1]) if len(trajectory) else 0.0,
        overhead_s=float(trajectory.overhead_s[-1]) if len(trajectory) else 0.0,
    )


def _standings(
    outcomes: Mapping[str, list[Outcome]], target: Metric, held: Mapping[str, Interval | None]
) -> tuple[list[Standing], Floats, NDArray[np.bool_]]:
    numbers = {name: number for number, name in enumerate(outcomes)}
    scores = {name: np.array([o.score for o in ended]) for name, ended in outcomes.items()}
    names = sorted(scores, key=lambda name: (target.sign * scores[name].mean(), numbers[name]))
    signed = {name: -target.sign * scores[name] for name in names}  # higher is better
    better = statistics.better_than([signed[name] for name in names])
    ranks = rank_ranges(better).tolist()
    chances, pairwise = _improvements(names, signed)
    standings = [
        Standing(
            searcher=name,
            number=numbers[name],
            outcomes=outcomes[name],
            mean=_bootstrap(scores[name], statistics.mean),
            iqm=_bootstrap(scores[name], statistics.iqm),
            regret=_bootstrap([o.regret for o in outcomes[name]], statistics.mean),
            ranks=(ranks[place][0], ranks[place][1]),
            improvement=chances.get(name),
            hypervolume=held[name],
        )
        for place, name in enumerate(names)
    ]
    return standings, pairwise, better


def _held(files: Sequence[RunFile], benchmark: Benchmark, front: Front | None) -> Interval | None:
    if front is None:
        return None
    runs = [file.run for file in files]
    ends = [shares(run, benchmark, front, [len(run.trajectory)])[0] for run in runs]
    return _bootstrap(ends, statistics.mean)


def _improvements(
    names: Sequence[str], signed: Mapping[str, Floats]
) -> tuple[dict[str, Interval], Floats]:
    """Each searcher's chance against the reference with interval; the matrix of all pairs."""
    pairwise = np.array(
        [[statistics.win_rate(signed[row], signed[column]) for column in names] for row in names]
    )
    if REFERENCE not in signed:
        return {}, pairwise
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    against = {
        name: statistics.probability_of_improvement(signed[name], signed[REFERENCE], rng=rng)
        for name in names
        if name != REFERENCE
    }
    return against, pairwise


def _bootstrap(values: Floats | list[float], statistic: statistics.Statistic) -> Interval:
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    values = np.asarray(values)
    return statistics.stratified_bootstrap(values, statistic, rng=rng)
