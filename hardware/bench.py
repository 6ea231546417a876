"""A device at work: networks timed on it beside a reference network, with energy and memory."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hardware.columns import Genes, Row
from hardware.device import Device, Stopwatch
from hardware.timing import Plan, Series, baseline, energy_mj
from hardware.workload import Workload
from nasbench.core import Architecture
from nasbench.errors import UnknownDevice

Clock = Callable[[], float]
MOST_REASON = 200
InHand = tuple[Genes, Series]
"""A network between two visits."""


@dataclass(frozen=True, slots=True)
class Job:
    """A network to be measured."""

    genes: Genes
    """What names its row."""
    build: Callable[[], Any]
    """Makes the `nn.Module`."""
    inputs: Any


@dataclass(frozen=True, slots=True)
class Bench:
    """A device that is engaged, with the reference network on it."""

    device: Device
    workload: Workload
    reference: Stopwatch
    baseline_s: float
    plan: Plan
    clock: Clock

    def measure(
        self, archs: Iterable[Architecture], memory_mb: Mapping[Genes, float] | None = None
    ) -> Iterator[Row]:
        """The rows of architectures as they are done; gaps for networks that cannot be measured.

        Peak memory is counted where it is not known.

        Raises:
            UnknownDevice: the reference network cannot be run any more either.
        """
        from hardware.memory import peak_memory_mb

        memory, inputs = dict(memory_mb or {}), self.workload.inputs()

        def job(arch: Architecture) -> Job:
            def build() -> Any:
                network = self.workload.network(arch)
                if arch.genes not in memory:
                    memory[arch.genes] = peak_memory_mb(network, inputs)
                return network

            return Job(arch.genes, build, inputs)

        for row in self.measure_networks(map(job, archs)):
            yield row if row.gap else replace(row, peak_memory_mb=memory[row.genes])

    def measure_networks(self, jobs: Iterable[Job]) -> Iterator[Row]:
        """The rows of any modules as they are done; raises as `measure` does.

        When the device goes away, networks in hand that were visited often enough get their rows.
        """
        pending, waiting = iter(jobs), deque[InHand]()
        try:
            while True:
                job = next(pending, None) if len(waiting) < self.plan.together else None
                if job:
                    found = self._or_gap(job.genes, partial(self._begun, job))
                elif waiting:
                    found = self._or_gap(waiting[0][0], partial(self._visited, *waiting[0]))
                    waiting.popleft()
                else:
                    return
                if isinstance(found, Row):
                    yield found
                else:
                    waiting.append(found)
        except UnknownDevice:
            for genes, series in waiting:
                if timing := series.so_far():
                    yield Row.of(genes, timing, math.nan)
            raise

    def _begun(self, job: Job) -> InHand:
        stopwatch = self.device.prepare(job.build(), job.inputs)
        return job.genes, Series(
            stopwatch, self.reference, self.baseline_s, plan=self.plan, clock=self.clock
        )

    def _visited(self, genes: Genes, series: Series) -> Row | InHand:
        timing = series.visit()
        if timing is None:
            return genes, series
        return Row.of(genes, timing, self._energy_mj(series.stopwatch))

    def _or_gap(self, genes: Genes, step: Callable[[], Row | InHand]) -> Row | InHand:
        try:
            return step()
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
            if baseline_s is None:
                baseline_s = baseline(stopwatch, seconds=plan.baseline_s)
            for _ in range(plan.warm_up):
                stopwatch()
        except Exception as fault:  # a runtime may fail in any way
            raise UnknownDevice(
                f"{device.name} does not run the reference network: {type(fault).__name__}: {fault}"
            ) from fault
        yield Bench(device, workload, stopwatch, baseline_s, plan, clock)
