"""Models of latency for classes that were not measured, and intervals that say how sure they are.

Targets are log milliseconds: what matters is the relative error. Intervals are split-conformal (Lei
et al., "Distribution-Free Predictive Inference for Regression", JASA 2018): a share of the measured
classes is kept out of the fit, and a quantile of its relative errors is the interval's half-width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hardware.columns import Column, Genes
from hardware.lookup import LookupTable, counts
from nasbench import registry
from nasbench.core import Architecture, Predictor, Space
from nasbench.errors import InvalidConfig, UnknownName

Floats = NDArray[np.float64]
CALIBRATION = 0.25
"""Share of the measured classes that the intervals are made from."""
LEAST = 10
"""Measured classes that a model needs."""
LEAST_FOR_INTERVALS = 20
"""Measured classes of which some are kept for the intervals; of fewer all are learned from."""
LEVEL = 0.9


class Model(Protocol):
    """A model of milliseconds."""

    def fit(self, archs: Sequence[Architecture], ms: Floats) -> Self: ...

    def predict(self, archs: Sequence[Architecture]) -> Floats:
        """Milliseconds (n,)."""


class Lookup:
    """The sum of parts; it learns nothing."""

    def __init__(self, space: Space, column: Column) -> None:
        self._table = LookupTable(column.parts_ms, column.about.workload)

    def fit(self, archs: Sequence[Architecture], ms: Floats) -> Self:
        return self

    def predict(self, archs: Sequence[Architecture]) -> Floats:
        return self._table.predict(archs)


class Macs:
    """A straight line through multiply-accumulates: what latencies are often taken for."""

    def __init__(self, space: Space, column: Column) -> None:
        from nasbench.training.trainers import trainer_of

        self._count = trainer_of(space.name).count
        self._workload = column.about.workload
        self._line: Any = None

    def fit(self, archs: Sequence[Architecture], ms: Floats) -> Self:
        self._line = np.polynomial.Polynomial.fit(self._macs(archs), ms, 1)
        return self

    def predict(self, archs: Sequence[Architecture]) -> Floats:
        found: Floats = np.maximum(self._line(self._macs(archs)), 1e-6)
        return found

    def _macs(self, archs: Sequence[Architecture]) -> Floats:
        shape = (self._workload.recipe, self._workload.input, self._workload.classes)
        return np.array([self._count(arch, *shape)[1] for arch in archs], dtype=np.float64)


class Linear:
    """Ridge regression of milliseconds on one-hot genes and counts of executed operations."""

    def __init__(self, space: Space, column: Column) -> None:
        self._space = space
        self._model: Any = None

    def fit(self, archs: Sequence[Architecture], ms: Floats) -> Self:
        from sklearn.linear_model import RidgeCV

        self._least = float(ms.min())
        self._model = RidgeCV(np.logspace(-4, 3, 15))
        # weighted for relative errors
        self._model.fit(features(self._space, archs), ms, sample_weight=1 / ms**2 * ms.mean() ** 2)
        return self

    def predict(self, archs: Sequence[Architecture]) -> Floats:
        # below every measurement by far is nothing that a network can take
        found: Floats = self._model.predict(features(self._space, archs))
        return np.maximum(found, self._least / 2)


class Xgb:
    """Boosted trees of log milliseconds on the same columns."""

    def __init__(self, space: Space, column: Column) -> None:
        self._space = space
        self._model: Any = None

    def fit(self, archs: Sequence[Architecture], ms: Floats) -> Self:
        from xgboost import XGBRegressor

        self._model = XGBRegressor(
            n_estimators=400,
            learning_rate=0.05,
            max_depth=4,
            subsample=0.8,
            colsample_bytree=0.8,
            min_child_weight=2,
            n_jobs=1,
            random_state=0,
        )
        self._model.fit(features(self._space, archs), np.log(ms))
        return self

    def predict(self, archs: Sequence[Architecture]) -> Floats:
        found: Floats = self._model.predict(features(self._space, archs)).astype(np.float64)
        return np.exp(found)


class Gnn:
    """The graph networks `gnn` of the predictors, on log milliseconds."""

    def __init__(self, space: Space, column: Column) -> None:
        self._space = space
        self._model: Predictor

    def fit(self, archs: Sequence[Architecture], ms: Floats) -> Self:
        kind = registry.resolve(registry.PREDICTORS, "gnn")  # its package is on the same floor
        self._model = kind(self._space, seed=0).fit(archs, np.log(ms))
        return self

    def predict(self, archs: Sequence[Architecture]) -> Floats:
        return np.exp(self._model.predict(archs)[0])


class FewShot:
    """A new device from a known one: its log milliseconds as a line of the other's.

    What the line leaves is a ridge regression on the columns of `Linear`, shrunk by how few
    measurements there are, as cross-validation finds.
    """

    def __init__(self, space: Space, known: Model) -> None:
        self._space, self._known = space, known
        self._line: Any = None
        self._rest: Any = None

    def fit(self, archs: Sequence[Architecture], ms: Floats) -> Self:
        from sklearn.linear_model import RidgeCV

        there = np.log(self._known.predict(archs))
        self._line = np.polynomial.Polynomial.fit(there, np.log(ms), 1)
        left = np.log(ms) - self._line(there)
        self._rest = RidgeCV(np.logspace(-1, 5, 13)).fit(features(self._space, archs), left)
        return self

    def predict(self, archs: Sequence[Architecture]) -> Floats:
        line = self._line(np.log(self._known.predict(archs)))
        found: Floats = np.exp(line + self._rest.predict(features(self._space, archs)))
        return found


MODELS: Mapping[str, Callable[[Space, Column], Model]] = {
    "lookup": Lookup,
    "macs": Macs,
    "linear": Linear,
    "xgb": Xgb,
    "gnn": Gnn,
}


@dataclass(frozen=True, slots=True)
class Conformal:
    """A fitted model and the half-width of its intervals."""

    model: Model
    width: float
    """In log milliseconds; infinite if there were too few classes to keep some for it."""

    def predict(self, archs: Sequence[Architecture]) -> tuple[Floats, Floats, Floats]:
        """Lower end, milliseconds and upper end, each (n,)."""
        ms = self.model.predict(archs)
        return ms * np.exp(-self.width), ms, ms * np.exp(self.width)


def fitted(
    model: Model, archs: Sequence[Architecture], ms: Floats, *, seed: int = 0, level: float = LEVEL
) -> Conformal:
    """The model fitted on a random share of the architectures, its intervals made from the rest.

    Raises:
        InvalidConfig: there are fewer than `LEAST` architectures, or a target is not positive.
    """
    if len(archs) < LEAST or not (np.isfinite(ms) & (ms > 0)).all():
        raise InvalidConfig(
            f"a model of latency needs at least {LEAST} measured classes, all of them positive, "
            f"got {len(archs)}; measure more"
        )
    order = np.random.default_rng(seed).permutation(len(archs))
    if len(archs) < LEAST_FOR_INTERVALS:
        return Conformal(model.fit(archs, ms), math.inf)
    least = math.ceil(level / (1 - level) - 1e-9)  # fewer give an infinite quantile
    held = min(max(least, round(CALIBRATION * len(archs))), len(archs) - 1)
    apart, train = order[:held], order[held:]
    model.fit([archs[k] for k in train], ms[train])
    errors = np.abs(np.log(ms[apart]) - np.log(model.predict([archs[k] for k in apart])))
    return Conformal(model, conformal_width(errors, level))


def conformal_width(errors: Floats, level: float) -> float:
    """The ceil((n + 1) level)-th smallest error, infinite beyond the n-th (Lei et al., alg. 2)."""
    rank = math.ceil((len(errors) + 1) * level)
    return math.inf if rank > len(errors) else float(np.sort(errors)[rank - 1])


def features(space: Space, archs: Sequence[Architecture]) -> NDArray[np.float32]:
    """One-hot genes of the canonical forms, and for `cell201-v1` executed operations, (n, d)."""
    forms = [space.canonical(arch) for arch in archs]
    encoded = space.encode(forms)
    if space.name != "cell201-v1":
        return encoded
    names = ("nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "skip_connect", "add")
    executed = [[count[name] for name in names] for count in (counts(f.genes) for f in forms)]
    return np.concatenate([encoded, np.array(executed, dtype=np.float32)], axis=1)


def model(name: str, space: Space, column: Column, known: Column | None = None) -> Model:
    """A model of a column by its name; `few-shot` starts from another, `known` column.

    Raises:
        UnknownName: no model has this name.
        InvalidConfig: the column lacks the parts that it needs, or `few-shot` has no known column
            that was measured on another device or for other networks.
    """
    if name == "few-shot":
        if known is None:
            raise InvalidConfig("few-shot needs a known column to start from; pass --known LABEL")
        _refuse_itself(column, known)
        archs, ms = samples(space, known)
        return FewShot(space, Xgb(space, known).fit(archs, ms))
    if name not in MODELS:
        raise registry.unknown(UnknownName, "model", name, [*MODELS, "few-shot"])
    return MODELS[name](space, column)


def samples(space: Space, column: Column) -> tuple[list[Architecture], Floats]:
    """Architectures (n) and milliseconds (n,) that were measured, in their order.

    Raises:
        InvalidConfig: the column was predicted: of classes that its model learned from, too.
    """
    if column.about.model:
        raise InvalidConfig(
            f"{column.about.label} was predicted by {column.about.model}, expected a column that "
            "was measured: a model of predictions learns nothing about the device"
        )
    rows: Mapping[Genes, Any] = column.measured
    archs = [Architecture(space.name, genes) for genes in rows]
    return archs, np.array([row.median_ms for row in rows.values()], dtype=np.float64)


def _refuse_itself(column: Column, known: Column) -> None:
    """The same networks on the same device would tell the classes that are held out."""
    there, here = known.about, column.about
    if (there.device, there.workload) == (here.device, here.workload):
        raise InvalidConfig(
            f"few-shot starts from another column, and {there.label} holds the same networks on "
            f"the same device as {here.label}; pass --known with a column of another device"
        )
