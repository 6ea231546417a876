"""Measuring again what a file of latencies says, as a check and after a search.

`remeasure_latency` is the entry `latency_ms` of the group `nasbench.remeasurers`, through which
`nasbench verify` calls it without knowing this package.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hardware.benchmark import label_of
from hardware.columns import Column, Row
from hardware.device import Device, device
from hardware.measure import remeasure
from hardware.quality import agreement
from hardware.timing import TIMING, Plan
from nasbench import registry
from nasbench.core import Architecture, Benchmark
from nasbench.errors import InvalidConfig, UnknownMetric
from nasbench.harness.remeasuring import Remeasured
from nasbench.harness.statistics import Interval

LEAST_FOR_TAU = 3


def remeasure_latency(
    benchmark: Benchmark,
    metric: str,
    archs: Sequence[Architecture],
    *,
    plan: Plan = Plan(),  # noqa: B008  (frozen)
) -> list[Remeasured]:
    """The latencies of architectures measured again, on the device that the metric names.

    Those of a predicted column are measured for the first time, on the device of the column that
    the model learned from.

    Raises:
        UnknownMetric: the benchmark has no measured column of this name.
        UnknownDevice, MissingExtra: the device is not here, or went away.
        InvalidConfig: the conditions here are not those of the column.
    """
    column = column_of(benchmark, metric)
    here = device(column.about.device)
    refuse_other_conditions(column, here)
    return again(column, here, [benchmark.space.canonical(arch) for arch in archs], plan=plan)


def again(
    column: Column,
    here: Device,
    archs: Sequence[Architecture],
    *,
    plan: Plan = Plan(),  # noqa: B008  (frozen)
) -> list[Remeasured]:
    """Canonical architectures measured again; raises as `hardware.measure.remeasure` does."""
    rows = remeasure(column, here, archs, plan=plan)
    found = []
    for arch, row in zip(archs, rows, strict=True):
        stored = _interval(column.rows.get(arch.genes, Row(arch.genes)))
        found.append(Remeasured(arch, stored, _interval(row), row.tight, row.gap))
    return found


def _interval(row: Row) -> Interval:
    """Milliseconds, NaN where there are none."""
    return Interval(row.median_ms, row.low_ms, row.high_ms)


def column_of(benchmark: Benchmark, metric: str) -> Column:
    """The column behind a metric.

    Raises:
        UnknownMetric: the benchmark has none of this name.
    """
    document = getattr(benchmark, "document", None)
    if document is None:
        raise UnknownMetric(
            f"{benchmark.name} has no measured latencies; open a file of them, which "
            "`nasbench hardware measure` writes"
        )
    label = label_of(metric)
    known = [column.about.label for column in document.columns]
    if label not in known:
        raise registry.unknown(UnknownMetric, "latency", metric, known)
    found: Column = document.column(label)
    return found


def refuse_other_conditions(column: Column, here: Device) -> None:
    """Raises InvalidConfig if processor, runtime or the like are not those of the column.

    How it was timed may differ: that is for the second session to judge.
    """
    now, there = here.conditions(), dict(column.about.conditions)
    there.pop(TIMING, None)
    differing = [
        f"{name} ({there.get(name)} there, {now.get(name)} here)"
        for name in sorted(now.keys() | there.keys())
        if now.get(name) != there.get(name)
    ]
    if differing:
        raise InvalidConfig(
            f"{column.about.label} cannot be compared with a measurement here: "
            f"{'; '.join(differing)}"
        )


def rank_agreement(found: Sequence[Remeasured]) -> float:
    """Kendall's tau-b between what is stored and what was measured; NaN for fewer than 3."""
    pairs = [(each.stored.estimate, each.measured.estimate) for each in found]
    both = np.array([pair for pair in pairs if all(map(math.isfinite, pair))])
    return agreement(both[:, 0], both[:, 1]) if len(both) >= LEAST_FOR_TAU else math.nan
