"""Is a submission what it says? Everything is asked again of the benchmark, nothing is believed.

Nothing of a submission is executed and nothing in its folder is written. What replaying cannot see
is said in docs/submit.md: a searcher's own seconds, and which of many runs a seed was given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path

from leaderboards.contents import listing
from leaderboards.documents import Complaint, checked, limited
from leaderboards.flags import Flag, flags
from leaderboards.records import Evidence, evidence, retrained
from leaderboards.runs import answerable, of_one_searcher, of_track, read_entry_run, source_code
from leaderboards.submission import FILE, RERUN, Level, Submission, run_files
from leaderboards.track import ENTRIES, TRACKS, Track, find_track
from nasbench.core import Run
from nasbench.errors import NasbenchError, UnknownName
from nasbench.harness.files import file_name
from nasbench.harness.replay import replayed


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What checking a submission found."""

    folder: Path
    submission: Submission | None
    track: Track | None
    runs: Mapping[str, Run] = field(default_factory=dict)
    """Those that agree with the track and its benchmark, by path."""
    complaints: list[Complaint] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def level(self) -> Level:
        """How far the evidence goes."""
        if self.complaints:
            return "self-reported"
        if not self.evidence.rerun:
            return "replayed"
        return "winner retrained" if self.evidence.retrained else "re-run"

    def accepted(self, *, strict: bool = False) -> bool:
        """Whether nothing is wrong and, if `strict`, nothing suspicious either."""
        return not self.complaints and not (strict and self.flags)

    def to_json(self, *, strict: bool = False) -> str:
        """The report as `nasbench submit check --output` writes it."""
        document = {
            "entry": self.submission.name if self.submission else None,
            "track": self.track.slug if self.track else None,
            "accepted": self.accepted(strict=strict),
            "level": self.level,
            "evaluations": sum(len(run.trajectory) for run in self.runs.values()),
            "complaints": [asdict(complaint) for complaint in self.complaints],
            "flags": [asdict(flag) for flag in self.flags],
            "evidence": asdict(self.evidence),
        }
        return json.dumps(document, indent=1) + "\n"


def check(folder: Path, *, entries: Path | None = ENTRIES, tracks: Path = TRACKS) -> Report:
    """All that is wrong with the submission in a folder; complaints, not exceptions.

    `entries` is where the board's entries lie, whose names are taken; None compares with none.
    """
    folder = Path(folder)
    sizes, wrong = listing(folder)
    if FILE not in sizes:
        if folder.is_dir():
            wrong.append(Complaint(FILE, "", "the description of a submission", "no such file"))
        return Report(folder, None, None, complaints=wrong)
    submission, more = checked(folder / FILE, FILE, Submission)
    if submission is None:
        return Report(folder, None, None, complaints=[*wrong, *more])
    track, more = _track(submission, tracks)
    wrong += more
    if track is None:
        return Report(folder, submission, None, complaints=wrong)
    wrong += names(folder, submission, track, entries)
    wrong += _files(submission, track, sizes)
    runs, unfit = _runs(folder, submission, track, sizes)
    agreed, replayed, suspicious = _replayed(track, runs)
    found, faults = evidence(folder, track, sizes)
    wrong += [*unfit, *replayed, *faults]
    return Report(folder, submission, track, agreed, wrong, suspicious, found)


def skeleton(name: str) -> str:
    """What is left of an entry's name to the eye; two entries never share it."""
    text = name.replace("-", "")
    for letters, one in (("rn", "m"), ("cl", "d"), ("vv", "w")):
        text = text.replace(letters, one)
    return text.translate(str.maketrans("05li", "os11"))


def _track(submission: Submission, tracks: Path) -> tuple[Track | None, list[Complaint]]:
    name, version = submission.track.name, submission.track.version
    try:
        track = find_track(name, version, tracks)
    except UnknownName as fault:
        return None, [Complaint(FILE, "track", "a track of the board", str(fault))]
    if track.access == "closed" and submission.access != "closed":
        expected = f"'closed', as {track.slug} is a closed track"
        return track, [Complaint(FILE, "access", expected, repr(submission.access))]
    return track, []


def names(
    folder: Path, submission: Submission, track: Track, entries: Path | None
) -> list[Complaint]:
    """In what an entry's name is not that of its folder, or is taken on the board of `entries`."""
    if entries is None:
        return []
    board, own = Path(entries).resolve() / track.slug, folder.resolve()
    found = []
    if own.parent.parent == board.parent:
        for what, there, got in (
            ("track", own.parent.name, track.slug),
            ("name", own.name, submission.name),
        ):
            if there != got:
                found.append(Complaint(FILE, what, f"{there!r}, after its folder", repr(got)))
    others = {path.name for path in board.iterdir()} if board.is_dir() else set()
    others -= {own.name} if own.parent == board else set()
    wanted = skeleton(submission.name)
    same = sorted(name for name in others if skeleton(name) == wanted)
    if same:
        expected = f"another name, unlike those on the board of {track.slug}"
        got = f"{submission.name!r}, where there is {same[0]!r}"
        found.append(Complaint(FILE, "name", expected, got))
    return found


def _files(submission: Submission, track: Track, sizes: Mapping[str, int]) -> list[Complaint]:
    """Runs that are missing, and files that are too many."""
    wanted = run_files(track)
    missing = [Complaint(path, "", "a run file", "none") for path in wanted if path not in sizes]
    folders = {file_name(benchmark.name) for benchmark in track.benchmarks}
    known = {FILE, RERUN, submission.source, *wanted}
    extra = [
        Complaint(path, "", f"only the runs of {track.slug}, {FILE} and records", "another file")
        for path in sizes
        if path not in known and not retrained(path, folders)
    ]
    return [*limited(missing), *limited(extra)]


def _runs(
    folder: Path, submission: Submission, track: Track, sizes: Mapping[str, int]
) -> tuple[dict[str, Run], list[Complaint]]:
    """Every run that can be read, and what of them is not one searcher's, the submission's."""
    runs: dict[str, Run] = {}
    wrong: list[Complaint] = []
    for path in run_files(track):
        if path in sizes:
            run, more = read_entry_run(folder / path, path, track.budget.queries)
            runs |= {path: run} if run else {}
            wrong += more
    code = None
    if submission.source is not None:
        code, more = source_code(folder, submission.source)
        wrong += more
    for path, run in runs.items():
        wrong += of_one_searcher(path, run, next(iter(runs.values())), submission.searcher, code)
    return runs, wrong


def _replayed(
    track: Track, runs: Mapping[str, Run]
) -> tuple[dict[str, Run], list[Complaint], list[Flag]]:
    """Runs that agree, what is wrong with the others, and what is suspicious about any."""
    agreed: dict[str, Run] = {}
    wrong: list[Complaint] = []
    suspicious: list[Flag] = []
    places = run_files(track)
    for name, paths in groupby(runs, key=lambda path: places[path][0]):
        try:
            benchmark = track.benchmark(name)
        except NasbenchError as fault:
            wrong.append(Complaint(f"{track.slug}.json", "benchmarks", name, str(fault)))
            continue
        asked = []
        for path in paths:
            run = runs[path]
            other = list(of_track(path, run, track, benchmark, places[path][1]))
            wrong += other
            if not answerable(run, track, benchmark):
                continue
            complaints, answers = replayed(run, benchmark)
            found = [Complaint(path, c.field, c.expected, c.got) for c in complaints]
            wrong += limited(found)
            if not {c.field.partition(".")[0] for c in found} & {"genes", "epochs"}:
                asked.append(run)
            if not (other or found):
                agreed[path] = answers
        suspicious += flags(asked, benchmark)
    return agreed, wrong, suspicious
