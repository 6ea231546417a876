"""Columns that a model predicts, where nothing was measured or to search on all classes."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hardware.benchmark import MeasuredBenchmark
from hardware.columns import Column, Row, read_document, write_document
from hardware.measure import classes
from hardware.predict import LEAST_FOR_INTERVALS, fitted, model, samples
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig
from nasbench.harness.lock import locked


def save_predictions(
    path: Path,
    benchmark: MeasuredBenchmark,
    column: Column,
    name: str,
    *,
    known: Column | None = None,
) -> Column:
    """Adds the column `<label>@<model>` to a file: every class of the benchmark, predicted.

    Measured classes are predicted, too, so that all of the column is of one kind.

    Raises:
        InvalidConfig: too few classes were measured, or the column was predicted itself.
        UnknownName: no model has this name.
        OutputFault: the file cannot be written, or a measurement is at work in its folder.
    """
    space = benchmark.space
    made = fitted(model(name, space, column, known), *samples(space, column))
    if math.isinf(made.width):
        raise InvalidConfig(
            f"{column.about.label} has {len(column.measured)} measured classes, too few for "
            f"intervals of predictions; measure {LEAST_FOR_INTERVALS} or more"
        )
    order = classes(benchmark)
    ends = made.predict([Architecture(space.name, genes) for genes in order])
    low, ms, high = ([float(value) for value in each] for each in ends)
    rows = {
        genes: Row(genes, median_ms=ms[k], low_ms=low[k], high_ms=high[k])
        for k, genes in enumerate(order)
    }
    date = datetime.now(UTC).isoformat(timespec="seconds")
    sessions = ({"date": date, "learned_from": len(column.measured)},)
    about = replace(column.about, label=f"{column.about.label}@{name}", model=name)
    filled = Column(about, rows, sessions)
    with locked(path.parent, "measurement"):
        write_document(read_document(path).having(filled), path)
    return filled
