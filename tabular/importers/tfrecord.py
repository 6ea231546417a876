"""TFRecord files, read one record at a time and without TensorFlow.

A record is its length (uint64), the masked CRC-32C of these eight bytes, the data, and the masked
CRC-32C of the data, all little-endian. The mask is a rotation by 15 bits and the addition of a
constant (TensorFlow, `core/lib/hash/crc32c.h`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from nasbench.errors import MissingExtra, TableFault

MOST = 1 << 20
"""Bytes of the longest record that is read."""
_HEAD = struct.Struct("<QI")
_CHECK = struct.Struct("<I")
_ADVICE = "Get the file again"


def records(path: Path) -> Iterator[bytes]:
    """The data of each record of a file; every checksum is checked.

    Raises:
        TableFault: the file cannot be read, ends within a record, or has one that was changed;
            records are counted from 1.
        MissingExtra: google-crc32c is not installed.
    """
    checksum = masked_checksum()
    try:
        with path.open("rb") as stream:
            number = 1
            while head := stream.read(_HEAD.size):
                if len(head) < _HEAD.size:
                    raise _cut_off(path, number)
                length, expected = _HEAD.unpack(head)
                if checksum(head[:8]) != expected:
                    raise _broken(path, number, "the length")
                if length > MOST:
                    raise TableFault(f"{path}: record {number} has {length:,} bytes, not a cell's")
                data = stream.read(length + _CHECK.size)
                if len(data) < length + _CHECK.size:
                    raise _cut_off(path, number)
                if checksum(data[:length]) != _CHECK.unpack_from(data, length)[0]:
                    raise _broken(path, number, "the data")
                yield data[:length]
                number += 1
    except OSError as fault:
        raise TableFault(f"{path} cannot be read ({fault.strerror}); name a file") from fault


def masked_checksum() -> Callable[[bytes], int]:
    """The checksum of TFRecord files.

    Raises:
        MissingExtra: google-crc32c is not installed.
    """
    try:
        from google_crc32c import value
    except ImportError:
        raise MissingExtra(
            "reading TFRecord files needs google-crc32c; "
            "install it with: pip install 'nasbench-lab[nasbench101]'"
        ) from None

    def masked(data: bytes) -> int:
        crc: int = value(data)
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    return masked


def _cut_off(path: Path, number: int) -> TableFault:
    return TableFault(f"{path} ends within record {number}. {_ADVICE}: it is not complete")


def _broken(path: Path, number: int, what: str) -> TableFault:
    return TableFault(
        f"{path}: {what} of record {number} does not have the checksum stored beside it, so it was "
        f"changed or the file is no TFRecord. {_ADVICE}"
    )
