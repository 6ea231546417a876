"""Tables of NATS-Bench, asked for by the names and numbers that `nats_bench` knows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Metric, Space
from nasbench.errors import InvalidArchitecture, TableFault, UnknownName, UnknownSchedule

NAME = re.compile(r"(?:nb201|nats-sss)/(.+)-(\d+)-epochs")
_HALVES = {"x-valid": "valid", "x-test": "test", "ori-test": "valtest"}
SETS: Mapping[str, Mapping[str, str]] = {
    "cifar10-valid": {"x-valid": "valid", "ori-test": "test"},
    "cifar10": {"ori-test": "test"},
    "cifar100": _HALVES,
    "ImageNet16-120": _HALVES,
}
"""The sets that networks of each data set are evaluated on, and what a table's columns call them.

`valtest` is validation and test data together: it overlaps both, and is never taken for either."""
KEPT = 1 << 14
"""Answers that are kept, of about 1 kB each."""
LATENCY = "latency_ms[gpu-batch-256]"


@runtime_checkable
class Trainings(Protocol):
    """A table that tells its trainings apart."""

    name: str
    metrics: tuple[Metric, ...]
    epochs: tuple[int, ...]
    genes: NDArray[np.int16]
    seeds: tuple[int, ...]
    status: NDArray[np.uint8]

    @property
    def space(self) -> Space: ...

    def values(self, metric: str) -> NDArray[np.float64]:
        """A metric (rows,)."""

    def trainings(self, metric: str, *, epochs: int) -> NDArray[np.float64]:
        """A metric of every training (rows, repeats) after so many epochs, NaN where unknown."""


def mean(values: Sequence[float]) -> float:
    """The mean to the last bit of nats_bench's, which adds one after the other."""
    return sum(values) / len(values)


class Trained:
    """A table of one data set and schedule.

    Raises:
        TableFault: it was not imported from NATS-Bench or NAS-Bench-201.
    """

    def __init__(self, table: Trainings) -> None:
        named = NAME.fullmatch(table.name)
        self._metrics = {metric.name: metric for metric in table.metrics}
        if not (named and named[1] in SETS and {"train_loss", LATENCY} <= set(self._metrics)):
            raise TableFault(
                f"{table.name} is not a table of NATS-Bench; make one with `nasbench table import "
                "nats-tss` (or nats-sss, nasbench201)"
            )
        self.table, self.space = table, table.space
        self.dataset: str = named[1]
        self.hp = named[2].zfill(2)
        self.epochs = table.epochs[-1]
        self.sets = {"train": "train", **SETS[self.dataset]}
        self._row_of = {tuple(genes): row for row, genes in enumerate(table.genes.tolist())}
        self._status = table.status
        self._rows: dict[int, int] = {}
        self._repeats: dict[int, dict[int, int]] = {}
        fixed = [each.name for each in table.metrics if each.split == "static"]
        self.fixed = {name: table.values(name) for name in fixed}
        """Columns (rows,) that are the same for all trainings of an architecture."""
        self._epoch_s = {split: self.fixed.get(f"{split}_epoch_s") for split in self.sets.values()}
        self._keys = {
            split: tuple(f"{split}-{what}" for what in ("loss", "accuracy", "per-time", "all-time"))
            for split in self.sets.values()
        }
        self.more_info = lru_cache(KEPT)(self._more_info)
        """Loss, accuracy and seconds of each set, of a row, repeats and an epoch; not to change."""
        self._planes: dict[tuple[str, int], tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def row(self, index: int) -> int:
        """Row of an architecture.

        Raises:
            InvalidArchitecture: the table has none of it.
        """
        row = self._rows.get(index)
        if row is None:
            row = self._row_of.get(self.space.arch(index).genes)
            if row is None or not self.repeats(row):
                raise InvalidArchitecture(
                    f"{self.table.name} has no training of architecture {index}; it has "
                    f"{len(self._row_of):,} of the {len(self.space):,}"
                )
            self._rows[index] = row
        return row

    def has(self, index: int) -> bool:
        """Whether an architecture was trained."""
        row = self._row_of.get(self.space.arch(index).genes)
        return row is not None and bool(self.repeats(row))

    def indices(self) -> Iterator[int]:
        """Those of the architectures that were trained, ascending."""
        return filter(self.has, range(len(self.space)))

    def repeats(self, row: int) -> dict[int, int]:
        """The repeat of each seed that a row was trained with."""
        found = self._repeats.get(row)
        if found is None:
            status = self._status[row].tolist()
            pairs = enumerate(zip(self.table.seeds, status, strict=True))
            found = self._repeats[row] = {seed: k for k, (seed, trained) in pairs if trained}
        return found

    def at(self, iepoch: int | None) -> int:
        """The epoch that is asked for, counted from 0; the last one for None.

        Raises:
            UnknownSchedule: there is none.
        """
        if iepoch is None:
            return self.epochs - 1
        if isinstance(iepoch, (int, np.integer)) and 0 <= iepoch < self.epochs:
            return int(iepoch)
        raise UnknownSchedule(
            f"{self.table.name} has the epochs 0 to {self.epochs - 1}, got iepoch={iepoch!r}; "
            "None is the last one"
        )

    def measured(
        self, split: str, row: int, repeats: Sequence[int], at: int
    ) -> tuple[float, float, float | None] | None:
        """Loss, accuracy and seconds so far after the epoch `at`, the means over repeats.

        None if one of them was not evaluated then.
        """
        losses, accuracies = self._planes.get((split, at)) or self._read(split, at)
        accuracy = _mean_of(accuracies, row, repeats)
        if math.isnan(accuracy):
            return None
        return _mean_of(losses, row, repeats), accuracy, self._so_far(split, row, repeats, at)

    def seconds(self, split: str, row: int, nth: int, at: int) -> list[float]:
        """Seconds of each epoch up to `at` of the repeat `nth`; none if they are unknown."""
        each = self._epoch_s[split]
        if each is not None:
            once = each.item(row)
            return [] if math.isnan(once) else [once] * (at + 1)
        name = f"{split}_epoch_s"
        if name not in self._metrics:
            return []
        planes = (self.table.trainings(name, epochs=k + 1) for k in range(at + 1))
        curve = [plane.item(row, nth) for plane in planes]
        return [] if any(map(math.isnan, curve)) else curve

    def _so_far(self, split: str, row: int, repeats: Sequence[int], at: int) -> float | None:
        """The sum of `seconds`, the mean over repeats."""
        each = self._epoch_s[split]
        if each is None:
            known = [sum(found) for k in repeats if (found := self.seconds(split, row, k, at))]
            return mean(known) if known else None
        total = sum(repeat(each.item(row), at + 1))
        if math.isnan(total):
            return None
        return total if len(repeats) == 1 else mean([total] * len(repeats))

    def _more_info(self, row: int, repeats: tuple[int, ...], at: int) -> dict[str, float | None]:
        info: dict[str, float | None] = {}
        for split, (loss, accuracy, per_time, all_time) in self._keys.items():
            found = self.measured(split, row, repeats, at)
            if found is not None:
                info[loss], info[accuracy], seconds = found
                info[per_time] = None if seconds is None else seconds / (at + 1)
                info[all_time] = seconds
        return info

    def info(
        self, name: str, row: int, repeats: Sequence[int], iepoch: int | None
    ) -> dict[str, Any]:
        """What nats_bench tells of a set after an epoch, the means over repeats.

        Raises:
            UnknownName: this data set has no such set.
            UnknownSchedule: there is no such epoch, or the set was not evaluated after it.
        """
        if name not in self.sets:
            raise registry.unknown(UnknownName, "set", name, list(self.sets))
        at, split = self.at(iepoch), self.sets[name]
        found = self.measured(split, row, repeats, at)
        if found is None:
            raise self.unevaluated(name, at)
        last = [each[-1] for k in repeats if (each := self.seconds(split, row, k, at))]
        loss, accuracy, all_time = found
        return {
            "iepoch": at,
            "loss": loss,
            "accuracy": accuracy,
            "cur_time": mean(last) if last else None,
            "all_time": all_time,
        }

    def unevaluated(self, name: str, at: int) -> UnknownSchedule:
        """The error of a set that was not evaluated after an epoch."""
        return UnknownSchedule(
            f"{self.table.name} has no results on {name} after epoch {at} (counted from 0); "
            f"pass iepoch=None for the last epoch. Another set is no substitute for it"
        )

    def latency(self, row: int) -> float | None:
        """Seconds of a batch of 256 examples."""
        return self._scaled(row, LATENCY, 1000)

    def sizes(self, row: int) -> dict[str, float | None]:
        """FLOPs and parameters in millions."""
        return {
            "flops": self._scaled(row, "macs", 1e6),
            "params": self._scaled(row, "params", 1e6),
        }

    def costs(self, row: int) -> dict[str, float | None]:
        """Parameters and FLOPs in millions, seconds of a batch of 256, seconds of training."""
        repeats = list(self.repeats(row).values())
        found = {**self.sizes(row), "latency": self.latency(row)}
        for name, split in self.sets.items():
            all_s = [self.seconds(split, row, k, self.epochs - 1) for k in repeats]
            known = [each for each in all_s if each]
            found[f"T-{name}@epoch"] = mean([mean(each) for each in known]) if known else None
            found[f"T-{name}@total"] = mean([sum(each) for each in known]) if known else None
        return found

    def _scaled(self, row: int, name: str, unit: float) -> float | None:
        """A number of an architecture, as the mean of that of each training."""
        value = self.fixed[name].item(row) / unit
        return None if math.isnan(value) else mean([value] * len(self.repeats(row)))

    def _read(self, split: str, at: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        names = f"{split}_loss", f"{split}_accuracy"
        loss, accuracy = (self.table.trainings(name, epochs=at + 1) for name in names)
        self._planes[split, at] = loss, accuracy
        return loss, accuracy


def _mean_of(plane: NDArray[np.float64], row: int, repeats: Sequence[int]) -> float:
    if len(repeats) == 1:  # the usual case, and three times as fast
        return plane.item(row, repeats[0])
    return mean([plane.item(row, k) for k in repeats])
