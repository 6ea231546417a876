"""What has been measured and is not in the file of latencies yet: lines that survive kill -9.

Each line is the CRC-32 of a JSON text, as eight hexadecimal digits, a space, and that text. The
first one says which column the rows belong to. A torn or damaged line ends the journal: what
follows is measured again.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from hardware.columns import (
    Column,
    Document,
    Row,
    about_from_json,
    about_to_json,
    document_from_json,
    document_to_json,
    row_from_json,
    row_to_json,
)
from nasbench.atomic import output_fault
from nasbench.errors import TableCorrupt


def journal_path(path: Path) -> Path:
    """The journal of a file of latencies."""
    return path.with_name(f".{path.name}.journal")


class Journal:
    """Appends rows of one column; each is on the disk, or about to be, when `add` returns."""

    def __init__(self, path: Path, empty: Document, column: Column) -> None:
        self._path = path
        head = {
            "document": document_to_json(empty),
            "about": about_to_json(column.about),
            "session": dict(column.sessions[-1]),
            "parts_ms": dict(column.parts_ms),
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = path.open("wb")
        except OSError as fault:
            raise output_fault(path, fault) from fault
        self._append(head)

    def add(self, row: Row) -> None:
        """Stores a row."""
        self._append(row_to_json(row))

    def close(self) -> None:
        """Puts everything on the disk."""
        try:
            os.fsync(self._stream.fileno())
            self._stream.close()
        except OSError as fault:
            raise output_fault(self._path, fault) from fault

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, plain: Mapping[str, Any]) -> None:
        text = json.dumps(plain, separators=(",", ":")).encode()
        try:
            self._stream.write(f"{zlib.crc32(text):08x} ".encode() + text + b"\n")
            self._stream.flush()
        except OSError as fault:
            raise output_fault(self._path, fault) from fault


def recovered(path: Path, document: Document) -> Document:
    """The document with what its journal holds; as it is if there is none.

    Raises:
        TableCorrupt: the journal is of another benchmark, or no journal at all.
    """
    if not path.exists():
        return document
    lines = _intact(path.read_bytes())
    if not lines:
        return document  # it ended before its first line was written
    try:
        head, *rest = lines
        empty = document_from_json(head["document"])
        about = about_from_json(head["about"])
        rows = [row_from_json(each) for each in rest]
    except (ValueError, TypeError, KeyError, AttributeError) as fault:
        raise TableCorrupt(
            f"{path} is not a journal of latencies: {str(fault)[:200]}. Move it away."
        ) from fault
    if (empty.benchmark, empty.space) != (document.benchmark, document.space):
        raise TableCorrupt(
            f"{path} holds latencies of {empty.benchmark}, expected {document.benchmark}; "
            "move it away"
        )
    known = {column.about.label: column for column in document.columns}
    before = known.get(about.label, Column(about))
    session = {**head["session"], "classes": len(rows)}
    sessions = [each for each in before.sessions if each["date"] != session["date"]]
    merged = {**before.rows, **{row.genes: row for row in rows}}
    return document.having(Column(before.about, merged, (*sessions, session), head["parts_ms"]))


def _intact(data: bytes) -> list[Any]:
    """What the lines up to the first torn or damaged one hold."""
    found = []
    for line in data.split(b"\n")[:-1]:  # the last one has no line feed
        crc, _, text = line.partition(b" ")
        if crc != f"{zlib.crc32(text):08x}".encode():
            break
        try:
            found.append(json.loads(text))
        except ValueError:
            break
    return found
