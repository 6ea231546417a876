"""Asking a benchmark again everything that a run says it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Benchmark, Result, Run
from nasbench.harness.constraints import on_metrics, restricted
from nasbench.harness.problem import find_objectives
from nasbench.harness.trajectory import candidate_at

TOLERANCE = 1e-9
"""Relative difference that two ways of adding up the same numbers may make."""
TOLERANCE_S = 1e-6
"""Seconds that adding up a clock may be off by."""


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
    n = len(run.trajectory)
    space = restricted(benchmark, run.constraints)
    candidates = [candidate_at(run, k) for k in range(n)]
    outside = [k for k, each in enumerate(candidates) if not space.is_valid(each.arch)]
    if outside:
        genes = candidates[outside[0]].arch.genes
        return [Complaint(f"genes.{outside[0]}", f"an architecture of {space.name}", str(genes))]
    untold = [k for k, each in enumerate(candidates) if each.epochs not in benchmark.epochs]
    if untold:
        got = str(candidates[untold[0]].epochs)
        return [Complaint(f"epochs.{untold[0]}", f"one of {benchmark.epochs}", got)]
    results = benchmark.query(candidates, noise_seed=run.noise_seed)
    return [*_values(run, benchmark, results), *_clock(run, results), *_budget(run)]


def _values(run: Run, benchmark: Benchmark, results: Sequence[Result]) -> list[Complaint]:
    metrics = find_objectives(benchmark, run.objectives)
    told = [[metric.sign * result.metrics[metric.name] for metric in metrics] for result in results]
    values = np.array(told, dtype=np.float64).reshape(len(results), len(metrics))
    values[np.isnan(values)] = np.inf
    same = _close(values, run.trajectory.values)
    found = [
        Complaint(f"values.{k}", str(values[k].tolist()), str(run.trajectory.values[k].tolist()))
        for k in np.flatnonzero(~same.all(axis=1)).tolist()
    ]
    bounds = on_metrics(benchmark, run.constraints)
    for k, result in enumerate(results):
        feasible = all(bound.holds(result.metrics[bound.metric]) for bound in bounds)
        if feasible != run.trajectory.feasible[k]:
            found.append(Complaint(f"feasible.{k}", str(feasible), str(not feasible)))
    return found


def _clock(run: Run, results: Sequence[Result]) -> list[Complaint]:
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
    expected_s = np.cumsum(_charged(run, results))
    wrong = np.flatnonzero(~_close(expected_s, trained_s, TOLERANCE_S))
    if not wrong.size:
        return []
    k = int(wrong[0])
    what = f"{expected_s[k]:.6f} s of training so far"
    return [Complaint(f"spent_s.{k} - overhead_s.{k}", what, f"{trained_s[k]:.6f} s")]


def _charged(run: Run, results: Sequence[Result]) -> list[float]:
    """Seconds of each evaluation, by the rule of `nasbench.harness.workers`."""
    charged: list[float] = []
    longest: dict[bytes, tuple[int, float]] = {}
    rows = zip(run.trajectory.genes, run.trajectory.epochs.tolist(), results, strict=True)
    for genes, epochs, result in rows:
        before, before_s = longest.get(genes.tobytes(), (0, 0.0))
        goes_on = before < epochs
        charged.append(max(result.cost_s - before_s * goes_on, 0.0))
        if goes_on:
            longest[genes.tobytes()] = (epochs, result.cost_s)
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
