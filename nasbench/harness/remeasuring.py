"""Measuring again, after a search, what a metric of its winners is: latencies, for instance.

What measures is an entry of the group `nasbench.remeasurers` under the kind of the metric, which is
its name up to the bracket: `latency_ms` for `latency_ms[torch-cpu-1]`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from nasbench import registry
from nasbench.core import Architecture, Benchmark, Constraint, Run
from nasbench.errors import NasbenchError
from nasbench.harness.statistics import Interval
from nasbench.harness.verification import Bounds, Reading, Remeasurement

GROUP = "nasbench.remeasurers"


@dataclass(frozen=True, slots=True)
class Remeasured:
    """One architecture measured again, in the unit of its metric; NaN where there is none."""

    arch: Architecture
    """Canonical."""
    stored: Interval
    """What the benchmark says, and the interval of that."""
    measured: Interval
    """The new measurement."""
    tight: bool
    """Whether its interval is as tight as was asked for."""
    gap: str
    """Why there is no new measurement; empty if there is one."""

    @property
    def ratio(self) -> float:
        """Measured over stored."""
        return self.measured.estimate / self.stored.estimate


class Remeasurer(Protocol):
    """What is registered under a kind of metric."""

    def __call__(
        self, benchmark: Benchmark, metric: str, archs: Sequence[Architecture]
    ) -> Sequence[Remeasured]:
        """The metric of architectures, in their order, measured again where it was measured.

        It may raise anything: why nothing could be measured is told, and is no error.
        """


def remeasure(benchmark: Benchmark, run: Run, archs: Sequence[Architecture]) -> list[Remeasurement]:
    """The objectives and constraints of a run that can be measured again, of architectures."""
    asked = dict.fromkeys([*run.objectives, *(each.metric for each in run.constraints)])
    kinds = registry.names(GROUP)
    return [
        _remeasurement(benchmark, name, archs, [c for c in run.constraints if c.metric == name])
        for name in asked
        if _kind(name) in kinds
    ]


def judge_bound(
    constraints: Sequence[Constraint], measured: Interval
) -> Literal["kept", "broken", "unsure"] | None:
    """Whether bounds hold in all of an interval, or one of them nowhere; None without any."""
    if not constraints or not math.isfinite(measured.estimate):
        return None
    if all(c.holds(end) for c in constraints for end in (measured.low, measured.high)):
        return "kept"
    broken = any(
        measured.low > (math.inf if c.upper is None else c.upper)
        or measured.high < (-math.inf if c.lower is None else c.lower)
        for c in constraints
    )
    return "broken" if broken else "unsure"


def _kind(metric: str) -> str:
    return metric.partition("[")[0]


def _remeasurement(
    benchmark: Benchmark,
    name: str,
    archs: Sequence[Architecture],
    constraints: Sequence[Constraint],
) -> Remeasurement:
    unit = next((metric.unit for metric in benchmark.metrics if metric.name == name), "")
    try:
        hook: Remeasurer = registry.resolve(GROUP, _kind(name))
        found = hook(benchmark, name, archs)
        readings = [
            _reading(arch, each, constraints) for arch, each in zip(archs, found, strict=True)
        ]
    except Exception as fault:  # a runtime may fail in any way, and the trainings are done
        what = (
            str(fault) if isinstance(fault, NasbenchError) else f"{type(fault).__name__}: {fault}"
        )
        return Remeasurement(metric=name, unit=unit, readings=[], note=what.split("\n")[0])
    return Remeasurement(metric=name, unit=unit, readings=readings, note="")


def _reading(arch: Architecture, found: Remeasured, constraints: Sequence[Constraint]) -> Reading:
    return Reading(
        genes=arch.genes,
        stored=_bounds(found.stored),
        measured=_bounds(found.measured),
        tight=found.tight,
        gap=found.gap,
        bound=judge_bound(constraints, found.measured),
    )


def _bounds(interval: Interval) -> Bounds | None:
    ends = (interval.estimate, interval.low, interval.high)
    if not all(map(math.isfinite, ends)):
        return None
    return Bounds(estimate=ends[0], low=ends[1], high=ends[2])
