"""The latencies that are installed with the package, each file beside the table it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nasbench import registry
from nasbench.packaged import data_path

if TYPE_CHECKING:
    from hardware.benchmark import MeasuredBenchmark


def digits_on_photos() -> MeasuredBenchmark:
    """`cell201/digits-on-photos+latency`: that table, and what its cells take on CPU runtimes."""
    return _embedded("cell201/digits-on-photos+latency")


def path_of(name: str) -> Path:
    """Where the file of an embedded benchmark is on disk."""
    table = registry.table_of(name)
    return data_path("hardware", f"{table.replace('/', '_')}.latency")


def _embedded(name: str) -> MeasuredBenchmark:
    from hardware.benchmark import open_measured

    return open_measured(path_of(name), name=name)
