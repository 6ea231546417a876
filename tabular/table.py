"""A table as a benchmark: looking up what was trained."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench import registry
from nasbench.core import Architecture, Candidate, Metric, Recipe, Result, Space
from nasbench.errors import (
    InvalidArchitecture,
    InvalidConfig,
    TableFault,
    UnknownMetric,
    UnknownSchedule,
    WrongSpace,
)
from tabular import schema
from tabular.hdf5 import Source
from tabular.setting import Setting

MEAN = -1
"""In place of a repeat: the mean over those that were trained."""
_MASK = (1 << 64) - 1
_Answers: TypeAlias = list[tuple[tuple[float, ...], float]]
"""Metrics in order and seconds, by row."""


class Table:
    """A benchmark stored in a file; made by `hdf5.open_table`.

    `query` is for single candidates, `lookup` for arrays of genes. With a `noise_seed` every row answers with
    one of its repeats, drawn by `drawn_repeats`; without, with the mean over its repeats.
    """

    def __init__(self, source: Source, space: Space | None = None) -> None:
        about = source.attributes
        self.source = source
        self.name: str = about["name"]
        self.sha256 = source.sha256
        """Hash of the content."""
        self.task: str = about["task"]
        """Name of the task that was trained; empty for imported tables."""
        self.per: str = about["per"]
        """What a row stands for: `class` or `architecture`."""
        self.epochs: tuple[int, ...] = tuple(about["epochs"])
        curves = [name for name in source.datasets if name.startswith("curves/")]
        statics = [name for name in source.datasets if name.startswith("static/")]
        paths = sorted((*curves, *statics), key=_metric_rank)
        self._paths = {path.partition("/")[2]: path for path in paths}
        self.metrics: tuple[Metric, ...] = tuple(
            schema.metric_of(name, source.datasets[path]["attributes"])
            for name, path in self._paths.items()
        )
        self._space = space
        self._space_name: str = about["space"]
        self._arity: tuple[int, ...] = tuple(about["arity"])
        self._weights = schema.code_weights(self._arity)
        self._load()

    @property
    def space(self) -> Space:
        """The space that the table covers."""
        if self._space is None:
            self._space = registry.space(self._space_name)
        return self._space

    @property
    def recipe(self) -> Recipe:
        """How it was trained.

        Raises:
            TableFault: it was not trained here but imported.
        """
        if not self.source.attributes["recipe"]:
            raise TableFault(f"{self.name} was imported; no recipe of this project trained it")
        return Recipe(**self.source.attributes["recipe"])

    @property
    def setting(self) -> Setting | None:
        """All that decided its numbers; None for imported tables."""
        stored = self.source.attributes["setting"]
        return Setting.from_json(stored) if stored else None

    @property
    def repeats(self) -> int:
        """Trainings of each row, in a complete table."""
        return len(self.seeds)

    @property
    def cost_measured(self) -> str:
        """How `cost_s` was: `quiet`, `busy` or `given`."""
        return str(self.source.datasets["cost_s"]["attributes"]["measured"])

    def query(
        self, candidates: Sequence[Candidate], *, noise_seed: int | None = None
    ) -> list[Result]:
        """Results in the order of the candidates; NaN where nothing was trained.

        Raises:
            WrongSpace: a candidate of another space.
            InvalidArchitecture: genes that the space or the table does not have.
            UnknownSchedule: a number of epochs without results.
            InvalidConfig: a noise seed that is not a whole number.
        """
        seed = None if noise_seed is None or self.repeats == 1 else _whole(noise_seed)
        names = tuple(self._paths)
        found = []
        for candidate in candidates:
            arch = candidate.arch
            if arch.space != self._space_name:
                raise self._wrong_space(arch)
            row = self._row_of.get(arch.genes)
            if row is None:
                row = self._find(arch)
            repeat = MEAN if seed is None else self._repeat_of(row, seed)
            answers = self._answers.get((candidate.epochs, repeat))
            if answers is None:
                answers = self._prepare(candidate.epochs, repeat)
            values, cost_s = answers[row]
            found.append(Result(dict(zip(names, values, strict=True)), cost_s))
        return found

    def lookup(
        self,
        metric: str,
        genes: ArrayLike,
        *,
        epochs: int | None = None,
        noise_seed: int | None = None,
    ) -> NDArray[np.float64]:
        """A metric (n,) of architectures given by their genes (n, p).

        Raises:
            UnknownMetric: the table has no such metric.
            InvalidArchitecture: genes that the space or the table does not have.
            UnknownSchedule: a number of epochs without results.
        """
        return self.values(metric, epochs=epochs, noise_seed=noise_seed)[self.rows_of(genes)]

    def values(
        self, metric: str, *, epochs: int | None = None, noise_seed: int | None = None
    ) -> NDArray[np.float64]:
        """A metric of every row, (rows,)."""
        if metric not in self._paths:
            raise registry.unknown(UnknownMetric, "metric", metric, list(self._paths))
        if self._paths[metric].startswith("static/"):
            self._epoch(epochs)
            return self.column(metric)
        plane = self._plane(metric, self._epoch(epochs))
        if noise_seed is None or self.repeats == 1:
            return self._mean(plane)
        drawn = self.drawn_repeats(noise_seed)
        picked: NDArray[np.float64] = plane[np.arange(len(plane)), drawn]
        return picked

    def rows(self) -> tuple[NDArray[np.int16], Mapping[str, NDArray[np.float64]]]:
        """Genes (rows, p) and metric columns (rows,) of the full training, means over repeats."""
        return self.genes, {name: self.values(name) for name in self._paths}

    def rows_of(self, genes: ArrayLike) -> NDArray[np.int64]:
        """Row (n,) of architectures given by their genes (n, p).

        Raises:
            InvalidArchitecture: genes that the space or the table does not have.
        """
        given = np.asarray(genes)
        if given.ndim != 2 or given.shape[1] != len(self._arity):
            raise InvalidArchitecture(
                f"expected genes of shape (n, {len(self._arity)}), got {given.shape}"
            )
        if self._row is None:
            archs = (Architecture(self._space_name, tuple(row)) for row in given.tolist())
            return np.array([self._find(arch) for arch in archs], dtype=np.int64)
        codes = np.zeros(len(given), dtype=np.int64)
        invalid = np.zeros(len(given), dtype=np.bool_)
        for gene, choices, weight in zip(given.T, self._arity, self._weights, strict=True):
            invalid |= (gene < 0) | (gene >= choices)
            codes += gene * weight
        rows = self._row[np.where(invalid, 0, codes)].astype(np.int64)
        invalid |= rows < 0
        if invalid.any():
            raise self._no_row(tuple(given[int(invalid.argmax())].tolist()))
        return rows

    def drawn_repeats(self, noise_seed: int) -> NDArray[np.int64]:
        """The repeat (rows,) that answers with a noise seed.

        Of a row's k trained repeats, in order, it is number splitmix64(splitmix64(noise_seed) xor row) mod k.
        """
        keys = np.uint64(_splitmix64(_whole(noise_seed))) ^ np.arange(
            len(self.genes), dtype=np.uint64
        )
        counts = np.maximum(self._counts, 1)
        nth = _splitmix64_array(keys) % counts.astype(np.uint64)
        drawn: NDArray[np.int64] = self._order[np.arange(len(self.genes)), nth.astype(np.int64)]
        return drawn

    def curves(self, metric: str) -> NDArray[np.float64]:
        """A metric of every training, (rows, repeats, epochs)."""
        if not self._paths.get(metric, "").startswith("curves/"):
            known = [name for name, path in self._paths.items() if path.startswith("curves/")]
            raise registry.unknown(UnknownMetric, "curve", metric, known)
        return np.stack([self._plane(metric, k) for k in range(len(self.epochs))], axis=-1)

    def column(self, name: str) -> NDArray[np.float64]:
        """A static metric or `cost_s` (rows,), or `train_s` (rows, repeats), as stored."""
        if name not in self._columns:
            path = self._paths.get(name, name)
            self._columns[name] = _fixed(self.source.read(path)[0].astype(np.float64))
        return self._columns[name]

    def __repr__(self) -> str:
        return f"<Table {self.name}: {len(self.genes)} x {self.repeats}, sha256 {self.sha256[:12]}>"

    def __reduce__(self) -> tuple[Any, ...]:
        from tabular.hdf5 import open_table

        return open_table, (self.source.path, self._space)

    def _load(self) -> None:
        """Reads what answers a query for the full training, in one go."""
        last = len(self.epochs) - 1
        curves = [name for name, path in self._paths.items() if path.startswith("curves/")]
        fixed = ["genes", "seeds", "status", "cost_s", *self._paths_of("static/")]
        indexed = "row" in self.source.datasets
        wanted = [*fixed, *((self._paths[name], last) for name in curves), *["row"][: int(indexed)]]
        read = dict(zip(wanted, self.source.read(*wanted), strict=True))
        self.genes: NDArray[np.int16] = read["genes"]
        """(rows, p) of every row."""
        self.seeds: tuple[int, ...] = tuple(read["seeds"].tolist())
        """Training seed of each repeat."""
        self.status: NDArray[np.uint8] = read["status"]
        """(rows, repeats): 0 not trained, 1 trained, 2 diverged."""
        self._row: NDArray[np.int32] | None = read.get("row")
        self._columns = {
            name.rpartition("/")[2]: _fixed(read[name].astype(np.float64)) for name in fixed[3:]
        }
        self._planes = {
            (name, last): self._decoded(name, read[self._paths[name], last]) for name in curves
        }
        trained = self.status != schema.NOT_TRAINED
        self._counts = trained.sum(axis=1)
        self._order = np.argsort(~trained, axis=1, kind="stable")
        self._row_of: dict[tuple[int, ...], int] = {}
        self._answers: dict[tuple[int | None, int], _Answers] = {}

    def _paths_of(self, prefix: str) -> list[str]:
        return [path for path in self._paths.values() if path.startswith(prefix)]

    def _decoded(self, metric: str, raw: NDArray[Any]) -> NDArray[np.float64]:
        attributes = self.source.datasets[self._paths[metric]]["attributes"]
        return _fixed(schema.decode(raw, attributes))

    def _plane(self, metric: str, epoch: int) -> NDArray[np.float64]:
        """Values (rows, repeats) after the epoch of an index."""
        key = metric, epoch
        if key not in self._planes:
            raw = self.source.read((self._paths[metric], epoch))[0]
            self._planes[key] = self._decoded(metric, raw)
        return self._planes[key]

    def _mean(self, plane: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.repeats == 1:
            return plane[:, 0]
        trained = self.status != schema.NOT_TRAINED
        total = np.where(trained, plane, 0.0).sum(axis=1)
        return np.divide(
            total, self._counts, out=np.full(len(plane), np.nan), where=self._counts > 0
        )

    def _epoch(self, epochs: int | None) -> int:
        if epochs is None:
            return len(self.epochs) - 1
        try:
            return self.epochs.index(epochs)
        except ValueError:
            raise UnknownSchedule(
                f"{self.name} has no {epochs}-epoch results; it offers {_listed(self.epochs)}. "
                f"Pass epochs=None for the full training."
            ) from None

    def _prepare(self, epochs: int | None, repeat: int) -> _Answers:
        """Answers of every row at some epochs, for one repeat or the mean."""
        at = self._epoch(epochs)
        columns = []
        for name, path in self._paths.items():
            if path.startswith("static/"):
                columns.append(self.column(name))
            else:
                plane = self._plane(name, at)
                columns.append(self._mean(plane) if repeat == MEAN else plane[:, repeat])
        share = self.epochs[at] / self.epochs[-1]
        costs = (self._full_costs() * share).tolist()
        rows = zip(*(column.tolist() for column in columns), strict=True)
        answers = list(zip(rows, costs, strict=True))
        self._answers[epochs, repeat] = answers
        return answers

    def _full_costs(self) -> NDArray[np.float64]:
        """Seconds (rows,) of the full training; rows without a measurement are charged the median."""
        costs = self.column("cost_s")
        known = np.isfinite(costs)
        return np.where(known, costs, np.median(costs[known]) if known.any() else np.nan)

    def _find(self, arch: Architecture) -> int:
        genes = arch.genes
        if self._row is None:
            row = self._searched(arch)
        else:
            fits = len(genes) == len(self._arity) and all(
                isinstance(gene, (int, np.integer)) and 0 <= gene < choices
                for gene, choices in zip(genes, self._arity, strict=True)
            )
            code = sum(map(operator.mul, genes, self._weights.tolist())) if fits else 0
            row = int(self._row[code]) if fits else -1
        if row < 0:
            raise self._no_row(genes)
        self._row_of[genes] = row
        return row

    def _searched(self, arch: Architecture) -> int:
        if not self._row_of:
            self._row_of.update({tuple(row): k for k, row in enumerate(self.genes.tolist())})
        if not self.space.is_valid(arch):
            return -1
        canonical = self.space.canonical(arch) if self.per == "class" else arch
        return self._row_of.get(canonical.genes, -1)

    def _repeat_of(self, row: int, seed: int) -> int:
        count = int(self._counts[row])
        if count == 0:
            return MEAN
        return int(self._order[row, _splitmix64(_splitmix64(seed) ^ row) % count])

    def _wrong_space(self, arch: Architecture) -> WrongSpace:
        return WrongSpace(
            f"{self.name} answers for architectures of {self._space_name}, got one of {arch.space}; "
            f"make it with nasbench's space {self._space_name!r}"
        )

    def _no_row(self, genes: tuple[int, ...]) -> InvalidArchitecture:
        return InvalidArchitecture(
            f"{self.name} has no row for the genes {genes}; {self._space_name} has {len(self._arity)} genes "
            f"below {self._arity}"
        )


def _metric_rank(path: str) -> tuple[bool, int, str]:
    name = path.partition("/")[2]
    known = list(schema.METRICS)
    return name not in known, known.index(name) if name in known else 0, name


def _fixed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values.flags.writeable = False
    return values


def _whole(noise_seed: int) -> int:
    try:
        return operator.index(noise_seed) & _MASK
    except TypeError:
        raise InvalidConfig(f"noise_seed is a whole number or None, got {noise_seed!r}") from None


def _splitmix64(x: int) -> int:
    """Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014)."""
    z = (x + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def _splitmix64_array(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = x + np.uint64(0x9E3779B97F4A7C15)  # wraps around, as it should
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _listed(epochs: Sequence[int]) -> str:
    few = [str(n) for n in epochs]
    return ", ".join(few) if len(few) <= 12 else f"{few[0]}, {few[1]}, ..., {few[-1]}"
