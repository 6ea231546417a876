"""What an honest-looking run should not look like. A flag is a question, not a verdict.

Let q be the share of a table's rows at least as good as an evaluation. One uniform draw is as good
with probability q, so the best of the first m evaluations is as good as that with probability
1 - (1 - q)^m, and about 1 / q draws are needed to get there. Four things are flagged:

- a value better than anything in the table, which no search can have been told;
- a run that ended before its budget did: one may stop where it looks best;
- beginnings better than chance, on the seeds taken together by Fisher's method: before a searcher
  has been told much, it knows no more than a uniform draw, unless it knows the table;
- convergence as fast as nothing here converges: 1 / q draws done in fewer than 1 / (`FASTEST` q).
  Of the project's own searchers that no other table taught the fastest on digits-on-photos,
  drnas, reaches a factor of 122; what the other tables teach a warm start is worth 351.

What an incumbent is worth is looked at twice: by the objective, and by the test metric that it is
scored by, which a searcher that knows the table may look up instead.

A searcher that begins at a guess of its author's or with what other tables taught it, ranks by
zero-cost proxies or trains a supernet before it asks may be flagged with good reason; its
description should say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Benchmark, Candidate, Constraint, Metric, Run, SupportsRows
from nasbench.harness.constraints import Feasible
from nasbench.harness.problem import find_objectives
from nasbench.harness.summary import target_of
from nasbench.harness.trajectory import candidate_at, incumbent_positions

BEGINNING = 10
"""Evaluations of a run in which it cannot have learned much."""
CHANCE = 1e-6
"""Probability of beginnings as good, below which they are flagged."""
FASTEST = 300.0
"""Times faster than uniform draws that is flagged."""

Kind = Literal[
    "better than the optimum", "ended early", "look-up signature", "implausible convergence"
]


@dataclass(frozen=True, slots=True)
class Flag:
    """Something about an entry's runs on one benchmark that a reader should be wary of."""

    kind: Kind
    benchmark: str
    text: str

    def __str__(self) -> str:
        return f"{self.benchmark}: {self.kind}: {self.text}"


def flags(runs: Sequence[Run], benchmark: Benchmark) -> list[Flag]:
    """All that is suspicious about the runs of one entry; nothing of a benchmark without rows.

    Of several objectives the first is looked at.
    """
    runs = [run for run in runs if len(run.trajectory)]
    if not runs or not isinstance(benchmark, SupportsRows):
        return []
    found = [*_beyond(runs, benchmark), *_early(runs, benchmark)]
    (objective,) = find_objectives(benchmark, runs[0].objectives[:1])
    for metric in dict.fromkeys((objective, target_of(benchmark, objective))):
        shares = [_shares(run, benchmark, metric) for run in runs]
        for kind, text in _SIGNS.items():
            if said := text(shares):
                found.append(Flag(kind, benchmark.name, f"by {metric.name}, {said}"))
    return found


def fisher(p_values: NDArray[np.float64]) -> float:
    """Probability of independent p-values as small as these together (Fisher, 1925, sec. 21.1)."""
    from scipy.stats import combine_pvalues

    return float(combine_pvalues(np.maximum(p_values, 1e-300), method="fisher").pvalue)


def _beyond(runs: Sequence[Run], benchmark: Benchmark) -> list[Flag]:
    for run in runs:
        best = _column(run, benchmark, run.noise_seed)[0]
        values = run.trajectory.values[:, 0]
        if values.min() < best - 1e-9 * abs(best):
            text = (
                f"seed {run.seed} was told {values.min():g} at evaluation {values.argmin() + 1}, "
                f"signed so that lower is better, where the best that there is has {best:g}"
            )
            return [Flag("better than the optimum", benchmark.name, text)]
    return []


def _early(runs: Sequence[Run], benchmark: Benchmark) -> list[Flag]:
    """Runs with evaluations left, and seconds for another one twice as long as their longest."""
    ended = [run for run in runs if len(run.trajectory) < run.budget.queries and _has_time(run)]
    if not ended:
        return []
    first = min(ended, key=lambda run: run.seed)
    text = (
        f"{len(ended)} of {len(runs)} runs ended before their budget, that of seed {first.seed} "
        f"after {len(first.trajectory)} of {first.budget.queries} evaluations; the description "
        f"should say why"
    )
    return [Flag("ended early", benchmark.name, text)]


def _has_time(run: Run) -> bool:
    spent_s = run.trajectory.spent_s
    return bool(run.budget.cost_s - spent_s[-1] > 2 * np.diff(spent_s, prepend=0.0).max())


def _shares(run: Run, benchmark: Benchmark, metric: Metric) -> NDArray[np.float64]:
    """Share of rows (n,) at least as good as the incumbent, fully trained and free of noise."""
    column = _sorted_column(benchmark, metric, run.constraints, None)  # type: ignore[arg-type]
    positions = incumbent_positions(run.trajectory)
    known, which = np.unique(positions, return_inverse=True)
    archs = [candidate_at(run, int(k)).arch for k in known if k >= 0]
    results = benchmark.query([Candidate(arch) for arch in archs])
    values = np.array([metric.sign * result.metrics[metric.name] for result in results])
    ranks = np.searchsorted(column, values + 1e-9 * np.abs(values), side="right")
    share = np.clip(np.where(np.isfinite(values), ranks, len(column)) / len(column), None, 1)
    shares = np.append(np.ones(int((known < 0).sum())), np.maximum(share, 1 / len(column)))
    return np.asarray(np.minimum.accumulate(shares[which]))


def _column(run: Run, benchmark: Benchmark, noise_seed: int | None) -> NDArray[np.float64]:
    """The signed first objective of all feasible rows (rows,), sorted."""
    (metric,) = find_objectives(benchmark, run.objectives[:1])
    return _sorted_column(benchmark, metric, run.constraints, noise_seed)  # type: ignore[arg-type]


@lru_cache(maxsize=128)  # all entries of a track ask for the same few: one for each noise seed
def _sorted_column(
    benchmark: Benchmark,
    metric: Metric,
    constraints: tuple[Constraint, ...],
    noise_seed: int | None,
) -> NDArray[np.float64]:
    assert isinstance(benchmark, SupportsRows)
    genes, columns = benchmark.rows()
    feasible = Feasible(benchmark, constraints, genes, columns)
    values = columns[metric.name][feasible.holds]
    if noise_seed is not None:
        archs = [Candidate(feasible.arch(k)) for k in np.flatnonzero(feasible.holds).tolist()]
        results = benchmark.query(archs, noise_seed=noise_seed)
        values = np.array([result.metrics[metric.name] for result in results])
    column = np.sort(metric.sign * values[np.isfinite(values)])
    column.flags.writeable = False
    return column


def _lookup(shares: Sequence[NDArray[np.float64]]) -> str:
    begun = [(each[:BEGINNING][-1], min(len(each), BEGINNING)) for each in shares]
    chance = fisher(np.array([-np.expm1(n * np.log1p(-min(q, 1 - 1e-12))) for q, n in begun]))
    if chance >= CHANCE:
        return ""
    typical = float(np.median([q for q, _ in begun]))
    return (
        f"within {BEGINNING} evaluations the {len(begun)} runs had something of the best "
        f"{100 * typical:.2g} % in hand (median); uniform draws begin as well with probability "
        f"{chance:.1g}"
    )


def _convergence(shares: Sequence[NDArray[np.float64]]) -> str:
    most = max(map(len, shares))
    padded = [np.append(each, np.full(most - len(each), each[-1])) for each in shares]
    factors = 1 / np.median(padded, axis=0) / np.arange(1, most + 1)
    k = int(factors.argmax())
    if factors[k] <= FASTEST:
        return ""
    return (
        f"after {k + 1} evaluations half of the runs have what uniform draws need about "
        f"{factors[k] * (k + 1):,.0f} for: {factors[k]:,.0f} times as fast, and more than "
        f"{FASTEST:g} times is not known of any searcher that begins with no knowledge"
    )


_SIGNS: Mapping[Kind, Callable[[Sequence[NDArray[np.float64]]], str]] = {
    "look-up signature": _lookup,
    "implausible convergence": _convergence,
}
