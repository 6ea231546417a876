"""The board as a folder of files: written as a whole, and compared with what it should be."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from leaderboards import downloads, page
from leaderboards.cards import TrackPage
from leaderboards.serve import MARK
from nasbench.atomic import output_fault
from nasbench.errors import InvalidConfig


def files(tracks: Sequence[TrackPage]) -> Iterator[tuple[str, str]]:
    """Path and text of every file of the board."""
    yield MARK, _mark(tracks)
    yield "index.html", page.index(tracks)
    for track in tracks:
        yield f"{track.folder}/index.html", page.track_page(track, tracks)
        yield f"{track.folder}/standings.json", downloads.as_json(track)
        yield f"{track.folder}/standings.csv", downloads.standings_csv(track)
        yield f"{track.folder}/runs.csv", downloads.runs_csv(track)
        for row in track.standings.rows:
            yield f"{track.folder}/entries/{row.name}.html", page.entry_page(row, track)


def write(tracks: Sequence[TrackPage], folder: Path) -> int:
    """Replace the board in a folder, all of it or nothing; the number of its files.

    Raises:
        InvalidConfig: the folder holds something else than a board.
        OutputFault: it cannot be written.
    """
    folder = Path(folder).resolve()
    _check_replaceable(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            count = _fill(part / "new", tracks)
            _exchange(part / "new", folder, part / "old")
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as fault:
        raise output_fault(folder, fault) from fault
    return count


def differences(tracks: Sequence[TrackPage], folder: Path) -> list[str]:
    """What is wrong with the board in a folder: a line for each missing, changed or other file."""
    folder, found, expected = Path(folder), [], set()
    for name, text in files(tracks):
        expected.add(name)
        path = folder / name
        if not path.is_file():
            found.append(f"{name}: missing")
        elif path.read_bytes() != text.encode():
            found.append(f"{name}: differs from what the entries give")
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    return found + [f"{name}: is not part of the board" for name in sorted(present - expected)]


def _fill(folder: Path, tracks: Sequence[TrackPage]) -> int:
    count = 0
    for name, text in files(tracks):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        count += 1
    return count


def _exchange(new: Path, folder: Path, old: Path) -> None:
    """Put a folder into the place of another, which is put aside, or back if that fails."""
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise


def _check_replaceable(folder: Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / MARK).is_file():
        raise InvalidConfig(
            f"{folder} is not a board (it has no {MARK}), and building replaces the whole folder; "
            f"choose a new folder, or remove this one"
        )


def _mark(tracks: Sequence[TrackPage]) -> str:
    listed = [
        {
            "track": track.slug,
            "version": track.version,
            "title": track.title,
            "page": f"{track.folder}/index.html",
            "entries": len(track.standings.rows),
        }
        for track in tracks
    ]
    return json.dumps({"tracks": listed}, indent=1) + "\n"
