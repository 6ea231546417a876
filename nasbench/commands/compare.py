"""`nasbench compare`: searchers x seeds on one benchmark, a table, and a report."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from rich.console import Console

    from nasbench.core import Constraint
    from nasbench.harness.summary import Standing, Summary

BENCHMARK = "cell201/digits-on-photos"
SEARCHERS = ("random-search", "local-search", "regularized-evolution", "reinforce", "darts")

_CONSTRAINT = re.compile(r"\s*(\S+?)\s*(<=|>=)\s*(\S+)\s*")


def compare(
    benchmark: Annotated[
        str, typer.Argument(help="Name or file of the benchmark; see `nasbench list`.")
    ] = BENCHMARK,
    searchers: Annotated[
        list[str],
        typer.Option(
            "--searchers",
            "--searcher",
            "-s",
            help="Names, module:Class, file.py:Class, optuna:Sampler or pymoo:Algorithm; "
            "separated by commas or one an option.",
        ),
    ] = list(SEARCHERS),  # noqa: B006 - typer copies it
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
    names = _split(searchers)
    config = _settings(settings)
    bounds = [_constraint(text) for text in constraints]

    from rich.console import Console

    from nasbench.commands.progress import shown
    from nasbench.core import Budget
    from nasbench.errors import SearcherFault
    from nasbench.harness.compare import compare as compare_searchers

    budget = Budget(queries, seconds)
    folder = Path("runs") / _folder(benchmark) if out is None else out
    console = Console()
    failure = None
    with _executor(dask) as executor, shown("runs", Console(stderr=True)) as on_done:
        try:
            compare_searchers(
                benchmark,
                names,
                range(seeds),
                budget=budget,
                out=folder,
                objectives=_split(objectives),
                constraints=bounds,
                workers=workers,
                settings=config,
                executor=executor,
                processes=processes,
                overwrite=overwrite,
                on_done=on_done,
            )
        except SearcherFault as fault:
            if not any(folder.glob("*/*/seed-*.json")):
                raise
            failure = fault  # the other runs are worth showing
    _conclude(console, folder, benchmark, report)
    if failure is not None:
        raise failure


def _conclude(console: Console, folder: Path, benchmark: str, report: bool) -> None:
    """Show the table and write the report, both from the run files."""
    from nasbench.harness.collection import collect, find_benchmark
    from nasbench.harness.summary import summarize

    collection = collect(folder)
    summary = summarize(collection, find_benchmark(collection, benchmark))
    _show(console, summary)
    _warn(summary)
    console.print(f"runs: {folder}", markup=False, highlight=False, soft_wrap=True)
    if report:
        from nasbench.harness.report import write_report

        path = write_report(summary)
        console.print(f"report: {path}", markup=False, highlight=False, soft_wrap=True)


def _show(console: Console, summary: Summary) -> None:
    from rich import box
    from rich.table import Table

    from nasbench.harness.wording import describe_budget, looked_up

    objective, target = summary.objective, summary.target
    run = summary.collection.first
    title = f"{run.benchmark}, {describe_budget(run.budget)} a run"
    if summary.trained is not None and not summary.exhaustive:
        done, total = summary.trained
        title += f"; {done:,} of {total:,} architectures trained"
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("searcher")
    for head in ("runs", "found", "test", "regret", "evals", "charged"):
        table.add_column(head, justify="right", no_wrap=True)
    if summary.front is not None:
        table.add_column("front", justify="right", no_wrap=True)
    for standing in summary.standings:
        table.add_row(*_row(standing, len(summary.collection.seeds)))
    console.print(table)
    front_note = ""
    if summary.front is not None:
        front_note = " front: share of the hypervolume of the known Pareto front of all objectives."
    console.print(
        f"\nMeans over runs; brackets: {100 * summary.standings[0].mean.level:.0f} % bootstrap "
        f"interval. found: {objective.name} of the incumbent as its searcher saw it; test: its "
        f"{target.name}, and regret: its distance from the best {objective.name}, both "
        f"{looked_up(summary.benchmark)}; charged: training and the searcher's own time."
        + front_note,
        style="dim",
        highlight=False,
    )


def _row(standing: Standing, seeds: int) -> list[str]:
    import numpy as np

    from nasbench.harness.wording import format_interval, format_seconds

    ended = standing.outcomes
    found = [outcome.told for outcome in ended if math.isfinite(outcome.told)]
    return [
        standing.searcher,
        str(seeds) if len(ended) == seeds else f"{len(ended)} of {seeds}",
        f"{np.mean(found):.2f}" if found else "none",
        format_interval(standing.mean),
        f"{standing.regret.estimate:.2f}",
        f"{np.mean([len(outcome.file.run.trajectory) for outcome in ended]):.0f}",
        format_seconds(float(np.mean([outcome.spent_s for outcome in ended]))),
        *([f"{standing.hypervolume.estimate:.3f}"] if standing.hypervolume else []),
    ]


def _warn(summary: Summary) -> None:
    """Say on stderr what makes the numbers less than they seem."""
    from rich.console import Console

    from nasbench.harness.wording import (
        coverage_sentence,
        failure_sentences,
        luck_sentence,
        missing_sentences,
        short_sentences,
    )

    console = Console(stderr=True)
    notes = [coverage_sentence(summary), *missing_sentences(summary.collection)]
    notes += [*failure_sentences(summary), *short_sentences(summary)]
    notes += [luck_sentence(summary.benchmark)]
    for note in filter(None, notes):
        console.print(f"warning: {note}", style="yellow", markup=False, highlight=False)


def _folder(benchmark: str) -> str:
    """Name of a benchmark or of its file, fit for a folder."""
    path = Path(benchmark)
    return path.stem if path.is_file() else benchmark.replace("/", "__")


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
