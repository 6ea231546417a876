"""Train the winners of the project's own entries again, each cell of a benchmark once.

    scripts/retrain_winners.py [--track mnist1d-v1]
    scripts/retrain_winners.py --missing   # only of entries whose winners never were

As `nasbench verify ENTRY/BENCHMARK` does for one entry; what decides a training's numbers is in its
file's name, so entries with the same winner, on whatever track, share its trainings. A training
that is there is not done again; latencies are measured anew, unless the whole entry is left.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from leaderboards.submission import FILE
from leaderboards.track import ENTRIES, Track, read_tracks
from nasbench.errors import NasbenchError
from nasbench.harness import verification
from nasbench.harness.collection import VERIFICATION
from nasbench.harness.files import file_name
from nasbench.harness.verify import verify


def retrain(track: Track, benchmark: str, processes: int | None, *, missing: bool) -> None:
    for folder in (path.parent / file_name(benchmark) for path in entries(track)):
        if missing and (folder / verification.FILE).is_file():
            continue
        own = folder / VERIFICATION
        own.mkdir(exist_ok=True)
        for training in ENTRIES.glob(f"*/*/*/{VERIFICATION}/*.json"):
            if not (own / training.name).exists():
                shutil.copyfile(training, own / training.name)
        found = verify(folder, processes=processes)
        used = {folder / file for part in found.measurements for file in part.files}
        for training in trainings(folder):
            if training not in used:
                training.unlink()
        (part,) = found.measurements
        print(f"{folder}: {part.measured.estimate:.2f} after {part.predicted.estimate:.2f}")


def entries(track: Track) -> list[Path]:
    return sorted((ENTRIES / track.slug).glob(f"*/{FILE}"))


def trainings(folder: Path) -> list[Path]:
    return sorted((folder / VERIFICATION).glob("*.json"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--track", help="Slug of one track; default all.")
    parser.add_argument("--missing", action="store_true", help="Leave those that are verified.")
    parser.add_argument("--processes", "-j", type=int)
    asked = parser.parse_args()
    for track in read_tracks():
        if asked.track not in (None, track.slug) or track.retired:
            continue
        for benchmark in track.benchmarks:
            try:
                retrain(track, benchmark.name, asked.processes, missing=asked.missing)
            except NasbenchError as fault:
                raise SystemExit(f"error: {track.slug}: {fault}") from fault


if __name__ == "__main__":
    main()
