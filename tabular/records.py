"""Finished trainings on disk while a table is being built: append-only files that survive kill -9.

A folder holds one file for each invocation. A file is the line `MAGIC`, then frames: length and
CRC-32 of the payload (two little-endian uint32), payload. The first payload is the setting as JSON;
every further one is a line of JSON, a line feed, and for trainings the curve as little-endian
float32 (6, epochs). A frame that is torn or damaged ends its file: what follows is trained again.
"""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nasbench.atomic import output_fault
from nasbench.core import LearningCurve
from nasbench.errors import TableFault
from tabular.setting import Setting, refuse_mixing

MAGIC = b"nasbench records 1\n"
CURVES = (
    "train_loss",
    "valid_loss",
    "test_loss",
    "train_accuracy",
    "valid_accuracy",
    "test_accuracy",
)
"""Order of the rows of a stored curve."""
Key = tuple[tuple[int, ...], int]
"""Canonical genes and seed."""
UNKNOWN = "unknown"
"""Processor of trainings that were stored without it."""
_FRAME = struct.Struct("<II")
_SYNC_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One finished training."""

    genes: tuple[int, ...]
    seed: int
    curve: NDArray[np.float32]
    """(6, epochs), rows in the order of `CURVES`."""
    train_s: float
    diverged: bool

    @property
    def key(self) -> Key:
        """What the training was of."""
        return self.genes, self.seed

    @classmethod
    def of(cls, genes: tuple[int, ...], seed: int, curve: LearningCurve) -> Item:
        """The record of a learning curve."""
        rows = np.stack([np.asarray(getattr(curve, name), dtype=np.float32) for name in CURVES])
        return cls(genes, seed, rows, float(curve.train_s), bool(curve.diverged))


@dataclass(slots=True)
class Records:
    """What a folder holds; of several records of one training the first counts."""

    setting: Setting | None = None
    """With all makers; several only by the user's word."""
    items: dict[Key, Item] = field(default_factory=dict)
    costs: dict[tuple[int, ...], float] = field(default_factory=dict)
    """Quiet seconds of a full training, by genes."""
    processors: set[str] = field(default_factory=set)
    """What computed the items."""
    damaged: dict[str, int] = field(default_factory=dict)
    """Bytes at the end that could not be read, by name of the file."""


class RecordWriter:
    """Appends to a new file of a folder; flushed at every record, on the disk every few seconds."""

    def __init__(self, folder: Path, setting: Setting) -> None:
        self._path = folder / f"{time.time_ns():020d}-{os.getpid()}.records"
        self._synced = 0.0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = self._path.open("xb")
            self._stream.write(MAGIC)
        except OSError as fault:
            raise output_fault(self._path, fault) from fault
        self._append(json.dumps(setting.to_json(), sort_keys=True).encode())

    def add(self, item: Item, processor: str) -> None:
        """Stores a training, and what computed it."""
        head = {
            "genes": item.genes,
            "seed": item.seed,
            "train_s": item.train_s,
            "diverged": item.diverged,
            "processor": processor,
        }
        self._append(json.dumps(head).encode() + b"\n" + item.curve.astype("<f4").tobytes())

    def add_cost(self, genes: tuple[int, ...], cost_s: float) -> None:
        """Stores the quiet seconds of a full training."""
        self._append(json.dumps({"genes": genes, "cost_s": cost_s}).encode() + b"\n")

    def close(self) -> None:
        """Puts everything on the disk."""
        try:
            if not self._stream.closed:
                self._sync()
                self._stream.close()
        except OSError as fault:
            raise output_fault(self._path, fault) from fault

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, payload: bytes) -> None:
        try:
            self._stream.write(_FRAME.pack(len(payload), zlib.crc32(payload)) + payload)
            self._stream.flush()
            if time.monotonic() - self._synced > _SYNC_S:
                self._sync()
        except OSError as fault:
            raise output_fault(self._path, fault) from fault

    def _sync(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._synced = time.monotonic()


def read_records(folder: Path) -> Records:
    """Everything intact in a folder, empty if there is none.

    Raises:
        TableFault: the folder mixes settings that differ in more than code and libraries.
    """
    records = Records()
    for path in sorted(folder.glob("*.records")):
        frames = _frames(path, records.damaged)
        head = next(frames, None)
        if head is None:
            continue
        _take_setting(records, Setting.from_json(json.loads(head)), path)
        for payload in frames:
            _take(records, payload)
    return records


def _take_setting(records: Records, setting: Setting, path: Path) -> None:
    if records.setting is None:
        records.setting = setting
        return
    refuse_mixing(records.setting, setting, path, trust_code=True)
    records.setting = records.setting.made_by(setting.makers)


def _take(records: Records, payload: bytes) -> None:
    line, _, data = payload.partition(b"\n")
    head: Mapping[str, Any] = json.loads(line)
    genes = tuple(head["genes"])
    if "cost_s" in head:
        records.costs.setdefault(genes, float(head["cost_s"]))
        return
    curve = np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(len(CURVES), -1)
    item = Item(genes, int(head["seed"]), curve, float(head["train_s"]), bool(head["diverged"]))
    records.items.setdefault(item.key, item)
    records.processors.add(head.get("processor", UNKNOWN))


def _frames(path: Path, damaged: dict[str, int]) -> Iterator[bytes]:
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        if data and not MAGIC.startswith(data):
            raise TableFault(
                f"{path} is not a file of finished trainings; it begins with {data[:20]!r} "
                f"instead of {MAGIC!r}. Move it out of the folder."
            )
        return
    at = len(MAGIC)
    while at < len(data):
        start = at + _FRAME.size
        length, crc = _FRAME.unpack(data[at:start]) if start <= len(data) else (len(data), 0)
        payload = data[start : start + length]
        if len(payload) < length or zlib.crc32(payload) != crc:
            damaged[path.name] = len(data) - at
            return
        yield payload
        at = start + length
