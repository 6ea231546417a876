"""Freeze the tracks of registered tables: leaderboards/tracks/*.json, with today's hashes.

    scripts/freeze_track.py digits-on-photos   # every form of track of one table
    scripts/freeze_track.py mnist1d --form plain --form open   # two of them
    scripts/freeze_track.py --all-tables   # the aggregate of all tables
    scripts/freeze_track.py digits-on-photos --version 2
    scripts/freeze_track.py --renew   # the next version of every track whose table was replaced

A track that is there is never changed: if the table has another hash now, give the next version.
Before it was released, `--renew --unreleased` freezes it anew instead and removes its entries.
"""

from __future__ import annotations

import argparse
import shutil
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
TRANSFERRED = 20
"""Full trainings of a run that may begin with what other tables taught: later it matters little."""
FORMS = ("plain", "params", "latency", "anytime", "open", "xgb")
"""Tracks of one table; the last one is of its surrogate."""
DEVICE = "torch-cpu-1"
"""Whose measured latency is the second objective."""


def seconds(benchmark: str) -> float:
    """What `QUERIES` full trainings cost on average, to two digits."""
    table = registry.benchmark(benchmark)
    genes, _ = table.rows()
    archs = [Architecture(table.space.name, tuple(row)) for row in genes.tolist()]
    costs = [result.cost_s for result in table.query([Candidate(arch) for arch in archs])]
    return float(f"{QUERIES * np.mean(costs):.2g}")


def of_table(task: str, form: str, version: int) -> Track:
    """One form of track; but for what is said here, all are alike."""
    name, table = task if form == "plain" else f"{task}-{form}", f"cell201/{task}"
    within = f"within {QUERIES} evaluations"
    match form:
        case "plain":
            return frozen(
                *(name, [table], version, f"Accuracy on {task}"),
                f"Find the cell with the best accuracy on {task} {within}.",
            )
        case "params":
            return frozen(
                *(name, [table], version, f"Accuracy and size on {task}"),
                "Find the trade-off between accuracy and the number of parameters on "
                f"{task} {within}.",
                kind="multi-objective",
                objectives=["valid_accuracy", "params"],
            )
        case "latency":
            return frozen(
                *(name, [f"{table}+latency"], version, f"Accuracy and latency on {task}"),
                "Find the trade-off between accuracy and the milliseconds that a network takes for "
                f"one input on {DEVICE}, as measured, on {task} {within}.",
                kind="multi-objective",
                objectives=["valid_accuracy", f"latency_ms[{DEVICE}]"],
            )
        case "anytime":
            cost_s = seconds(table)
            return frozen(
                *(name, [table], version, f"Accuracy on {task} at any time"),
                f"Have a good cell for {task} in hand at every moment of {cost_s:g} charged "
                "seconds, in which short trainings cost less than full ones and the searcher's "
                "own time counts.",
                kind="any-time",
                budget=Budget(MOST, cost_s),
            )
        case "open":
            return frozen(
                *(name, [table], version, f"Accuracy on {task}, with knowledge of other tasks"),
                f"Find the cell with the best accuracy on {task} within {TRANSFERRED} evaluations, "
                "after whatever the tables of the other tasks can teach.",
                budget=Budget(TRANSFERRED),
                access="open",
            )
        case _:
            return frozen(
                *(name, [f"{table}@{form}"], version, f"Accuracy on {task} as {form} predicts it"),
                f"Find the cell of which a surrogate, {form}, expects the best accuracy on {task} "
                f"{within}.",
            )


def frozen(
    name: str, benchmarks: list[str], version: int, title: str, description: str, **other: Any
) -> Track:
    """A track with today's hashes; what is not said is as on most."""
    usual: dict[str, Any] = {
        "kind": "single-objective",
        "access": "closed",
        "objectives": ["valid_accuracy"],
        "constraints": (),
        "budget": Budget(QUERIES),
        "seeds": range(10),
    }
    about = {"version": version, "title": title, "description": description}
    return freeze(name, benchmarks, **{**usual, **about, **other})


def of_all(version: int) -> Track:
    return frozen(
        "all-tables",
        [name for name in all_tables() if name.startswith("cell201/")],
        *(version, "Accuracy on all tables"),
        "Find the best cell of every table with one method and one setting, within "
        f"{QUERIES} evaluations on each.",
        kind="aggregate",
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
    parser.add_argument("--form", action="append", choices=FORMS, help="Default all; repeatable.")
    parser.add_argument("--all-tables", action="store_true")
    parser.add_argument("--version", type=int, default=1)
    parser.add_argument("--renew", action="store_true", help="Tracks whose table was replaced.")
    parser.add_argument("--unreleased", action="store_true", help="Renew them in their place.")
    asked = parser.parse_args()
    if asked.renew:
        renew(unreleased=asked.unreleased)
    forms = asked.form or FORMS
    tracks = [of_table(task, form, asked.version) for task in asked.tasks for form in forms]
    if asked.all_tables:
        tracks.append(of_all(asked.version))
    for track in tracks:
        write(track)


if __name__ == "__main__":
    main()
