"""Asking a benchmark again everything that a run says it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Candidate, Run, Trajectory
from nasbench.harness.constraints import on_metrics, restricted
from nasbench.harness.problem import find_objectives

TOLERANCE = 1e-9
"""Relative difference that two ways of adding up the same numbers may make."""
TOLERANCE_S = 1e-6
"""Seconds that adding up a clock may be off by."""
AT_ONCE = 2048
"""Candidates in one query: few enough that memory stays small, however long the run."""

_Row: TypeAlias = tuple[tuple[int, ...], int]
"""Genes and epochs."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something in a run that its benchmark does not say."""

    field: str
    """Such as `values.17`."""
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, got {self.got}"


def replay(run: Run, benchmark: Benchmark) -> list[Complaint]:
    """All that does not agree: architectures, values, feasibility, clock and budget.

    The clock is checked in full if there was one worker; of several only that it never goes back.
    The searcher's own seconds cannot be asked for again, and what was left out after the last
    evaluation cannot be missed.
    """
    distinct, which = _distinct(run)
    if outside := _outside(run, benchmark, distinct, which):
        return [outside]
    values, feasible, costs_s = _answers(run, benchmark, distinct)
    return [
        *_values(run.trajectory, values[which], feasible[which]),
        *_clock(run, distinct, which, costs_s),
        *_budget(run),
    ]


def _distinct(run: Run) -> tuple[list[_Row], NDArray[np.intp]]:
    """Every different genes and epochs in the order they came, and which (n,) were evaluated."""
    numbers: dict[_Row, int] = {}
    genes, epochs = map(tuple, run.trajectory.genes.tolist()), run.trajectory.epochs.tolist()
    which = [numbers.setdefault(row, len(numbers)) for row in zip(genes, epochs, strict=True)]
    return list(numbers), np.array(which, dtype=np.intp)


def _outside(
    run: Run, benchmark: Benchmark, distinct: Sequence[_Row], which: NDArray[np.intp]
) -> Complaint | None:
    """The first thing that cannot be asked."""
    space = restricted(benchmark, run.constraints)
    for number, (genes, epochs) in enumerate(distinct):
        if not space.is_valid(Architecture(run.space, genes)):
            place = f"genes.{np.argmax(which == number)}"
            return Complaint(place, f"an architecture of {space.name}", str(genes))
        if epochs not in benchmark.epochs:
            place = f"epochs.{np.argmax(which == number)}"
            return Complaint(place, f"one of {benchmark.epochs}", str(epochs))
    return None


def _answers(
    run: Run, benchmark: Benchmark, distinct: Sequence[_Row]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Signed objectives (m, k), feasibility (m,) and seconds (m,) of every different row."""
    metrics = find_objectives(benchmark, run.objectives)
    bounds = on_metrics(benchmark, run.constraints)
    values = np.empty((len(distinct), len(metrics)))
    feasible, costs_s = np.empty(len(distinct), np.bool_), np.empty(len(distinct))
    for start in range(0, len(distinct), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        asked = [Candidate(Architecture(run.space, genes), n) for genes, n in distinct[rows]]
        results = benchmark.query(asked, noise_seed=run.noise_seed)
        values[rows] = [[m.sign * result.metrics[m.name] for m in metrics] for result in results]
        feasible[rows] = [all(b.holds(r.metrics[b.metric]) for b in bounds) for r in results]
        costs_s[rows] = [result.cost_s for result in results]
    values[np.isnan(values)] = np.inf
    return values, feasible, costs_s


def _values(
    trajectory: Trajectory, values: NDArray[np.float64], feasible: NDArray[np.bool_]
) -> list[Complaint]:
    wrong = np.flatnonzero(~_close(values, trajectory.values).all(axis=1)).tolist()
    unlike = np.flatnonzero(feasible != trajectory.feasible).tolist()
    return [
        *(
            Complaint(f"values.{k}", str(values[k].tolist()), str(trajectory.values[k].tolist()))
            for k in wrong
        ),
        *(Complaint(f"feasible.{k}", str(feasible[k]), str(not feasible[k])) for k in unlike),
    ]


def _clock(
    run: Run, distinct: Sequence[_Row], which: NDArray[np.intp], costs_s: NDArray[np.float64]
) -> list[Complaint]:
    trajectory = run.trajectory
    for name, seconds in (("spent_s", trajectory.spent_s), ("overhead_s", trajectory.overhead_s)):
        back = np.flatnonzero(np.diff(seconds, prepend=0.0) < 0)
        if back.size:
            k = int(back[0])
            least = float(seconds[k - 1]) if k else 0.0
            return [Complaint(f"{name}.{k}", f"at least {least:g} s", f"{seconds[k]:g} s")]
    if run.workers > 1:
        return []
    trained_s = trajectory.spent_s - trajectory.overhead_s
    expected_s = np.cumsum(_charged(distinct, which, costs_s))
    wrong = np.flatnonzero(~_close(expected_s, trained_s, TOLERANCE_S))
    if not wrong.size:
        return []
    k = int(wrong[0])
    what = f"{expected_s[k]:.6f} s of training so far"
    return [Complaint(f"spent_s.{k} - overhead_s.{k}", what, f"{trained_s[k]:.6f} s")]


def _charged(
    distinct: Sequence[_Row], which: NDArray[np.intp], costs_s: NDArray[np.float64]
) -> list[float]:
    """Seconds of each evaluation, by the rule of `nasbench.harness.workers`."""
    rows = [(*row, cost_s) for row, cost_s in zip(distinct, costs_s.tolist(), strict=True)]
    charged: list[float] = []
    longest: dict[tuple[int, ...], tuple[int, float]] = {}
    for number in which.tolist():
        genes, epochs, cost_s = rows[number]
        before, before_s = longest.get(genes, (0, 0.0))
        goes_on = before < epochs
        charged.append(max(cost_s - before_s * goes_on, 0.0))
        if goes_on:
            longest[genes] = (epochs, cost_s)
    return charged


def _budget(run: Run) -> list[Complaint]:
    found, n = [], len(run.trajectory)
    if n > run.budget.queries:
        found.append(Complaint("budget.queries", f"at most {run.budget.queries}", f"{n}"))
    if n and run.trajectory.spent_s[-1] > run.budget.cost_s:
        got = f"{run.trajectory.spent_s[-1]:g} s"
        found.append(Complaint("budget.cost_s", f"at most {run.budget.cost_s:g} s", got))
    return found


def _close(
    a: NDArray[np.float64], b: NDArray[np.float64], absolute: float = 0.0
) -> NDArray[np.bool_]:
    return np.isclose(a, b, rtol=TOLERANCE, atol=absolute)
