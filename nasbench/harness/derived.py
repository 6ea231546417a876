"""Benchmarks that are another one seen differently, such as with measured latencies added."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nasbench import registry
from nasbench.core import (
    Architecture,
    Benchmark,
    Candidate,
    Constraint,
    Metric,
    Recipe,
    Result,
)
from nasbench.errors import TableFault

Genes = tuple[int, ...]


class Derived:
    """The base of such a benchmark; whatever a subclass does not answer itself is the base's."""

    metrics: tuple[Metric, ...]

    def __init__(self, base: Benchmark) -> None:
        self.base = base
        self.name, self.space, self.epochs = base.name, base.space, base.epochs
        self._classes: dict[Genes, Genes] = {}

    @property
    def task(self) -> str:
        """Name of the task that the base was trained on; empty if it was not."""
        return str(getattr(self.base, "task", ""))

    @property
    def recipe(self) -> Recipe:
        """How the base was trained; raises as the base does."""
        found: Recipe = self.base.recipe  # type: ignore[attr-defined]
        return found

    def query(
        self, candidates: Sequence[Candidate], *, noise_seed: int | None = None
    ) -> list[Result]:
        """Results in the order of the candidates; raises as the base does."""
        raise NotImplementedError

    def sha256_of(self, metrics: Iterable[str]) -> str | None:
        """Hash of the content that these metrics come from; here of all."""
        return getattr(self, "sha256", None)

    def class_of(self, arch: Architecture) -> Genes:
        """Genes of the architecture's canonical form."""
        found = self._classes.get(arch.genes)
        if found is None:
            found = self._classes[arch.genes] = self.space.canonical(arch).genes
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "base":
            raise AttributeError(name)
        return getattr(self.base, name)


def content_hash(
    benchmark: Benchmark, objectives: Iterable[str], constraints: Iterable[Constraint]
) -> str | None:
    """Hash of what a run with these objectives and constraints is told; None if there is none.

    A benchmark of several contents, such as columns of latencies, says by `sha256_of(metrics)` what
    is behind which metrics, so that a further column leaves the runs that never saw it as they are.
    """
    return sha256_of(benchmark, [*objectives, *(each.metric for each in constraints)])


def sha256_of(benchmark: Benchmark, metrics: Iterable[str]) -> str | None:
    """Hash of the content that these metrics come from; the benchmark's own if it has but one."""
    own = getattr(benchmark, "sha256_of", None)
    return getattr(benchmark, "sha256", None) if own is None else own(metrics)


def way_to_table(benchmark: Benchmark, folder: Path) -> str:
    """Way from a folder to a benchmark's table; empty if its name leads there as well."""
    file = getattr(getattr(benchmark, "source", None), "path", None)
    if file is None:
        return ""
    if benchmark.name in registry.names(registry.BENCHMARKS):
        known = registry.benchmark(benchmark.name)
        if getattr(known, "sha256", None) == getattr(benchmark, "sha256", None):
            return ""
    return os.path.relpath(Path(file).resolve(), folder.resolve())


def base_of(path: Path, *, name: str, space: str, table_file: str, suffix: str) -> Benchmark:
    """The benchmark that the file `path` was made for: `table_file`, or else the registered one.

    Raises:
        UnknownBenchmark: it is neither registered nor where it was.
        TableFault: it is of another name or space, or a file such as `path` itself.
    """
    table = path.parent / table_file if table_file else name
    if Path(table).suffix == suffix:
        raise TableFault(f"{path} names {table} as its table, which is a {suffix} itself")
    base = registry.benchmark(table)
    if (base.name, base.space.name) != (name, space):
        raise TableFault(
            f"{path} was made for {name} of {space}, got {base.name} of {base.space.name}; make it "
            "again for this one"
        )
    return base
