"""The numbers behind the charts of the board, as plain JSON that `assets/board.js` draws.

Curves are cut to as many points as a screen shows and to three digits, so that a track of 200
entries stays a small page; the downloads hold the scores at eight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leaderboards import score
from leaderboards.score import Ruler
from leaderboards.standings import Row, Standings, unit_of
from nasbench.core import Metric
from nasbench.harness import profiles, statistics
from nasbench.harness.pareto import Front, told_front
from nasbench.harness.trajectory import Clock

Floats = NDArray[np.float64]

POINTS = 64
"""Of a curve."""
REPETITIONS = 1000
"""Resamples behind the band of a curve."""
ALL = "all benchmarks"
RELATIVE = "loss relative to one random draw"
_CLOCKS: Mapping[Clock, str] = {"evaluations": "evaluations", "seconds": "charged seconds"}


def loss_label(ruler: Ruler) -> str:
    """What losses on a benchmark are, with their unit."""
    if ruler.front is not None:
        return "missing share of the front's hypervolume"
    return f"{ruler.targets[0].name.replace('_', ' ')} regret ({difference_unit(ruler.targets[0])})"


def difference_unit(metric: Metric) -> str:
    """The unit of a difference of two values of a metric."""
    return "percentage points" if metric.unit == "%" else metric.unit


def regrets(table: Standings) -> list[dict[str, Any]]:
    """Mean loss of every entry against the clocks: one view for all benchmarks and one for each."""
    views = [
        {
            "label": name,
            "y": loss_label(ruler),
            "goal": _short(ruler.chosen) or None,
            "goalLabel": "the best choice by validation",
            "clocks": {
                clock: _curves(table, [name], clock, _grid(table, name, clock)) for clock in _CLOCKS
            },
        }
        for name, ruler in table.rulers.items()
    ]
    if not table.normalized:
        return views
    grid = _evaluations(table.contest.budget.queries)
    together = {
        "label": ALL,
        "y": RELATIVE,
        "clocks": {"evaluations": _curves(table, list(table.rulers), "evaluations", grid)},
    }
    return [together, *views]


def profile(table: Standings) -> list[dict[str, Any]]:
    """Share of runs that lose at most so much: the run-score distribution of every entry."""
    known = table.losses[table.losses > 0]
    low, high = (known.min(), known.max()) if known.size else (0.1, 1.0)
    grid = score.rounded(np.geomspace(low, max(high, 1.001 * low), POINTS))
    grid = np.append(grid[:-1], max(high, grid[-1]))  # the end exactly, which rounding may miss
    bands = list(profiles.score_profiles(table.losses, grid))
    what = RELATIVE if table.normalized else loss_label(next(iter(table.rulers.values())))
    return [
        {
            "label": "all runs",
            "y": "share of runs that lose at most this",
            "clocks": {"loss": _lines(what, grid, bands)},
        }
    ]


def fronts(table: Standings) -> list[dict[str, Any]]:
    """Of each entry, what the run of middling hypervolume recommends, and the exact front."""
    return [
        _front_view(table, name, ruler, ruler.front)
        for name, ruler in table.rulers.items()
        if ruler.front is not None
    ]


def seeds(row: Row, table: Standings) -> list[dict[str, Any]]:
    """Loss of every run of an entry against the clocks."""
    return [
        {
            "label": name,
            "y": loss_label(ruler),
            "goal": _short(ruler.chosen) or None,
            "goalLabel": "the best choice by validation",
            "clocks": {
                clock: {
                    "xLabel": label,
                    "x": _shorts(grid := _grid(table, name, clock), digits=4),
                    "mean": [_shorts(line) for line in _values(row, name, clock, grid)],
                }
                for clock, label in _CLOCKS.items()
            },
        }
        for name, ruler in table.rulers.items()
    ]


def _curves(table: Standings, names: Sequence[str], clock: Clock, grid: Floats) -> dict[str, Any]:
    """Mean over benchmarks and seeds with its band; several benchmarks are put on one scale."""
    units = [unit_of(table.rulers[name]) if len(names) > 1 else 1.0 for name in names]
    bands = []
    for row in table.rows:
        own = [_values(row, name, clock, grid) for name in names]
        scaled = profiles.normalized(np.stack(own), units)
        rng = np.random.default_rng(profiles.SEED)
        bands.append(statistics.bootstrap_band(scaled, rng=rng, repetitions=REPETITIONS))
    return _lines(_CLOCKS[clock], grid, bands)


def _values(row: Row, name: str, clock: Clock, grid: Floats) -> Floats:
    """Losses (seeds, points) of the runs of an entry; NaN before a first evaluation is complete."""
    part = row.parts[name]
    return np.array(
        [
            score.at(score.times(run, clock), losses, grid, before=np.nan)
            for run, losses in zip(part.runs, part.losses, strict=True)
        ]
    )


def _front_view(table: Standings, name: str, ruler: Ruler, front: Front) -> dict[str, Any]:
    x, y = ruler.targets[1], ruler.targets[0]
    points = [_recommended(row, name, ruler) for row in table.rows]
    exact = front.values[np.argsort(x.sign * front.values[:, 1])]
    return {
        "label": name,
        "y": f"{y.name} ({y.unit})",
        "clocks": {
            x.name: {
                "xLabel": f"{x.name} ({x.unit})",
                "xs": [_shorts(x.sign * own[:, 1], digits=4) for own in points],
                "ys": [_shorts(y.sign * own[:, 0], digits=4) for own in points],
            }
        },
        "front": {
            "x": _shorts(x.sign * exact[:, 1], digits=4),
            "y": _shorts(y.sign * exact[:, 0], digits=4),
        },
    }


def _recommended(row: Row, name: str, ruler: Ruler) -> Floats:
    """Signed targets (m, k) of what the run of middling hypervolume recommends."""
    part = row.parts[name]
    middle = int(np.argsort(part.final, kind="stable")[len(part.final) // 2])
    run = part.runs[middle]
    return score.tested(run, ruler, told_front(run.trajectory, len(run.trajectory)))


def _grid(table: Standings, name: str, clock: Clock) -> Floats:
    """Points (m,) of a logarithmic axis from the first evaluation to the end of the budget."""
    budget = table.contest.budget
    if clock == "evaluations":
        return _evaluations(budget.queries)
    ends = [run.trajectory.spent_s for row in table.rows for run in row.parts[name].runs]
    ends = [spent for spent in ends if len(spent)]
    if not ends:
        return np.ones(1)
    last = max(float(spent[-1]) for spent in ends)
    first = max(min(float(spent[0]) for spent in ends), last / 1e4)
    return np.append(np.geomspace(first, last, POINTS)[:-1], last) if first < last else ends[0][:1]


def _evaluations(queries: int) -> Floats:
    return np.unique(np.geomspace(1, queries, POINTS).round())


def _lines(
    x_label: str, grid: Floats, bands: Sequence[tuple[Floats, Floats, Floats]]
) -> dict[str, Any]:
    mean, low, high = ([_shorts(band[k]) for band in bands] for k in range(3))
    return {"xLabel": x_label, "x": _shorts(grid, digits=4), "mean": mean, "low": low, "high": high}


def _shorts(values: ArrayLike, *, digits: int = 3) -> list[float | None]:
    """Numbers (m,) of so many significant digits; None for what is none."""
    return [_short(value, digits) for value in np.asarray(values, dtype=np.float64).tolist()]


def _short(value: float, digits: int = 3) -> float | None:
    if not np.isfinite(value):
        return None
    steady = float(f"{value:.8g}")  # or 12.25 would be 12.2 on one machine and 12.3 on another
    short = float(f"{steady:.{digits}g}")
    return int(short) if short == int(short) else short
