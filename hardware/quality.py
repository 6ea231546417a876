"""How well models predict the latencies of classes that they did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.columns import Column
from hardware.predict import LEAST, fitted, model, samples
from nasbench.core import Space
from nasbench.errors import InvalidConfig

Floats = NDArray[np.float64]
LEAST_TEST = 10
"""Held-out classes without which no figure is given."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of one model, means over splits."""

    model: str
    train: int
    """Classes that fit and intervals were made from."""
    test: int
    within_10: float
    """Share of held-out classes whose prediction is within 10 % of the measurement."""
    error: float
    """Median relative error."""
    tau: float
    """Kendall's tau-b between predictions and measurements."""
    coverage: float
    """Share of held-out classes inside their interval, meant to be `hardware.predict.LEVEL`."""


def evaluate(
    names: Sequence[str],
    space: Space,
    column: Column,
    *,
    train: int,
    splits: int = 5,
    known: Column | None = None,
) -> list[Quality]:
    """Each model on the same random splits: `train` classes to learn from, the others held out.

    Raises:
        InvalidConfig: there are too few measured classes for that, or `known` tells them.
        UnknownName: no model has this name.
    """
    archs, ms = samples(space, column)
    test = len(archs) - train
    if train < LEAST or test < LEAST_TEST:
        raise InvalidConfig(
            f"{column.about.label} has {len(archs)} measured classes; to learn from {train} and "
            f"hold out at least {LEAST_TEST} it takes {max(train, LEAST) + LEAST_TEST}, and at "
            f"least {LEAST} to learn from"
        )
    orders = [np.random.default_rng([1, split]).permutation(len(archs)) for split in range(splits)]
    found = []
    for name in names:
        figures = []
        for split, order in enumerate(orders):
            learn, held = order[:train], order[train:]
            made = fitted(
                model(name, space, column, known), [archs[k] for k in learn], ms[learn], seed=split
            )
            low, predicted, high = made.predict([archs[k] for k in held])
            figures.append(_figures(low, predicted, high, ms[held]))
        found.append(Quality(name, train, test, *np.mean(figures, axis=0).tolist()))
    return found


def _figures(low: Floats, predicted: Floats, high: Floats, measured: Floats) -> list[float]:
    errors = np.abs(predicted - measured) / measured
    inside = (low <= measured) & (measured <= high)
    return [
        float(np.mean(errors <= 0.1)),
        float(np.median(errors)),
        agreement(predicted, measured),
        float(np.mean(inside)),
    ]


def agreement(a: Floats, b: Floats) -> float:
    """Kendall's tau-b of two columns; NaN if one is constant."""
    from scipy.stats import kendalltau

    return float(kendalltau(a, b).statistic)
