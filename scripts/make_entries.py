"""Make the project's own entries again: runs, submissions, checks, all resumable.

    scripts/make_entries.py [--runs runs/entries] [--track mnist1d-v1] [--searcher bananas]
    scripts/make_entries.py --missing   # only those that are not there

Every registered searcher enters every track; an open one also those that begin with knowledge.
What decides a run is in its folder's name, so tracks that ask for the same runs, as the aggregate
does, share them. An entry that is there is kept, unless its runs or its description come out
differently. Retired tracks are left alone.
"""

from __future__ import annotations

import argparse
import filecmp
import importlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from leaderboards.pack import pack
from leaderboards.submission import FILE
from leaderboards.track import ENTRIES, Track, TrackBenchmark, read_tracks
from nasbench import registry
from nasbench.errors import NasbenchError
from nasbench.harness.compare import compare
from nasbench.harness.files import file_name, run_path
from nasbench.harness.problem import find_searcher
from nasbench.harness.suite import all_tables

COLD = ("random-search", "local-search", "regularized-evolution", "genetic", "bananas", "gp-wl")
"""Searchers that enter an open track once more with what other tables taught."""


def entrants(track: Track) -> list[str]:
    warm = [f"warm-start:{name}" for name in COLD] if track.access == "open" else []
    return [
        *registry.names(registry.SEARCHERS),
        "zero-cost-warmup:regularized-evolution",
        *warm,
    ]


def about(searcher: str, track: Track) -> dict[str, Any]:
    _, factory = find_searcher(searcher)
    module = importlib.import_module(factory.__module__)
    head = " ".join((module.__doc__ or "").strip().partition("\n\n")[0].split())
    page = f"docs/searchers/{'warm-start' if ':' in searcher else searcher}.md"
    return {
        "name": entry(searcher),
        "authors": ["The nasbench-lab authors"],
        "description": f"{head} The settings are the defaults. See {page}.",
        "licence": "Apache-2.0",
        **declared(searcher, track),
    }


def declared(searcher: str, track: Track) -> dict[str, Any]:
    """What it knows of other tables than the track's."""
    if not searcher.startswith("warm-start:"):
        return {}
    own = {benchmark.name for benchmark in track.benchmarks}
    return {"access": "open", "looked_at": [name for name in all_tables() if name not in own]}


def entry(searcher: str) -> str:
    """Name of its folder: `warm-start-genetic` for `warm-start:genetic`."""
    return searcher.replace(":", "-")


def missing(track: Track, searchers: Sequence[str]) -> list[str]:
    return [name for name in searchers if not (ENTRIES / track.slug / entry(name) / FILE).is_file()]


def make(track: Track, searchers: Sequence[str], runs: Path, processes: int | None) -> None:
    folders = [place(track, benchmark, runs) for benchmark in track.benchmarks]
    for benchmark, folder in zip(track.benchmarks, folders, strict=True):
        compare(
            *(benchmark.name, searchers, track.seeds),
            budget=track.run_budget,
            out=folder,
            objectives=track.objectives,
            constraints=track.run_constraints,
            processes=processes,
        )
    for searcher in searchers:
        own = [
            run_path(folder, benchmark.name, searcher, 0).parent
            for benchmark, folder in zip(track.benchmarks, folders, strict=True)
        ]
        out = ENTRIES / track.slug / entry(searcher)
        with tempfile.TemporaryDirectory() as scratch:
            made = Path(scratch) / out.name
            pack(own, made, track, about=about(searcher, track))
            if not same(made, out):
                shutil.rmtree(out, ignore_errors=True)
                out.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(made, out)
        size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
        print(f"{out}: {size:,} bytes")


def place(track: Track, benchmark: TrackBenchmark, runs: Path) -> Path:
    """The folder of a track's runs on one of its benchmarks."""
    budget = track.budget
    bounds = [f"{bound.lower} {bound.metric} {bound.upper}" for bound in track.constraints]
    seconds = [] if budget.cost_s is None else [f"{budget.cost_s:g} s"]
    words = [*track.objectives, *bounds, f"{budget.queries} queries", *seconds]
    setting = " ".join(words).replace(" ", "-")
    return runs / setting / f"{file_name(benchmark.name)}-{benchmark.sha256[:8]}"


def same(made: Path, there: Path) -> bool:
    """Whether every file of one folder is in the other; records there may be more."""
    return all(
        (there / path).is_file() and filecmp.cmp(made / path, there / path, shallow=False)
        for path in relative(made)
    )


def relative(folder: Path) -> Iterator[Path]:
    return (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/entries"))
    parser.add_argument("--track", help="Slug of one track; default all.")
    parser.add_argument("--searcher", action="append", help="Default all that enter; repeatable.")
    parser.add_argument("--missing", action="store_true", help="Leave entries that are there.")
    parser.add_argument("--processes", "-j", type=int)
    asked = parser.parse_args()
    for track in read_tracks():
        if asked.track not in (None, track.slug) or track.retired:
            continue
        searchers = asked.searcher or entrants(track)
        if asked.missing:
            searchers = missing(track, searchers)
        try:
            if searchers:
                make(track, searchers, asked.runs, asked.processes)
        except NasbenchError as fault:
            raise SystemExit(f"error: {track.slug}: {fault}") from fault


if __name__ == "__main__":
    main()
