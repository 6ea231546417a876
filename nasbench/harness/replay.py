"""Asking a benchmark again everything that a run says it was told."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Candidate, Run, Trajectory
from nasbench.harness.constraints import on_metrics, restricted
from nasbench.harness.problem import find_objectives
from nasbench.harness.workers import continues

TOLERANCE = 1e-9
"""Relative difference that two ways of adding up the same numbers may make."""
TOLERANCE_S = 1e-6
"""Seconds that adding up a clock may be off by."""
AT_ONCE = 2048
"""Candidates in one query: few enough that memory stays small, however long the run."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The m different rows of genes and epochs, sorted, so that those of an architecture follow one
    another, the shortest training first.
    """

    genes: list[tuple[int, ...]]
    """(m,)"""
    epochs: list[int]
    """(m,)"""
    arch: NDArray[np.intp]
    """Number (m,) of each row's architecture."""
    first: NDArray[np.intp]
    """Evaluation (m,) in which each was first."""
    which: NDArray[np.intp]
    """Number (n,) of the row that each evaluation asked for."""


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
    """What `replayed` complains about."""
    return replayed(run, benchmark)[0]


def replayed(run: Run, benchmark: Benchmark) -> tuple[list[Complaint], Run]:
    """All that does not agree (architectures, values, feasibility, clock, budget), and the answers.

    These are the run with the values that the benchmark gives, so that what is judged by them owes
    nothing to what the tolerance lets pass; the run itself if it asked for what does not exist.

    The clock is checked in full if there was one worker; of several only that it never goes back.
    The searcher's own seconds cannot be asked for again, and what was left out after the last
    evaluation cannot be missed.
    """
    rows = _distinct(run.trajectory)
    if outside := _outside(run, benchmark, rows):
        return [outside], run
    values, feasible, costs_s = _answers(run, benchmark, rows)
    complaints = [
        *_values(run.trajectory, values[rows.which], feasible[rows.which]),
        *_clock(run, _charged(rows, costs_s, continues(benchmark))),
        *_budget(run),
    ]
    answers = replace(run.trajectory, values=values[rows.which], feasible=feasible[rows.which])
    return complaints, replace(run, trajectory=answers)


def _distinct(trajectory: Trajectory) -> _Rows:
    table = np.column_stack([trajectory.genes, trajectory.epochs])
    order = np.lexsort(table.T[::-1])  # stable: of equal ones the first comes first
    unlike = np.diff(table[order], axis=0, prepend=0) != 0
    unlike[:1] = True
    new = unlike.any(axis=1)
    first = order[new]
    which = np.empty_like(order)
    which[order] = np.cumsum(new) - 1
    return _Rows(
        genes=list(map(tuple, trajectory.genes[first].tolist())),
        epochs=trajectory.epochs[first].tolist(),
        arch=np.cumsum(unlike[new, :-1].any(axis=1)) - 1,
        first=first,
        which=which,
    )


def _outside(run: Run, benchmark: Benchmark, rows: _Rows) -> Complaint | None:
    """The first thing that cannot be asked."""
    space, known = restricted(benchmark, run.constraints), set(benchmark.epochs)
    heads = np.flatnonzero(np.diff(rows.arch, prepend=-1))  # the architectures, once each
    good = [space.is_valid(Architecture(run.space, rows.genes[k])) for k in heads.tolist()]
    valid = np.array(good, dtype=np.bool_)[rows.arch]
    wrong = ~valid | np.array([n not in known for n in rows.epochs], dtype=np.bool_)
    if not wrong.any():
        return None
    number = min(np.flatnonzero(wrong).tolist(), key=lambda k: rows.first[k])
    place, genes = rows.first[number], rows.genes[number]
    if not valid[number]:
        return Complaint(f"genes.{place}", f"an architecture of {space.name}", str(genes))
    return Complaint(f"epochs.{place}", f"one of {benchmark.epochs}", str(rows.epochs[number]))


def _answers(
    run: Run, benchmark: Benchmark, rows: _Rows
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Signed objectives (m, k), feasibility (m,) and seconds (m,) of every different row."""
    metrics = find_objectives(benchmark, run.objectives)
    bounds = on_metrics(benchmark, run.constraints)
    m = len(rows.genes)
    values, feasible, costs_s = np.empty((m, len(metrics))), np.ones(m, np.bool_), np.empty(m)
    for start in range(0, m, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        pairs = zip(rows.genes[part], rows.epochs[part], strict=True)
        asked = [Candidate(Architecture(run.space, genes), epochs) for genes, epochs in pairs]
        results = benchmark.query(asked, noise_seed=run.noise_seed)
        for k, metric in enumerate(metrics):
            values[part, k] = [result.metrics[metric.name] for result in results]
        for bound in bounds:
            feasible[part] &= [bound.holds(result.metrics[bound.metric]) for result in results]
        costs_s[part] = [result.cost_s for result in results]
    values *= [metric.sign for metric in metrics]
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


def _clock(run: Run, charged_s: NDArray[np.float64]) -> list[Complaint]:
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
    expected_s = np.cumsum(charged_s)
    wrong = np.flatnonzero(~_close(expected_s, trained_s, TOLERANCE_S))
    if not wrong.size:
        return []
    k = int(wrong[0])
    what = f"{expected_s[k]:.6f} s of training so far"
    return [Complaint(f"spent_s.{k} - overhead_s.{k}", what, f"{trained_s[k]:.6f} s")]


def _charged(rows: _Rows, costs_s: NDArray[np.float64], goes_on: bool) -> NDArray[np.float64]:
    """Seconds (n,) of each evaluation, by the rule of `nasbench.harness.workers`: who has been
    trained before goes on from its longest training, unless that was as long, where that is a thing
    to go on from.
    """
    if not goes_on:
        return costs_s[rows.which]
    arch, epochs = rows.arch[rows.which], np.array(rows.epochs)
    order = np.argsort(arch, kind="stable")  # every architecture's evaluations as they came
    longest = np.maximum.accumulate(rows.which[order])  # of its own: rows are sorted by it
    now, before = rows.which[order[1:]], longest[:-1]
    longer = (rows.arch[before] == rows.arch[now]) & (epochs[before] < epochs[now])
    charged = costs_s[rows.which]
    charged[order[1:]] -= np.where(longer, costs_s[before], 0.0)
    return np.maximum(charged, 0.0)


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
