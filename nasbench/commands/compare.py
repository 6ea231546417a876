"""`nasbench compare`: searchers x seeds on one benchmark or several, a table, and a report."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from nasbench.core import Constraint

BENCHMARK = "cell201/digits-on-photos"
SEARCHERS = ("random-search", "local-search", "regularized-evolution", "reinforce", "darts")

_CONSTRAINT = re.compile(r"\s*(\S+?)\s*(<=|>=)\s*(\S+)\s*")


def compare(
    benchmarks: Annotated[
        list[str] | None,
        typer.Argument(
            help="Name or file of the benchmark, see `nasbench list`; several with --suite "
            f"[default: {BENCHMARK}; with --suite all tables].",
            show_default=False,
        ),
    ] = None,
    searchers: Annotated[
        list[str] | None,
        typer.Option(
            "--searchers",
            "--searcher",
            "-s",
            help="Names, module:Class, file.py:Class, optuna:Sampler or pymoo:Algorithm; "
            f"separated by commas or one an option [default: {', '.join(SEARCHERS)}; with --suite "
            "all that train no networks of their own].",
            show_default=False,
        ),
    ] = None,
    suite: Annotated[
        bool, typer.Option("--suite", help="Compare on several benchmarks, in one report.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each searcher: seeds 0, 1, ...")] = 10,
    queries: Annotated[int, typer.Option(help="Evaluations in a run.")] = 200,
    seconds: Annotated[
        float, typer.Option(help="Charged seconds in a run: training plus the searcher's own.")
    ] = math.inf,
    objectives: Annotated[
        list[str],
        typer.Option(
            "--objectives", "--objective", help="Metrics to search on; the first one decides."
        ),
    ] = ["valid_accuracy"],  # noqa: B006
    constraints: Annotated[
        list[str],
        typer.Option(
            "--constraint",
            help="On a metric, such as 'params<=50000', or on structure, such as 'depth>=2', "
            "'operations<=4' or 'choices[avg_pool_3x3]<=0'; repeatable.",
        ),
    ] = [],  # noqa: B006
    settings: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="A searcher's setting, such as regularized-evolution.population=50; repeatable.",
        ),
    ] = [],  # noqa: B006
    workers: Annotated[int, typer.Option(help="Simulated asynchronous workers in a run.")] = 1,
    processes: Annotated[
        int | None,
        typer.Option("--processes", "-j", min=1, help="Processes that run; default one a core."),
    ] = None,
    dask: Annotated[
        str | None, typer.Option(help="Scheduler of a cluster, such as tcp://host:8786.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; default runs/BENCHMARK.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do all runs again, also those that are there.")
    ] = False,
    report: Annotated[bool, typer.Option(help="Write report.html at the end.")] = True,
) -> None:
    """Compare searchers over many seeds; started again, it goes on where it stopped."""
    bounds = [_constraint(text) for text in constraints]
    names, config = _split(searchers or []), _settings(settings)
    if not suite and benchmarks and benchmarks[1:]:
        raise typer.BadParameter("several benchmarks are compared on with --suite")

    from nasbench.core import Budget

    setting: dict[str, Any] = {
        "budget": Budget(queries, seconds),
        "objectives": _split(objectives),
        "constraints": bounds,
        "workers": workers,
        "settings": config,
        "processes": processes,
        "overwrite": overwrite,
    }
    if suite:
        from nasbench.commands.suite import run as run_suite

        with _executor(dask) as executor:
            run_suite(benchmarks, names, range(seeds), out, report, executor=executor, **setting)
        return
    benchmark = benchmarks[0] if benchmarks else BENCHMARK
    _compare(benchmark, names or SEARCHERS, range(seeds), out, report, dask, **setting)


def _compare(
    benchmark: str,
    searchers: Sequence[str],
    seeds: Sequence[int],
    out: Path | None,
    report: bool,
    dask: str | None,
    **setting: Any,
) -> None:
    from rich.console import Console

    from nasbench.commands.progress import shown
    from nasbench.commands.standings import conclude
    from nasbench.errors import SearcherFault
    from nasbench.harness.compare import compare as compare_searchers
    from nasbench.harness.suite import folder_name

    folder = Path("runs") / folder_name(benchmark) if out is None else out
    failure = None
    aside = redirect_stdout(sys.stderr)  # what a searcher prints is no result
    with _executor(dask) as executor, shown("runs", Console(stderr=True)) as on_done, aside:
        try:
            compare_searchers(
                *(benchmark, searchers, seeds),
                out=folder,
                executor=executor,
                on_done=on_done,
                on_beat=on_done.beat,
                **setting,
            )
        except SearcherFault as fault:
            if not any(folder.glob("*/*/seed-*.json")):
                raise
            failure = fault  # the other runs are worth showing
    conclude(folder, benchmark, report)
    if failure is not None:
        raise failure


def _split(words: Sequence[str]) -> list[str]:
    return [part.strip() for word in words for part in word.split(",") if part.strip()]


def _constraint(text: str) -> Constraint:
    from nasbench.core import Constraint

    found = _CONSTRAINT.fullmatch(text)
    if not found:
        raise typer.BadParameter(f"expected METRIC<=NUMBER or METRIC>=NUMBER, got {text!r}")
    metric, relation, number = found.groups()
    try:
        bound = float(number)
    except ValueError:
        raise typer.BadParameter(f"expected a number after {relation}, got {number!r}") from None
    if relation == "<=":
        return Constraint(metric, upper=bound)
    return Constraint(metric, lower=bound)


def _settings(words: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`searcher.key=value`; values are JSON, or texts where they are none."""
    found: dict[str, dict[str, Any]] = {}
    for word in words:
        place, equals, value = word.partition("=")
        name, _, key = place.rpartition(".")
        if not (name and key and equals):
            raise typer.BadParameter(f"expected SEARCHER.SETTING=VALUE, got {word!r}")
        try:
            found.setdefault(name, {})[key] = json.loads(value)
        except ValueError:
            found.setdefault(name, {})[key] = value
    return found


@contextmanager
def _executor(address: str | None) -> Iterator[Executor | None]:
    if address is None:
        yield None
        return
    from nasbench.harness.processes import cluster

    with cluster(address) as (executor, _):
        yield executor
