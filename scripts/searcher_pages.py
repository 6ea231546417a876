"""Measure the built-in searchers, and write the figures and tables of docs/searchers.

    python scripts/searcher_pages.py --seeds 30 --queries 200

Every searcher runs with its defaults, some with other settings too. Each page gets a regret curve
against random search and its numbers between the `measured` markers. Finished runs in --out are
kept, so the command can be stopped and started again. The incumbent is chosen by what the searcher
was told; shown is its full training, free of noise. Intervals are 95 % bootstraps over runs.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.atomic import replacing, write_text
from nasbench.core import Architecture, Budget, Candidate
from nasbench.harness.collection import REFERENCE, Collection, collect, find_benchmark
from nasbench.harness.compare import compare
from nasbench.harness.lookup import Lookup, curve_values
from nasbench.harness.statistics import Interval, bootstrap_band, mean_interval
from nasbench.harness.summary import Standing, Summary, summarize
from nasbench.harness.trajectory import candidate_at
from nasbench.spaces.cell201 import OPS

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs/searchers"
FIGURES = ROOT / "docs/images/searchers"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SEARCHERS = (REFERENCE, "local-search", "regularized-evolution", "reinforce", "darts")
VARIANTS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "regularized-evolution": (
        {"population": 20, "sample": 5},
        {"population": 50, "sample": 10},
        {"population": 100, "sample": 25},
    ),
    "reinforce": ({"lr": 0.01}, {"lr": 0.1}, {"entropy": 1.0}),
}
"""Other settings that a searcher's page shows beside the defaults."""
LONG, LONG_SEEDS = {"epochs": 50}, 5
"""The published length of DARTS, and how many runs of it are enough to show what it does."""


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Regret (points,) of each searcher after so many evaluations: mean, low, high."""

    evaluations: np.ndarray
    bands: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


def main() -> None:
    options = _options()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before the worker processes start
    collection, summary = _measure(options, options.searchers, {}, options.out / "defaults")
    curves = _curves(collection, summary, options.queries)
    for name in options.searchers:
        figure = FIGURES / f"{name}.svg"
        _draw(figure, name, curves, summary)
        variants = _variants(options, name)
        text = _page(options, name, summary, curves, variants)
        if name == "darts":
            text += _collapse(options, collection, summary)
        write_block(PAGES / f"{name}.md", text)
    write_block(PAGES / "README.md", _index(options, summary))


def write_block(page: Path, text: str) -> None:
    """Replace what is between the markers of a page."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page} needs the lines {BEGIN} and {END}")
    write_text(page, f"{before}{BEGIN}\n{text.strip()}\n{END}{after}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmark", default="cell201/digits-on-photos")
    parser.add_argument("--searchers", nargs="+", default=list(SEARCHERS), choices=SEARCHERS)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--processes", "-j", type=int)
    parser.add_argument("--out", type=Path, default=ROOT / "runs/searcher-pages")
    options = parser.parse_args()
    options.searchers = list(dict.fromkeys([REFERENCE, *options.searchers]))
    return options


def _measure(
    options: argparse.Namespace,
    searchers: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]],
    out: Path,
    seeds: int | None = None,
) -> tuple[Collection, Summary]:
    compare(
        options.benchmark,
        searchers,
        range(seeds or options.seeds),
        budget=Budget(options.queries),
        out=out,
        settings=settings,
        processes=options.processes,
    )
    collection = collect(out)
    return collection, summarize(collection, find_benchmark(collection, options.benchmark))


def _variants(options: argparse.Namespace, name: str) -> list[tuple[Mapping[str, Any], Standing]]:
    found = []
    for setting in VARIANTS.get(name, ()):
        label = "-".join(f"{key}-{value}" for key, value in setting.items())
        _, summary = _measure(options, [name], {name: setting}, options.out / name / label)
        found.append((setting, summary.standings[0]))
    return found


def _curves(collection: Collection, summary: Summary, queries: int) -> Curves:
    lookup = Lookup(summary.benchmark, collection)
    column, grid = lookup.column(summary.objective), np.arange(1.0, queries + 1)
    best = summary.optimum_metrics[summary.objective.name]
    bands = {}
    for name, files in collection.searchers.items():
        values = curve_values(files, lookup, column, grid, "evaluations")
        lost = summary.objective.sign * (values - best)
        bands[name] = bootstrap_band(lost, rng=np.random.default_rng(0))
    return Curves(grid, bands)


def _draw(path: Path, name: str, curves: Curves, summary: Summary) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator

    mpl.rcParams.update({"svg.hashsalt": "nasbench", "font.size": 9})
    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    drawn = [(REFERENCE, "#777777")] + [(name, "#0b6e99")] * (name != REFERENCE)
    for searcher, color in drawn:
        mean, low, high = curves.bands[searcher]
        axes.fill_between(curves.evaluations, low, high, color=color, alpha=0.2, lw=0)
        axes.plot(curves.evaluations, mean, color=color, lw=1.6, label=searcher)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.set_xlabel("evaluations")
    axes.set_ylabel(f"regret in {summary.objective.name} ({summary.objective.unit})")
    axes.grid(visible=True, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    with replacing(path) as part:
        figure.savefig(part, format="svg", facecolor="white", metadata={"Date": None})


def _page(
    options: argparse.Namespace,
    name: str,
    summary: Summary,
    curves: Curves,
    variants: Sequence[tuple[Mapping[str, Any], Standing]],
) -> str:
    standings = {row.searcher: row for row in summary.standings}
    shown = [REFERENCE] if name == REFERENCE else [name, REFERENCE]
    points = [k for k in (10, 50, 100, 200, 500, 1000) if k <= options.queries]
    lines = [
        f"![Regret of {name} against evaluations](../images/searchers/{name}.svg)",
        "",
        _setting(options, summary, name),
        "",
        f"| regret in {summary.objective.name} after | {' | '.join(map(str, points))} |",
        f"|---|{'---|' * len(points)}",
    ]
    for searcher in shown:
        mean, low, high = (band[np.array(points) - 1] for band in curves.bands[searcher])
        cells = [_text(Interval(*at)) for at in zip(mean, low, high, strict=True)]
        lines.append(f"| {searcher} | {' | '.join(cells)} |")
    lines += ["", *_table(summary, [(searcher, standings[searcher]) for searcher in shown])]
    if variants:
        named = [(f"`{json.dumps(setting)[1:-1]}`", row) for setting, row in variants]
        lines += ["", "With other settings:", ""]
        lines += _table(summary, [("defaults", standings[name]), *named], against=False)
    return "\n".join(lines)


def _collapse(options: argparse.Namespace, collection: Collection, summary: Summary) -> str:
    """How good the cell of the last epoch is, which is what DARTS itself would recommend."""
    seeds = min(LONG_SEEDS, options.seeds)
    out = options.out / "darts" / f"epochs-{LONG['epochs']}"
    longer, _ = _measure(options, ["darts"], {"darts": LONG}, out, seeds)
    space, target = summary.benchmark.space, summary.target
    lines = [
        "",
        "",
        "The cell of the last epoch, which is what DARTS itself would recommend:",
        "",
        f"| epochs | runs | {target.name} ({target.unit}) | `skip_connect` of 6 edges | cell |",
        "|---|---|---|---|---|",
    ]
    for runs in collection, longer:
        files = runs.searchers["darts"]
        epochs = min(files[0].run.config["epochs"], options.queries)
        archs = [candidate_at(file.run, epochs - 1).arch for file in files]
        skips = np.mean([arch.genes.count(OPS.index("skip_connect")) for arch in archs])
        commonest = space.format(max(archs, key=archs.count)).replace("|", "\\|")
        score = _text(_score(summary, archs))
        lines.append(f"| {epochs} | {len(files)} | {score} | {skips:.1f} | `{commonest}` |")
    trajectories = [(f.run, len(f.run.trajectory)) for f in collection.searchers[REFERENCE]]
    draws = [candidate_at(run, k).arch for run, n in trajectories for k in range(n)]
    mean = _score(summary, draws).estimate
    return "\n".join(
        [*lines, "", f"A uniformly drawn cell has {mean:.2f} {target.unit} on average."]
    )


def _score(summary: Summary, archs: Sequence[Architecture]) -> Interval:
    """Mean target of fully trained architectures, free of noise."""
    results = summary.benchmark.query([Candidate(arch) for arch in archs])
    return mean_interval([result.metrics[summary.target.name] for result in results])


def _index(options: argparse.Namespace, summary: Summary) -> str:
    rows = [(row.searcher, row) for row in summary.standings]
    return "\n".join([_setting(options, summary), "", *_table(summary, rows)])


def _table(
    summary: Summary, rows: Sequence[tuple[str, Standing]], *, against: bool = True
) -> list[str]:
    target, unit = summary.target.name, summary.target.unit
    head = ["", f"{target} ({unit})", "regret"]
    head += [f"better than {REFERENCE}"] * against + ["own seconds a run"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for label, row in rows:
        own = np.median([outcome.overhead_s for outcome in row.outcomes])
        cells = [label, _text(row.mean), _text(row.regret)]
        cells += [_text(row.improvement) if row.improvement else "-"] * against
        lines.append(f"| {' | '.join([*cells, f'{own:.2g}'])} |")
    return lines


def _setting(options: argparse.Namespace, summary: Summary, name: str | None = None) -> str:
    table = summary.collection.first.table_sha256
    command = " ".join(
        [
            f"nasbench compare {options.benchmark}",
            *(f"-s {each}" for each in dict.fromkeys([REFERENCE, name]) if name and each),
            f"--seeds {options.seeds} --queries {options.queries}",
        ]
    )
    return (
        f"On `{options.benchmark}`{f' (table `{table[:12]}`)' if table else ''}: {options.seeds} "
        f"runs of {options.queries} evaluations each, mean and 95 % interval; own seconds are "
        f"the median. `{command}` makes the runs, `python scripts/searcher_pages.py` this text."
    )


def _text(value: Interval) -> str:
    return f"{value.estimate:.2f} [{value.low:.2f}, {value.high:.2f}]"


if __name__ == "__main__":
    main()
