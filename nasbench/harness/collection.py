"""The run files of one comparison: found, read, hashed, and checked to be comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from nasbench import registry
from nasbench.core import Benchmark, Run, SupportsRows
from nasbench.errors import RunFault, UnknownBenchmark
from nasbench.harness.derived import content_hash
from nasbench.harness.files import read_run
from nasbench.harness.replay import replay

REFERENCE = "random-search"
"""The searcher that all others are held against."""
SETTING = "compare.json"
"""File in a comparison's folder that tells how it was made."""
VERIFICATION = "verify"
"""Folder of the winners' trainings, beside the run files."""

_SHARED = ("benchmark", "table_sha256", "space", "objectives", "constraints", "budget", "workers")


@dataclass(frozen=True, slots=True, eq=False)
class RunFile:
    """A run and where it was read from."""

    path: Path
    sha256: str
    """Of the file's bytes."""
    run: Run


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """Runs on one benchmark under one budget, by searcher."""

    folder: Path
    searchers: dict[str, list[RunFile]]
    """Sorted by name, the reference first; the runs of each by seed."""
    seeds: list[int]
    """All that any searcher has, or that the comparison asked for."""
    missing: dict[str, list[int]]
    """Those of them that a searcher lacks; searchers that lack none are left out."""

    @property
    def files(self) -> list[RunFile]:
        return [file for files in self.searchers.values() for file in files]

    @property
    def first(self) -> Run:
        """Any run: they share benchmark, table, space, objectives, constraints, budget, workers."""
        return self.files[0].run


def collect(folder: Path) -> Collection:
    """All run files `seed-*.json` below a folder.

    Raises:
        RunFault: there are none, one is malformed, or they cannot be compared with one another.
    """
    folder = Path(folder)
    files = read_files(folder)
    if not files:
        what = "has no run files (seed-*.json) in it" if folder.is_dir() else "is no folder"
        raise RunFault(
            f"{folder} {what}; make some with `nasbench compare`, or pass the folder it wrote to"
        )
    by_name = comparable(files)
    asked, seeds = _asked(folder)
    seeds = sorted({*seeds, *(file.run.seed for file in files)})
    missing = {name: set(seeds) for name in asked} | {
        name: set(seeds) - {file.run.seed for file in members} for name, members in by_name.items()
    }
    lacking = {name: sorted(those) for name, those in sorted(missing.items()) if those}
    return Collection(folder, by_name, seeds, lacking)


def read_files(folder: Path) -> list[RunFile]:
    """All run files below a folder, but for those of a verification."""
    found = folder.rglob("seed-*.json")
    paths = [path for path in found if VERIFICATION not in path.relative_to(folder).parts]
    return [_read(path) for path in sorted(paths)]


def comparable(files: Sequence[RunFile]) -> dict[str, list[RunFile]]:
    """Run files by searcher, the reference first, and then by seed.

    Raises:
        RunFault: they cannot be compared with one another.
    """
    _check_shared(files)
    names = sorted({file.run.searcher for file in files}, key=lambda n: (n != REFERENCE, n))
    by_name = {name: [file for file in files if file.run.searcher == name] for name in names}
    for members in by_name.values():
        members.sort(key=lambda file: file.run.seed)
        _check_searcher(members)
    return by_name


def check_told(collection: Collection, benchmark: Benchmark) -> None:
    """Ask the benchmark again what the runs say they were told, where looking up is quick.

    Raises:
        RunFault: a file says something else; the first complaint is named.
    """
    if not isinstance(benchmark, SupportsRows):
        return
    for file in collection.files:
        complaints = replay(file.run, benchmark)
        if complaints:
            more = f" ({len(complaints) - 1} more)" if complaints[1:] else ""
            raise RunFault(
                f"{file.path} is not what {benchmark.name} answers: {complaints[0]}{more}. "
                f"It was changed after the run; remove it and run the comparison again."
            )


def find_benchmark(collection: Collection, benchmark: Benchmark | str | Path | None) -> Benchmark:
    """The benchmark that the runs were made on: a registered one by default.

    Raises:
        UnknownBenchmark: nothing is registered under the runs' name; pass the table's file.
        RunFault: another benchmark, or another version of the table.
    """
    run = collection.first
    if benchmark is None:
        try:
            benchmark = registry.benchmark(run.benchmark)
        except UnknownBenchmark as fault:
            raise UnknownBenchmark(
                f"{fault} The runs in {collection.folder} were made on it: pass the file of the "
                f"table (--benchmark FILE), or install the distribution that registers it."
            ) from fault
    elif isinstance(benchmark, (str, Path)):
        benchmark = registry.benchmark(benchmark)
    sha256 = content_hash(benchmark, run.objectives, run.constraints)
    found = (benchmark.name, sha256, benchmark.space.name)
    expected = (run.benchmark, run.table_sha256, run.space)
    if found != expected:
        raise RunFault(
            f"the runs in {collection.folder} were made on {_describe(*expected)}, "
            f"got {_describe(*found)}; pass the table they were made on, or run them again"
        )
    return benchmark


def _read(path: Path) -> RunFile:
    run = read_run(path)
    if path.stem != f"seed-{run.seed}":
        raise RunFault(
            f"{path}: expected the run of the seed that its name says, got seed {run.seed}; "
            f"give the file its name back, or remove it"
        )
    return RunFile(path, hashlib.sha256(path.read_bytes()).hexdigest(), run)


def _asked(folder: Path) -> tuple[list[str], list[int]]:
    """Searchers and seeds that a comparison in this folder asked for; none if there was none."""
    path = folder / SETTING
    try:
        setting: Any = json.loads(path.read_bytes())
        return [str(name) for name in setting["searchers"]], [int(k) for k in setting["seeds"]]
    except FileNotFoundError:
        return [], []
    except (OSError, LookupError, TypeError, ValueError) as fault:
        raise RunFault(
            f"{path}: expected the searchers and seeds of a comparison, got {fault!r}; run "
            f"`nasbench compare` again, or remove the file"
        ) from fault


def _check_shared(files: Sequence[RunFile]) -> None:
    first = files[0]
    for file in files:
        if (first.run.noise_seed is None) != (file.run.noise_seed is None):
            raise RunFault(
                f"expected all runs to be told means over repeats (noise_seed null) or all to be "
                f"told single repeats, got noise_seed {first.run.noise_seed} in {first.path} and "
                f"{file.run.noise_seed} in {file.path}; make all of them in one way"
            )
        for name in _SHARED:
            mine, other = getattr(first.run, name), getattr(file.run, name)
            if mine != other:
                raise RunFault(
                    f"expected runs of one comparison, got two with a different {name}: {mine!r} "
                    f"in {first.path}, {other!r} in {file.path}; pass a folder that holds one"
                )


def _check_searcher(files: Sequence[RunFile]) -> None:
    for before, after in pairwise(files):
        if before.run.seed == after.run.seed:
            raise RunFault(
                f"expected one run of {after.run.searcher} for each seed, got two of seed "
                f"{after.run.seed}: {before.path} and {after.path}; remove one"
            )
        if before.run.config != after.run.config:
            raise RunFault(
                f"expected one configuration of {after.run.searcher}, got {before.run.config!r} in "
                f"{before.path} and {after.run.config!r} in {after.path}; keep them in two folders"
            )
        if before.run.code != after.run.code:
            raise RunFault(
                f"expected runs of one version of {after.run.searcher}, got {before.path} and "
                f"{after.path}, between which its source changed; make all of them with one"
            )


def _describe(name: str, sha256: str | None, space: str) -> str:
    return f"{name} ({space}, table {sha256[:12] if sha256 else 'none'})"
