"""Statistics for a handful of runs: intervals always, ties where the noise decides.

Scores of one searcher come as `(benchmarks, runs)`, as `(runs,)` for one benchmark, or as a mapping
from benchmark to `(runs,)` when the numbers of runs differ; higher is better. Runs are independent
given the benchmark, so every resampling is stratified: runs are redrawn within their benchmark.

Sources: Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice,
NeurIPS 2021 (interquartile mean, stratified bootstrap, probability of improvement; their code is
`rliable`); Welch, Biometrika 34, 1947 (unequal variances); Holm, Scandinavian Journal of
Statistics 6, 1979 (several tests at once).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]
Scores = ArrayLike | Mapping[str, ArrayLike]
Statistic = Callable[[Floats], Floats]

LEVEL = 0.95
REPETITIONS = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its bounds, which are infinite where the runs are too few to tell."""

    estimate: float
    low: float
    high: float
    level: float = LEVEL

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def mean(scores: Floats) -> Floats:
    """Mean over the last axis of (..., scores)."""
    return np.asarray(np.mean(scores, axis=-1), dtype=np.float64)


def iqm(scores: Floats) -> Floats:
    """Mean of the middle half, by value, of the last axis of (..., scores)."""
    values = np.asarray(scores, dtype=np.float64)
    first, end = values.shape[-1] // 4, values.shape[-1] - values.shape[-1] // 4
    return mean(np.partition(values, (first, end - 1), axis=-1)[..., first:end])


def stratified_bootstrap(
    scores: Scores,
    statistic: Statistic = mean,
    *,
    rng: np.random.Generator,
    repetitions: int = REPETITIONS,
    level: float = LEVEL,
) -> Interval:
    """Percentile interval of a statistic of all scores, runs being redrawn within their benchmark.

    `statistic` reduces the last axis of (..., benchmarks x runs), as `mean` and `iqm` do.
    """
    strata = _strata(scores)
    estimate = float(statistic(np.concatenate(strata)))
    if all(len(runs) < 2 for runs in strata):
        return Interval(estimate, -math.inf, math.inf, level)
    draws = [runs[rng.integers(0, len(runs), (repetitions, len(runs)))] for runs in strata]
    resampled = np.concatenate(draws, axis=-1)  # (repetitions, benchmarks x runs)
    return _percentile(estimate, statistic(resampled), level)


def bootstrap_band(
    curves: Floats,
    *,
    rng: np.random.Generator,
    repetitions: int = REPETITIONS,
    level: float = LEVEL,
) -> tuple[Floats, Floats, Floats]:
    """Pointwise mean, lower and upper bound (points,) of curves, runs redrawn whole.

    Curves are (runs, points), or (benchmarks, runs, points) whose means over benchmarks are taken.
    The bounds equal the mean where there is one run only.
    """
    strata = np.asarray(curves, dtype=np.float64)
    strata = strata if strata.ndim == 3 else strata[None]
    draws = [_weights(len(runs), repetitions, rng) @ runs for runs in strata]
    low, high = np.quantile(np.mean(draws, axis=0), _tails(level), axis=0)
    return strata.mean(axis=(0, 1)), low, high


def probability_of_improvement(
    x: Scores,
    y: Scores,
    *,
    rng: np.random.Generator,
    repetitions: int = REPETITIONS,
    level: float = LEVEL,
) -> Interval:
    """How likely a run of `x` scores higher than one of `y` on the same benchmark; ties count 1/2.

    The mean over benchmarks of the Mann-Whitney U statistic over its maximum (Agarwal et al.,
    2021, sec. 4.3). Both sides are redrawn; where every run of one side beats every run of the
    other, all resamples agree and the interval has no width.
    """
    pairs = _matched(x, y)
    estimates, draws = [], []
    for a, b in pairs:
        wins = _wins(a, b)
        estimates.append(wins.mean())
        left, right = _weights(len(a), repetitions, rng), _weights(len(b), repetitions, rng)
        draws.append(np.einsum("rj,rj->r", left @ wins, right))
    estimate = float(np.mean(estimates))
    if all(len(a) < 2 and len(b) < 2 for a, b in pairs):
        return Interval(estimate, 0.0, 1.0, level)
    return _percentile(estimate, np.mean(draws, axis=0), level)


def win_rate(x: Scores, y: Scores) -> float:
    """The estimate of `probability_of_improvement` alone."""
    return float(np.mean([_wins(a, b).mean() for a, b in _matched(x, y)]))


def difference_of_means(x: ArrayLike, y: ArrayLike, *, level: float = LEVEL) -> Interval:
    """Welch's interval of mean(x) - mean(y) for two samples with variances of their own."""
    gap, error, freedom = _welch([_runs(x), _runs(y)])
    reach = error[0, 1] * stdtrit(freedom[0, 1], _tails(level)[1]) if error[0, 1] else 0.0
    return Interval(gap[0, 1], gap[0, 1] - reach, gap[0, 1] + reach, level)


def mean_interval(x: ArrayLike, *, level: float = LEVEL) -> Interval:
    """Student's interval of the mean of one sample."""
    runs = _runs(x)
    center = float(runs.mean())
    if len(runs) < 2:
        return Interval(center, -math.inf, math.inf, level)
    error = float(runs.std(ddof=1)) / math.sqrt(len(runs))
    reach = error * float(stdtrit(len(runs) - 1, _tails(level)[1]))
    return Interval(center, center - reach, center + reach, level)


def welch_p_values(samples: Sequence[ArrayLike]) -> Floats:
    """Two-sided p-values (samples, samples) of all differences; 1 where a spread is unknown."""
    gap, error, freedom = _welch([_runs(sample) for sample in samples])
    unequal = np.where(gap == 0, 1.0, 0.0)  # no spread at all: any difference is one
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(freedom, -np.abs(gap) / error)
    return np.where(error == 0, unequal, np.where(np.isinf(error), 1.0, p))


def holm(p_values: ArrayLike) -> Floats:
    """Adjusted p-values (tests,); rejecting below alpha keeps the family-wise error at alpha."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def better_than(samples: Sequence[ArrayLike], *, level: float = LEVEL) -> NDArray[np.bool_]:
    """(searchers, searchers): whether the row's mean is higher beyond the noise than the column's.

    Welch's test of every pair, Holm's correction over all pairs. Two searchers of which neither is
    better than the other are tied.
    """
    size = len(samples)
    rows, columns = np.triu_indices(size, 1)
    adjusted = holm(welch_p_values(samples)[rows, columns])
    means = np.array([_runs(sample).mean() for sample in samples])
    differs = np.zeros((size, size), dtype=np.bool_)
    differs[rows, columns] = differs[columns, rows] = adjusted < 1 - level
    return differs & (means[:, None] > means)


def ranks(samples: Sequence[ArrayLike], *, level: float = LEVEL) -> Floats:
    """Rank (searchers,) of each sample (runs,), 1 the best, ties inside the noise shared.

    1 + the number of searchers that are better beyond the noise + half the number of those tied
    with it (see `better_than`). Without noise this is the usual middle rank; the ranks always sum
    to n (n + 1) / 2.
    """
    better = better_than(samples, level=level)
    above = better.sum(axis=0)
    tied = len(samples) - 1 - above - better.sum(axis=1)
    return np.asarray(1 + above + tied / 2, dtype=np.float64)


def _runs(sample: ArrayLike) -> Floats:
    runs = np.asarray(sample, dtype=np.float64)
    if runs.ndim != 1 or not len(runs):
        raise ValueError(f"expected scores (runs,) with at least one run, got shape {runs.shape}")
    if np.isnan(runs).any():
        raise ValueError("expected scores without NaN; decide what a failed run counts before")
    return runs


def _strata(scores: Scores) -> list[Floats]:
    if isinstance(scores, Mapping):
        return [_runs(runs) for runs in scores.values()]
    return [_runs(runs) for runs in np.atleast_2d(np.asarray(scores, dtype=np.float64))]


def _matched(x: Scores, y: Scores) -> list[tuple[Floats, Floats]]:
    """Pairs of samples of the same benchmark."""
    if isinstance(x, Mapping) and isinstance(y, Mapping):
        if x.keys() != y.keys():
            raise ValueError(f"expected the same benchmarks, got {sorted(x)} and {sorted(y)}")
        return [(_runs(x[name]), _runs(y[name])) for name in x]
    left, right = _strata(x), _strata(y)
    if len(left) != len(right):
        raise ValueError(f"expected the same benchmarks, got {len(left)} and {len(right)}")
    return list(zip(left, right, strict=True))


def _wins(a: Floats, b: Floats) -> Floats:
    """1, 1/2 or 0 (runs of a, runs of b) for a win, a tie or a loss."""
    return np.asarray((a[:, None] > b) + 0.5 * (a[:, None] == b), dtype=np.float64)


def _welch(samples: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
    """Difference of means, its standard error and degrees of freedom, each (samples, samples)."""
    means = np.array([runs.mean() for runs in samples])
    parts = np.array([_variance(runs) / len(runs) for runs in samples])
    degrees = np.array([max(len(runs) - 1, 1) for runs in samples])
    total = parts[:, None] + parts
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = total**2 / ((parts**2 / degrees)[:, None] + parts**2 / degrees)
    freedom = np.where(np.isfinite(freedom), freedom, 1.0)
    return means[:, None] - means, np.sqrt(total), freedom


def _variance(runs: Floats) -> float:
    if len(runs) < 2:
        return math.inf
    # Not var() alone: it leaves a rounding error for a constant sample, whose mean is rounded.
    return float(runs.var(ddof=1)) if np.ptp(runs) else 0.0


def _weights(size: int, repetitions: int, rng: np.random.Generator) -> Floats:
    """Share (repetitions, size) of each of `size` runs in a resample of them."""
    drawn = rng.integers(0, size, (repetitions, size)) + size * np.arange(repetitions)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=size * repetitions)
    return counts.reshape(repetitions, size) / size


def _percentile(estimate: float, draws: Floats, level: float) -> Interval:
    low, high = np.quantile(draws, _tails(level))
    return Interval(estimate, float(low), float(high), level)


def _tails(level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise ValueError(f"expected a level between 0 and 1 such as 0.95, got {level!r}")
    return (1 - level) / 2, (1 + level) / 2
