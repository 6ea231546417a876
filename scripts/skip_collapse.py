"""Measure whether one-shot searchers collapse to skip connections, for docs/searchers/darts.md.

    python scripts/skip_collapse.py runs/collapse.jsonl --seeds 2

Every run trains a supernet on the task of a table and keeps the cell that each epoch prefers, a
line of JSON at its end; runs that are in the file are not repeated. The page gets the share of skip
connections, and of `none`, among the genes of the last cell and of all epochs' cells (chance is
20 %), and the table's test accuracy of the last cells.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from searcher_blocks import write_block

from nasbench import registry
from nasbench.core import Architecture, Benchmark, Budget, Candidate
from nasbench.harness.problem import make_config
from nasbench.harness.run import run
from nasbench.harness.suite import all_tables
from nasbench.spaces.cell201 import OPS

PAGE = Path(__file__).resolve().parents[1] / "docs/searchers/darts.md"
SEARCHERS = ("darts", "gdas", "drnas")
SKIP, NONE = OPS.index("skip_connect"), OPS.index("none")
Done = dict[str, Any]


def measure(table: Benchmark, searcher: str, seed: int) -> Done:
    """The cells that the epochs of one run prefer, and its seconds."""
    config = make_config(searcher, registry.searcher(searcher), {})
    found = run(table, searcher, seed, budget=Budget(config.epochs))
    return {
        "benchmark": table.name,
        "searcher": searcher,
        "code": found.code,
        "seed": seed,
        "genes": found.trajectory.genes.tolist(),
        "overhead_s": float(found.trajectory.overhead_s[-1]),
    }


def complete(path: Path, tables: Sequence[str], seeds: int) -> list[Done]:
    """All runs, those that are not in the file yet made now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    known = {(each["benchmark"], each["searcher"], each["seed"]) for each in done}
    for seed in range(seeds):
        for name in tables:
            for searcher in SEARCHERS:
                if (name, searcher, seed) not in known:
                    done.append(measure(registry.benchmark(name), searcher, seed))
                    with path.open("a") as file:
                        file.write(json.dumps(done[-1]) + os.linesep)
    return done


def block(done: Sequence[Done], tables: Sequence[str]) -> Iterator[str]:
    """The table of the page."""
    yield (
        "| table | searcher | runs | skips, last cell | skips, all epochs | `none`, last cell "
        "| test accuracy of the last cells (median class) | own time |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for name in tables:
        table = registry.benchmark(name)
        for searcher in SEARCHERS:
            own = [
                each for each in done if (each["benchmark"], each["searcher"]) == (name, searcher)
            ]
            if own:
                yield row(table, searcher, own)


def row(table: Any, searcher: str, runs: Sequence[Done]) -> str:
    """Means over the runs of one searcher on one table."""
    last = np.array([done["genes"][-1] for done in runs])
    every = np.concatenate([done["genes"] for done in runs])
    archs = [Candidate(Architecture(table.space.name, tuple(genes))) for genes in last.tolist()]
    accuracy = ", ".join(f"{seen.metrics['test_accuracy']:.2f}" for seen in table.query(archs))
    median = np.median(table.rows()[1]["test_accuracy"])
    shares = ((last == SKIP).mean(), (every == SKIP).mean(), (last == NONE).mean())
    cells = (
        table.name.partition("/")[2],
        f"{searcher}, {len(runs[0]['genes'])} epochs",
        str(len(runs)),
        *(f"{share:.0%}" for share in shares),
        f"{accuracy} ({median:.2f})",
        f"{np.median([done['overhead_s'] for done in runs]):.0f} s",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, help="JSON lines, continued if there")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    tables = [name for name in all_tables() if name.startswith("cell201/")]
    done = complete(options.runs, tables, options.seeds)
    write_block(PAGE, "\n".join(block(done, tables)), "collapse")


if __name__ == "__main__":
    main()
