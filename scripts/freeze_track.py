"""Freeze the tracks of registered tables: leaderboards/tracks/*.json, with today's hashes.

    scripts/freeze_track.py digits-on-photos   # three tracks of one table
    scripts/freeze_track.py mnist1d --kind single-objective   # one of them
    scripts/freeze_track.py --all-tables   # the aggregate of all tables
    scripts/freeze_track.py digits-on-photos --version 2
    scripts/freeze_track.py --renew   # the next version of every track whose table was replaced

A track that is there is never changed: if the table has another hash now, give the next version.
Before it was released, `--renew --unreleased` freezes it anew instead and removes its entries.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np

from leaderboards.documents import to_json
from leaderboards.track import ENTRIES, TRACKS, Track, find_track, freeze, read_tracks
from nasbench import registry
from nasbench.atomic import write_text
from nasbench.core import Architecture, Budget, Candidate
from nasbench.errors import InvalidConfig
from nasbench.harness.suite import all_tables

QUERIES = 200
"""Full trainings that a run may spend."""
MOST = 2000
"""Evaluations of a run whose limit is charged seconds."""
KINDS = ("single-objective", "multi-objective", "any-time")
"""Tracks of one table."""
COMMON: dict[str, Any] = {"constraints": (), "seeds": range(10), "access": "closed"}


def seconds(benchmark: str) -> float:
    """What `QUERIES` full trainings cost on average, to two digits."""
    table = registry.benchmark(benchmark)
    genes, _ = table.rows()
    archs = [Architecture(table.space.name, tuple(row)) for row in genes.tolist()]
    costs = [result.cost_s for result in table.query([Candidate(arch) for arch in archs])]
    return float(f"{QUERIES * np.mean(costs):.2g}")


def of_table(task: str, version: int) -> Iterator[Track]:
    benchmark = f"cell201/{task}"
    cost_s = seconds(benchmark)
    yield freeze(
        *(task, [benchmark]),
        version=version,
        title=f"Accuracy on {task}",
        description=f"Find the cell with the best accuracy on {task} within {QUERIES} evaluations.",
        kind="single-objective",
        objectives=["valid_accuracy"],
        budget=Budget(QUERIES),
        **COMMON,
    )
    yield freeze(
        *(f"{task}-params", [benchmark]),
        version=version,
        title=f"Accuracy and size on {task}",
        description="Find the trade-off between accuracy and the number of parameters on "
        f"{task} within {QUERIES} evaluations.",
        kind="multi-objective",
        objectives=["valid_accuracy", "params"],
        budget=Budget(QUERIES),
        **COMMON,
    )
    yield freeze(
        *(f"{task}-anytime", [benchmark]),
        version=version,
        title=f"Accuracy on {task} at any time",
        description=f"Have a good cell for {task} in hand at every moment of {cost_s:g} charged "
        "seconds, in which short trainings cost less than full ones and the searcher's own time "
        "counts.",
        kind="any-time",
        objectives=["valid_accuracy"],
        budget=Budget(MOST, cost_s),
        **COMMON,
    )


def of_all(version: int) -> Track:
    tables = [name for name in all_tables() if name.startswith("cell201/")]
    return freeze(
        *("all-tables", tables),
        version=version,
        title="Accuracy on all tables",
        description="Find the best cell of every table with one method and one setting, within "
        f"{QUERIES} evaluations on each.",
        kind="aggregate",
        objectives=["valid_accuracy"],
        budget=Budget(QUERIES),
        **COMMON,
    )


def renewed(track: Track, version: int) -> Track:
    """A track as it was, on its benchmarks as they are now."""
    return freeze(
        *(track.name, [benchmark.name for benchmark in track.benchmarks]),
        version=version,
        title=track.title,
        description=track.description,
        kind=track.kind,
        access=track.access,
        objectives=track.objectives,
        constraints=track.run_constraints,
        budget=track.run_budget,
        seeds=track.seeds,
    )


def renew(*, unreleased: bool) -> None:
    for track in read_tracks():
        if not track.retired or track != find_track(track.name):
            continue
        new = renewed(track, track.version + (not unreleased))
        if unreleased:
            (TRACKS / f"{track.slug}.json").unlink()
            shutil.rmtree(ENTRIES / track.slug, ignore_errors=True)
        write(new)


def write(track: Track) -> None:
    path, text = TRACKS / f"{track.slug}.json", to_json(track)
    if path.exists() and path.read_text() != text:
        raise InvalidConfig(f"{path} is frozen and says something else; give the next --version")
    write_text(path, text)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--kind", action="append", choices=KINDS, help="Default all; repeatable.")
    parser.add_argument("--all-tables", action="store_true")
    parser.add_argument("--version", type=int, default=1)
    parser.add_argument("--renew", action="store_true", help="Tracks whose table was replaced.")
    parser.add_argument("--unreleased", action="store_true", help="Renew them in their place.")
    asked = parser.parse_args()
    if asked.renew:
        renew(unreleased=asked.unreleased)
    tracks = [track for task in asked.tasks for track in of_table(task, asked.version)]
    tracks = [track for track in tracks if track.kind in (asked.kind or KINDS)]
    if asked.all_tables:
        tracks.append(of_all(asked.version))
    for track in tracks:
        write(track)


if __name__ == "__main__":
    main()
