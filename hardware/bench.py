"""A device at work: networks timed on it beside a reference network, with energy and memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hardware.columns import Genes, Row
from hardware.device import Device, Stopwatch
from hardware.timing import Plan, baseline, energy_mj, time_network
from hardware.workload import Workload
from nasbench.core import Architecture
from nasbench.errors import UnknownDevice

Clock = Callable[[], float]
MOST_REASON = 200


@dataclass(frozen=True, slots=True)
class Bench:
    """A device that is engaged, with the reference network on it."""

    device: Device
    workload: Workload
    reference: Stopwatch
    baseline_s: float
    plan: Plan
    clock: Clock

    def measure(self, arch: Architecture, memory_mb: float | None = None) -> Row:
        """The row of an architecture; a gap if its network alone cannot be measured.

        Its peak memory is counted, unless it is known.

        Raises:
            UnknownDevice: the reference network cannot be run any more either.
        """
        from hardware.memory import peak_memory_mb

        network = cache(lambda: self.workload.network(arch))  # built once for both
        row = self.measure_network(arch.genes, network)
        if row.gap:
            return row
        if memory_mb is None:
            memory_mb = peak_memory_mb(network(), self.workload.inputs())
        return replace(row, peak_memory_mb=memory_mb)

    def measure_network(self, genes: Genes, build: Callable[[], Any], inputs: Any = None) -> Row:
        """The row of any module, by default on the workload's inputs; raises as `measure` does."""
        try:
            given = self.workload.inputs() if inputs is None else inputs
            stopwatch = self.device.prepare(build(), given)
            timing = time_network(
                stopwatch, self.reference, self.baseline_s, plan=self.plan, clock=self.clock
            )
            return Row.of(genes, timing, self._energy_mj(stopwatch))
        except Exception as fault:  # a runtime may fail in any way
            self._check(fault)
            reason = f"{type(fault).__name__}: {fault}".split("\n")[0]
            return Row(genes, gap=reason[:MOST_REASON])

    def _energy_mj(self, stopwatch: Stopwatch) -> float:
        meter = self.device.meter()
        if meter is None:
            return math.nan
        return energy_mj(stopwatch, meter, self.plan.energy_s, self.clock)

    def _check(self, fault: Exception) -> None:
        try:
            self.reference()
        except Exception:
            raise UnknownDevice(
                f"{self.device.name} does not answer any more ({fault}); what was measured is "
                "kept: run the same command again when it is back"
            ) from fault


@contextmanager
def engaged(
    device: Device,
    workload: Workload,
    reference: Architecture,
    *,
    baseline_s: float | None = None,
    plan: Plan = Plan(),  # noqa: B008  (frozen)
    clock: Clock = time.perf_counter,
) -> Iterator[Bench]:
    """The device with its reference network, whose baseline is measured if it is not given.

    Raises:
        UnknownDevice: the reference network does not run on it.
    """
    with device.engaged():
        try:
            stopwatch = device.prepare(workload.network(reference), workload.inputs())
            found = baseline(stopwatch) if baseline_s is None else baseline_s
            for _ in range(plan.warm_up):
                stopwatch()
        except Exception as fault:  # a runtime may fail in any way
            raise UnknownDevice(
                f"{device.name} does not run the reference network: {type(fault).__name__}: {fault}"
            ) from fault
        yield Bench(device, workload, stopwatch, found, plan, clock)
