"""Write docs/hardware/measured.md: the shipped latencies, and how well models predict them.

    python scripts/latency_page.py [--remeasure 100]

With --remeasure, so many classes of every column are measured again, which takes a machine that
does nothing else; what that says is appended to docs/hardware/second-sessions.jsonl, and the page
shows the last one of each column.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from hardware.benchmark import MeasuredBenchmark
from hardware.checks import describe
from hardware.columns import Column
from hardware.device import device
from hardware.measure import load_per_core
from hardware.quality import agreement, evaluate
from hardware.remeasure import again, rank_agreement, refuse_other_conditions
from nasbench import registry
from nasbench.atomic import write_text
from nasbench.core import Architecture
from tabular.agreement import ceiling

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/hardware/measured.md"
SESSIONS = ROOT / "docs/hardware/second-sessions.jsonl"
NAME = "cell201/digits-on-photos+latency"
MODELS = ("lookup", "macs", "linear", "xgb")
TRAIN = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--remeasure", type=int, default=0, metavar="CLASSES")
    options = parser.parse_args()
    benchmark = registry.benchmark(NAME)
    assert isinstance(benchmark, MeasuredBenchmark)
    columns = [column for column in benchmark.document.columns if not column.about.model]
    for column in columns if options.remeasure else ():
        second_session(benchmark, column, options.remeasure)
    write_text(PAGE, "\n".join(page(benchmark, columns)) + "\n")


def second_session(benchmark: MeasuredBenchmark, column: Column, count: int) -> None:
    """Measure some classes again, and keep what came of it."""
    here = device(column.about.device)
    refuse_other_conditions(column, here)
    known, load = list(column.measured), load_per_core()
    drawn = np.random.default_rng(0).permutation(len(known))[:count]
    archs = [Architecture(benchmark.space.name, known[k]) for k in drawn]
    found = [each for each in again(column, here, archs) if not each.gap]
    ratios = np.array([each.ratio for each in found])
    line = {
        "label": column.about.label,
        "date": datetime.now(UTC).date().isoformat(),
        "load": round(load, 2),
        "classes": len(found),
        "tau": round(rank_agreement(found), 4),
        "ratio": [round(float(q), 4) for q in np.quantile(ratios, (0.05, 0.5, 0.95))],
    }
    SESSIONS.parent.mkdir(exist_ok=True)
    with SESSIONS.open("a") as file:
        file.write(json.dumps(line) + "\n")


def page(benchmark: MeasuredBenchmark, columns: list[Column]) -> Iterator[str]:
    table = registry.table_of(NAME)
    yield f"""# The latencies of {table}

Made by `python scripts/latency_page.py` from what `{NAME}` holds; edit nothing here. How it is
measured: [hardware.md](../hardware.md).

    nasbench compare {NAME} --searcher nsga2 --objective valid_accuracy \\
        --objective 'latency_ms[{columns[0].about.label}]'

## Columns

Milliseconds for one input. `table` is the network that the table trained, `full` the published
CIFAR-10 network.

| column | classes | least | median | most | tau with MACs | tau with valid_accuracy |
|:--|--:|--:|--:|--:|--:|--:|"""
    _, rows = benchmark.rows()
    for column in columns:
        ms = rows[f"latency_ms[{column.about.label}]"]
        seen = np.isfinite(ms)
        low, middle, high = np.quantile(ms[seen], (0, 0.5, 1))
        taus = (agreement(ms[seen], rows[name][seen]) for name in ("macs", "valid_accuracy"))
        figures = " | ".join(f"{tau:.3f}" for tau in taus)
        yield (
            f"| `{column.about.label}` | {seen.sum():,} | {low:.3g} | {middle:.3g} | {high:.3g} "
            f"| {figures} |"
        )
    yield "\nIn the words of `nasbench hardware check`:\n"
    for column in columns:
        dates = sorted({str(session["date"])[:10] for session in column.sessions})
        facts = ", ".join(f"{key} {value}" for key, value in column.about.conditions.items())
        yield f"- {describe(column)}. {facts}; {' to '.join(dict.fromkeys((dates[0], dates[-1])))}."
    yield "\n## A second session\n"
    yield from second(columns)
    yield f"""
## Predicting

From {TRAIN} random classes, judged on all others, means of 5 splits. `lookup` is the sum of parts
that were measured alone, `macs` a line through multiply-adds.

| column | model | within 10 % | median error | tau | 90 % interval holds |
|:--|:--|--:|--:|--:|--:|"""
    for column in columns:
        for found in evaluate(MODELS, benchmark.space, column, train=TRAIN):
            yield (
                f"| `{column.about.label}` | {found.model} | {found.within_10:.1%} "
                f"| {found.error:.1%} | {found.tau:.3f} | {found.coverage:.1%} |"
            )


def second(columns: list[Column]) -> Iterator[str]:
    """What the last second session of each column said."""
    lines = SESSIONS.read_text().splitlines() if SESSIONS.exists() else []
    last = {found["label"]: found for found in map(json.loads, lines)}
    if not last:
        yield "None yet."
        return
    yield "| column | date | classes | tau | a model's tau at most | ratio: 5 %, median, 95 % |"
    yield "|:--|:--|--:|--:|--:|:--|"
    for label in (column.about.label for column in columns):
        if found := last.get(label):
            ratios = ", ".join(f"{ratio:.3f}" for ratio in found["ratio"])
            taus = f"{found['tau']:.3f} | {ceiling(found['tau']):.3f}"
            yield f"| `{label}` | {found['date']} | {found['classes']} | {taus} | {ratios} |"
    yield """
The ratio is that to the stored latency. What a model that knew every expectation would reach of the
stored column follows from the tau of two sessions, if latencies and errors are normal
(`tabular/agreement.py`) and both sessions have errors of the same size."""


if __name__ == "__main__":
    main()
