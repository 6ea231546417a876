"""A table as a benchmark: looking up what was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench import registry
from nasbench.core import Architecture, Candidate, Metric, Recipe, Result, Space
from nasbench.errors import (
    TableFault,
    UnknownMetric,
    UnknownSchedule,
    WrongSpace,
)
from nasbench.noise import whole
from tabular import schema
from tabular.columns import MEAN, Answers, Parts
from tabular.hdf5 import Source
from tabular.rows import Rows
from tabular.setting import Setting


class Table:
    """A benchmark stored in a file; made by `hdf5.open_table`.

    `query` is for single candidates, `lookup` for arrays of genes. With a `noise_seed` every row
    answers with one of its repeats, drawn as `noise` says; without, with the mean over them.
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
        self._parts = Parts(source)
        self._columns = self._parts.whole
        self.metrics: tuple[Metric, ...] = self._columns.metrics()
        self.epochs = self._columns.epochs
        self.seeds = self._columns.seeds
        """Training seed of each repeat."""
        self._space = space
        self._space_name: str = about["space"]
        self._rows = Rows(about, self._columns, lambda: self.space)
        self._row_of: dict[tuple[int, ...], int] = {}
        self._answers: dict[tuple[int | None, int], Answers] = {}

    @property
    def genes(self) -> NDArray[np.int16]:
        """(rows, p) of every row."""
        return self._columns.genes

    @property
    def status(self) -> NDArray[np.uint8]:
        """(rows, repeats): 0 not trained, 1 trained, 2 diverged."""
        return self._columns.status

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
            raise TableFault(
                f"{self.name} was imported, no recipe of this project trained it; "
                "ask a table that `nasbench table build` made"
            )
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
    def trained(self) -> tuple[int, int]:
        """Rows that were trained at least once, and all rows."""
        return int(np.count_nonzero(self._columns.repeats_of)), len(self.genes)

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
        seed = None if noise_seed is None else whole(noise_seed)
        found = []
        for candidate in candidates:
            arch = candidate.arch
            if arch.space != self._space_name:
                raise self._wrong_space(arch)
            row = self._row_of.get(arch.genes)
            if row is None:
                row = self._row_of[arch.genes] = self._rows.of(arch)
            repeat = MEAN if seed is None else self._repeat_of(row, seed)
            answers = self._answers.get((candidate.epochs, repeat))
            if answers is None:
                answers = self._prepare(candidate.epochs, repeat)
            metrics, cost_s = answers[row]
            found.append(Result(metrics.copy(), cost_s))  # theirs to change
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
        """A metric (rows,) of every row; raises as `lookup` does."""
        if metric not in self._columns.paths:
            raise registry.unknown(UnknownMetric, "metric", metric, list(self._columns.paths))
        at = self._epoch(epochs)
        if noise_seed is None:
            return self._columns.mean(metric, at)
        return self._columns.drawn(metric, at, whole(noise_seed))

    def curves(self, metric: str) -> NDArray[np.float64]:
        """A metric of every training, (rows, repeats, epochs); raises as `lookup` does."""
        self._refuse_static(metric)
        planes = [self._columns.plane(metric, k) for k in range(len(self.epochs))]
        return np.stack(planes, axis=-1)

    def recorded(self) -> NDArray[np.bool_]:
        """Whether any curve has a value, (rows, repeats, epochs)."""
        found = np.zeros((*self.status.shape, len(self.epochs)), dtype=np.bool_)
        for name in self._columns.paths:
            if not self._columns.is_static(name):
                found |= ~np.isnan(self.curves(name))
        return found

    def trainings(self, metric: str, *, epochs: int | None = None) -> NDArray[np.float64]:
        """A metric of every training after so many epochs, (rows, repeats); raises as `lookup`."""
        self._refuse_static(metric)
        return self._columns.plane(metric, self._epoch(epochs))

    def train_s(self) -> NDArray[np.float64]:
        """Seconds of each training as it happened, (rows, repeats)."""
        return self._columns.fixed("train_s")

    def cost_s(self) -> NDArray[np.float64]:
        """Seconds of the full training of each row, (rows,); NaN where it was not measured."""
        return self._columns.fixed("cost_s")

    def charged_s(self, *, epochs: int | None = None) -> NDArray[np.float64]:
        """Seconds (rows,) charged for so many epochs, by default the full training's.

        They are the mean recorded for these epochs, or else a part of `cost_s`, or of what stands
        in for it.

        Raises:
            UnknownSchedule: a number of epochs without results.
        """
        return self._columns.costs(self._epoch(epochs))

    def all_charged_s(self) -> NDArray[np.float64]:
        """`charged_s` (rows, epochs) of every number of epochs."""
        return np.stack([self.charged_s(epochs=n) for n in self.epochs], axis=1)

    @property
    def continues(self) -> bool:
        """Whether a shorter training is the beginning of a longer one, see `schema.TRAINING_S`."""
        return schema.TRAINING_S.name not in self._columns.paths

    def verify(self) -> int:
        """Reads everything, attributes too; returns how many hashes held.

        Raises:
            TableCorrupt: something is not what was written.
        """
        self.source.verify_attributes()
        return self.source.verify_values()

    def rows(self) -> tuple[NDArray[np.int16], Mapping[str, NDArray[np.float64]]]:
        """Genes (rows, p) and means over repeats (rows,) of each metric of the full training.

        NaN where nothing was trained, see `trained`.
        """
        return self.genes, {name: self.values(name) for name in self._columns.paths}

    def rows_of(self, genes: ArrayLike) -> NDArray[np.int64]:
        """Row (n,) of architectures given by their genes (n, p).

        Raises:
            InvalidArchitecture: genes that the space or the table does not have.
        """
        return self._rows.of_all(genes)

    def __repr__(self) -> str:
        return f"<Table {self.name}: {len(self.genes)} x {self.repeats}, sha256 {self.sha256[:12]}>"

    def __reduce__(self) -> tuple[Any, ...]:
        from tabular.hdf5 import open_table

        return open_table, (self.source.path, self._space)

    def _refuse_static(self, metric: str) -> None:
        curves = [name for name in self._columns.paths if not self._columns.is_static(name)]
        if metric not in curves:
            raise registry.unknown(UnknownMetric, "curve", metric, curves)

    def _epoch(self, epochs: int | None) -> int:
        if epochs is None:
            return len(self.epochs) - 1
        if epochs in self.epochs:
            return self.epochs.index(epochs)
        few = [str(n) for n in self.epochs]
        listed = ", ".join(few) if len(few) <= 12 else f"{few[0]}, {few[1]}, ..., {few[-1]}"
        raise UnknownSchedule(
            f"{self.name} has no {epochs}-epoch results; it offers {listed}. "
            "Without epochs it is the full training."
        )

    def _prepare(self, epochs: int | None, repeat: int) -> Answers:
        """Answers of every row for one repeat or the mean; kept for the next query."""
        answers = Answers(self._parts, self._epoch(epochs), repeat)
        self._answers[epochs, repeat] = answers
        return answers

    def _repeat_of(self, row: int, noise_seed: int) -> int:
        part = self._parts.of(row)
        return part.repeat_of(row - part.first, noise_seed)

    def _wrong_space(self, arch: Architecture) -> WrongSpace:
        return WrongSpace(
            f"{self.name} answers for architectures of {self._space_name}, "
            f"got one of {arch.space}; make it with the space {self._space_name!r}"
        )
