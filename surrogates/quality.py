"""How good surrogates are on classes that they have not seen, by number of training classes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from nasbench import registry
from nasbench.core import Architecture, Benchmark, Candidate, Metric
from nasbench.errors import InvalidConfig, UnknownMetric
from surrogates import fit as fitting
from surrogates.benchmark import Parts, Surrogate, surrogate
from surrogates.scores import read, save

Floats = NDArray[np.float64]
TOP = 0.25
"""Share of the test classes, the best by their true values, that `tau_top` ranks."""
K = 50
"""Of precision@k."""
SIZES = (50, 100, 250, 500, 1000)
"""Training classes that are looked at if nothing else is asked for."""
FEWEST = 20
"""Classes to judge on."""
DRAWS = 16
"""Noise seeds that `anchor` asks with."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    models: tuple[str, ...] = ("xgb", "forest", "linear")
    classes: tuple[int, ...] = SIZES
    seeds: int = 3
    metric: str = "valid_accuracy"
    components: int = 6
    folds: int = 5

    def __post_init__(self) -> None:
        if not self.models or not self.classes or min(self.classes) < self.folds:
            raise InvalidConfig(
                f"expected models, and sizes of at least as many training classes as folds "
                f"({self.folds}), got {self.models} and {self.classes}"
            )


@dataclass(frozen=True, slots=True)
class Score:
    """One model, fitted once."""

    table: str
    """Content hash of the table, or empty."""
    metric: str
    model: str
    classes: int
    seed: int
    tau: float
    """Kendall's tau-b between predictions and truth."""
    tau_top: float
    """The same among the best quarter by their true values."""
    spearman: float
    r2: float
    rmse: float
    """In the metric's unit."""
    precision: float
    """Share of the predicted best `K` that are among the true best `K`; NaN of no more than `K`."""
    coverage_50: float
    """Share of the true values in their 50 % interval."""
    coverage_90: float
    fit_s: float
    """Seconds of processor time, calibration included."""
    components: int
    """Of the curves that the model predicts."""
    folds: int
    """Of the calibration."""


def sizes_of(benchmark: Benchmark) -> tuple[int, ...]:
    """Those of `SIZES` that leave classes of the benchmark to judge on, the first in any case.

    Raises:
        InvalidConfig: the benchmark cannot list its classes.
    """
    most = len(fitting.listed(benchmark)[0]) - FEWEST
    return tuple(size for size in SIZES if size <= max(most, SIZES[0]))


def evaluate(
    benchmark: Benchmark,
    plan: Plan,
    file: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Score]:
    """A score for each model, size and seed; those that `file` holds already are not fitted again.

    A seed draws the same training classes for all models, and more of them the more there are.

    Raises:
        InvalidConfig: the benchmark cannot list its classes, or has too few.
        UnknownMetric: it does not have the metric, or computes it without a model.
        SurrogateFault: `file` is not a file of scores.
    """
    metric = metric_of(benchmark, plan.metric)
    genes, columns = fitting.listed(benchmark)
    if max(plan.classes) > len(genes) - FEWEST:
        raise InvalidConfig(
            f"{benchmark.name} has {len(genes):,} classes, of which at least {FEWEST} must remain "
            f"to judge on; expected at most {len(genes) - FEWEST:,} training classes, got "
            f"{max(plan.classes):,}"
        )
    table = getattr(benchmark, "sha256", None) or ""
    known = {_key(score): score for score in read(file, Score)}
    jobs = list(product(plan.models, plan.classes, range(plan.seeds)))
    for done, (model, size, seed) in enumerate(jobs):
        progress(done, len(jobs))
        key = (table, metric.name, model, size, seed, plan.components, plan.folds)
        if key not in known:
            config = fitting.Config(model, size, seed, plan.components, folds=plan.folds)
            known[key] = _score(benchmark, config, metric, genes, columns[metric.name])
            save(file, list(known.values()))
    progress(len(jobs), len(jobs))
    return [known[table, metric.name, *job, plan.components, plan.folds] for job in jobs]


def _key(score: Score) -> tuple[str, str, str, int, int, int, int]:
    fitted = (score.model, score.classes, score.seed, score.components, score.folds)
    return (score.table, score.metric, *fitted)


def measure(
    predicted: Floats, truth: Floats, intervals: Sequence[tuple[Floats, Floats]], metric: Metric
) -> dict[str, float]:
    """Every figure of predictions (n,) and the ends of their 50 % and 90 % intervals."""
    merit, said = -metric.sign * truth, -metric.sign * predicted
    top = merit >= np.quantile(merit, 1 - TOP)
    best, chosen = (set(np.argsort(-each, kind="stable")[:K].tolist()) for each in (merit, said))
    error = predicted - truth
    covered = [float(((low <= truth) & (truth <= high)).mean()) for low, high in intervals]
    return {
        "tau": tau(said, merit),
        "tau_top": tau(said[top], merit[top]),
        "spearman": float(spearmanr(said, merit).statistic),
        "r2": float(1 - (error**2).mean() / truth.var()),
        "rmse": math.sqrt((error**2).mean()),
        "precision": len(best & chosen) / K if len(truth) > K else math.nan,
        "coverage_50": covered[0],
        "coverage_90": covered[1],
    }


def judge(
    parts: Parts, metric: Metric, genes: NDArray[np.int16], truth: Floats
) -> dict[str, float]:
    """Every figure of a surrogate on classes (n, p) that it was not fitted on.

    Raises:
        UnknownMetric: the metric is computed without a model, or not known after the full training.
    """
    if metric.name not in [each.name for each in parts.layout.metrics]:
        raise UnknownMetric(f"{metric.name} is computed exactly, no model predicts it")
    if parts.layout.target(metric.name) in parts.layout.gaps:
        raise UnknownMetric(
            f"no class has {metric.name} after the full training, so {parts.name} does not predict "
            "it; judge another metric"
        )
    archs = [Architecture(parts.space.name, tuple(row)) for row in genes.tolist()]
    model: Surrogate = surrogate(parts)
    intervals = [model.interval(archs, metric.name, level) for level in (0.5, 0.9)]
    return measure(model.predict(archs, metric.name), truth, intervals, metric)


def tau(a: Floats, b: Floats) -> float:
    """Kendall's tau-b; NaN where one side is the same for all."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(kendalltau(a, b).statistic)


def anchor(benchmark: Benchmark, metric: str) -> tuple[float, float] | None:
    """Tau between two trainings of every class with different seeds, and that of its best quarter.

    A table's first two trainings of a class; of another benchmark, the first answer to noise seeds
    and the first other one. Classes with a single training are left out, and None is for a
    benchmark of such alone. The best quarter is chosen by the first answer, as a surrogate's is by
    the values that it is held against; a table's card has the tau where other seeds choose it.

    Raises:
        InvalidConfig: the benchmark cannot list its architectures.
    """
    first, second = _twice(benchmark, metric)
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return None
    sign = -metric_of(benchmark, metric).sign
    one, other = sign * first[both], sign * second[both]
    top = one >= np.quantile(one, 1 - TOP)
    return tau(one, other), tau(one[top], other[top])


def _twice(benchmark: Benchmark, metric: str) -> tuple[Floats, Floats]:
    """Two values of every class, the second one NaN where there is no other training."""
    if hasattr(benchmark, "trainings"):
        each = np.asarray(benchmark.trainings(metric), np.float64)
        if each.shape[1] < 2:
            return each[:, 0], np.full(len(each), np.nan)
        order = np.argsort(np.isnan(each), axis=1, kind="stable")  # what is missing comes last
        first, second = np.take_along_axis(each, order, axis=1)[:, :2].T
        return first, second
    genes, _ = fitting.listed(benchmark)
    asked = [Candidate(Architecture(benchmark.space.name, tuple(g))) for g in genes.tolist()]
    first, second = _answers(benchmark, asked, metric, 0), np.full(len(asked), np.nan)
    for noise_seed in range(1, DRAWS):
        answers = _answers(benchmark, asked, metric, noise_seed)
        second = np.where(np.isnan(second) & (answers != first), answers, second)
    return first, second


def _score(
    benchmark: Benchmark,
    config: fitting.Config,
    metric: Metric,
    genes: NDArray[np.int16],
    column: Floats,
) -> Score:
    started = time.process_time()
    parts = fitting.fit(benchmark, config)
    fit_s = time.process_time() - started
    unseen = np.setdiff1d(np.flatnonzero(np.isfinite(column)), fitting.drawn(len(genes), config))
    figures = judge(parts, metric, genes[unseen], column[unseen])
    return Score(
        table=getattr(benchmark, "sha256", None) or "",
        metric=metric.name,
        model=config.model,
        classes=config.classes or parts.origin.classes,
        seed=config.seed,
        fit_s=fit_s,
        components=config.components,
        folds=config.folds,
        **figures,
    )


def metric_of(benchmark: Benchmark, name: str) -> Metric:
    """The benchmark's metric of this name.

    Raises:
        UnknownMetric: it has none.
    """
    for metric in benchmark.metrics:
        if metric.name == name:
            return metric
    known = [metric.name for metric in benchmark.metrics]
    raise registry.unknown(UnknownMetric, "metric", name, known)


def _answers(
    benchmark: Benchmark, asked: Sequence[Candidate], metric: str, noise_seed: int
) -> Floats:
    results = benchmark.query(asked, noise_seed=noise_seed)
    return np.array([result.metrics[metric] for result in results])
