"""Measure the built-in searchers, and write the figures and tables of docs/searchers.

    python scripts/searcher_pages.py --seeds 30 --queries 200

Every searcher runs with its defaults, some with other settings too. Each page gets a regret curve
against random search and its numbers between the `measured` markers. Those that train a network
of their own get fewer seeds, those that choose how long to train get the seconds of as many full
trainings. Finished runs in --out are kept, so the command can be stopped and started again. The
incumbent is chosen by what the searcher was told; shown is its full training, free of noise.
Intervals are 95 % bootstraps over runs.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from searcher_blocks import (
    Curves,
    Group,
    Measured,
    draw_curve,
    interval_text,
    page_text,
    setting_text,
    standings_table,
    write_block,
)

import nasbench
from nasbench import registry
from nasbench.core import Architecture, Budget, Candidate
from nasbench.harness.collection import REFERENCE, Collection, collect, find_benchmark
from nasbench.harness.compare import compare
from nasbench.harness.lookup import Lookup, curve_values
from nasbench.harness.statistics import Interval, bootstrap_band, mean_interval
from nasbench.harness.summary import Standing, Summary, summarize
from nasbench.harness.trajectory import Clock, candidate_at
from nasbench.spaces.cell201 import OPS

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs/searchers"
FIGURES = ROOT / "docs/images/searchers"
ONE_SHOT = (
    *("enas", "darts", "darts-second-order", "gdas", "drnas", "implicit-darts"),
    "path-transform",
)
FIDELITY = ("successive-halving", "hyperband", "bohb", "asha")
VARIANTS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "regularized-evolution": (
        {"population": 20, "sample": 5},
        {"population": 50, "sample": 10},
        {"population": 100, "sample": 25},
    ),
    "reinforce": ({"lr": 0.01}, {"lr": 0.1}, {"entropy": 1.0}),
}
"""Other settings that a searcher's page shows beside the defaults."""
LONG = {"epochs": 50}
"""The published length of DARTS."""


def main() -> None:
    options = _options()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before the worker processes start
    index = []
    for group in _groups(options):
        measured = _measure(options, group)
        own = [name for name in group.searchers if name != REFERENCE or group.name == "defaults"]
        for name in own:
            draw_curve(FIGURES / f"{name}.svg", name, measured)
            text = page_text(name, measured, _variants(options, group, name))
            if name == "darts":
                text += _collapse(options, measured)
            write_block(PAGES / f"{name}.md", text)
        rows = [(row.searcher, row) for row in measured.summary.standings]
        index += [setting_text(measured), "", *standings_table(measured.summary, rows), ""]
    write_block(PAGES / "README.md", "\n".join(index))


def _options() -> argparse.Namespace:
    known = registry.names(registry.SEARCHERS)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmark", default="cell201/digits-on-photos")
    parser.add_argument("--searchers", nargs="+", default=known, choices=known)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--one-shot-seeds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--processes", "-j", type=int)
    parser.add_argument("--out", type=Path, default=ROOT / "runs/searcher-pages")
    return parser.parse_args()


def _groups(options: argparse.Namespace) -> list[Group]:
    """Those of the wanted searchers that can share a budget."""
    wanted, queries = options.searchers, options.queries
    trainings = nasbench.load(options.benchmark)
    drawn = trainings.space.sample(10_000, np.random.default_rng(0))
    each_s = np.mean([seen.cost_s for seen in trainings.query([Candidate(a) for a in drawn])])
    others = [name for name in wanted if name not in (*ONE_SHOT, *FIDELITY, REFERENCE)]
    seconds = Budget(20 * queries, cost_s=round(queries * float(each_s)))
    plan: Sequence[tuple[str, Sequence[str], int, Budget, Clock]] = (
        ("defaults", others, options.seeds, Budget(queries), "evaluations"),
        ("one-shot", ONE_SHOT, options.one_shot_seeds, Budget(queries), "evaluations"),
        ("seconds", FIDELITY, options.seeds, seconds, "seconds"),
    )
    return [
        Group(name, (REFERENCE, *kept), seeds, budget, clock)
        for name, members, seeds, budget, clock in plan
        if (kept := [each for each in members if each in wanted])
    ]


def _measure(options: argparse.Namespace, group: Group) -> Measured:
    collection, summary = _runs(options, group, group.searchers, {}, options.out / group.name)
    lookup = Lookup(summary.benchmark, collection)
    column = lookup.column(summary.objective)
    grid = np.arange(1.0, options.queries + 1)
    if group.clock == "seconds":
        grid = np.geomspace(1, 1000, 200) / 1000 * group.budget.cost_s
    best = summary.optimum_metrics[summary.objective.name]
    bands = {}
    for name, files in collection.searchers.items():
        values = curve_values(files, lookup, column, grid, group.clock)
        values = pd.DataFrame(values).ffill(axis=1).to_numpy()  # what it has at its end, it keeps
        lost = summary.objective.sign * (values - best)
        bands[name] = bootstrap_band(lost, rng=np.random.default_rng(0))
    return Measured(group, options.benchmark, collection, summary, Curves(grid, bands))


def _runs(
    options: argparse.Namespace,
    group: Group,
    searchers: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]],
    out: Path,
) -> tuple[Collection, Summary]:
    compare(
        options.benchmark,
        searchers,
        range(group.seeds),
        budget=group.budget,
        out=out,
        settings=settings,
        processes=options.processes,
    )
    collection = collect(out)
    return collection, summarize(collection, find_benchmark(collection, options.benchmark))


def _variants(
    options: argparse.Namespace, group: Group, name: str
) -> list[tuple[Mapping[str, Any], Standing]]:
    found = []
    for setting in VARIANTS.get(name, ()):
        label = "-".join(f"{key}-{value}" for key, value in setting.items())
        out = options.out / name / label
        _, summary = _runs(options, group, [name], {name: setting}, out)
        found.append((setting, summary.standings[0]))
    return found


def _collapse(options: argparse.Namespace, measured: Measured) -> str:
    """How good the cell of the last epoch is, which is what DARTS itself would recommend."""
    group, summary, collection = measured.group, measured.summary, measured.collection
    out = options.out / "darts" / f"epochs-{LONG['epochs']}"
    longer, _ = _runs(options, group, ["darts"], {"darts": LONG}, out)
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
        score = interval_text(_score(summary, archs))
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


if __name__ == "__main__":
    main()
