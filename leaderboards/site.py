"""The board as a folder of files: written as a whole, and compared with what it should be.

Versions of tracks that are retired are taken over from the board that is in the folder.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from leaderboards import downloads, page
from leaderboards.cards import Retired, TrackPage
from leaderboards.serve import MARK
from nasbench.atomic import exchange, output_fault
from nasbench.errors import InvalidConfig


def files(
    tracks: Sequence[TrackPage], retired: Sequence[Retired] = ()
) -> Iterator[tuple[str, str]]:
    """Path and text of every file of the board."""
    yield MARK, _mark(tracks, retired)
    yield "index.html", page.index(tracks, retired)
    for each in retired:
        yield from each.pages.items()
    for track in tracks:
        yield f"{track.folder}/index.html", page.track_page(track, tracks)
        yield f"{track.folder}/standings.json", downloads.as_json(track)
        yield f"{track.folder}/standings.csv", downloads.standings_csv(track)
        yield f"{track.folder}/runs.csv", downloads.runs_csv(track)
        for row in track.standings.rows:
            yield f"{track.folder}/entries/{row.name}.html", page.entry_page(row, track)


def write(tracks: Sequence[TrackPage], folder: Path, retired: Sequence[Retired] = ()) -> int:
    """Replace the board in a folder, all of it or nothing; the number of its files.

    Raises:
        InvalidConfig: the folder holds something else than a board.
        OutputFault: it cannot be written.
    """
    folder = Path(folder).resolve()
    _check_replaceable(folder)
    kept = [_taken_over(each, folder) for each in retired]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            count = _fill(part / "new", files(tracks, kept))
            exchange(part / "new", folder, part / "old")
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as fault:
        raise output_fault(folder, fault) from fault
    return count


def differences(
    tracks: Sequence[TrackPage], folder: Path, retired: Sequence[Retired] = ()
) -> list[str]:
    """What is wrong with the board in a folder: a line for each missing, changed or other file."""
    folder, found, expected = Path(folder), [], set()
    for name, text in files(tracks, [_taken_over(each, folder) for each in retired]):
        expected.add(name)
        path = folder / name
        if not path.is_file():
            found.append(f"{name}: missing")
        elif path.read_bytes() != text.encode():
            found.append(f"{name}: differs from what the entries give")
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    return found + [f"{name}: is not part of the board" for name in sorted(present - expected)]


def _taken_over(retired: Retired, folder: Path) -> Retired:
    """With the pages that the board in a folder has of it, each with a word on what they are."""
    pages = {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in sorted((folder / retired.folder).rglob("*"))
        if path.is_file()
    }
    noted = {
        name: text.replace(page.PLACE, page.RETIRED)
        for name, text in pages.items()
        if name.endswith(".html")
    }
    return replace(retired, pages=pages | noted)


def _fill(folder: Path, contents: Iterable[tuple[str, str]]) -> int:
    count = 0
    for name, text in contents:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        count += 1
    return count


def _check_replaceable(folder: Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / MARK).is_file():
        raise InvalidConfig(
            f"{folder} is not a board (it has no {MARK}), and building replaces the whole folder; "
            f"choose a new folder, or remove this one"
        )


def _mark(tracks: Sequence[TrackPage], retired: Sequence[Retired]) -> str:
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
    gone = [
        {"track": each.slug, "version": each.version, "title": each.title, "kept": len(each.pages)}
        for each in retired
    ]
    return json.dumps({"tracks": listed, "retired": gone}, indent=1) + "\n"
