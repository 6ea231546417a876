"""The numbers of a table file, decoded: the final epoch at once, earlier ones when asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Metric
from tabular import noise, schema
from tabular.hdf5 import Source

MEAN = -1
"""In place of a repeat: the mean over those that were trained."""
_ALWAYS = ("status", "cost_s")
_INDEX = ("genes", "seeds", "row")


class Columns:
    """Verified and decoded arrays of a table file or of one block of it; all of them read-only.

    Where there is a single block, what the full training needs is read at once.
    """

    def __init__(self, source: Source, block: int | None = None) -> None:
        self._source = source
        self._block = block
        self.first = 0 if block is None else block * (source.block or 0)
        """The table's row that is the first of these."""
        self.paths = _metric_paths(source)
        """Where each metric is stored, by name, in the order of the table's metrics."""
        self.epochs: tuple[int, ...] = tuple(source.attributes["epochs"])
        self._raw: dict[str, NDArray[Any]] = {}
        self._fixed: dict[str, NDArray[np.float64]] = {}
        self._planes: dict[tuple[str, int], NDArray[np.float64]] = {}
        if source.block is None:
            self.load(len(self.epochs) - 1, *(each for each in _INDEX if each in source.datasets))

    @property
    def genes(self) -> NDArray[np.int16]:
        """Genes (rows, p)."""
        return self._read("genes")

    @property
    def status(self) -> NDArray[np.uint8]:
        """Status (rows, repeats), see `schema`."""
        return self._read("status")

    @property
    def seeds(self) -> tuple[int, ...]:
        """Training seed of each repeat."""
        return tuple(self._read("seeds").tolist())

    def index(self, name: str) -> NDArray[Any] | None:
        """The data set `row` or `code` of the whole table, if it has one."""
        return self._read(name) if name in self._source.datasets else None

    @cached_property
    def repeats_of(self) -> NDArray[np.int64]:
        """Trained repeats (rows,)."""
        counted: NDArray[np.int64] = self._trained.sum(axis=1)
        return counted

    def load(self, epoch: int, *others: str) -> None:
        """Reads all that answers for the epoch of an index, opening the file once."""
        statics = [path for path in self.paths.values() if path.startswith("static/")]
        curves = [path for path in self.paths.values() if path.startswith("curves/")]
        names = [path for path in (*_ALWAYS, *statics, *others) if path not in self._raw]
        planes = [(path, epoch) for path in curves if (path, epoch) not in self._planes]
        if not (names or planes):
            return
        read = self._source.read(*names, *planes, block=self._block)
        self._raw |= dict(zip(names, read, strict=False))
        for key, raw in zip(planes, read[len(names) :], strict=True):
            self._planes[key] = self._decoded(key[0], raw)

    def metrics(self) -> tuple[Metric, ...]:
        """What each metric column measures."""
        known = self._source.datasets
        return tuple(
            schema.metric_of(name, known[path]["attributes"]) for name, path in self.paths.items()
        )

    def is_static(self, metric: str) -> bool:
        """Whether a metric depends on the architecture alone."""
        return self.paths[metric].startswith("static/")

    def fixed(self, path: str) -> NDArray[np.float64]:
        """A column without epochs: `static/...` or `cost_s` (rows,), `train_s` (rows, repeats)."""
        if path not in self._fixed:
            self._fixed[path] = _frozen(self._read(path).astype(np.float64))
        return self._fixed[path]

    def plane(self, metric: str, epoch: int) -> NDArray[np.float64]:
        """Values (rows, repeats) of a metric after the epoch of an index."""
        key = self.paths[metric], epoch
        if key not in self._planes:
            (raw,) = self._source.read(key, block=self._block)
            self._planes[key] = self._decoded(key[0], raw)
        return self._planes[key]

    def mean(self, metric: str, epoch: int) -> NDArray[np.float64]:
        """Mean (rows,) over the trained repeats; NaN where none was, or one has no value."""
        if self.is_static(metric):
            return self.fixed(self.paths[metric])
        plane = self.plane(metric, epoch)
        total = np.where(self._trained, plane, 0.0).sum(axis=1)
        counts = self.repeats_of
        mean = np.full(len(plane), np.nan)
        return _frozen(np.divide(total, counts, out=mean, where=counts > 0))

    def one(self, metric: str, epoch: int, repeat: int) -> NDArray[np.float64]:
        """Values (rows,) of one repeat."""
        if self.is_static(metric):
            return self.fixed(self.paths[metric])
        values: NDArray[np.float64] = self.plane(metric, epoch)[:, repeat]
        return values

    def drawn(self, metric: str, epoch: int, noise_seed: int) -> NDArray[np.float64]:
        """Values (rows,) of the repeat that `noise` draws for each row."""
        if self.is_static(metric):
            return self.fixed(self.paths[metric])
        rows = np.arange(len(self.genes))
        nth = noise.draw_all(noise_seed, np.maximum(self.repeats_of, 1))
        values: NDArray[np.float64] = self.plane(metric, epoch)[rows, self._order[rows, nth]]
        return values

    def repeat_of(self, row: int, noise_seed: int) -> int:
        """The repeat that `noise` draws for one row."""
        count = int(self.repeats_of[row])
        if not count:
            return MEAN
        return int(self._order[row, noise.draw(noise_seed, self.first + row, count)])

    def costs(self, epoch: int, repeat: int = MEAN) -> NDArray[np.float64]:
        """Seconds (rows,) charged for training to the epoch of an index, see `schema.TRAINING_S`.

        Where `cost_s` was not measured, the seconds of the row's own trainings stand in, scaled as
        they are to `cost_s` elsewhere in the table; without these, the median `cost_s`.
        """
        full = self.fixed("cost_s")
        if not np.isfinite(full).all():
            scale, median = self._stand_ins
            own = scale * _medians(self.fixed("train_s"))
            full = np.where(np.isfinite(full), full, np.where(np.isfinite(own), own, median))
        share = full * (self.epochs[epoch] / self.epochs[-1])
        name = schema.TRAINING_S.name
        if name not in self.paths:
            return share
        own = self.mean(name, epoch) if repeat == MEAN else self.one(name, epoch, repeat)
        return np.where(np.isfinite(own), own, share)

    @cached_property
    def _stand_ins(self) -> tuple[float, float]:
        """Median of `cost_s` over the seconds of trainings, and of `cost_s`, in the whole table."""
        read = self._source.read("cost_s", "train_s")
        costs, trained = (each.astype(np.float64) for each in read)
        return _median(costs / _medians(trained)), _median(costs)

    @cached_property
    def _trained(self) -> NDArray[np.bool_]:
        return np.not_equal(self.status, schema.NOT_TRAINED)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(~self._trained, axis=1, kind="stable")

    def _read(self, path: str) -> NDArray[Any]:
        if path not in self._raw:
            (self._raw[path],) = self._source.read(path, block=self._block)
        return self._raw[path]

    def _decoded(self, path: str, raw: NDArray[Any]) -> NDArray[np.float64]:
        return _frozen(schema.decode(raw, self._source.datasets[path]["attributes"]))


class Parts:
    """The columns of a table, as a whole and by block; each is read when it is first needed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.whole = Columns(source)
        self._blocks: dict[int, Columns] = {}

    def of(self, row: int) -> Columns:
        """The block that a row is in: of a table of one block, all of it."""
        size = self._source.block
        if size is None:
            return self.whole
        if row // size not in self._blocks:
            self._blocks[row // size] = Columns(self._source, row // size)
        return self._blocks[row // size]


class Answers(dict[int, tuple[dict[str, float], float]]):
    """Metrics and seconds of rows for a repeat or the mean, made when a row is first asked for."""

    def __init__(self, parts: Parts, epoch: int, repeat: int) -> None:
        super().__init__()
        self._parts, self._epoch, self._repeat = parts, epoch, repeat
        self._made: dict[int, tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]] = {}

    def __missing__(self, row: int) -> tuple[dict[str, float], float]:
        part = self._parts.of(row)
        if part.first not in self._made:
            self._made[part.first] = self._prepared(part)
        columns, cost_s = self._made[part.first]
        at = row - part.first
        metrics = {name: float(values[at]) for name, values in columns.items()}
        answer = self[row] = metrics, float(cost_s[at])
        return answer

    def _prepared(
        self, part: Columns
    ) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
        """Every metric and the seconds of all rows of a block."""
        part.load(self._epoch)
        epoch, repeat = self._epoch, self._repeat
        columns = {
            name: part.mean(name, epoch) if repeat == MEAN else part.one(name, epoch, repeat)
            for name in part.paths
        }
        return columns, part.costs(epoch, repeat)


def _median(values: NDArray[np.float64]) -> float:
    """Of those that are numbers; NaN if none is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan


def _medians(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median (rows,) over the repeats (rows, repeats) that have a number; NaN where none has."""
    found = np.full(len(seconds), np.nan)
    known = np.isfinite(seconds).any(axis=1)
    found[known] = np.nanmedian(seconds[known], axis=1)
    return found


def _metric_paths(source: Source) -> dict[str, str]:
    """Stored metrics: those of `schema.METRICS` in its order, then any others by name."""
    found = [path for path in source.datasets if path.startswith(("curves/", "static/"))]
    known = list(schema.METRICS)
    by_name = {path.partition("/")[2]: path for path in sorted(found)}
    ranked = sorted(by_name, key=lambda name: known.index(name) if name in known else len(known))
    return {name: by_name[name] for name in ranked}


def _frozen(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values.flags.writeable = False
    return values
