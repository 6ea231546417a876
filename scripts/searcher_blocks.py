"""What a page of docs/searchers shows of its measured runs: a figure, and tables as Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.atomic import replacing, write_text
from nasbench.core import Budget
from nasbench.harness.collection import REFERENCE, Collection
from nasbench.harness.statistics import Interval, mean_interval
from nasbench.harness.summary import Standing, Summary
from nasbench.harness.trajectory import Clock


@dataclass(frozen=True, slots=True)
class Group:
    """Searchers that are compared under one budget, random search among them."""

    name: str
    searchers: tuple[str, ...]
    seeds: int
    budget: Budget
    clock: Clock


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Regret (points,) of each searcher after so much of its clock: mean, low, high."""

    grid: np.ndarray
    bands: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A group's finished runs, and what they come to."""

    group: Group
    benchmark: str
    collection: Collection
    summary: Summary
    curves: Curves


def draw_curve(path: Path, name: str, measured: Measured) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator

    mpl.rcParams.update({"svg.hashsalt": "nasbench", "font.size": 9})
    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    curves, objective = measured.curves, measured.summary.objective
    drawn = [(REFERENCE, "#777777")] + [(name, "#0b6e99")] * (name != REFERENCE)
    for searcher, color in drawn:
        mean, low, high = curves.bands[searcher]
        axes.fill_between(curves.grid, low, high, color=color, alpha=0.2, lw=0)
        axes.plot(curves.grid, mean, color=color, lw=1.6, label=searcher)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.set_xlabel("evaluations" if measured.group.clock == "evaluations" else "charged seconds")
    axes.set_ylabel(f"regret in {objective.name} ({objective.unit})")
    axes.grid(visible=True, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    with replacing(path) as part:
        figure.savefig(part, format="svg", facecolor="white", metadata={"Date": None})


def page_text(
    name: str, measured: Measured, variants: Sequence[tuple[Mapping[str, Any], Standing]]
) -> str:
    summary, curves = measured.summary, measured.curves
    standings = {row.searcher: row for row in summary.standings}
    shown = [REFERENCE] if name == REFERENCE else [name, REFERENCE]
    points = _points(measured.group)
    at = np.searchsorted(curves.grid, points)
    unit = " s" if measured.group.clock == "seconds" else ""
    lines = [
        f"![Regret of {name} against {measured.group.clock}](../images/searchers/{name}.svg)",
        "",
        setting_text(measured, name),
        "",
        f"| regret in {summary.objective.name} after "
        f"| {' | '.join(f'{point:.0f}{unit}' for point in points)} |",
        f"|---|{'---|' * len(points)}",
    ]
    for searcher in shown:
        bands = (band[at] for band in curves.bands[searcher])
        cells = [interval_text(Interval(*values)) for values in zip(*bands, strict=True)]
        lines.append(f"| {searcher} | {' | '.join(cells)} |")
    lines += [
        "",
        *standings_table(summary, [(searcher, standings[searcher]) for searcher in shown]),
    ]
    if variants:
        named = [(f"`{json.dumps(setting)[1:-1]}`", row) for setting, row in variants]
        lines += ["", "With other settings:", ""]
        lines += standings_table(summary, [("defaults", standings[name]), *named], against=False)
    return "\n".join(lines)


def _points(group: Group) -> list[float]:
    """Where the curve is quoted; the budget's end is the last."""
    if group.clock == "seconds":
        return [share * group.budget.cost_s for share in (0.05, 0.25, 0.5, 1.0)]
    return [k for k in (10, 50, 100, 200, 500, 1000) if k <= group.budget.queries]


def standings_table(
    summary: Summary, rows: Sequence[tuple[str, Standing]], *, against: bool = True
) -> list[str]:
    target, unit = summary.target.name, summary.target.unit
    head = ["", f"{target} ({unit})", "regret"]
    head += [f"better than {REFERENCE}"] * against + ["own seconds a run"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for label, row in rows:
        own = np.median([outcome.overhead_s for outcome in row.outcomes])
        regrets = [outcome.regret for outcome in row.outcomes]
        cells = [label, *(interval_text(mean_interval(each)) for each in (row.scores, regrets))]
        cells += [interval_text(row.improvement) if row.improvement else "-"] * against
        seconds = f"{own:.0f}" if own >= 10 else f"{own:.2g}"
        lines.append(f"| {' | '.join([*cells, seconds])} |")
    return lines


def setting_text(measured: Measured, name: str | None = None) -> str:
    group, table = measured.group, measured.collection.first.table_sha256
    seconds = group.clock == "seconds"
    limit = f"--seconds {group.budget.cost_s:g} " if seconds else ""
    searchers = dict.fromkeys([REFERENCE, name] if name else group.searchers)
    command = " ".join(
        [
            f"nasbench compare {measured.benchmark}",
            *(f"-s {each}" for each in searchers),
            f"--seeds {group.seeds} {limit}--queries {group.budget.queries}",
        ]
    )
    length = (
        f"{group.budget.cost_s:g} charged seconds"
        if seconds
        else (f"{group.budget.queries} evaluations")
    )
    return (
        f"On `{measured.benchmark}`{f' (table `{table[:12]}`)' if table else ''}: {group.seeds} "
        f"runs of {length} each, mean and 95 % interval; own seconds (wall "
        "time, so longer on a busy machine) are the median. "
        f"`{command}` makes the runs, `python scripts/searcher_pages.py` this text."
    )


def interval_text(value: Interval) -> str:
    if not math.isfinite(value.estimate):
        return "-"  # a run had nothing yet
    return f"{value.estimate:.2f} [{value.low:.2f}, {value.high:.2f}]"


def write_block(page: Path, text: str, name: str = "measured") -> None:
    """Replace what is between the markers of this name on a page."""
    start, stop = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = page.read_text().partition(start)
    _, end, after = rest.partition(stop)
    if not (begin and end):
        raise SystemExit(f"{page} needs the lines {start} and {stop}")
    write_text(page, f"{before}{start}\n{text.strip()}\n{stop}{after}")
