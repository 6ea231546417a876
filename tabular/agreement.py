"""How well a table ranks architectures: against other splits, seeds, tables and sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.stats import kendalltau

from nasbench.errors import TableFault
from tabular import schema

if TYPE_CHECKING:
    from tabular.table import Table

Floats = NDArray[np.float64]
TOP = 0.25
"""Share of the architectures that counts as the top."""
_DIGITS = 9
"""Means that differ after these are equal but for the order of summation."""
_NEIGHBOURS, _DRAWS = 401, 20
"""Architectures that share an estimate of their noise, and simulations of it."""


def scores(table: Table) -> dict[str, str]:
    """By split, in the order train, valid, test: the first of its metrics in % that has values."""
    found: dict[str, str] = {}
    for split in ("train", "valid", "test"):
        for metric in table.metrics:
            fits = (metric.split, metric.unit, metric.better) == (split, "%", "higher")
            if fits and np.isfinite(table.values(metric.name)).any():
                found.setdefault(split, metric.name)
    return found


def headline(table: Table) -> str:
    """The metric that a search on the table would maximize.

    Raises:
        TableFault: it has no accuracy.
    """
    found = scores(table)
    if "valid" in found or "test" in found:
        return found.get("valid") or found["test"]
    known = ", ".join(metric.name for metric in table.metrics)
    raise TableFault(
        f"{table.name} has neither a validation nor a test accuracy, so there is nothing to rank "
        f"architectures by; it has {known or 'no metric'}"
    )


def tau(a: Floats, b: Floats) -> float:
    """Kendall's tau-b of two metrics (n,) over the architectures that have both.

    NaN for fewer than two of them, or where one metric is the same for all.
    """
    both = np.isfinite(a) & np.isfinite(b)
    a, b = np.round(a[both], _DIGITS), np.round(b[both], _DIGITS)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(kendalltau(a, b).statistic)


def top(values: Floats) -> NDArray[np.bool_]:
    """The best quarter of `values` (n,), higher is better; ties with its last member included."""
    known = values[np.isfinite(values)]
    return values >= np.quantile(known, 1 - TOP) if known.size else np.zeros(len(values), np.bool_)


def tied_pairs(values: Floats) -> float:
    """Share of all pairs of architectures whose metric (n,) is the same; NaN without a pair."""
    known = np.round(values[np.isfinite(values)], _DIGITS)
    _, counts = np.unique(known, return_counts=True)
    pairs = math.comb(len(known), 2)
    return float((counts * (counts - 1) / 2).sum() / pairs) if pairs else math.nan


@dataclass(frozen=True, slots=True)
class Noise:
    """How trainings of the same architectures differ between seeds."""

    architectures: int
    """Those with a value for every seed; the others are left out."""
    spread: float
    """Standard deviation of the means over seeds, between architectures."""
    deviation: float
    """Pooled standard deviation between seeds."""
    deviation_top: float
    """The same among the best quarter by the mean over seeds."""
    tau: float
    """Mean Kendall tau between two seeds."""
    tau_top: float
    """The same among the best quarter, see `noise`."""


def noise(values: Floats) -> Noise | None:
    """Noise of a metric (rows, repeats), higher is better; None with fewer than two seeds.

    For the tau of two seeds at the top, the best quarter is chosen by the mean of the other seeds,
    so that what is compared has not been selected on; with two seeds only by each in turn, which
    lowers the tau.
    """
    complete = values[np.isfinite(values).all(axis=1)]
    if complete.shape[1] < 2 or len(complete) < 2:
        return None
    means, variances = complete.mean(axis=1), complete.var(axis=1, ddof=1)
    repeats = range(complete.shape[1])
    between = [tau(complete[:, i], complete[:, j]) for i, j in combinations(repeats, 2)]
    at_top = []
    for i, j in permutations(repeats, 2):
        others = [k for k in repeats if k not in (i, j)] or [i]
        if i < j or others == [i]:
            chosen = complete[top(complete[:, others].mean(axis=1))]
            at_top.append(tau(chosen[:, i], chosen[:, j]))
    return Noise(
        architectures=len(complete),
        spread=float(means.std(ddof=1)),
        deviation=math.sqrt(variances.mean()),
        deviation_top=math.sqrt(variances[top(means)].mean()),
        tau=float(np.mean(between)),
        tau_top=float(np.mean(at_top)),
    )


def ceiling(between: float, repeats: int = 1) -> float:
    """Kendall tau with the mean of `repeats` seeds that knowing every expectation would reach.

    An estimate from the tau between two seeds, right where quality and noise are normal: then
    r = sin(pi/2 tau) (Greiner, 1909) is the reliability of one seed, that of a mean is
    k r / (1 + (k - 1) r) (Spearman and Brown, 1910), and its root the correlation with the truth.
    """
    r = max(math.sin(math.pi / 2 * between), 0.0)
    reliability = repeats * r / (1 + (repeats - 1) * r)
    return 2 / math.pi * math.asin(math.sqrt(reliability))


def ceiling_top(values: Floats) -> float:
    """Kendall tau that knowing every expectation would reach in the best quarter of the means.

    The metric is (rows, repeats), higher is better; as in `noise` without the incomplete rows.
    Simulated: the means over seeds stand for the expectations, which differ less, so this is
    rather too high; normal noise is added with the variance between seeds of the architectures
    whose means are next. The quarter is the best with the noise, as that of a measured mean is.
    """
    complete = values[np.isfinite(values).all(axis=1)]
    complete = complete[np.argsort(complete.mean(axis=1), kind="stable")]
    means, variances = complete.mean(axis=1), complete.var(axis=1, ddof=1)
    size = min(_NEIGHBOURS, len(means))
    errors = np.sqrt(uniform_filter1d(variances, size, mode="nearest") / complete.shape[1])
    rng = np.random.default_rng(0)
    taus = []
    for _ in range(_DRAWS):
        measured = means + errors * rng.normal(size=len(means))
        chosen = top(measured)
        taus.append(tau(means[chosen], measured[chosen]))
    return float(np.mean(taus))


def transfer(one: Table, other: Table) -> tuple[float, int]:
    """Kendall tau between the headline metrics of two tables of a space, and on how many it rests.

    The architectures are those that both tables have a row for; of a class, the canonical one.
    """
    a, b = _shared(one, other)
    x, y = one.values(headline(one))[a], other.values(headline(other))[b]
    return tau(x, y), int((np.isfinite(x) & np.isfinite(y)).sum())


def trained_values(table: Table, metric: str) -> Floats:
    """A metric (rows, repeats) of the full training; NaN where nothing was trained."""
    plane = table.curves(metric)[:, :, -1]
    return np.where(table.status == schema.NOT_TRAINED, np.nan, plane)


def _shared(one: Table, other: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of both tables for the genes that stand in both."""
    known = {tuple(genes): row for row, genes in enumerate(other.genes.tolist())}
    pairs = [
        (row, known[key])
        for row, genes in enumerate(one.genes.tolist())
        if (key := tuple(genes)) in known
    ]
    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return a, b
