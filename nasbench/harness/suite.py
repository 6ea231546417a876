"""Searchers x seeds on several benchmarks: one comparison each, in a folder of its own.

Every folder is one that `nasbench.harness.compare` writes, with its lock, and `nasbench report` and
`nasbench verify` take it alone. A suite that was killed goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasbench import registry
from nasbench.atomic import write_text
from nasbench.errors import InvalidConfig, RunFault, SearcherFault
from nasbench.harness.compare import compare, plan
from nasbench.harness.files import file_name
from nasbench.harness.known import knows_all
from nasbench.harness.lock import locked

FILE = "suite.json"
"""File in a suite's folder that names its benchmarks and their folders."""


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark of a suite."""

    benchmark: str
    """Registered name, or path of its file."""
    folder: Path


def all_tables() -> list[str]:
    """Names of the registered benchmarks that know every architecture of their space."""
    names = registry.names(registry.BENCHMARKS)
    tables = [name for name in names if registry.table_of(name) == name]
    return [name for name in tables if knows_all(registry.benchmark(name))]


def all_searchers() -> list[str]:
    """Names of the registered searchers that train no networks of their own."""
    names = registry.names(registry.SEARCHERS)
    return [name for name in names if not getattr(registry.searcher(name), "needs_task", False)]


def parts_of(benchmarks: Sequence[str], out: Path) -> list[Part]:
    """A folder below `out` for each benchmark.

    Raises:
        InvalidConfig: no benchmark, or two that would share a folder.
    """
    parts = [Part(name, out / folder_name(name)) for name in benchmarks]
    folders = [part.folder for part in parts]
    if not parts or len(set(folders)) != len(folders):
        raise InvalidConfig(
            f"a suite needs one or more benchmarks of different names, got {list(benchmarks)}; "
            f"leave them out for all registered tables, or rename the files"
        )
    return parts


def run_suite(
    parts: Sequence[Part],
    searchers: Sequence[str],
    seeds: Sequence[int],
    *,
    out: Path,
    overwrite: bool = False,
    on_done: Callable[[int, int], None] = lambda done, total: None,
    **setting: Any,
) -> SearcherFault | None:
    """Do what is missing of every comparison; the fault of the first one in which runs failed.

    `setting` is handed to `compare`: budget, objectives, constraints and so on. All of it is
    checked on every benchmark before the first run.

    Raises:
        NasbenchError: what `compare` raises but for failed runs.
    """
    aside = ("executor", "processes", "on_beat")
    common = {key: value for key, value in setting.items() if key not in aside}
    planned = [plan(part.benchmark, searchers, seeds, out=part.folder, **common) for part in parts]
    done = [0 if overwrite else sum(job.path.exists() for job in jobs) for jobs in planned]
    total = sum(map(len, planned))
    failure: SearcherFault | None = None
    with locked(out, "suite"):
        named = {part.folder.name: part.benchmark for part in parts}
        write_text(out / FILE, json.dumps({"benchmarks": named}, indent=2) + "\n")
        for place, part in enumerate(parts):

            def show(now: int, _: int, place: int = place) -> None:
                done[place] = now
                on_done(sum(done), total)

            try:
                compare(
                    *(part.benchmark, searchers, seeds),
                    **{**setting, "out": part.folder, "overwrite": overwrite, "on_done": show},
                )
            except SearcherFault as fault:  # the other runs are worth having
                failure = failure or fault
    return failure


def read_parts(out: Path) -> list[Part] | None:
    """The parts of the suite in a folder; None if there is none.

    Raises:
        RunFault: the file that names them is malformed.
    """
    path = Path(out) / FILE
    if not path.is_file():
        return None
    try:
        named = json.loads(path.read_bytes())["benchmarks"]
        parts = [Part(str(name), out / folder) for folder, name in named.items()]
        if all(part.folder.parent == out for part in parts) and parts:
            return parts
        raise ValueError("a folder elsewhere, or none")
    except (OSError, LookupError, TypeError, AttributeError, ValueError) as fault:
        raise RunFault(
            f"{path}: expected the folders and benchmarks of a suite, got what is none ({fault}); "
            f"run `nasbench compare --suite` into this folder again"
        ) from fault


def folder_name(benchmark: str) -> str:
    """Name of a benchmark or of its file, fit for a folder."""
    path = Path(benchmark)
    return path.stem if path.is_file() else file_name(benchmark)
