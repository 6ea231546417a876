"""`nasbench compare --suite`: searchers x seeds on several benchmarks, a table, and one report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nasbench.harness.overall import Overall, Place
    from nasbench.harness.suite import Part

OUT = Path("runs") / "suite"


def run(
    benchmarks: Sequence[str] | None,
    searchers: Sequence[str],
    seeds: Sequence[int],
    out: Path | None,
    report: bool,
    **setting: Any,
) -> None:
    """Do what is missing of the suite, and show it."""
    from rich.console import Console

    from nasbench.commands.progress import shown
    from nasbench.harness import suite

    out = OUT if out is None else out
    parts = suite.parts_of(benchmarks or suite.all_tables(), out)
    names = searchers or suite.all_searchers()
    aside = redirect_stdout(sys.stderr)  # what a searcher prints is no result
    with shown("runs", Console(stderr=True)) as on_done, aside:
        setting |= {"on_done": on_done, "on_beat": on_done.beat}
        failure = suite.run_suite(parts, names, seeds, out=out, **setting)
    if failure is not None and not all(any(p.folder.glob("*/*/seed-*.json")) for p in parts):
        raise failure
    conclude(parts, out, report)
    if failure is not None:
        raise failure


def conclude(parts: Sequence[Part], out: Path, report: bool) -> None:
    """Show the table and write the report, both from the run files."""
    from rich.console import Console

    from nasbench.harness.findings import cautions, findings
    from nasbench.harness.suite_report import summarize_suite, write_suite_report

    console, overall = Console(), summarize_suite(parts)
    console.print(_table(overall, console.width))
    console.print()
    for sentence in findings(overall):
        console.print(f"- {sentence}", markup=False, highlight=False)
    _explain(console, overall)
    warnings = Console(stderr=True)
    for note in cautions(overall):
        warnings.print(f"warning: {note}", style="yellow", markup=False, highlight=False)
    console.print(f"runs: {out}", markup=False, highlight=False, soft_wrap=True)
    if report:
        path = write_suite_report(overall, out / "report.html")
        console.print(f"report: {path}", markup=False, highlight=False, soft_wrap=True)


def _table(overall: Overall, width: int) -> Table:
    from nasbench.commands.standings import table_of
    from nasbench.harness.wording import describe_budget

    run, count = overall.summaries[0].collection.first, len(overall.summaries)
    title = (
        f"{count} {'benchmarks' if count > 1 else 'benchmark'}, {len(overall.seeds)} seeds, "
        f"{describe_budget(run.budget)} a run"
    )
    return table_of(title, [_row(place) for place in overall.places], width, ("rank", "regret"))


def _row(place: Place) -> dict[str, str]:
    from nasbench.harness.wording import format_interval, format_ranks, format_seconds

    return {
        "searcher": place.searcher,
        "rank": format_ranks(place.ranks),
        "average": format_interval(place.average_rank, 1),
        "regret": f"{place.iqm.estimate:.3f}",
        "beats": "" if place.improvement is None else f"{place.improvement.estimate:.2f}",
        "optimum": f"{place.solved:.0%}",
        "charged": format_seconds(place.spent_s),
    }


def _explain(console: Console, overall: Overall) -> None:
    from nasbench.harness.collection import REFERENCE

    typical = ", ".join(
        f"{summary.benchmark.name} {value:.3g}"
        for summary, value in zip(overall.summaries, overall.typical, strict=True)
    )
    console.print(
        f"\nrank: those that the noise leaves possible; average: rank within a seed of a table, "
        f"with its {100 * overall.places[0].iqm.level:.0f} % interval; regret: interquartile mean "
        f"of the final ones, in units of the median architecture's ({typical}); beats: chance that "
        f"a run beats one of {REFERENCE}; optimum: share of runs that found it; charged: training "
        f"and the searcher's own time.",
        style="dim",
        markup=False,
        highlight=False,
    )
