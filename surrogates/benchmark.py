"""A benchmark that answers by a model: `<space>/<task>@<model>`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Metric, Recipe, Result, Space
from nasbench.errors import InvalidConfig, UnknownSchedule, WrongSpace
from nasbench.noise import whole
from surrogates.calibration import Calibration
from surrogates.layout import Layout
from surrogates.model import Fitted
from surrogates.statics import Statics

Floats = NDArray[np.float64]
LISTED = 100_000
"""Architectures of the largest space that is listed by `rows`."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a surrogate comes from."""

    benchmark: str
    """Name of the benchmark that it was fitted on."""
    sha256: str | None
    """Content hash of that benchmark, if it has one."""
    task: str
    """Name of the task that was trained; empty for imported tables."""
    recipe: Mapping[str, Any] | None
    """Fields of the `core.Recipe` that trained; None if it is not known."""
    settings: Mapping[str, Any]
    """How it was fitted: `fit.Config`."""
    classes: int
    """Classes that it was fitted on."""
    left_out: int
    """Drawn classes without a value for every target."""
    continues: bool = True
    """Whether a shorter training is the beginning of a longer one there."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """All that a surrogate benchmark is made of."""

    name: str
    space: Space
    metrics: tuple[Metric, ...]
    """In the order of the benchmark that it was fitted on."""
    layout: Layout
    model: Fitted
    """Of the layout's matrix."""
    calibration: Calibration
    statics: Statics
    origin: Origin


class Surrogate:
    """A benchmark of predictions; `query` as of a table, `predict` and `interval` for arrays.

    Without a `noise_seed` it answers with means; a seed draws for each class an error such as
    the model makes on classes that it has not seen.
    """

    def __init__(self, parts: Parts, sha256: str | None = None) -> None:
        self.parts = parts
        self.name, self.metrics = parts.name, parts.metrics
        self.space, self.epochs = parts.space, parts.layout.epochs
        self.task = parts.origin.task
        """Name of the task that was trained; empty for imported tables."""
        self.sha256 = sha256
        """Content hash of the artifact that it was read from; None of one that was not stored."""

    @property
    def recipe(self) -> Recipe:
        """How the networks that it learned from were trained.

        Raises:
            InvalidConfig: it is not known.
        """
        if not self.parts.origin.recipe:
            raise InvalidConfig(
                f"{self.name} was fitted on {self.parts.origin.benchmark}, which tells no recipe; "
                "ask a surrogate of a table that `nasbench table build` made"
            )
        return Recipe(**self.parts.origin.recipe)

    @property
    def continues(self) -> bool:
        """Whether a shorter training is the beginning of a longer one, as where it learned."""
        return self.parts.origin.continues

    @property
    def fitted_on(self) -> str:
        """What it learned from, in words; that a benchmark has this says that it predicts."""
        return f"{self.parts.origin.classes:,} classes of {self.parts.origin.benchmark}"

    def query(
        self, candidates: Sequence[Candidate], *, noise_seed: int | None = None
    ) -> list[Result]:
        """Predicted results in the order of the candidates.

        Raises:
            WrongSpace: a candidate of another space.
            UnknownSchedule: a number of epochs that was not learned.
            InvalidConfig: a noise seed that is not a whole number.
        """
        at = [self._epoch(candidate.epochs) for candidate in candidates]
        forms = self._canonical([candidate.arch for candidate in candidates])
        if not forms:
            return []
        values, cost_s = self._answers(forms, noise_seed)
        statics = self._exact(forms)
        predicted = [metric.name for metric in self.parts.layout.metrics]
        exact = [metric.name for metric in self.parts.statics.metrics]
        found = []
        for row, epoch in enumerate(at):
            known = dict(zip(predicted, values[row, :, epoch].tolist(), strict=True))
            known.update(zip(exact, statics[row].tolist(), strict=True))
            metrics = {metric.name: known[metric.name] for metric in self.metrics}
            found.append(Result(metrics, float(cost_s[row, epoch])))
        return found

    def predict(
        self, archs: Sequence[Architecture], metric: str, *, epochs: int | None = None
    ) -> Floats:
        """Mean (n,) of a predicted metric; NaN of one that no class had a value of.

        Raises:
            WrongSpace: an architecture of another space.
            UnknownMetric: a metric that is not predicted.
            UnknownSchedule: a number of epochs that was not learned.
        """
        layout = self.parts.layout
        which, epoch = divmod(layout.target(metric, self._epoch(epochs)), len(layout.epochs))
        means: Floats = self._answers(self._canonical(archs), None)[0][:, which, epoch]
        return means

    def interval(
        self,
        archs: Sequence[Architecture],
        metric: str,
        level: float = 0.9,
        *,
        epochs: int | None = None,
    ) -> tuple[Floats, Floats]:
        """Lower and upper ends (n,) between which a trained value is with probability `level`.

        Fitted on fewer classes than the level takes, 9 for 90 %, they are those of all that can be.

        Raises:
            InvalidConfig: the level is not between 0 and 1; and as `predict` does.
        """
        layout, calibration = self.parts.layout, self.parts.calibration
        which, epoch = divmod(layout.target(metric, self._epoch(epochs)), len(layout.epochs))
        mean = self._means(self._canonical(archs))
        width = calibration.half_width(mean, level)
        low, high = (
            layout.unpack(each)[0][:, which, epoch] for each in (mean - width, mean + width)
        )
        return low, high

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}, fitted on {self.parts.origin.classes} classes>"

    def __reduce__(self) -> tuple[Any, ...]:
        from surrogates.artifact import pack, unpack

        return unpack, (pack(self.parts), self.space)

    def _answers(
        self, forms: Sequence[Architecture], noise_seed: int | None
    ) -> tuple[Floats, Floats]:
        """Values (n, m, e) and seconds (n, e) of canonical architectures."""
        seed = None if noise_seed is None else whole(noise_seed)
        matrix = self._means(forms)
        if seed is not None:
            genes = np.array([form.genes for form in forms], dtype=np.int64)
            matrix = matrix + self.parts.calibration.noise(matrix, genes, seed)
        return self.parts.layout.unpack(matrix)

    def _means(self, forms: Sequence[Architecture]) -> Floats:
        """The layout's matrix (n, columns) of canonical architectures."""
        return self.parts.model.predict(forms)[0]

    def _exact(self, forms: Sequence[Architecture]) -> Floats:
        """Metrics (n, k) that are counted, of canonical architectures."""
        return self.parts.statics.values(self.space, forms)

    def _canonical(self, archs: Sequence[Architecture]) -> list[Architecture]:
        for arch in archs:
            if arch.space != self.space.name:
                raise WrongSpace(
                    f"{self.name} answers for architectures of {self.space.name}, got one of "
                    f"{arch.space}; make it with the space {self.space.name!r}"
                )
        return [self.space.canonical(arch) for arch in archs]

    def _epoch(self, epochs: int | None) -> int:
        if epochs is None:
            return len(self.epochs) - 1
        if epochs in self.epochs:
            return self.epochs.index(epochs)
        raise UnknownSchedule(
            f"{self.name} predicts no {epochs}-epoch results; it offers "
            f"{', '.join(map(str, self.epochs))}. Without epochs it is the full training."
        )


class ListedSurrogate(Surrogate):
    """A surrogate of a space that is small enough to predict all of it, when it is first asked."""

    def rows(self) -> tuple[NDArray[np.int16], Mapping[str, Floats]]:
        """Genes (classes, p) of every canonical architecture, and predicted columns (classes,)."""
        return self._listed

    @cached_property
    def _listed(self) -> tuple[NDArray[np.int16], Mapping[str, Floats]]:
        forms = list(self._row)
        genes = np.array([form.genes for form in forms], dtype=np.int16)
        values, _ = self._answers(forms, None)
        names = [m.name for m in (*self.parts.layout.metrics, *self.parts.statics.metrics)]
        columns = np.concatenate([values[:, :, -1], self._exact(forms)], axis=1)
        known = dict(zip(names, np.ascontiguousarray(columns.T), strict=True))
        for array in (genes, *known.values()):
            array.flags.writeable = False
        return genes, {metric.name: known[metric.name] for metric in self.metrics}

    def _means(self, forms: Sequence[Architecture]) -> Floats:
        return self._all_means[[self._row[form] for form in forms]]

    def _exact(self, forms: Sequence[Architecture]) -> Floats:
        return self._all_exact[[self._row[form] for form in forms]]

    @cached_property
    def _row(self) -> Mapping[Architecture, int]:
        """Row of each canonical architecture, in the order of genes."""
        every = (self.space.canonical(self.space.arch(k)) for k in range(len(self.space)))
        forms = sorted(dict.fromkeys(every), key=lambda form: form.genes)
        return {form: row for row, form in enumerate(forms)}

    @cached_property
    def _all_means(self) -> Floats:
        return super()._means(list(self._row))

    @cached_property
    def _all_exact(self) -> Floats:
        return super()._exact(list(self._row))


def surrogate(parts: Parts, sha256: str | None = None) -> Surrogate:
    """The benchmark of these parts; it lists its architectures if they are not too many."""
    kind = ListedSurrogate if len(parts.space) <= LISTED else Surrogate
    return kind(parts, sha256)
