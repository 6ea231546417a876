"""From a suite's numbers to the figures of its report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nasbench.harness import figures, plots, profiles, ranks, statistics
from nasbench.harness.figures import Figure
from nasbench.harness.lookup import GRID_POINTS
from nasbench.harness.overall import Overall, losses_at
from nasbench.harness.plots import Curve
from nasbench.harness.rank_plot import critical_differences
from nasbench.harness.trajectory import Clock

Floats = NDArray[np.float64]

_POINTS = 200
_LARGEST_RATIO = 100.0
_EARLIEST = 0.005
"""Of the unit of charged seconds, where that axis begins."""
_LOSS = "regret, typical regrets"


def critical_difference(overall: Overall) -> str:
    """Average ranks, Nemenyi's critical difference, and groups closer than it; empty for one."""
    if len(overall.places) < 2:
        return ""
    average = np.array([place.average_rank.estimate for place in overall.places])
    return critical_differences(
        [place.searcher for place in overall.places],
        [place.number for place in overall.places],
        average,
        ranks.cliques(average, overall.difference),
        overall.difference,
        key="differences",
        title="Average rank of each searcher; bars join those that Nemenyi's test leaves together",
    )


def performance_profiles(overall: Overall) -> list[Figure]:
    """Shares of runs within a regret, and within a ratio to the best regret of their seed."""
    losses = overall.losses
    limits = np.linspace(0.0, float(np.quantile(losses, 0.99)) or 1.0, _POINTS)
    scores = [
        Curve(place.number, limits, *band)
        for place, band in zip(overall.places, profiles.score_profiles(losses, limits), strict=True)
    ]
    ratios = np.geomspace(1.0, _LARGEST_RATIO, _POINTS)
    shares = profiles.ratio_profiles(ranks.blocks_of(losses), ratios)
    dolan_more = [
        Curve(place.number, ratios, share, share, share)
        for place, share in zip(overall.places, shares, strict=True)
    ]
    return [
        _profile("share of runs with at most this regret", scores, _LOSS, "scores"),
        _profile(
            "share of runs within this ratio of the best regret on their seed and table",
            *(dolan_more, "ratio to the best regret", "ratios"),
            log_x=True,
        ),
    ]


def curves(overall: Overall) -> list[Figure]:
    """Mean regret over all benchmarks, on both clocks."""
    most = max(len(file.run.trajectory) for s in overall.summaries for file in s.collection.files)
    if most < 1:
        return []
    longest = max(place.spent_s for place in overall.places)
    unit = overall.places[overall.reference or 0]
    end = longest / unit.spent_s if unit.spent_s > 0 else 1.0
    grids: tuple[tuple[Clock, Floats, str], ...] = (
        ("evaluations", np.unique(np.geomspace(1, most, GRID_POINTS).round()), "evaluations"),
        (
            "seconds",
            np.geomspace(_EARLIEST, end, GRID_POINTS),
            f"charged seconds, in runs of {unit.searcher}",
        ),
    )
    return [_curve(overall, clock, grid, label) for clock, grid, label in grids]


def by_table(overall: Overall) -> Iterator[tuple[str, list[Figure]]]:
    """Name of each benchmark and its regrets and hypervolumes on both clocks."""
    for number, summary in enumerate(overall.summaries):
        drawn = [
            f for f in figures.curves(summary) if "regret" in f.caption or "hyper" in f.caption
        ]
        named = [
            Figure(f"{summary.benchmark.name}: {f.caption}", _renamed(f.svg, number)) for f in drawn
        ]
        yield summary.benchmark.name, named


def _profile(
    caption: str, series: list[Curve], x_label: str, key: str, *, log_x: bool = False
) -> Figure:
    drawing = plots.curves(
        series,
        key=f"profile-{key}",
        title=f"{caption}: one line for each searcher; higher is better",
        x_label=x_label,
        y_label="share of runs",
        log_x=log_x,
    )
    return Figure(caption, drawing)


def _curve(overall: Overall, clock: Clock, grid: Floats, label: str) -> Figure:
    losses, series = losses_at(overall, grid, clock), []
    for k, place in enumerate(overall.places):
        own = losses[:, k]
        known = np.isfinite(own).all(axis=(0, 1))
        if known.any():
            rng = np.random.default_rng(profiles.SEED)
            band = statistics.bootstrap_band(own[..., known], rng=rng)
            series.append(Curve(place.number, grid[known], *band))
    caption = f"mean regret over all tables against {label.partition(',')[0]}"
    drawing = plots.curves(
        series,
        key=f"overall-{clock}",
        title=f"{caption}: one line for each searcher",
        x_label=label,
        y_label=_LOSS,
        log_y=True,
    )
    return Figure(caption, drawing)


def _renamed(svg: str, number: int) -> str:
    """The drawing with ids of its own, as those of another table have the same."""
    for mark in ('id="', 'href="#', "url(#"):
        svg = svg.replace(mark, f"{mark}t{number}-")
    return svg
