"""How well zero-cost proxies rank the architectures of a table, and what a score costs.

A sample of the classes is scored; scores and their measured seconds go to a CSV file as they come,
so that a scoring that was stopped goes on, and a larger sample or a further proxy adds to it. Of
each proxy the rank correlations with the table's accuracies are computed, with percentile intervals
of a bootstrap over architectures: Kendall's tau-b and Spearman's rho, ties getting middle ranks
(Kendall, "The treatment of ties in ranking problems", Biometrika 33, 1945).
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import (
    Architecture,
    Benchmark,
    CostModel,
    SearchData,
    SupportsRetraining,
    SupportsRows,
)
from nasbench.errors import BrokenPlugin, InvalidConfig
from nasbench.harness.lock import locked
from nasbench.harness.proxy_files import (
    Key,
    Score,
    about,
    read_scores,
    write_about,
    write_csv,
    write_scores,
)
from nasbench.harness.scored import ACCURACIES, trained_rows
from nasbench.harness.statistics import LEVEL, Interval

Floats = NDArray[np.float64]
CORRELATIONS = "correlations.csv"
REPETITIONS = 1000
SAVE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Which architectures are scored, and on what."""

    seed: int = 0
    """Draws the architectures, the minibatch and the initial weights."""
    size: int = 300
    """Classes; all if there are no more than that. A smaller sample is part of a larger one."""
    batch_size: int = 64
    """Examples of the train split."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """How a proxy ranks a table's architectures."""

    proxy: str
    metric: str
    """The accuracy that is to be ranked."""
    n: int
    """Architectures."""
    kendall: Interval
    spearman: Interval
    cost_s: float
    """Median seconds of a score."""


def rank_proxies(
    benchmark: Benchmark,
    proxies: Sequence[str],
    out: Path,
    sample: Sample = Sample(),
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> list[Correlation]:
    """Score what is not scored yet, and correlate; both are files in the folder `out`.

    With scores of all architectures, `out` opens as a benchmark (`nasbench.harness.scored`).

    Raises:
        InvalidConfig: the benchmark was not trained here or cannot list its architectures.
        RunFault: the scores that are there are of another table, seed or minibatch.
        OutputFault: the folder cannot be written, or another scoring is at work in it.
    """
    data = _search_data(benchmark)
    archs, columns = _sampled(benchmark, sample)
    with locked(out, "scoring"):
        done = _complete(benchmark, data, archs, proxies, out, sample, on_done)
        found = list(_correlations(benchmark, archs, columns, proxies, done, sample.seed))
        _write_correlations(benchmark, found, out)
    return found


def rank_correlations(x: Floats, y: Floats, rng: np.random.Generator) -> tuple[Interval, Interval]:
    """Kendall's tau-b and Spearman's rho of x and y (n,), with bootstrap intervals over the pairs.

    Infinite scores are ranked like any other; both are NaN if all of x or all of y are equal.
    """
    from scipy.stats import rankdata

    n = len(x)
    weights = np.ones((1 + REPETITIONS, n), np.float32)  # how often each is drawn; at first, once
    weights[1:] = rng.multinomial(n, np.full(n, 1 / n), size=REPETITIONS)
    a, b = (_signs(rankdata(each)) for each in (x, y))
    with np.errstate(invalid="ignore"):  # 0 / 0 where all that was drawn are equal
        kendall = _pairs(a * b, weights) / np.sqrt(_pairs(a**2, weights) * _pairs(b**2, weights))
        ranks = weights @ a, weights @ b  # of each in its resample, less their mean, doubled
        spearman = _dot(weights, *ranks) / np.sqrt(
            _dot(weights, ranks[0], ranks[0]) * _dot(weights, ranks[1], ranks[1])
        )
    return _interval(kendall), _interval(spearman)


def _signs(ranks: Floats) -> NDArray[np.float32]:
    """Whether the column's rank is above (1), equal to or below (-1) the row's, (n, n)."""
    return np.asarray(np.sign(ranks - ranks[:, None]), np.float32)


def _pairs(of: NDArray[np.float32], weights: NDArray[np.float32]) -> Floats:
    """Sum over the pairs of each resample (draws,)."""
    return _dot(weights, weights @ of, np.ones_like(weights))


def _dot(*factors: NDArray[np.float32]) -> Floats:
    """Sums along the last axis of products (draws, n), in double precision."""
    return np.asarray(np.einsum("rn,rn,rn->r", *(each.astype(np.float64) for each in factors)))


def _interval(values: Floats) -> Interval:
    """Of the estimate, which comes first, and its resamples."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not len(drawn):
        return Interval(math.nan, math.nan, math.nan)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values[0]), float(low), float(high))


def _search_data(benchmark: Benchmark) -> SearchData:
    task = getattr(benchmark, "task", "")  # empty for imported tables
    if not task or not isinstance(benchmark, SupportsRetraining):
        raise InvalidConfig(
            f"proxies are scored on the task that a table was trained on, which {benchmark.name} "
            f"does not name; choose one that was trained here, such as cell201/digits-on-photos"
        )
    found = registry.task(task).load().for_search()
    return dataclasses.replace(found, recipe=benchmark.recipe)


def _sampled(benchmark: Benchmark, sample: Sample) -> tuple[list[Architecture], dict[str, Floats]]:
    """Trained architectures in a random order, and their accuracies (n,)."""
    if not isinstance(benchmark, SupportsRows):
        raise InvalidConfig(f"{benchmark.name} cannot list its architectures; choose a table")
    genes, columns = benchmark.rows()
    trained = trained_rows(columns)
    if len(trained) < 2 or sample.size < 2:
        raise InvalidConfig(
            f"a rank correlation needs 2 or more architectures, got {sample.size} of the "
            f"{len(trained)} that {benchmark.name} has trained"
        )
    rows = np.random.default_rng(sample.seed).permutation(trained)[: sample.size]
    archs = [Architecture(benchmark.space.name, tuple(row)) for row in genes[rows].tolist()]
    return archs, {name: columns[name][rows] for name in ACCURACIES}


def _complete(
    benchmark: Benchmark,
    data: SearchData,
    archs: Sequence[Architecture],
    proxies: Sequence[str],
    folder: Path,
    sample: Sample,
    on_done: Callable[[int, int], None],
) -> dict[Key, Score]:
    """All scores that are known, the missing ones added and written."""
    from nasbench.training.proxies import proxy

    space = benchmark.space
    models = {
        name: proxy(name)(data, seed=sample.seed, batch_size=sample.batch_size) for name in proxies
    }
    metrics = [dataclasses.replace(model.metric, name=name) for name, model in models.items()]
    now = about(benchmark, folder, sample.seed, sample.batch_size, metrics)
    scores = read_scores(folder, now.setting)
    write_about(now, folder)
    total, saved = len(archs) * len(models), time.monotonic()
    wanted = [(arch, space.index(arch), name) for arch in archs for name in models]
    missing = [each for each in wanted if (each[2], each[1]) not in scores]
    on_done(total - len(missing), total)
    try:
        for k, (arch, index, name) in enumerate(missing, total - len(missing) + 1):
            scores[name, index] = _scored(name, models[name], arch)
            on_done(k, total)
            if time.monotonic() - saved > SAVE_EVERY_S:
                write_scores(scores, space, now.setting, folder)
                saved = time.monotonic()
    finally:  # an interruption, too, keeps what was scored
        write_scores(scores, space, now.setting, folder)
    return scores


def _scored(name: str, model: CostModel, arch: Architecture) -> Score:
    (found,) = model.estimate([arch])
    if math.isnan(found.value):
        raise BrokenPlugin(
            f"the zero-cost proxy {name} says NaN of {arch}; expected a number, infinite on "
            f"the bad side where there is none"
        )
    return Score(found.value, found.cost_s)


def _correlations(
    benchmark: Benchmark,
    archs: Sequence[Architecture],
    columns: dict[str, Floats],
    proxies: Sequence[str],
    scores: dict[Key, Score],
    seed: int,
) -> Iterator[Correlation]:
    indices = [benchmark.space.index(arch) for arch in archs]
    for name in proxies:
        found = [scores[name, index] for index in indices]
        values = np.array([score.value for score in found])
        median = float(np.median([score.cost_s for score in found]))
        for metric, column in columns.items():
            kendall, spearman = rank_correlations(values, column, np.random.default_rng(seed))
            yield Correlation(name, metric, len(found), kendall, spearman, median)


def _write_correlations(benchmark: Benchmark, found: Sequence[Correlation], folder: Path) -> None:
    bounds = [f"{kind}{end}" for kind in ("kendall", "spearman") for end in ("", "_low", "_high")]
    head = ("benchmark", "proxy", "metric", "n", "median_cost_s", *bounds)

    def row(c: Correlation) -> tuple[object, ...]:
        numbers = [x for i in (c.kendall, c.spearman) for x in (i.estimate, i.low, i.high)]
        words = [f"{x:.4f}" for x in numbers]
        return (benchmark.name, c.proxy, c.metric, c.n, f"{c.cost_s:.6f}", *words)

    write_csv(folder / CORRELATIONS, head, map(row, found))
