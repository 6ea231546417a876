"""Reading pickles of others without running what they say.

A pickle names functions and classes to call. Here a machine of our own reads it (`machine`), looks
every name up in a table of inert stand-ins that the importer of a format hands it, and refuses any
other: nothing is imported. A packed file is unpacked only as far as its size can explain.
"""

from __future__ import annotations

import bz2
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nasbench.errors import TableFault
from tabular.importers.machine import MOST, RECENT, Inert, Machine, Names, Seen
from tabular.importers.opcodes import Opcodes, Stream

__all__ = ["Inert", "Names", "Opcodes", "far_mentions", "load", "opened", "run"]
RATIO, SMALL = 100, 1 << 26
"""A file may unpack to `RATIO` times its size, or to `SMALL` bytes."""


def load(data: bytes, names: Names, what: str) -> Any:
    """The object of a pickle made of the stand-ins `names`; `what` is the file, for errors.

    Raises:
        TableFault: it needs a name that is not among them, or is damaged.
    """
    return run(Opcodes(_Bytes(data), what), names)


def run(
    opcodes: Opcodes,
    names: Names,
    *,
    seen: Seen | None = None,
    far: set[int] | None = None,
    storages: bool = False,
) -> Any:
    """The object of the next pickle of a stream.

    Args:
        opcodes: the stream.
        names: the stand-ins.
        seen: is shown every dictionary when it has its items, and may clear it: what is used up
            at once takes no memory.
        far: of `far_mentions`, for a stream of any length: any other object is forgotten after
            the `RECENT` that follow it.
        storages: whether the pickle may refer to data outside of it, which an `Inert` stands for.

    Raises:
        TableFault: it needs a name that is not among them, is damaged, or a bomb.
    """
    try:
        return Machine(opcodes, names, seen, far, storages).run()
    except TableFault:
        raise
    except Exception as fault:  # a damaged pickle can raise anything
        told = "it refers to what is not there" if isinstance(fault, LookupError) else str(fault)
        raise opcodes.fault(told or type(fault).__name__) from fault


def far_mentions(opcodes: Opcodes) -> set[int]:
    """Numbers of the objects of the next pickle that it mentions after `RECENT` others.

    Raises:
        TableFault: it is damaged, or a bomb.
    """
    count = 0
    far: set[int] = set()
    for op, argument in opcodes.pickle():
        if op in _PUTS:
            count += 1
        elif op in _GETS:
            number = int(argument) if op == pickle.GET[0] else int.from_bytes(argument, "little")
            if count - number > RECENT:
                far.add(number)
            if len(far) > MOST // 8:
                raise opcodes.fault("it keeps more objects than such a file")
    return far


@contextmanager
def opened(path: Path, unpacked: Callable[[Path], Any] = bz2.open) -> Iterator[Stream]:
    """A file to be read unpacked, and no further than its size can explain.

    Raises:
        TableFault: while it is read: it is damaged, or a bomb.
    """
    with unpacked(path) as file:
        yield Bounded(file, max(SMALL, RATIO * path.stat().st_size), str(path))


class Bounded:
    """A stream that ends with an error where it would go on for too long."""

    def __init__(self, stream: Stream, most: int, what: str) -> None:
        self._stream, self._left, self._what = stream, most, what

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`."""
        try:
            piece = self._stream.read(size)
        except Exception as fault:  # bz2 and zip files raise a dozen kinds
            raise TableFault(f"{self._what} is damaged ({fault}); get the file again") from fault
        self._left -= len(piece)
        if self._left < 0:
            raise TableFault(
                f"{self._what} unpacks to far more than such a file holds; it was not loaded. "
                "Get the file from its authors."
            )
        return piece


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, /) -> bytes:
        data, self._data = self._data, b""
        return data


_PUTS = {code[0] for code in (pickle.MEMOIZE, pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT)}
_GETS = {code[0] for code in (pickle.GET, pickle.BINGET, pickle.LONG_BINGET)}
