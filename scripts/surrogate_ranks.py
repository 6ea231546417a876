"""Do surrogates rank searchers as their tables do? Writes docs/surrogates/ranks.md and pictures.

    python scripts/surrogate_ranks.py cell201/mnist1d cell201/spoken-digits

Every searcher runs on the table and on both of its shipped surrogates, with the same seeds and
budget; finished runs in --out are kept. Regrets are in validation accuracy, each benchmark's own:
of a surrogate its predicted one. The last columns tell how far a surrogate is exploited: what it
predicts of the cells that its searches recommend, less what the table has of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from nasbench import Budget, Candidate, registry
from nasbench.atomic import replacing, write_text
from nasbench.core import Run
from nasbench.harness.collection import Collection, collect
from nasbench.harness.compare import compare
from nasbench.harness.lookup import Lookup, curve_values
from nasbench.harness.statistics import Interval, mean_interval
from nasbench.harness.suite import all_tables
from nasbench.harness.trajectory import candidate_at, final_position
from nasbench.harness.wording import format_interval

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs/surrogates"
MODELS = ("xgb", "gnn")
METRIC = "valid_accuracy"
SEARCHERS = (
    *("random-search", "local-search", "regularized-evolution", "genetic", "sms-emoa"),
    *("reinforce", "nas-rl", "ppo", "gp-wl"),
)
"""Of several families, and cheap enough to run often."""
RESAMPLES = 2000
LOWEST = 0.05
"""Regret that a picture shows, in points: a search that has found the optimum has none."""
HEAD = """# Searchers on surrogates and on tables

Whoever compares searchers on a surrogate wants the order that they would have on the table. Each
searcher ran {seeds} times for {queries} evaluations on a table and on its two shipped surrogates,
which answer with means (`python scripts/surrogate_ranks.py`).

| table | surrogate | tau of final regrets | table, halves | picks: predicted - true, points |
|:--|:--|--:|--:|--:|
"""
FOOT = """
Tau is Kendall's, of the searchers' mean final regrets, with a 95 % interval from resampling the
runs of both sides. What luck leaves of it is told by *table, halves*: the same tau between the odd
and the even seeds on the table alone, each half of the runs. Means are smoother than trainings and
their luck: good searchers come closer to a surrogate's optimum than to a table's, so differences
at the end of a long budget are the surrogate's own.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "tables", nargs="*", default=all_tables(), help="[default: all that know their space]"
    )
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--processes", "-j", type=int)
    parser.add_argument("--out", type=Path, default=ROOT / "runs/surrogate-ranks")
    asked = parser.parse_args()
    lines, sections = [], []
    for name in asked.tables:
        curves = {}
        gains = {}
        for benchmark in (name, *(f"{name}@{model}" for model in MODELS)):
            found = measured(benchmark, asked)
            curves[benchmark] = regrets(benchmark, found, asked.queries)
            gains[benchmark] = optimism(name, [file.run for file in found.files])
        task = name.partition("/")[2]
        draw(DOCS / f"ranks-{task}.svg", curves)
        lines += rows(name, curves, gains)
        sections += section(name, curves)
    head = HEAD.format(seeds=asked.seeds, queries=asked.queries)
    write_text(DOCS / "ranks.md", head + "\n".join([*lines, FOOT, *sections, ""]))


def measured(benchmark: str, asked: argparse.Namespace) -> Collection:
    """The runs of all searchers."""
    print(f"searching {benchmark}", flush=True)
    out = asked.out / benchmark.replace("/", "_")
    compare(
        *(benchmark, SEARCHERS, range(asked.seeds)),
        budget=Budget(asked.queries),
        out=out,
        processes=asked.processes,
    )
    return collect(out)


def regrets(benchmark: str, found: Collection, queries: int) -> dict[str, NDArray[np.float64]]:
    """Regret (runs, evaluations) of each searcher's incumbents, on the benchmark's scale."""
    known: Any = registry.benchmark(benchmark)
    best = np.nanmax(known.rows()[1][METRIC])
    (metric,) = (each for each in known.metrics if each.name == METRIC)
    lookup, grid = Lookup(known, found), np.arange(1.0, queries + 1)
    column = lookup.column(metric)
    held = {
        name: curve_values(found.searchers[name], lookup, column, grid, "evaluations")
        for name in SEARCHERS
    }
    return {name: np.asarray(best - values) for name, values in held.items()}


def optimism(table: str, runs: Sequence[Run]) -> Interval:
    """What searches were told of their picks, less what the table has of them."""
    picks = [(run, final_position(run.trajectory)) for run in runs]
    truth = registry.benchmark(table).query([Candidate(candidate_at(*pick).arch) for pick in picks])
    return mean_interval(
        [
            -run.trajectory.values[at, 0] - true.metrics[METRIC]
            for (run, at), true in zip(picks, truth, strict=True)
        ]
    )


def rows(
    name: str,
    curves: Mapping[str, Mapping[str, NDArray[np.float64]]],
    gains: Mapping[str, Interval],
) -> list[str]:
    """A line for each surrogate of a table."""
    table = finals(curves[name])
    halves = tau(table[:, ::2], table[:, 1::2])
    return [
        f"| {name.partition('/')[2]} | `{benchmark.partition('@')[2]}` "
        f"| {ranked(table, finals(own))} | {halves:.2f} | {format_interval(gains[benchmark])} |"
        for benchmark, own in curves.items()
        if benchmark != name
    ]


def section(name: str, curves: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> list[str]:
    """The picture and the final regrets of a table."""
    task = name.partition("/")[2]
    heads = ["table", *(f"`{each.partition('@')[2]}`" for each in curves if each != name)]
    lines = [
        *(f"## {task}", "", f"![Regret on the table and on its surrogates](ranks-{task}.svg)", ""),
        f"| final regret, points | {' | '.join(heads)} |",
        f"|:--|{'--:|' * len(heads)}",
    ]
    for searcher in sorted(SEARCHERS, key=lambda each: float(curves[name][each][:, -1].mean())):
        cells = [format_interval(mean_interval(own[searcher][:, -1])) for own in curves.values()]
        lines.append(f"| {searcher} | {' | '.join(cells)} |")
    return [*lines, ""]


def finals(curves: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Final regrets (searchers, runs)."""
    return np.stack([curves[searcher][:, -1] for searcher in SEARCHERS])


def tau(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Agreement of the mean final regrets of both."""
    return float(kendalltau(a.mean(axis=1), b.mean(axis=1)).statistic)


def ranked(table: NDArray[np.float64], model: NDArray[np.float64]) -> str:
    """Tau and its interval."""
    rng, count = np.random.default_rng(0), table.shape[1]
    drawn = rng.integers(count, size=(RESAMPLES, 2, count))
    taus = [tau(table[:, one], model[:, other]) for one, other in drawn]
    low, high = np.quantile(taus, [0.025, 0.975])
    return format_interval(Interval(tau(table, model), float(low), float(high), 0.95))


def draw(path: Path, curves: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> None:
    """Mean regrets, a panel for the table and one for each surrogate."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update({"svg.hashsalt": "nasbench", "font.size": 8})
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    panels = figure.subplots(1, len(curves), sharey=True)
    for axes, (name, own) in zip(panels, curves.items(), strict=True):
        for number, (searcher, found) in enumerate(own.items()):
            evaluations = np.arange(1, found.shape[1] + 1)
            axes.plot(evaluations, found.mean(axis=0), color=f"C{number}", lw=1.2, label=searcher)
        axes.set(xscale="log", yscale="log", title=name.partition("@")[2] or "table")
        axes.set_xlabel("evaluations")
        axes.grid(visible=True, alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(bottom=LOWEST)
    panels[0].set_ylabel(f"mean regret in {METRIC} (points)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    with replacing(path) as part:
        figure.savefig(part, format="svg", facecolor="white", metadata={"Date": None})


if __name__ == "__main__":
    main()
