"""Running a submission's searcher again: do its seeds give these trajectories?

This executes the searcher, also a source file that came with the submission, in processes of its
own. `check` executes nothing. Read a source before, and run this where you would run the code of
its authors: one that reads the entry's runs agrees with itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from leaderboards.check import check
from leaderboards.documents import Complaint, to_json
from leaderboards.submission import RERUN, Rerun, Submission, run_files
from leaderboards.track import TRACKS
from nasbench.atomic import write_text
from nasbench.core import Run
from nasbench.errors import InvalidConfig, SearcherFault
from nasbench.harness.compare import perform
from nasbench.harness.completion import completed
from nasbench.harness.environment import environment
from nasbench.harness.jobs import Job

COLUMNS = ("genes", "epochs", "values", "feasible")
"""What a seed decides; seconds it does not."""


@dataclass(frozen=True, slots=True, eq=False)
class Reproduction:
    """What running a submission again gave."""

    runs: int
    """How many were done again."""
    evaluations: int
    """How many of theirs could be compared."""
    complaints: list[Complaint]


def rerun(
    folder: Path,
    *,
    searcher: str | None = None,
    record: bool = False,
    tracks: Path = TRACKS,
    processes: int | None = None,
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> Reproduction:
    """Do every run of a submission again and compare what its seed decides.

    `searcher` is where to find it, by default the source in the folder or the installed one of the
    submission's name. `record` writes `rerun.json` into the folder if everything agrees. It runs in
    `processes` at once, by default one for each core.

    Raises:
        InvalidConfig: the submission is refused by `check`.
        SearcherFault: the searcher cannot be run, or ended its process.
    """
    folder = Path(folder)
    report = check(folder, entries=None, tracks=tracks)
    wrong = [each for each in report.complaints if each.file != RERUN]  # which this replaces
    if wrong or report.submission is None or report.track is None:
        raise InvalidConfig(
            f"{folder} is refused, so it is not run again: {wrong[0]} ({len(wrong)} in all, see "
            f"`nasbench submit check`)"
        )
    reference = searcher or _reference(folder, report.submission)
    places = run_files(report.track)
    jobs = [
        _job(path, claimed, reference, places[path][0]) for path, claimed in report.runs.items()
    ]
    found: dict[str, list[Complaint]] = {}
    compared = 0
    on_done(0, len(jobs))
    with closing(completed(jobs, perform, None, processes)) as answers:
        for job, again in answers:
            if isinstance(again, str):
                raise SearcherFault(
                    f"{reference}, seed {job.seed}: {again.strip().splitlines()[-1]}"
                )
            path, claimed = f"{job.path}", report.runs[f"{job.path}"]
            found[path] = difference(path, claimed, again)
            compared += min(len(claimed.trajectory), len(again.trajectory))
            on_done(len(found), len(jobs))
    complaints = [complaint for path in report.runs for complaint in found[path]]
    if record and not complaints:
        write_text(folder / RERUN, to_json(_record(folder, places)))
    return Reproduction(len(jobs), compared, complaints)


def _job(path: str, claimed: Run, reference: str, benchmark: str) -> Job:
    return Job(
        *(benchmark, reference, claimed.seed, claimed.noise_seed, claimed.config, claimed.budget),
        *(claimed.objectives, claimed.constraints, claimed.workers, claimed.code),
        path=Path(path),
    )


def difference(path: str, claimed: Run, again: Run) -> list[Complaint]:
    """The first thing in which two runs differ that their seed decides.

    Under a limit on seconds one may be longer, as machines are faster or slower; then they are
    compared as far as both go, which must be half of the longer one at least.
    """
    a, b = claimed.trajectory, again.trajectory
    n = min(len(a), len(b))
    if np.isfinite(claimed.budget.cost_s) and 2 * n < max(len(a), len(b)):
        expected = f"about {len(b)} evaluations, as many as here in the same seconds"
        return [Complaint(path, "trajectory", expected, f"{len(a)}")]
    differ = np.zeros(n, dtype=np.bool_)
    for name in COLUMNS:
        unlike = getattr(a, name)[:n] != getattr(b, name)[:n]
        differ |= unlike.any(axis=tuple(range(1, unlike.ndim)))
    if differ.any():
        k = int(differ.argmax())
        return [
            Complaint(
                path,
                f"trajectory.{k}",
                _row(again, k),
                f"{_row(claimed, k)}{_note(claimed, again)}",
            )
        ]
    if len(a) != len(b) and np.isinf(claimed.budget.cost_s):
        return [Complaint(path, "trajectory", f"{len(b)} evaluations", f"{len(a)}")]
    return []


def _reference(folder: Path, submission: Submission) -> str:
    if submission.source is None:
        return submission.searcher
    return f"{folder / submission.source}:{submission.searcher.rpartition(':')[2]}"


def _row(run: Run, k: int) -> str:
    trajectory = run.trajectory
    genes, values = trajectory.genes[k].tolist(), trajectory.values[k].tolist()
    return f"genes {genes} for {trajectory.epochs[k]} epochs with {values}"


def _note(claimed: Run, again: Run) -> str:
    if claimed.code == again.code:
        return ""
    return f" (of another source: {str(claimed.code)[:12]}, here {str(again.code)[:12]})"


def _record(folder: Path, places: Mapping[str, object]) -> Rerun:
    return Rerun(
        schema_version=1,
        date=datetime.now(UTC).date().isoformat(),
        runs={path: hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in places},
        environment=environment(),
    )
