"""Scores of many searchers over several benchmarks at once: arrays in, arrays out.

Losses come as `(benchmarks, searchers, seeds)`, on one scale for all benchmarks (`normalized`);
lower is better. Every interval redraws runs within their benchmark.

Sources: Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice,
NeurIPS 2021 (interquartile mean over all runs, run-score distributions as performance profiles,
probability of improvement; their code is `rliable`); Dolan & More, Benchmarking Optimization
Software with Performance Profiles, Mathematical Programming 91, 2002.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench.harness import statistics
from nasbench.harness.ranks import block_ranks, blocks_of
from nasbench.harness.statistics import Interval

Floats = NDArray[np.float64]

SEED = 0
"""Of every resampling, so that the same losses give the same intervals."""


def normalized(regrets: ArrayLike, typical: ArrayLike) -> Floats:
    """Regrets (benchmarks, ...) in units of a `typical` one (benchmarks,), 0 being the optimum.

    Raises:
        ValueError: a typical regret is not a number above 0.
    """
    values, unit = np.asarray(regrets, np.float64), np.asarray(typical, np.float64)
    if not (np.isfinite(unit) & (unit > 0)).all():
        raise ValueError(f"expected typical regrets above 0, got {unit.tolist()}")
    return values / unit.reshape(-1, *(1,) * (values.ndim - 1))


def interquartile_means(losses: Floats) -> list[Interval]:
    """Interquartile mean of all runs of each searcher, with its interval."""
    return [_interval(own, statistics.iqm) for own in _by_searcher(losses)]


def means(losses: Floats) -> list[Interval]:
    """Mean of all runs of each searcher, with its interval."""
    return [_interval(own, statistics.mean) for own in _by_searcher(losses)]


def average_ranks(losses: Floats) -> list[Interval]:
    """Rank of each searcher within a seed of a benchmark, averaged over both, with its interval."""
    count, searchers, seeds = losses.shape
    ranks = block_ranks(blocks_of(losses)).reshape(count, seeds, searchers)
    return means(np.moveaxis(ranks, 2, 1))


def improvements(losses: Floats) -> Floats:
    """Chance (searchers, searchers) that a run of the row beats one of the column; ties 1/2."""
    scores = [-own for own in _by_searcher(losses)]
    return np.array([[statistics.win_rate(row, column) for column in scores] for row in scores])


def improvements_on(losses: Floats, reference: int) -> list[Interval]:
    """Chance that a run of each searcher beats one of the searcher `reference`, with interval."""
    scores = [-own for own in _by_searcher(losses)]
    rng = np.random.default_rng(SEED)
    return [
        statistics.probability_of_improvement(own, scores[reference], rng=rng) for own in scores
    ]


def score_profiles(
    losses: Floats, thresholds: ArrayLike
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """For each searcher the share of runs at or below each threshold (m,), with pointwise bounds.

    The run-score distribution of Agarwal et al. (2021), sec. 4.2: the mean over benchmarks of the
    share of seeds.
    """
    limits = np.asarray(thresholds, dtype=np.float64)
    for own in _by_searcher(losses):
        reached = (own[:, :, None] <= limits).astype(np.float64)
        yield statistics.bootstrap_band(reached, rng=np.random.default_rng(SEED))


def ratio_profiles(losses: ArrayLike, ratios: ArrayLike) -> Floats:
    """Share (searchers, m) of problems solved within each of `ratios` (m,) of the best loss.

    Of losses (problems, searchers): rho_s(tau) of Dolan & More (2002), eq. 1. Where the best loss
    is 0, those that are 0 as well have the ratio 1, all others an infinite one.
    """
    table = np.asarray(losses, dtype=np.float64)
    best = table.min(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(table == best, 1.0, table / np.abs(best))  # a best of -0.0 is 0
    within = ratio[:, :, None] <= np.asarray(ratios, dtype=np.float64)
    return np.asarray(within.mean(axis=0), dtype=np.float64)


def _by_searcher(losses: Floats) -> Iterator[Floats]:
    """Losses (benchmarks, seeds) of one searcher after the other."""
    return iter(np.moveaxis(np.asarray(losses, dtype=np.float64), 1, 0))


def _interval(own: Floats, statistic: statistics.Statistic) -> Interval:
    rng = np.random.default_rng(SEED)
    return statistics.stratified_bootstrap(own, statistic, rng=rng)
