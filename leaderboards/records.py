"""What was done about a submission besides replaying it: runs made again, winners retrained.

Such records lie in the submission's folder and are bound to the bytes of its run files, so they
lapse when a run changes. Who wrote them is for the board's maintainers to know: the workflow that
checks pull requests refuses records that come from outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leaderboards.documents import Complaint, Refused, checked, read
from leaderboards.runs import BYTES, BYTES_OF_EVALUATION
from leaderboards.submission import RERUN, Rerun, run_files
from leaderboards.track import Track
from nasbench.harness.collection import VERIFICATION
from nasbench.harness.files import file_name
from nasbench.harness.verification import FILE as VERIFIED
from nasbench.harness.verification import Verification

LARGEST_BYTES = 16 * 1024 * 1024
"""Of a verification's file."""


@dataclass(frozen=True, slots=True)
class Retraining:
    """Fresh trainings of a winner."""

    benchmark: str
    cell: str
    mean: float
    """Test accuracy in percent."""
    low: float
    high: float
    """Student's interval of the mean."""
    claimed: float
    """What the table says."""
    trainings: int
    where: str
    """Device, hardware and date."""
    verdict: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Records that are there and hold for the runs as they are."""

    rerun: str = ""
    """Day on which the seeds gave the runs again; empty if they did not."""
    retrainings: tuple[Retraining, ...] = ()
    retrained: bool = False
    """Whether the winners of every benchmark were."""


def evidence(
    folder: Path, track: Track, sizes: Mapping[str, int]
) -> tuple[Evidence, list[Complaint]]:
    """The records in a folder, and what is wrong with them."""
    hashes = {path: _sha256(folder / path, track) for path in run_files(track) if path in sizes}
    rerun, wrong = "", list[Complaint]()
    if RERUN in sizes:
        record, wrong = checked(folder / RERUN, RERUN, Rerun)
        if record is not None and record.runs == hashes:
            rerun = record.date
        elif record is not None:
            wrong = [_outdated(RERUN, "nasbench submit rerun --record")]
    trainings: list[Retraining] = []
    for benchmark in track.benchmarks:
        path = f"{file_name(benchmark.name)}/{VERIFIED}"
        if path in sizes:
            found, more = _verified(folder, path, benchmark.name, hashes)
            trainings += found
            wrong += more
    every = {each.benchmark for each in trainings} == {each.name for each in track.benchmarks}
    return Evidence(rerun, tuple(trainings), every), wrong


def retrained(path: str, folders: set[str]) -> bool:
    """Whether a file is part of a verification's record."""
    benchmark, _, rest = path.partition("/")
    inside = rest == VERIFIED or (rest.startswith(f"{VERIFICATION}/") and rest.endswith(".json"))
    return benchmark in folders and inside


def _verified(
    folder: Path, path: str, benchmark: str, hashes: Mapping[str, str]
) -> tuple[list[Retraining], list[Complaint]]:
    record, wrong = checked(folder / path, path, Verification, LARGEST_BYTES)
    if record is None:
        return [], wrong
    parent = path.partition("/")[0]
    sources = [source for group in record.sources for source in group]
    if record.benchmark != benchmark or any(
        hashes.get(f"{parent}/{source.file}") != source.sha256 for source in sources
    ):
        return [], [_outdated(path, f"nasbench verify on {parent}")]
    return [
        Retraining(
            benchmark=benchmark,
            cell=part.text,
            mean=part.measured.estimate,
            low=part.measured.low,
            high=part.measured.high,
            claimed=part.predicted.estimate,
            trainings=len(part.accuracies),
            where=record.where,
            verdict=part.verdict,
        )
        for part in record.measurements
    ], []


def _outdated(path: str, command: str) -> Complaint:
    got = f"one of other runs; remove it, or make it again: {command}"
    return Complaint(path, "", "a record of the run files as they are", got)


def _sha256(path: Path, track: Track) -> str:
    try:
        content = read(path, BYTES + BYTES_OF_EVALUATION * track.budget.queries)
    except Refused:  # complained about elsewhere
        return ""
    return hashlib.sha256(content).hexdigest()
