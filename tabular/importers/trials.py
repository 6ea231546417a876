"""The trainings of NATS-Bench and NAS-Bench-201, gathered one architecture after the other.

All their files hold the same record of an architecture and a schedule: `arch_index`, `arch_str`,
`dataset_seed` (seeds of each data set), and `all_results`, a trial for each (data set, seed) with
curves by epoch. Only one data set and schedule is kept; `trial_table` makes a table of it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.compat.nats_tables import SETS
from nasbench.core import Space
from nasbench.errors import TableFault, UnknownName, UnknownSchedule
from tabular import schema
from tabular.importers.documents import brief
from tabular.importers.machine import Inert, Names

MOST_SEEDS = 8
"""More than any of these benchmarks trained with."""
_RECORD = {"arch_index", "arch_str", "dataset_seed", "all_results"}
Numbers = NDArray[np.float64]


class Trials:
    """The trainings on one data set by one schedule."""

    def __init__(self, space: Space, dataset: str, epochs: int, what: str) -> None:
        self.space, self.dataset, self.epochs = space, dataset, epochs
        self.what = what
        """The file at hand, for errors."""
        self.last: int | None = None
        """Index of the last record."""
        self.rows: dict[int, int] = {}
        """Row of each architecture by index, in the order of the file."""
        self.seeds: dict[int, int] = {}
        """Place of each training seed, in the order of the file."""
        self.status = np.full((0, 0), schema.NOT_TRAINED, dtype=np.uint8)
        """(rows, repeats), both as many as there was room made for."""
        self.arrays: dict[str, Numbers] = {}
        """(rows, repeats, epochs), or 1 in place of epochs where all of them are the same."""
        self._epochs = range(epochs)
        self._keys = {name: [f"{name}@{epoch}" for epoch in self._epochs] for name in SETS[dataset]}

    def seen(self, found: dict[Any, Any]) -> bool:
        """Takes a dictionary if it is a record, and empties it."""
        if not found.keys() >= _RECORD:
            return False
        self.take(found)
        found.clear()
        return True

    def take(self, record: Mapping[str, Any]) -> None:
        """Gathers what a record has of the data set and schedule.

        Raises:
            TableFault: it is of another format, contradicts itself or an earlier record.
        """
        index = self._checked_index(record)
        self.last = index
        row = self.rows.setdefault(index, len(self.rows))
        self._make_room(row + 1, len(self.seeds))
        seed: Any = None
        try:
            for seed in record["dataset_seed"].get(self.dataset, ()):
                trial = record["all_results"][self.dataset, seed]
                if trial["epochs"] == self.epochs:
                    self._store(row, _whole(seed), self._numbers(trial))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as fault:
            raise TableFault(
                f"{self.what}: the training of architecture {index} on {self.dataset} with seed "
                f"{seed} is not as NATS-Bench records it ({type(fault).__name__}: {fault}); "
                "get the file again"
            ) from fault

    def _checked_index(self, record: Mapping[str, Any]) -> int:
        """The index, after comparing it with the string."""
        index, text = record["arch_index"], record["arch_str"]
        whole = type(index) is int and 0 <= index < len(self.space)
        expected = self.space.format(self.space.arch(index)) if whole else "none"
        if text != expected:
            raise TableFault(
                f"{self.what}: architecture {brief(index)} is given as {brief(text)}, but that of "
                f"{self.space.name} is {expected!r}; the file is of another space, or its edges or "
                "architectures are in another order"
            )
        return int(index)

    def _numbers(self, trial: Mapping[str, Any]) -> dict[str, Numbers]:
        """Everything that is kept of a trial, (epochs,) or (1,)."""
        unknown = set(trial["eval_names"]) - set(self._keys)
        if unknown or trial["name"] != self.dataset:
            raise ValueError(f"it is of {trial['name']}, evaluated on {sorted(unknown)}")
        found = {
            "train_loss": _curve(trial["train_losses"], self._epochs),
            "train_accuracy": _curve(trial["train_acc1es"], self._epochs),
            "train_epoch_s": _seconds(trial["train_times"], self._epochs),
            "params": _numeric([trial["params"]]),
            "macs": _numeric([trial["flop"]]),
            "latency_s": _numeric([_latency(trial["latency"])]),
        }
        if np.isnan(found["train_accuracy"]).any():
            raise ValueError(f"it lacks some of its {self.epochs} epochs")
        if trial["train_acc5es"]:
            found["train_top5_accuracy"] = _curve(trial["train_acc5es"], self._epochs)
        for name, keys in self._keys.items():
            split = SETS[self.dataset][name]
            found[f"{split}_loss"] = _curve(trial["eval_losses"], keys)
            found[f"{split}_accuracy"] = _curve(trial["eval_acc1es"], keys)
            found[f"{split}_epoch_s"] = _seconds(trial["eval_times"], keys)
        for name, values in found.items():
            _refuse_negative(name, values)
        return found

    def _store(self, row: int, seed: int, numbers: Mapping[str, Numbers]) -> None:
        repeat = self.seeds.setdefault(seed, len(self.seeds))
        if repeat >= MOST_SEEDS:
            raise ValueError(f"it has more than {MOST_SEEDS} seeds")
        self._make_room(row + 1, repeat + 1)
        again = bool(self.status[row, repeat])
        for name, values in numbers.items():
            place = self._array(name, len(values))[row, repeat]
            if again and not _equal(place, values):
                raise ValueError(f"it is there twice, with different {name}")
            place[:] = values
        self.status[row, repeat] = schema.TRAINED

    def _array(self, name: str, width: int) -> Numbers:
        """The array of a name, at least so wide."""
        old = self.arrays.get(name)
        if old is None:
            self.arrays[name] = np.full((*self.status.shape, width), np.nan)
        elif old.shape[2] < width:
            self.arrays[name] = np.repeat(old, width, axis=2)
        return self.arrays[name]

    def _make_room(self, rows: int, repeats: int) -> None:
        """Has at least so many rows and repeats; rows double, so that they are rarely copied."""
        have_rows, have_repeats = self.status.shape
        if rows > have_rows:
            rows = max(rows, min(2 * have_rows, len(self.space)))
        room = max(rows, have_rows), max(repeats, have_repeats)
        if room == self.status.shape:
            return
        self.status = _grown(self.status, room, schema.NOT_TRAINED)
        for name, old in self.arrays.items():
            self.arrays[name] = _grown(old, (*room, old.shape[2]), np.nan)


def chosen(dataset: str, schedule: str, schedules: Sequence[str]) -> int:
    """Epochs of a schedule, after checking the options of an importer.

    Raises:
        UnknownName: no such data set.
        UnknownSchedule: no such schedule.
    """
    if dataset not in SETS:
        raise registry.unknown(UnknownName, "data set", dataset, list(SETS))
    if schedule not in schedules:
        raise registry.unknown(UnknownSchedule, "schedule", schedule, list(schedules))
    return int(schedule)


def refuse_other_order(listed: Any, space: Space, what: str) -> None:
    """Compares a file's list of all architectures with the space.

    Raises:
        TableFault: they are others, or in another order.
    """
    if listed != _strings(space.name):
        raise TableFault(
            f"{what} does not list the {len(space):,} architectures of {space.name} in their "
            "order; it is another file"
        )


@cache
def _strings(space: str) -> list[str]:
    found = registry.space(space)
    return [found.format(found.arch(index)) for index in range(len(found))]


def _grown(old: NDArray[Any], shape: tuple[int, ...], fill: float) -> NDArray[Any]:
    grown = np.full(shape, fill, dtype=old.dtype)
    grown[: old.shape[0], : old.shape[1]] = old
    return grown


def _equal(kept: Numbers, values: Numbers) -> bool:
    return np.array_equal(kept, np.broadcast_to(values, kept.shape), equal_nan=True)


def _whole(seed: Any) -> int:
    if type(seed) is not int:
        raise TypeError(f"a seed is {seed!r}")
    return seed


def _numeric(values: Sequence[Any]) -> Numbers:
    """The values as an array.

    Raises:
        TypeError: some are no numbers.
    """
    if not set(map(type, values)) <= {float, int}:
        raise TypeError("it has values that are no numbers")
    return np.array(values, dtype=np.float64)


def _curve(by_key: Mapping[Any, Any], keys: Sequence[Any]) -> Numbers:
    """Values (epochs,), NaN where there is none."""
    return _numeric([by_key.get(key, np.nan) for key in keys])


def _seconds(by_key: Mapping[Any, Any] | None, keys: Sequence[Any]) -> Numbers:
    """Seconds of each epoch, (1,) if all are the same; NaN where there are none."""
    values = _curve(by_key or {}, keys)
    return values[:1] if np.all(values == values[0]) or np.isnan(values).all() else values


def _refuse_negative(name: str, values: Numbers) -> None:
    if np.any(values < 0):
        raise ValueError(f"its {name} is {np.nanmin(values):g}")


def _latency(measured: Any) -> float:
    """Mean of a trial's latencies in seconds, NaN where there is none."""
    known = [] if measured is None else _numeric(measured).tolist()
    mean = sum(known) / len(known) if known else 0.0
    return mean if mean > 0 else np.nan


def _scalar(dtype: Inert, data: bytes) -> float:
    """A NumPy number."""
    code, order = dtype.arguments[0], dtype.state[1]
    if code not in ("f8", "f4", "i8", "i4") or order != "<":
        raise ValueError(f"a NumPy number of type {order}{code}")
    number: float = struct.unpack({"f8": "<d", "f4": "<f", "i8": "<q", "i4": "<i"}[code], data)[0]
    return number


def _encoded(text: str, encoding: str) -> bytes:
    """How pickles of protocol 2 hold bytes."""
    if encoding != "latin1":
        raise ValueError(f"bytes encoded as {encoding}")
    return text.encode("latin-1")


NAMES: Names = {
    ("collections", "OrderedDict"): dict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("_codecs", "encode"): _encoded,
    ("numpy", "dtype"): Inert,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
}
"""What the pickles of these records name, and what stands in for it."""
