"""Measure what takes several searchers to say, and write docs/searchers/findings.md.

    python scripts/searcher_findings.py --seeds 30

Every table of the page is a comparison with the searchers' defaults. Finished runs in --out are
kept, so the command can be stopped and started again. Intervals of means are Student's, those of
differences Welch's, and that of a time a bootstrap over runs, all at 95 %.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from searcher_blocks import interval_text

from nasbench import registry
from nasbench.atomic import write_text
from nasbench.core import Budget, Candidate, Run
from nasbench.harness.collection import REFERENCE, collect, find_benchmark
from nasbench.harness.compare import compare
from nasbench.harness.lookup import Lookup, curve_values
from nasbench.harness.pareto import shares
from nasbench.harness.run import run
from nasbench.harness.statistics import Interval, difference_of_means, mean_interval
from nasbench.harness.suite import all_searchers, all_tables
from nasbench.harness.summary import Standing, Summary, summarize
from nasbench.harness.trajectory import candidate_at, final_position

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/searchers/findings.md"
TABLE = "cell201/digits-on-photos"
FIDELITY = ("successive-halving", "hyperband", "bohb", "asha")
OTHERS = ("optuna:TPESampler", "optuna:NSGAIISampler", "pymoo:GA")
LEARNING = ("reinforce", "nas-rl", "ppo", "hierarchical-rl")
WARMED = ("regularized-evolution", "random-search", "local-search", "gp-wl")
LUCKY = ("local-search", "regularized-evolution", "genetic")
FRONTS = ("nsga2", "sms-emoa", "pymoo:NSGA2", "optuna:NSGAIISampler")
SETTINGS: Mapping[str, Mapping[str, Any]] = {"pymoo:NSGA2": {"arguments": {"pop_size": 40}}}
"""As large a population as ours, so that both choose alike and only the programs differ."""
PARALLEL = (REFERENCE, "asha")
MANY = 100
"""Runs where a run takes little of this machine's time."""
REPETITIONS = 2000
HEAD = """# Findings

What it takes several searchers to say. Made by `python scripts/searcher_findings.py`; edit nothing
here. All run with their defaults. The incumbent is chosen by what a searcher was told; regret, in
points of validation accuracy, and test accuracy are those of its full training. Intervals of means
are Student's, those of differences Welch's, that of a time a bootstrap over runs, all at 95 %. They
tell of the luck of the seeds on these tables, not of other tasks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--processes", "-j", type=int)
    parser.add_argument("--out", type=Path, default=ROOT / "runs/searcher-findings")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before the worker processes start
    sections = (at_200, luck, at_500, in_seconds, warm, fronts)
    blocks = [HEAD, *("\n".join(section(options)) for section in sections)]
    write_text(PAGE, "\n\n".join(blocks) + "\n")


def at_200(options: argparse.Namespace) -> Iterator[str]:
    """Everybody against random search."""
    names = [name for name in all_searchers() if name not in FIDELITY]
    found = runs(options, "at-200", [*names, *OTHERS], Budget(200))
    yield from against_random(found, "200 evaluations")


def luck(options: argparse.Namespace) -> Iterator[str]:
    """What it costs to be told single trainings, and not what the table knows."""
    table: Any = registry.benchmark(TABLE)
    best = table.values("valid_accuracy").max()

    def regret(name: str, seed: int, told: Literal["seed"] | None) -> float:
        done = run(table, name, seed, budget=Budget(200), noise_seed=told)
        chosen = candidate_at(done, final_position(done.trajectory))
        return float(best - table.query([chosen])[0].metrics["valid_accuracy"])

    def both(name: str) -> list[np.ndarray]:
        single, means = ([regret(name, k, told) for k in range(MANY)] for told in ("seed", None))
        return [np.array(single), np.array(means)]

    yield "## What the luck of single trainings costs\n"
    yield (
        f"On `{TABLE}` (table `{table.sha256:.12}`), 200 evaluations, {MANY} seeds. In a "
        "comparison a run is told the trainings of one seed, and judged by means over all; in the "
        "last two columns it is told the means, too. Differences are to random-search.\n"
    )
    yield "| | regret | difference | regret, told means | difference |\n|---|---|---|---|---|"
    reference = both(REFERENCE)
    yield f"| {REFERENCE} | {' | | '.join(interval_text(mean_interval(r)) for r in reference)} | |"
    for name in LUCKY:
        pairs = zip(both(name), reference, strict=True)
        cells = [(mean_interval(own), difference_of_means(own, other)) for own, other in pairs]
        yield f"| {name} | {' | '.join(interval_text(cell) for pair in cells for cell in pair)} |"


def at_500(options: argparse.Namespace) -> Iterator[str]:
    """Reinforcement learning, which takes longer to learn."""
    found = runs(options, "at-500", [REFERENCE, *LEARNING], Budget(500))
    yield from against_random(found, "500 evaluations, reinforcement learning")


def against_random(found: Summary, title: str) -> Iterator[str]:
    """A table of differences, and in words whose interval excludes 0."""
    standings = {row.searcher: row for row in found.standings}
    reference = standings.pop(REFERENCE)
    yield f"## {title}\n"
    yield f"{setting(found)} Differences are to {REFERENCE}.\n"
    test = found.target.name
    yield f"| | regret | difference in regret | difference in {test} |\n|---|---|---|---|"
    yield f"| {REFERENCE} | {interval_text(mean_interval(regrets(reference)))} | | |"
    gaps = {}
    for row in sorted(standings.values(), key=lambda each: np.mean(regrets(each))):
        gaps[row.searcher] = difference_of_means(regrets(row), regrets(reference))
        tested = difference_of_means(row.scores, reference.scores)
        cells = (mean_interval(regrets(row)), gaps[row.searcher], tested)
        yield f"| {row.searcher} | {' | '.join(map(interval_text, cells))} |"
    yield f"\n{verdict(gaps)}"


def verdict(gaps: Mapping[str, Interval]) -> str:
    """Who has less regret than random search, who more, and of whom these runs cannot tell."""
    groups = {
        "Clearly less regret than random search": [n for n, gap in gaps.items() if gap.high < 0],
        "Clearly more": [n for n, gap in gaps.items() if gap.low > 0],
        "Not told apart by these runs": [n for n, gap in gaps.items() if gap.low <= 0 <= gap.high],
    }
    return " ".join(f"{what}: {', '.join(names)}." for what, names in groups.items() if names)


def in_seconds(options: argparse.Namespace) -> Iterator[str]:
    """How much of random search's seconds the multi-fidelity methods need."""
    table = registry.benchmark(TABLE)
    drawn = table.space.sample(10_000, np.random.default_rng(0))
    each_s = np.mean([seen.cost_s for seen in table.query([Candidate(arch) for arch in drawn])])
    budget = Budget(100_000, cost_s=round(200 * float(each_s)))
    grid = np.geomspace(1, 1000, 1000) / 1000 * budget.cost_s
    rows: dict[str, tuple[np.ndarray, float]] = {}
    for workers, names in ((1, (REFERENCE, *FIDELITY, "regularized-evolution")), (4, PARALLEL)):
        found = runs(options, f"seconds-{workers}", names, budget, workers=workers, seeds=MANY)
        for name, curve in curves_of(found, grid).items():
            files = found.collection.searchers[name]
            label = name if workers == 1 else f"{name}, {workers} workers"
            rows[label] = curve, float(np.median([len(file.run.trajectory) for file in files]))
    level = rows[REFERENCE][0][:, -1].mean()
    yield "## The seconds of 200 full trainings\n"
    yield (
        f"On `{TABLE}` (table `{found.collection.first.table_sha256:.12}`), {MANY} seeds, "
        f"{budget.cost_s:g} charged seconds each. Random search ends at a mean regret of "
        f"{level:.2f}; the others reach that after this percentage of the seconds.\n"
    )
    yield "| | reaches it after | regret at the end | evaluations |\n|---|---|---|---|"
    after = {name: share_of_time(curve, level) for name, (curve, _) in rows.items()}
    order = sorted(after, key=lambda name: after[name].estimate)
    for name in order:
        curve, evaluations = rows[name]
        reached = "" if name == REFERENCE else percent(after[name])
        end = interval_text(mean_interval(curve[:, -1]))
        yield f"| {name} | {reached} | {end} | {evaluations:,.0f} |"
    half = [name for name in order if after[name].high < 0.5 and name in FIDELITY]
    told = f"clearly {', '.join(half)}." if half else "none clearly."
    yield f"\nLess than half of the seconds, of the multi-fidelity methods on one worker: {told}"


def curves_of(found: Summary, grid: np.ndarray) -> dict[str, np.ndarray]:
    """Regret (runs, points) of every searcher after so many charged seconds."""
    lookup = Lookup(found.benchmark, found.collection)
    column, best = lookup.column(found.objective), found.optimum_metrics[found.objective.name]
    curves = {}
    for name, files in found.collection.searchers.items():
        values = curve_values(files, lookup, column, grid, "seconds")
        kept = pd.DataFrame(values).ffill(axis=1).to_numpy()  # what it has at its end, it keeps
        curves[name] = found.objective.sign * (kept - best)
    return curves


def share_of_time(curve: np.ndarray, level: float) -> Interval:
    """Share of the grid's seconds after which the mean of (runs, points) is as low as `level`."""
    grid = np.geomspace(1, 1000, curve.shape[1]) / 1000
    rng = np.random.default_rng(0)
    draws = rng.integers(len(curve), size=(REPETITIONS, len(curve)))
    means = [curve.mean(axis=0), *(curve[rows].mean(axis=0) for rows in draws)]
    # a mean is NaN while one of its runs has no incumbent, and then no level is reached
    first = [grid[np.argmax(low)] if (low := mean <= level).any() else np.inf for mean in means]
    ends = np.quantile(first[1:], (0.025, 0.975), method="inverted_cdf")
    return Interval(float(first[0]), *map(float, ends))


def warm(options: argparse.Namespace) -> Iterator[str]:
    """Leave one task out: what the other tables teach."""
    yield "## 20 evaluations, from scratch and warm-started\n"
    yield (
        "`warm-start:...` begins with what was best on the other three tables. Regret "
        f"({options.seeds} seeds), and in brackets the interval of the difference.\n"
    )
    tables = [name for name in all_tables() if name.startswith("cell201/")]
    yield f"| searcher inside | {' | '.join(tables)} |\n|---|{'---|' * len(tables)}"
    names = [*WARMED, *(f"warm-start:{name}" for name in WARMED)]
    found = {
        table: {
            row.searcher: row for row in runs(options, "warm", names, Budget(20), table).standings
        }
        for table in tables
    }
    wins, tested = dict.fromkeys(WARMED, 0), 0
    for name in WARMED:
        cells = []
        for table in tables:
            cold, warmed = (found[table][n] for n in (name, f"warm-start:{name}"))
            gap = difference_of_means(regrets(warmed), regrets(cold))
            wins[name] += gap.high < 0
            tested += difference_of_means(warmed.scores, cold.scores).low > 0
            means = f"{regrets(cold).mean():.2f} to {regrets(warmed).mean():.2f}"
            cells.append(f"{means} {bounds(gap)}")
        yield f"| {name} | {' | '.join(cells)} |"
    told = ", ".join(f"{name} on {count}" for name, count in wins.items())
    yield (
        f"\nTables on which the warm start clearly helps: {told}, of {len(tables)}. Clearly better "
        f"in test accuracy: {tested} of these {len(WARMED) * len(tables)}."
    )


def fronts(options: argparse.Namespace) -> Iterator[str]:
    """Two objectives, against the exact front."""
    names = [REFERENCE, *FRONTS]
    asked: dict[str, Any] = {"objectives": ("valid_accuracy", "params")}
    found = runs(options, "fronts", names, Budget(500), **asked)
    table, front = found.benchmark, found.front
    assert front is not None

    def share(done: Run) -> float:
        return float(100 * shares(done, table, front, [500])[0])

    def told_means(name: str, seed: int) -> Run:
        config = SETTINGS.get(name)
        return run(table, name, seed, budget=Budget(500), noise_seed=None, config=config, **asked)

    single = {
        name: np.array([share(file.run) for file in files])
        for name, files in found.collection.searchers.items()
    }
    means = {
        name: np.array([share(told_means(name, seed)) for seed in range(options.seeds)])
        for name in names
    }
    yield "## Accuracy and parameters, 500 evaluations\n"
    yield (
        f"{setting(found)} Share of the hypervolume of the exact front, in percent; `pymoo:NSGA2` "
        "with a population of 40, as ours. The front is that of means over the table's seeds. Runs "
        "that are told these means can find it; those that are told single trainings, as in a "
        "comparison, take lucky cells for good ones.\n"
    )
    yield (
        "| | share, told means | runs at 95 or more | nsga2 less this one | share, told single "
        "trainings | nsga2 less this one |\n|---|---|---|---|---|---|"
    )
    for name in sorted(names, key=lambda name: -means[name].mean()):
        cells = [interval_text(mean_interval(means[name]))]
        cells.append(f"{np.sum(means[name] >= 95)} of {len(means[name])}")
        cells.append(less(means, name))
        cells += [interval_text(mean_interval(single[name])), less(single, name)]
        yield f"| {name} | {' | '.join(cells)} |"


def less(held: Mapping[str, np.ndarray], name: str) -> str:
    """How much more nsga2 holds than another one."""
    return "" if name == "nsga2" else interval_text(difference_of_means(held["nsga2"], held[name]))


def runs(
    options: argparse.Namespace,
    folder: str,
    searchers: Sequence[str],
    budget: Budget,
    table: str = TABLE,
    *,
    objectives: Sequence[str] = ("valid_accuracy",),
    workers: int = 1,
    seeds: int | None = None,
) -> Summary:
    """A comparison, done as far as it is not there, and its numbers."""
    out = options.out / folder / table.replace("/", "__")
    compare(
        *(table, searchers, range(seeds or options.seeds)),
        budget=budget,
        out=out,
        objectives=objectives,
        workers=workers,
        settings={name: SETTINGS[name] for name in searchers if name in SETTINGS},
        processes=options.processes,
    )
    collection = collect(out)
    return summarize(collection, find_benchmark(collection, table))


def regrets(row: Standing) -> np.ndarray:
    return np.array([outcome.regret for outcome in row.outcomes])


def setting(found: Summary) -> str:
    first = found.collection.first
    count = len(next(iter(found.collection.searchers.values())))
    digest = str(first.table_sha256)[:12]
    return f"On `{first.benchmark}` (table `{digest}`), {count} seeds."


def bounds(value: Interval) -> str:
    return f"[{value.low:.2f}, {value.high:.2f}]"


def percent(value: Interval) -> str:
    def text(share: float) -> str:
        return f"{100 * share:.0f}" if np.isfinite(share) else "never"

    return f"{text(value.estimate)} [{text(value.low)}, {text(value.high)}]"


if __name__ == "__main__":
    main()
