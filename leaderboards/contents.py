"""What lies in a submission's folder: listed without following links or reading a file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from leaderboards.documents import Complaint, limited, shown

MOST_FILES = 5_000
DEEPEST = 2
"""Folders inside one another: `BENCHMARK/verify`."""
LARGEST_BYTES = 1024**3
"""Of all files together."""
ARCHIVES = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".tar", ".7z", ".rar", ".whl")
_LOCK = ".verification.lock"
"""Empty file that `nasbench verify` leaves behind."""
_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,200}")


def listing(folder: Path) -> tuple[dict[str, int], list[Complaint]]:
    """Size in bytes of every regular file that is reached without a link, by its path from the
    folder with forward slashes; and complaints about everything else that lies there.
    """
    folder = Path(folder)
    if folder.is_symlink() or not folder.is_dir():
        got = "a link" if folder.is_symlink() else "none"
        return {}, [Complaint(folder.name, "", "a folder", got)]
    sizes: dict[str, int] = {}
    wrong: list[Complaint] = []
    for count, found in enumerate(_walk(folder, "")):
        if count >= MOST_FILES:
            wrong.append(Complaint(".", "", f"at most {MOST_FILES:,} files", "more"))
            break
        if isinstance(found, Complaint):
            wrong.append(found)
        else:
            sizes[found[0]] = found[1]
    total = sum(sizes.values())
    if total > LARGEST_BYTES:
        wrong.append(Complaint(".", "", f"at most {LARGEST_BYTES:,} bytes", f"{total:,} bytes"))
    return sizes, limited(wrong)


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, int] | Complaint]:
    with os.scandir(folder) as entries:
        members = sorted(entries, key=lambda entry: entry.name)
    if prefix and not members:
        yield Complaint(_printable(prefix), "", "a folder that holds something", "an empty one")
    for entry in members:
        path = f"{prefix}{entry.name}"
        if entry.name == _LOCK and _is_empty(entry):
            continue
        if fault := _fault(entry):
            yield Complaint(_printable(path), "", *fault)
        elif entry.is_dir(follow_symlinks=False):
            if prefix.count("/") < DEEPEST:
                yield from _walk(folder / entry.name, f"{path}/")
            else:
                deep = f"folders at most {DEEPEST} deep"
                yield Complaint(_printable(path), "", deep, "one inside of those")
        else:
            yield path, entry.stat(follow_symlinks=False).st_size


def _is_empty(entry: os.DirEntry[str]) -> bool:
    """Whether it is a regular file without content, as `nasbench verify` leaves one."""
    found = entry.stat(follow_symlinks=False)
    return stat.S_ISREG(found.st_mode) and not found.st_size


def _fault(entry: os.DirEntry[str]) -> tuple[str, str] | None:
    """What was expected of a folder's member, and what it is."""
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return "a regular file or folder", "a link"
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "a regular file or folder", "a device, pipe or socket"
    if not _NAME.fullmatch(entry.name):
        return "a name of ASCII letters, digits and . _ - + @", shown(entry.name)
    if entry.name.lower().endswith(ARCHIVES):
        return "plain files", "an archive, and none is opened"
    return None


def _printable(path: str) -> str:
    return path if path.isascii() and path.isprintable() else shown(path)
