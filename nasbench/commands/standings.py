"""What a comparison ends with on the terminal: a table, warnings, and where the files are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from nasbench.harness.summary import Standing, Summary


def conclude(folder: Path, benchmark: str, report: bool) -> None:
    """Show the table and write the report, both from the run files."""
    from rich.console import Console

    from nasbench.harness.collection import collect, find_benchmark
    from nasbench.harness.summary import summarize

    console = Console()
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
