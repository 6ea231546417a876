"""From a summary to the figures of its report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Metric
from nasbench.harness import plots, statistics
from nasbench.harness.lookup import curve_values, grid_of
from nasbench.harness.pareto import Front, shares
from nasbench.harness.plots import Curve, Strip
from nasbench.harness.summary import BOOTSTRAP_SEED, Standing, Summary
from nasbench.harness.trajectory import Clock, steps_at
from nasbench.harness.verification import Verification

Floats = NDArray[np.float64]

_CLOCKS: tuple[tuple[Clock, str], ...] = (
    ("evaluations", "evaluations"),
    ("seconds", "charged seconds"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A drawing and the words above it."""

    caption: str
    svg: str


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What a figure shows of the incumbents."""

    column: Floats
    """(architectures + 1,) as `Lookup.column` gives it."""
    worst: float
    """Counts for a run that failed, as it does in the table."""
    name: str
    unit: str


def curves(summary: Summary) -> list[Figure]:
    """Regret and score of the incumbent, each on both clocks; hypervolumes if there are any."""
    objective, target = summary.objective, summary.target
    lookup = summary.lookup
    best = summary.optimum_metrics[objective.name]
    known = np.append(lookup.column(objective), summary.worst[objective.name])
    *regrets, worst = np.maximum(objective.sign * (known - best), 0.0)
    regret = _Shown(np.array(regrets), worst, f"{objective.name} regret", regret_unit(objective))
    score = _Shown(lookup.column(target), summary.worst[target.name], target.name, target.unit)
    return [
        *_on_clocks(summary, regret, True),
        *_on_clocks(summary, score, False),
        *(_hypervolumes(summary, summary.front) if summary.front is not None else ()),
    ]


def scores(summary: Summary) -> str:
    """Every run's final score, by searcher."""
    rows = [
        Strip(
            standing.searcher,
            standing.number,
            standing.scores,
            *(standing.mean.estimate, standing.mean.low, standing.mean.high),
        )
        for standing in summary.standings
    ]
    target = summary.target
    title = f"{target.name} of each run's final incumbent, one row for each searcher"
    return plots.strips(rows, key="scores", title=title, x_label=f"{target.name} ({target.unit})")


def verified(verification: Verification, numbers: dict[str, int]) -> str:
    """What the table says and what training showed, one row for each architecture."""
    rows = [
        Strip(
            _winner_label([source.searcher for source in measurement.found_by]),
            numbers.get(measurement.found_by[0].searcher, 0),
            np.array(measurement.accuracies),
            *(measurement.measured.estimate, measurement.measured.low, measurement.measured.high),
            span=(measurement.predicted.low, measurement.predicted.high),
            mark=measurement.predicted.estimate,
        )
        for measurement in verification.measurements
    ]
    title = "Test accuracy of each winner: predicted by the table and measured by fresh trainings"
    return plots.strips(rows, key="verified", title=title, x_label="test accuracy (%)")


def regret_unit(metric: Metric) -> str:
    """The unit of a difference of two values of a metric."""
    return "percentage points" if metric.unit == "%" else metric.unit


def _winner_label(searchers: list[str]) -> str:
    others = len(searchers) - 1
    return f"{searchers[0]} +{others}" if others else searchers[0]


def _on_clocks(summary: Summary, shown: _Shown, log_y: bool) -> Iterator[Figure]:
    name = shown.name
    for clock, label in _CLOCKS:
        grid = grid_of(summary.collection.files, clock)
        if len(grid):
            caption = f"{name} against {label}"
            drawing = plots.curves(
                _series(summary, shown, grid, clock),
                key=f"{name.split()[0]}-{clock}-{'log' if log_y else 'linear'}".replace("_", "-"),
                title=f"{caption}: one line for each searcher; final values are in the table above",
                x_label=label,
                y_label=f"{name} ({shown.unit})",
                log_y=log_y,
            )
            yield Figure(caption, drawing)


def _hypervolumes(summary: Summary, front: Front) -> Iterator[Figure]:
    """Share of the front's hypervolume that the runs hold, on both clocks."""
    for clock, label in _CLOCKS:
        grid = grid_of(summary.collection.files, clock)
        if len(grid):
            caption = f"hypervolume against {label}"
            drawing = plots.curves(
                [_held(standing, summary, front, grid, clock) for standing in summary.standings],
                key=f"hypervolume-{clock}",
                title=f"{caption}: one line for each searcher; final values are in the table above",
                x_label=label,
                y_label="hypervolume, share of the front's",
            )
            yield Figure(caption, drawing)


def _held(standing: Standing, summary: Summary, front: Front, grid: Floats, clock: Clock) -> Curve:
    runs = [outcome.file.run for outcome in standing.outcomes]
    steps = [steps_at(run.trajectory, grid, clock) for run in runs]
    held = [
        shares(run, summary.benchmark, front, done) for run, done in zip(runs, steps, strict=True)
    ]
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    return Curve(standing.number, grid, *statistics.bootstrap_band(np.array(held), rng=rng))


def _series(summary: Summary, shown: _Shown, grid: Floats, clock: Clock) -> list[Curve]:
    found = []
    for standing in summary.standings:
        files = [outcome.file for outcome in standing.outcomes]
        values = curve_values(files, summary.lookup, shown.column, grid, clock, worst=shown.worst)
        known = np.isfinite(values).all(axis=0)
        if known.any():
            rng = np.random.default_rng(BOOTSTRAP_SEED)
            band = statistics.bootstrap_band(values[:, known], rng=rng)
            found.append(Curve(standing.number, grid[known], *band))
    return found
