"""From the folder of a comparison to a submission."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from leaderboards.check import Report, check, names
from leaderboards.documents import complaints, to_json
from leaderboards.submission import FILE, Submission, run_files
from leaderboards.track import TRACKS, Track
from nasbench.atomic import output_fault, write_bytes, write_text
from nasbench.core import Run
from nasbench.errors import InvalidConfig
from nasbench.harness.collection import RunFile, read_files
from nasbench.harness.files import to_json as run_json

DIGITS = 7
"""Decimals of the seconds in packed runs; a replay allows for 1e-6 s."""


def pack(
    runs: Sequence[Path],
    out: Path,
    track: Track,
    *,
    about: Mapping[str, Any],
    searcher: str | None = None,
    tracks: Path = TRACKS,
    entries: Path | None = None,
) -> Report:
    """Write the runs of one searcher, below folders of comparisons or suites, as a submission.

    `about` holds the fields of `Submission` that the runs do not tell; `track` is one of the folder
    `tracks`. The searcher's source goes
    along if it is a file of its own that has not changed since. Runs beyond the track's seeds are
    left out. What `check` would complain about is not written at all; `entries` is where the
    board's entries lie, whose names are taken, None if that does not matter.

    Raises:
        InvalidConfig: runs are missing, several searchers are there and none was chosen, or the
            submission would be refused.
        RunFault: a run file is malformed.
        OutputFault: `out` cannot be written, or is there already.
    """
    out = Path(out).resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidConfig(f"{out} is there already; choose a new folder, or remove it")
    chosen = _chosen([Path(folder) for folder in runs], track, searcher)
    first = next(iter(chosen.values()))
    source = _source(first)
    name = first.searcher if source is None else f"{source.name}:{first.searcher.split(':')[-1]}"
    submission = _submission(track, name, source, first, about)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    except OSError as fault:
        raise output_fault(out, fault) from fault
    try:
        for path, run in chosen.items():
            write_text(part / path, compact(dataclasses.replace(run, searcher=name)))
        if source is not None:
            write_bytes(part / source.name, source.read_bytes())
        write_text(part / FILE, to_json(submission))
        report = check(part, entries=None, tracks=tracks)
        if found := [*report.complaints, *names(out, submission, track, entries)]:
            wrong = "; ".join(map(str, found))
            raise InvalidConfig(f"nothing was written, as it would be refused: {wrong}")
        part.chmod(0o755)
        part.replace(out)
    except OSError as fault:
        raise output_fault(out, fault) from fault
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return dataclasses.replace(report, folder=out)


def compact(run: Run) -> str:
    """The text of a run file without spaces, its seconds cut to `DIGITS` decimals."""
    trajectory = dataclasses.replace(
        run.trajectory,
        spent_s=_cut(run.trajectory.spent_s),
        overhead_s=_cut(run.trajectory.overhead_s),
    )
    document = json.loads(run_json(dataclasses.replace(run, trajectory=trajectory)))
    return json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n"


def _cut(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded down, so that no run comes to lie beyond its budget."""
    scale = 10.0**DIGITS
    return np.asarray(np.floor(seconds * scale) / scale)


def _chosen(folders: Sequence[Path], track: Track, searcher: str | None) -> dict[str, Run]:
    """The track's runs by their path in the submission."""
    for folder in folders:
        if not folder.is_dir():
            raise InvalidConfig(
                f"{folder} is no folder; pass the one that `nasbench compare` wrote to"
            )
    runs = " and ".join(map(str, folders))
    found = {file.path.resolve(): file for folder in folders for file in read_files(folder)}
    known = sorted({file.run.searcher for file in found.values()})
    if searcher is None and len(known) == 1:
        (searcher,) = known
    if searcher not in known:
        raise InvalidConfig(
            f"expected the name of one searcher in {runs}, got {searcher!r}; pass --searcher with "
            f"one of {', '.join(known) or 'none: there are no runs'}"
        )
    by_place: dict[tuple[str, int], RunFile] = {}
    for file in found.values():
        if file.run.searcher == searcher:
            place = (file.run.benchmark, file.run.seed)
            other = by_place.setdefault(place, file)
            if other is not file:
                raise InvalidConfig(
                    f"expected one run of {searcher} on {place[0]} with seed {place[1]}, got "
                    f"{other.path} and {file.path}; pass the folders of the track's runs alone"
                )
    wanted = run_files(track)
    missing = [
        f"{name} seed {seed}" for name, seed in wanted.values() if (name, seed) not in by_place
    ]
    if missing:
        raise InvalidConfig(
            f"{runs} lacks {len(missing)} of the {len(wanted)} runs of {track.slug}: "
            f"{_listed(missing)}. Make them with: {command(track, searcher or '')}"
        )
    return {path: by_place[place].run for path, place in wanted.items()}


def command(track: Track, searcher: str) -> str:
    """What makes a track's runs."""
    names = [benchmark.name for benchmark in track.benchmarks]
    words = ["nasbench compare", *names, "--suite" if names[1:] else "", f"-s {searcher}"]
    words += [f"--seeds {max(track.seeds) + 1}", f"--queries {track.budget.queries}"]
    if track.budget.cost_s is not None:
        words.append(f"--seconds {track.budget.cost_s:g}")
    if track.objectives != ["valid_accuracy"]:
        words += [f"--objective {name}" for name in track.objectives]
    for bound in track.constraints:
        words += [f"--constraint '{bound.metric}<={bound.upper}'"] * (bound.upper is not None)
        words += [f"--constraint '{bound.metric}>={bound.lower}'"] * (bound.lower is not None)
    return " ".join(word for word in words if word)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if words[5:] else "")


def _source(run: Run) -> Path | None:
    """The file that defines the searcher, if it is one and as it was."""
    where, colon, _ = run.searcher.rpartition(":")
    path = Path(where)
    if not colon or path.suffix != ".py":
        return None
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != run.code:
        raise InvalidConfig(
            f"expected the searcher's source {path} as it was in the runs (sha256 {run.code}), got "
            f"{'another' if path.is_file() else 'no such'} file; run this where the comparison ran"
        )
    return path


def _submission(
    track: Track, searcher: str, source: Path | None, first: Run, about: Mapping[str, Any]
) -> Submission:
    document = {
        "schema_version": 1,
        "track": {"name": track.name, "version": track.version},
        "searcher": searcher,
        "source": None if source is None else source.name,
        "environment": dict(first.environment),
        **about,
    }
    try:
        return Submission.model_validate(document)
    except ValidationError as fault:
        wrong = "; ".join(map(str, complaints(FILE, fault)))
        raise InvalidConfig(f"nothing was written, as it would be refused: {wrong}") from fault
