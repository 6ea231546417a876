"""A benchmark with measured latencies beside what its table knows.

`nasbench.load("mine.latency")`, and every command that takes a benchmark, open the file of
latencies as the benchmark that it was measured for, with a further metric `latency_ms[<label>]` for
each column, and `peak_memory_mb` for each size of networks. The architectures of a class share what
was measured for its canonical one; a class that was not measured has NaN, which no constraint
admits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.columns import SUFFIX, Column, Document, Genes, Row, read_document
from hardware.workload import Workload
from nasbench import registry
from nasbench.core import Architecture, Benchmark, Candidate, Metric, Result
from nasbench.errors import TableFault
from nasbench.harness.derived import Derived, base_of, sha256_of

Values = Mapping[Genes, float]
METRIC = "latency_ms"


class MeasuredBenchmark(Derived):
    """The base benchmark's answers and the columns'."""

    def __init__(
        self, base: Benchmark, document: Document, path: Path, *, name: str | None = None
    ) -> None:
        super().__init__(base)
        self.name = name or base.name
        self.document, self.path = document, path
        self._columns = _columns(document)
        self._hashes: dict[frozenset[str], str] = {}
        added = {metric.name for metric in self._columns}
        clashing = [metric.name for metric in base.metrics if metric.name in added]
        if clashing:
            raise TableFault(
                f"{base.name} has {', '.join(clashing)} already, which {path} would add; "
                "measure under another label"
            )
        self.metrics: tuple[Metric, ...] = (*base.metrics, *self._columns)
        self.sha256 = _both(getattr(base, "sha256", None), document)
        """Hash over the table's hash and that of the latencies."""

    def sha256_of(self, metrics: Iterable[str]) -> str:
        """Hash over the table's and the columns' that these metrics come from, and no others."""
        asked = frozenset(metrics)
        if asked not in self._hashes:  # it takes as long as writing the file
            used = tuple(each for each in self.document.columns if asked & _names(each))
            narrow = replace(self.document, columns=used)
            self._hashes[asked] = _both(sha256_of(self.base, asked), narrow)
        return self._hashes[asked]

    def query(
        self, candidates: Sequence[Candidate], *, noise_seed: int | None = None
    ) -> list[Result]:
        """The base's results with the latencies, which neither epochs nor noise change."""
        found = self.base.query(candidates, noise_seed=noise_seed)
        return [
            Result({**result.metrics, **self._latencies(candidate.arch)}, result.cost_s)
            for candidate, result in zip(candidates, found, strict=True)
        ]

    def rows(self) -> tuple[NDArray[np.int16], Mapping[str, NDArray[np.float64]]]:
        """The base's rows with a column (rows,) for each device."""
        genes, columns = self.base.rows()  # type: ignore[attr-defined]
        forms = [self.class_of(Architecture(self.space.name, tuple(row))) for row in genes.tolist()]
        added = {
            metric.name: np.array([values.get(form, math.nan) for form in forms])
            for metric, values in self._columns.items()
        }
        return genes, {**columns, **added}

    def __reduce__(self) -> tuple[Any, ...]:
        made = partial(MeasuredBenchmark, name=self.name)
        return made, (self.base, self.document, self.path)

    def __repr__(self) -> str:
        return f"<MeasuredBenchmark {self.name} with {len(self._columns)} columns of {self.path}>"

    def _latencies(self, arch: Architecture) -> dict[str, float]:
        form = self.class_of(arch)
        return {metric.name: values.get(form, math.nan) for metric, values in self._columns.items()}


def open_measured(path: str | Path, *, name: str | None = None) -> MeasuredBenchmark:
    """The benchmark of a file of latencies, under the name of its table if no other is given.

    Raises:
        TableCorrupt, TableVersion: the file is damaged, or of another layout.
        UnknownBenchmark: its table is neither registered nor where it was.
        TableFault: the table is of another name, space or recipe than what was measured.
    """
    where = Path(path)
    return with_latencies(read_document(where), where, name=name)


def file_of(name_or_file: str) -> Path:
    """The file of latencies behind a registered benchmark, or the file itself."""
    if name_or_file in registry.names(registry.BENCHMARKS):
        found = getattr(registry.benchmark(name_or_file), "path", None)
        if isinstance(found, Path):
            return found
    return Path(name_or_file)


def with_latencies(document: Document, path: Path, *, name: str | None = None) -> MeasuredBenchmark:
    """The benchmark of a document that was, or will be, read from `path`; raises as above."""
    base = base_of(
        path,
        name=document.benchmark,
        space=document.space,
        table_file=document.table_file,
        suffix=SUFFIX,
    )
    refuse_other_recipe(base, [column.about.workload for column in document.columns], path)
    return MeasuredBenchmark(base, document, path, name=name)


def refuse_other_recipe(base: Benchmark, workloads: Iterable[Workload], path: Path) -> None:
    """Checks that the networks of the table's size are those that the table trained.

    Raises:
        TableFault: they are of another recipe.
    """
    theirs = {workload.recipe for workload in workloads if workload.size == "table"}
    if theirs and theirs != {getattr(base, "recipe", None)}:
        raise TableFault(
            f"{path} was measured for networks of another recipe than {base.name} trained; "
            "choose another output, or measure all of it again"
        )


def metric_name(label: str) -> str:
    """Name of the metric of a column: `latency_ms[torch-cpu-1]`."""
    return f"{METRIC}[{label}]"


def label_of(metric: str) -> str:
    """The label in a metric's name; empty if the metric is no latency of a column."""
    inside = metric.removeprefix(f"{METRIC}[").removesuffix("]")
    return inside if metric == metric_name(inside) else ""


def _both(table: str | None, document: Document) -> str:
    return hashlib.sha256(f"{table} {document.sha256}".encode()).hexdigest()


def _names(column: Column) -> set[str]:
    """Names of all metrics that a column can have a part in."""
    label = column.about.label
    return {metric_name(label), _energy_name(label), column.about.workload.memory_metric()}


def _energy_name(label: str) -> str:
    return f"energy_mj[{label}]"


def _columns(document: Document) -> dict[Metric, Values]:
    """Values by class of each metric; energy and memory only where they were recorded."""
    found: dict[Metric, Values] = {}
    for column in document.columns:
        name, rows = metric_name(column.about.label), column.measured
        found[Metric(name, "ms", "lower", "static")] = {
            genes: row.median_ms for genes, row in rows.items()
        }
        energies = _recorded(rows, "energy_mj")
        if energies:
            name = _energy_name(column.about.label)
            found[Metric(name, "mJ", "lower", "static")] = energies
    for column in document.columns:
        memories = _recorded(column.measured, "peak_memory_mb")
        if memories:
            metric = Metric(column.about.workload.memory_metric(), "MB", "lower", "static")
            found[metric] = {**found.get(metric, {}), **memories}  # the same on every device
    return found


def _recorded(rows: Mapping[Genes, Row], name: str) -> dict[Genes, float]:
    return {genes: v for genes, row in rows.items() if math.isfinite(v := getattr(row, name))}
