"""Sessions that measure the classes of a benchmark on a device, and measure some again.

A class is the network of its canonical architecture. Classes come in a fixed random order, so what
is there at any time is a random sample, but for the few that are in hand. `kill -9` loses those.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from hardware.bench import MOST_REASON, Bench, Clock, engaged
from hardware.benchmark import refuse_other_recipe
from hardware.columns import About, Column, Document, Genes, Row, read_document, write_document
from hardware.device import Device
from hardware.journal import Journal, journal_path, recovered
from hardware.lookup import measure_parts
from hardware.timing import TIMING, Plan
from hardware.workload import Workload
from nasbench.core import Architecture, Benchmark, SupportsRows
from nasbench.errors import InvalidConfig, TableFault, UnknownDevice
from nasbench.harness.derived import way_to_table
from nasbench.harness.lock import locked
from nasbench.harness.processes import cores


def measure(
    path: Path,
    benchmark: Benchmark,
    device: Device,
    workload: Workload,
    *,
    limit: int | None = None,
    plan: Plan = Plan(),  # noqa: B008  (frozen)
    clock: Clock = time.perf_counter,
    load: float | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Column:
    """Measures classes without a row in the device's column, and writes the file with them.

    With `limit`, up to the first so many classes of the order. Gaps are not tried again. `load` is
    that of the machine before anything was measured, by default as it is now.

    Raises:
        InvalidConfig: the benchmark cannot list its architectures.
        TableFault: the file is damaged, of another benchmark or recipe, or measured in other
            conditions.
        UnknownDevice: the device went away; what was measured is kept.
        OutputFault: the file cannot be written, or another measurement is at work in its folder.
    """
    order = classes(benchmark)[:limit]
    before = load_per_core() if load is None else load
    with locked(path.parent, "measurement"):
        document = _packed(path, benchmark)  # with what a killed session left
        label = workload.label(device.name)
        known = {column.about.label: column for column in document.columns}.get(label)
        if known is not None:
            _refuse_mixing(known, device, workload, path)
        theirs = [column.about.workload for column in document.columns]
        refuse_other_recipe(benchmark, [*theirs, workload], path)
        done = set() if known is None else known.rows.keys() & set(order)
        progress(len(done), len(order))
        if len(done) < len(order):
            todo = [genes for genes in order if genes not in done]
            reference = (
                workload.reference()
                if known is None
                else Architecture(workload.space, known.about.reference)
            )
            baseline_s = None if known is None else known.about.baseline_s
            with engaged(
                device, workload, reference, baseline_s=baseline_s, plan=plan, clock=clock
            ) as bench:
                column = known or _new_column(bench, reference)
                _fill(path, document, column, bench, todo, before, progress)
            document = _packed(path, benchmark)
    return document.column(label)


def remeasure(
    column: Column,
    device: Device,
    archs: Sequence[Architecture],
    *,
    plan: Plan = Plan(),  # noqa: B008  (frozen)
    clock: Clock = time.perf_counter,
) -> list[Row]:
    """Canonical architectures measured anew, with a baseline of this session.

    What a device that goes away midway leaves undone is a gap.

    Raises:
        UnknownDevice: the device is another one, or runs nothing.
    """
    about, rows, reason = column.about, dict[Genes, Row](), ""
    if device.name != about.device:
        raise UnknownDevice(f"{about.label} was measured on {about.device}, got {device.name}")
    reference = Architecture(about.workload.space, about.reference)
    with engaged(device, about.workload, reference, plan=plan, clock=clock) as bench:
        try:
            rows.update((row.genes, row) for row in bench.measure(archs))
        except UnknownDevice as fault:
            reason = str(fault)[:MOST_REASON]
    return [rows.get(arch.genes, Row(arch.genes, gap=reason)) for arch in archs]


def classes(benchmark: Benchmark) -> list[Genes]:
    """Canonical genes of every class that a benchmark knows, in a fixed random order.

    Raises:
        InvalidConfig: it cannot list its architectures.
    """
    if not isinstance(benchmark, SupportsRows):
        raise InvalidConfig(
            f"{benchmark.name} cannot list its architectures; expected a table, such as "
            "cell201/digits-on-photos"
        )
    space = benchmark.space
    archs = (Architecture(space.name, tuple(row)) for row in benchmark.rows()[0].tolist())
    found = sorted({space.canonical(arch).genes for arch in archs})
    return [found[k] for k in np.random.default_rng(0).permutation(len(found))]


def opened(path: Path, benchmark: Benchmark) -> Document:
    """The file's document, an empty one if it is not there, with what its journal holds.

    Raises:
        TableFault: it is damaged, or of another benchmark.
    """
    sha256 = getattr(benchmark, "sha256", None)
    file = way_to_table(benchmark, path.parent)
    document = Document(benchmark.name, sha256, benchmark.space.name, table_file=file)
    if path.exists():
        found = read_document(path)
        if (found.benchmark, found.space) != (document.benchmark, document.space):
            raise TableFault(
                f"{path} holds latencies of {found.benchmark}, expected {benchmark.name}; "
                "choose another output"
            )
        document = found
    return recovered(journal_path(path), document)


def conditions(device: Device) -> dict[str, str]:
    """Those of a device and of how it is timed now; earlier columns do not tell the latter."""
    return {**device.conditions(), TIMING: "in visits apart"}


def load_per_core() -> float:
    """Processes waiting for each core over the last minute; near 0 on a quiet machine."""
    return os.getloadavg()[0] / cores()


def _new_column(bench: Bench, reference: Architecture) -> Column:
    about = About(
        label=bench.workload.label(bench.device.name),
        device=bench.device.name,
        workload=bench.workload,
        conditions=conditions(bench.device),
        reference=reference.genes,
        baseline_s=bench.baseline_s,
        tolerance=bench.plan.tolerance,
    )
    return Column(about, parts_ms=measure_parts(bench))


def _fill(
    path: Path,
    document: Document,
    column: Column,
    bench: Bench,
    todo: Sequence[Genes],
    load: float,
    progress: Callable[[int, int], None],
) -> None:
    """Measures what is to do into the journal."""
    memory = _memory_mb(document, bench.workload)
    date = datetime.now(UTC).isoformat(timespec="microseconds")
    session = {"date": date, "load": round(load, 2)}
    begun = replace(column, sessions=(session,))
    with Journal(journal_path(path), replace(document, columns=()), begun) as journal:
        done, space = len(column.rows), bench.workload.space
        archs = (Architecture(space, genes) for genes in todo)
        for number, row in enumerate(bench.measure(archs, memory), 1):
            journal.add(row)
            progress(done + number, done + len(todo))


def _memory_mb(document: Document, workload: Workload) -> Mapping[Genes, float]:
    """Peak memory as columns of the same networks have it, since no device changes it."""
    return {
        genes: row.peak_memory_mb
        for column in document.columns
        if column.about.workload == workload and not column.about.model
        for genes, row in column.measured.items()
        if math.isfinite(row.peak_memory_mb)
    }


def _packed(path: Path, benchmark: Benchmark) -> Document:
    """Moves what the journal holds into the file."""
    document = opened(path, benchmark)
    if journal_path(path).exists():
        write_document(document, path)
        journal_path(path).unlink()
    return document


def _refuse_mixing(known: Column, device: Device, workload: Workload, path: Path) -> None:
    now = {**conditions(device), "networks": str(workload.to_json())}
    there = {**known.about.conditions, "networks": str(known.about.workload.to_json())}
    differing = [
        f"{name} ({there.get(name)} there, {now.get(name)} now)"
        for name in sorted(now.keys() | there.keys())
        if there.get(name) != now.get(name)
    ]
    if known.about.model:
        differing.append(f"what the column is (predicted by {known.about.model} there)")
    if differing:
        raise TableFault(
            f"{known.about.label} in {path} was measured in other conditions: "
            f"{'; '.join(differing)}. Latencies of different conditions do not mix: choose another "
            "output."
        )
