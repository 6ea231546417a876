"""Measure how one-shot searchers collapse to skip connections.

    python scripts/skip_collapse.py cell201/digits-on-photos runs.jsonl \
        --searchers darts,gdas,drnas --seeds 3

Every run trains a supernet and keeps the cell that each epoch prefers, a line of JSON at its end;
runs that are in the file are not repeated. Printed as Markdown: the share of skip connections among
the genes of the last cell (chance is 20 %) and of all epochs' cells, and the table's test accuracy
of the last cell next to that of the median architecture.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from nasbench import registry
from nasbench.core import Architecture, Benchmark, Budget, Candidate
from nasbench.harness.problem import make_config
from nasbench.harness.run import run
from nasbench.spaces.cell201 import OPS

SKIP = OPS.index("skip_connect")


def measure(table: Benchmark, searcher: str, seed: int, changes: dict[str, Any]) -> dict[str, Any]:
    """The cells that the epochs of one run prefer, and its seconds."""
    config = make_config(searcher, registry.searcher(searcher), changes)
    found = run(table, searcher, seed, budget=Budget(config.epochs), config=changes)
    return {
        "benchmark": table.name,
        "searcher": searcher,
        "config": dict(found.config),
        "seed": seed,
        "genes": found.trajectory.genes.tolist(),
        "overhead_s": float(found.trajectory.overhead_s[-1]),
    }


def row(table: Benchmark, runs: list[dict[str, Any]]) -> str:
    """Means over the runs of one searcher with one setting."""
    last = np.array([done["genes"][-1] for done in runs])
    every = np.concatenate([done["genes"] for done in runs])
    archs = [Candidate(Architecture(table.space.name, tuple(genes))) for genes in last.tolist()]
    accuracy = np.array([r.metrics["test_accuracy"] for r in table.query(archs)])
    shares = " | ".join(f"{100 * (genes == SKIP).mean():.0f} %" for genes in (last, every))
    seconds = np.median([done["overhead_s"] for done in runs])
    what = f"{runs[0]['searcher']}, {runs[0]['config']['epochs']} epochs"
    spread = f"{accuracy.mean():.2f} ({accuracy.min():.2f} to {accuracy.max():.2f})"
    return f"| {what} | {len(runs)} | {shares} | {spread} | {seconds:.0f} s |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmark", help="a registered name or a table's file")
    parser.add_argument("runs", type=Path, help="JSON lines, continued if there")
    parser.add_argument("--searchers", default="darts,gdas,drnas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="instead of each searcher's own")
    options = parser.parse_args()
    table = registry.benchmark(options.benchmark)
    changes = {"epochs": options.epochs} if options.epochs else {}
    lines = options.runs.read_text().splitlines() if options.runs.exists() else []
    runs = [json.loads(line) for line in lines]
    for seed in range(options.seeds):
        for searcher in options.searchers.split(","):
            epochs = make_config(searcher, registry.searcher(searcher), changes).epochs
            key = [table.name, searcher, seed, epochs]
            if key not in [_key(done) for done in runs]:
                runs.append(measure(table, searcher, seed, changes))
                with options.runs.open("a") as file:
                    file.write(json.dumps(runs[-1]) + os.linesep)
    print("| searcher | runs | skips, last | skips, all | test accuracy | own time |")
    print("|---|---|---|---|---|---|")
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for done in runs:
        if done["benchmark"] == table.name:
            groups.setdefault((done["searcher"], len(done["genes"])), []).append(done)
    for group in groups.values():
        print(row(table, group))
    middle = np.median(table.rows()[1]["test_accuracy"])  # of classes
    print(f"\nMedian test accuracy of all classes: {middle:.2f}")


def _key(done: dict[str, Any]) -> list[Any]:
    return [done["benchmark"], done["searcher"], done["seed"], done["config"]["epochs"]]


if __name__ == "__main__":
    main()
