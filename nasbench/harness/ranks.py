"""Ranks of searchers over many blocks, and which of their differences are beyond the noise.

Losses come as `(benchmarks, searchers, seeds)` or as blocks `(blocks, searchers)`; lower is better.
A block is one seed on one benchmark. What is concluded from blocks holds for these benchmarks; runs
on one task are not a sample of tasks.

Sources: Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006
(Friedman's test, Nemenyi's critical difference); Iman & Davenport, Communications in Statistics 9,
1980, and Conover, Practical Nonparametric Statistics, sec. 5.8 (F form, ties); Benavoli, Corani &
Mangili, JMLR 17, 2016 (why pairs are better judged without the others: Wilcoxon and Holm); Al
Mohamad, Goeman & van Zwet, Biometrics 78, 2022 (intervals of ranks from tests of all pairs).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import scipy  # its parts load when first used, and `scipy.stats` takes a second
from numpy.typing import ArrayLike, NDArray

from nasbench.harness.statistics import LEVEL, holm

Floats = NDArray[np.float64]

EXACT = 50
"""Blocks up to which Wilcoxon's test counts signs instead of taking a normal distribution."""


def blocks_of(losses: ArrayLike) -> Floats:
    """Losses (benchmarks x seeds, searchers) of losses (benchmarks, searchers, seeds)."""
    cube = np.asarray(losses, dtype=np.float64)
    if cube.ndim != 3 or not cube.size or np.isnan(cube).any():
        raise ValueError(
            f"expected losses (benchmarks, searchers, seeds) without NaN, got shape {cube.shape}; "
            f"decide what a failed run counts before"
        )
    return np.moveaxis(cube, 1, 2).reshape(-1, cube.shape[1])


def block_ranks(blocks: ArrayLike) -> Floats:
    """Rank (blocks, searchers) within each block, 1 the best; equal losses share the middle one."""
    return np.asarray(scipy.stats.rankdata(np.asarray(blocks), axis=1), dtype=np.float64)


def friedman(blocks: ArrayLike) -> float:
    """P-value of all searchers being equal, by Iman and Davenport's F, corrected for ties.

    1 where nothing can be told: a single searcher, a single block, or losses that are all equal.
    """
    ranks = block_ranks(blocks)
    n, k = ranks.shape
    spread = float((ranks**2).sum()) - n * k * (k + 1) ** 2 / 4
    if n < 2 or k < 2 or spread <= 1e-9:
        return 1.0
    between = float(((ranks.sum(axis=0) - n * (k + 1) / 2) ** 2).sum())
    chi2 = (k - 1) * between / spread  # Conover's T1
    rest = n * (k - 1) - chi2
    if rest <= 1e-9 * n:  # every block agrees, where F is infinite
        return float(math.exp(-(n - 1) * math.lgamma(k + 1)))
    return float(scipy.stats.f.sf((n - 1) * chi2 / rest, k - 1, (n - 1) * (k - 1)))


def critical_difference(searchers: int, blocks: int, *, level: float = LEVEL) -> float:
    """Difference of average ranks that is beyond the noise, by Nemenyi's test (Demsar, sec. 3.2.2).

    q sqrt(k (k + 1) / (6 N)), q being the studentized range over the square root of 2.
    """
    q = scipy.stats.studentized_range.ppf(level, searchers, math.inf) / math.sqrt(2)
    return float(q * math.sqrt(searchers * (searchers + 1) / (6 * blocks)))


def cliques(average_ranks: ArrayLike, difference: float) -> list[NDArray[np.intp]]:
    """Largest groups of searchers that lie closer than the critical difference, the best first.

    Positions in `average_ranks` (searchers,), each group in the order of its ranks; groups of one
    are left out.
    """
    ranks = np.asarray(average_ranks, dtype=np.float64)
    order = np.argsort(ranks, kind="stable")
    found, reached = [], 0
    for first in range(len(order)):
        inside = ranks[order] < ranks[order[first]] + difference
        end = max(int(np.count_nonzero(inside)), first + 1)
        if end > max(reached, first + 1):
            found.append(order[first:end])
        reached = max(reached, end)
    return found


def wilcoxon_holm(blocks: ArrayLike) -> Floats:
    """Adjusted two-sided p-values (searchers, searchers) of all pairs; 1 on the diagonal.

    Wilcoxon's signed-rank test over the blocks in which the two differ, Holm's correction over all
    pairs.
    """
    table = np.asarray(blocks, dtype=np.float64)
    rows, columns = np.triu_indices(table.shape[1], 1)
    adjusted = np.ones((table.shape[1],) * 2)
    if len(rows):
        p = _wilcoxon(table[:, rows] - table[:, columns])
        adjusted[rows, columns] = adjusted[columns, rows] = holm(p)
    return adjusted


def better_in_pairs(blocks: ArrayLike, *, level: float = LEVEL) -> NDArray[np.bool_]:
    """(searchers, searchers): whether the row has lower losses than the column beyond the noise.

    By `wilcoxon_holm`; the direction is that of the signed ranks.
    """
    table = np.asarray(blocks, dtype=np.float64)
    gaps = table[:, :, None] - table[:, None, :]  # (blocks, row, column)
    sizes = scipy.stats.rankdata(
        np.where(gaps == 0, np.nan, np.abs(gaps)), axis=0, nan_policy="omit"
    )
    signed = np.nansum(np.sign(gaps) * sizes, axis=0)
    return np.asarray((wilcoxon_holm(table) < 1 - level) & (signed < 0), dtype=np.bool_)


def rank_ranges(better: ArrayLike) -> NDArray[np.intp]:
    """Best and worst rank (searchers, 2) that the noise leaves possible.

    From `better` (searchers, searchers), whether the row is better beyond the noise than the
    column: 1 + the searchers that are better, and the number of searchers less those that are
    worse. If the errors of all pairs are controlled together, as by Holm's correction, the ranges
    hold the true ranks of all searchers at once at that level (Al Mohamad et al., 2022, sec. 3).
    """
    wins = np.asarray(better, dtype=np.bool_)
    return np.stack([1 + wins.sum(axis=0), len(wins) - wins.sum(axis=1)], axis=1)


def _wilcoxon(gaps: Floats) -> Floats:
    """P-values (pairs,) of differences (blocks, pairs).

    With few blocks by the exact distribution, which is conservative where sizes are tied.
    """
    method: Literal["exact", "approx"] = "exact" if len(gaps) <= EXACT else "approx"
    with np.errstate(invalid="ignore", divide="ignore"):  # of pairs that never differ
        p = scipy.stats.wilcoxon(gaps, axis=0, method=method).pvalue
    return np.where((gaps == 0).all(axis=0), 1.0, p)
