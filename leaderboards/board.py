"""From tracks and entries to what the pages of the board show; every entry is checked again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from leaderboards.cards import Card, Retired, TrackPage
from leaderboards.check import Report, check, skeleton
from leaderboards.standings import Contest, standings
from leaderboards.submission import LEVELS, Submission
from leaderboards.track import ENTRIES, TRACKS, Track, read_tracks
from nasbench.core import Run
from nasbench.errors import InvalidConfig
from nasbench.harness.files import file_name


def read_board(tracks: Path = TRACKS, entries: Path = ENTRIES) -> list[TrackPage]:
    """All tracks that have entries, with their standings; none that is retired.

    Raises:
        InvalidConfig: a track is malformed, or an entry has something wrong with it.
    """
    for folder in (tracks, entries):
        if not folder.is_dir() and folder != ENTRIES:  # the project's own may have none yet
            raise InvalidConfig(f"{folder} is no folder; expected that of tracks and of entries")
    found = read_tracks(tracks)
    known = {track.slug for track in found}
    for folder in _folders(entries):
        if folder.name not in known:
            raise InvalidConfig(
                f"{folder}: expected the name of a track, one of {sorted(known)}; rename it"
            )
    pages = [_track_page(track, entries, tracks) for track in found if not track.retired]
    return [page for page in pages if page is not None]


def read_retired(tracks: Path = TRACKS, entries: Path = ENTRIES) -> list[Retired]:
    """The tracks whose entries cannot be replayed any more."""
    return [
        Retired(track.name, track.version, track.title)
        for track in read_tracks(tracks)
        if track.retired and _folders(entries / track.slug)
    ]


def _track_page(track: Track, entries: Path, tracks: Path) -> TrackPage | None:
    folders = _folders(entries / track.slug)
    _refuse_look_alikes(folders)
    found = [_entry(folder, track, tracks) for folder in folders]
    if not found:
        return None
    contest = Contest(
        benchmarks={each.name: track.benchmark(each.name) for each in track.benchmarks},
        objectives=tuple(track.objectives),
        constraints=track.run_constraints,
        budget=track.run_budget,
        seeds=tuple(track.seeds),
        anytime=track.kind == "any-time",
    )
    return TrackPage(
        slug=track.name,
        version=track.version,
        title=track.title,
        description=track.description,
        standings=standings(contest, {card.slug: runs for card, runs in found}),
        cards={card.slug: card for card, _ in found},
        hashes={each.name: each.sha256 for each in track.benchmarks},
        tags=(track.kind, track.access, track.source),
    )


def _refuse_look_alikes(folders: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for folder in folders:
        other = seen.setdefault(skeleton(folder.name), folder)
        if other != folder:
            raise InvalidConfig(f"{folder} looks like {other}; expected names that differ, rename")


def _entry(folder: Path, track: Track, tracks: Path) -> tuple[Card, list[Run]]:
    report = check(folder, entries=None, tracks=tracks)  # the names have been compared
    wrong = list(map(str, report.complaints[:5]))
    submission = report.submission
    if submission is None or (submission.name, report.track) != (folder.name, track):
        wrong.append(f"submission.json: expected the name {folder.name} and track {track.slug}")
    if wrong or submission is None:
        raise InvalidConfig(
            f"{folder} cannot be shown on a board: {'; '.join(wrong)}. Look at all of it: "
            f"nasbench submit check {folder}"
        )
    return _card(report, submission, track), list(report.runs.values())


def _folders(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if path.is_dir() and not path.name.startswith("."))


def _card(report: Report, submission: Submission, track: Track) -> Card:
    links = {"Paper": submission.paper, "Code": submission.code}
    return Card(
        slug=submission.name,
        name=submission.name,
        authors=tuple(submission.authors),
        description=submission.description,
        links=tuple((what, address) for what, address in links.items() if address is not None),
        facts=tuple(_facts(submission).items()),
        level=LEVELS.index(report.level),
        evidence=tuple(_sentences(report)),
        flags=tuple(map(str, report.flags)),
        commands=_commands(submission, track),
    )


def _sentences(report: Report) -> Iterator[str]:
    evaluations = sum(len(run.trajectory) for run in report.runs.values())
    yield (
        f"All {evaluations:,} evaluations of {len(report.runs)} runs were asked again of the "
        f"benchmark when this page was built."
    )
    if report.evidence.rerun:
        yield f"The seeds gave the same runs again ({report.evidence.rerun})."
    for each in report.evidence.retrainings:
        yield (
            f"{each.benchmark}: what it recommends was trained {each.trainings} times afresh on "
            f"{each.where}: test accuracy {each.mean:.2f} % [{each.low:.2f}, {each.high:.2f}], "
            f"where the table says {each.claimed:.2f} %: {each.verdict}."
        )


def _facts(submission: Submission) -> Mapping[str, str]:
    tuning = submission.tuning
    spent = f"{tuning.evaluations:,} evaluations, {tuning.cost_s:,.0f} s. {tuning.description}"
    facts = {
        "Commit": submission.commit or "",
        "Licence": submission.licence,
        "Access": submission.access,
        "Looked at": ", ".join(submission.looked_at),
        "Tuning cost": spent.strip(),
        **{f"Environment: {key}": value for key, value in sorted(submission.environment.items())},
    }
    return {what: text for what, text in facts.items() if text}


def _commands(submission: Submission, track: Track) -> str:
    entry = f"leaderboards/entries/{track.slug}/{submission.name}"
    lines = [f"nasbench submit check {entry}", f"nasbench submit rerun {entry}"]
    lines += [f"nasbench verify {entry}/{file_name(each.name)}" for each in track.benchmarks]
    return "\n".join(lines)
