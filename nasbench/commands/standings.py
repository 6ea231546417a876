"""What a comparison ends with on the terminal: a table, warnings, and where the files are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nasbench.core import SupportsRows

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nasbench.harness.summary import Standing, Summary

NARROW = 72
"""Columns of a terminal from which the whole table is shown."""


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
    from nasbench.harness.evidence import looked_up
    from nasbench.harness.wording import describe_budget

    objective, target = summary.objective, summary.target
    run = summary.collection.first
    title = f"{run.benchmark}, {describe_budget(run.budget)} a run"
    if summary.trained is not None and not summary.exhaustive:
        done, total = summary.trained
        title += f"; {done:,} of {total:,} architectures trained"
    rows = [_row(standing, len(summary.collection.seeds)) for standing in summary.standings]
    console.print(table_of(title, rows, console.width, ("test", "regret")))
    met = "" if isinstance(summary.benchmark, SupportsRows) else " that a run met"
    front_note = ""
    if summary.front is not None:
        front_note = " front: share of the hypervolume of the known Pareto front of all objectives."
    console.print(
        f"\nMeans over runs; brackets: {100 * summary.standings[0].mean.level:.0f} % bootstrap "
        f"interval. found: {objective.name} of the incumbent as its searcher saw it; test: its "
        f"{target.name}, and regret: its distance from the best {objective.name}{met}, both "
        f"{looked_up(summary.benchmark)}; charged: the evaluations and the searcher's own time."
        + front_note,
        style="dim",
        markup=False,  # brackets in a metric's name are no tags
        highlight=False,
    )


def table_of(
    title: str, rows: Sequence[Mapping[str, str]], width: int, essential: Sequence[str]
) -> Table:
    """Rows of texts by heading, the searcher first.

    A terminal narrower than `NARROW` shows the essential columns only, without intervals.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
    )
    first, *heads = rows[0]
    table.add_column(first, overflow="fold")
    heads = [head for head in heads if width >= NARROW or head in essential]
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        texts = [row[head] if width >= NARROW else row[head].partition(" [")[0] for head in heads]
        table.add_row(*map(Text, [row[first], *texts]))
    return table


def _row(standing: Standing, seeds: int) -> dict[str, str]:
    import numpy as np

    from nasbench.harness.wording import format_interval, format_seconds

    ended, front = standing.outcomes, standing.hypervolume
    found = [outcome.told for outcome in ended if math.isfinite(outcome.told)]
    return {
        "searcher": standing.searcher,
        "runs": str(seeds) if len(ended) == seeds else f"{len(ended)} of {seeds}",
        "found": f"{np.mean(found):.2f}" if found else "none",
        "test": format_interval(standing.mean),
        "regret": f"{standing.regret.estimate:.2f}",
        "evals": f"{np.mean([len(outcome.file.run.trajectory) for outcome in ended]):.0f}",
        "charged": format_seconds(float(np.mean([outcome.spent_s for outcome in ended]))),
        **({} if front is None else {"front": f"{front.estimate:.3f}"}),
    }


def _warn(summary: Summary) -> None:
    """Say on stderr what makes the numbers less than they seem."""
    from rich.console import Console

    from nasbench.harness.evidence import luck_sentence
    from nasbench.harness.wording import (
        coverage_sentence,
        failure_sentences,
        missing_sentences,
        short_sentences,
    )

    console = Console(stderr=True)
    notes = [coverage_sentence(summary), *missing_sentences(summary.collection)]
    notes += [*failure_sentences(summary), *short_sentences(summary)]
    notes += [luck_sentence(summary.benchmark)]
    for note in filter(None, notes):
        console.print(f"warning: {note}", style="yellow", markup=False, highlight=False)
