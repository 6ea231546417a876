"""The numbers of a table file, decoded: the final epoch at once, earlier ones when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Metric
from tabular import noise, schema
from tabular.hdf5 import Source

MEAN = -1
"""In place of a repeat: the mean over those that were trained."""
_ALWAYS = ("genes", "seeds", "status", "cost_s")


class Columns:
    """Verified and decoded arrays of one table file; all of them are read-only."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.paths = _metric_paths(source)
        """Where each metric is stored, by name, in the order of the table's metrics."""
        self.epochs: tuple[int, ...] = tuple(source.attributes["epochs"])
        last = len(self.epochs) - 1
        statics = [path for path in self.paths.values() if path.startswith("static/")]
        curves = [path for path in self.paths.values() if path.startswith("curves/")]
        names = [*_ALWAYS, *statics, *(name for name in ("row",) if name in source.datasets)]
        planes = [(path, last) for path in curves]
        read: dict[Any, NDArray[Any]] = dict(
            zip([*names, *planes], source.read(*names, *planes), strict=True)
        )
        self.genes: NDArray[np.int16] = read["genes"]
        self.seeds: tuple[int, ...] = tuple(read["seeds"].tolist())
        self.status: NDArray[np.uint8] = read["status"]
        self.row: NDArray[np.int32] | None = read.get("row")
        self._fixed = {path: _frozen(read[path].astype(np.float64)) for path in names[3:]}
        self._planes = {key: self._decoded(key[0], read[key]) for key in planes}
        self._trained = self.status != schema.NOT_TRAINED
        self.repeats_of: NDArray[np.int64] = self._trained.sum(axis=1)
        """Trained repeats (rows,)."""
        self._order = np.argsort(~self._trained, axis=1, kind="stable")

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
            self._fixed[path] = _frozen(self._source.read(path)[0].astype(np.float64))
        return self._fixed[path]

    def plane(self, metric: str, epoch: int) -> NDArray[np.float64]:
        """Values (rows, repeats) of a metric after the epoch of an index."""
        key = self.paths[metric], epoch
        if key not in self._planes:
            self._planes[key] = self._decoded(key[0], self._source.read(key)[0])
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
        return int(self._order[row, noise.draw(noise_seed, row, count)]) if count else MEAN

    def full_costs(self) -> NDArray[np.float64]:
        """Seconds (rows,) of the full training; the median where there is no measurement."""
        costs = self.fixed("cost_s")
        known = np.isfinite(costs)
        return np.where(known, costs, np.median(costs[known]) if known.any() else np.nan)

    def _decoded(self, path: str, raw: NDArray[Any]) -> NDArray[np.float64]:
        return _frozen(schema.decode(raw, self._source.datasets[path]["attributes"]))


class Answers(dict[int, tuple[dict[str, float], float]]):
    """Metrics and seconds of rows, made when a row is first asked for."""

    def __init__(
        self, columns: Mapping[str, NDArray[np.float64]], cost_s: NDArray[np.float64]
    ) -> None:
        super().__init__()
        self._columns = columns
        self._cost_s = cost_s

    def __missing__(self, row: int) -> tuple[dict[str, float], float]:
        metrics = {name: float(values[row]) for name, values in self._columns.items()}
        answer = self[row] = metrics, float(self._cost_s[row])
        return answer


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
