"""A pickle cut into its opcodes, read piece by piece from a stream of any length."""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from typing import Protocol

from nasbench.errors import TableFault

CHUNK = 1 << 20
LONGEST = 1 << 26
"""Bytes of the longest text or buffer that a format needs, with much to spare."""
STOP = ord(".")
_AHEAD = 16
"""More bytes than an opcode takes with an argument of fixed length."""
_SHORT = 260
"""More bytes than one takes whose length is a byte."""


class Stream(Protocol):
    """What can be read in pieces."""

    def read(self, size: int, /) -> bytes: ...


class Opcodes:
    """The pickles of a stream, one after the other."""

    def __init__(self, stream: Stream, what: str) -> None:
        self._stream = stream
        self.what = what
        """The file, for errors."""
        self._data = b""
        self._at = 0
        self._before = 0

    @property
    def offset(self) -> int:
        """Bytes of the stream that were taken."""
        return self._before + self._at

    def pickle(self) -> Iterator[tuple[int, bytes]]:
        """Each opcode of the next pickle and its raw argument, the last one being `STOP`.

        Raises:
            TableFault: the stream ends before the pickle does, or holds no pickle.
        """
        data, at = self._data, self._at
        try:
            while True:
                if len(data) - at < _AHEAD:
                    self._at = at
                    self._fill(_AHEAD)
                    data, at = self._data, self._at
                op = data[at] if data else 0
                size = _SIZES[op]
                if size >= 0:
                    start, end = at + 1, at + 1 + size
                elif size == pickletools.TAKEN_FROM_ARGUMENT1 and len(data) - at > _SHORT:
                    start, end = at + 2, at + 2 + data[at + 1]
                else:
                    self._at = at + 1
                    argument = self._argument(op, size)
                    data, at = self._data, self._at
                    yield op, argument
                    continue
                if end > len(data):
                    raise self.fault("it ends too early")
                at = end
                yield op, data[start:end]
                if op == STOP:
                    return
        finally:
            self._at = at

    def end(self) -> None:
        """Reads to the end of the stream, so that its checksums are compared.

        Raises:
            TableFault: there is more than the pickles.
        """
        self._fill(1)
        if len(self._data) > self._at:
            raise self.fault("something follows its end")

    def fault(self, why: str) -> TableFault:
        """The error of a stream that is no pickle, or not a whole one."""
        return TableFault(
            f"{self.what} is not a readable pickle of this format ({why}, at byte {self.offset:,})"
            "; get the file again"
        )

    def _fill(self, size: int) -> None:
        """Has `size` bytes ready, or all that are left."""
        pieces = [self._data[self._at :]]
        missing = size - len(pieces[0])
        while missing > 0 and (piece := self._stream.read(max(missing, CHUNK))):
            pieces.append(piece)
            missing -= len(piece)
        self._before += self._at
        self._data, self._at = b"".join(pieces), 0

    def _take(self, size: int) -> bytes:
        if size > LONGEST:
            raise self.fault(f"it announces a value of {size:,} bytes")
        if len(self._data) - self._at < size:
            self._fill(size)
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise self.fault("it ends too early")
        self._at += size
        return taken

    def _argument(self, op: int, size: int) -> bytes:
        """The argument of an opcode whose length is in the stream."""
        if size == pickletools.UP_TO_NEWLINE:
            lines = 2 if op in _TWO_LINES else 1
            return b"\n".join(self._line() for _ in range(lines))
        if size in _COUNT_BYTES:
            return self._take(int.from_bytes(self._take(_COUNT_BYTES[size]), "little"))
        if self.offset == 1 and not self._data:
            raise self.fault("it is empty")
        raise self.fault(f"{bytes((op,))!r} is no opcode")

    def _line(self) -> bytes:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            self._fill(1 << 16)  # no line of a data pickle is that long
            end = self._data.find(b"\n", self._at)
        if end < 0:
            raise self.fault("a line does not end")
        line = self._data[self._at : end]
        self._at = end + 1
        return line


_UNKNOWN = -99
_COUNT_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
"""Width of the length in front of an argument."""
_SIZES = [_UNKNOWN] * 256
"""Bytes of each opcode's argument; a negative number if they are in the stream."""
_TWO_LINES = set()
for _op in pickletools.opcodes:
    _SIZES[ord(_op.code)] = 0 if _op.arg is None else _op.arg.n
    if _op.name in ("GLOBAL", "INST"):
        _TWO_LINES.add(ord(_op.code))
