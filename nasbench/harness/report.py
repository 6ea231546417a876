"""`report.html`: one file that shows a comparison, made from its run files and the benchmark alone.

Nothing in it is loaded from elsewhere, and the same inputs give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from nasbench.atomic import write_text
from nasbench.core import Architecture, Benchmark, Candidate
from nasbench.harness import figures, statistics
from nasbench.harness.collection import REFERENCE, Collection, collect, find_benchmark
from nasbench.harness.command_lines import commands
from nasbench.harness.evidence import looked_up, luck_sentence
from nasbench.harness.figures import regret_unit
from nasbench.harness.plots import COLORS, dash
from nasbench.harness.summary import Outcome, Standing, Summary, summarize
from nasbench.harness.verification import Verification, is_current, read_verification
from nasbench.harness.winners import Winner, winners
from nasbench.harness.wording import (
    again_sentence,
    coverage_sentence,
    describe_budget,
    describe_constraints,
    describe_seeds,
    failure_sentences,
    find_sentence,
    format_interval,
    format_number,
    format_p,
    format_ranks,
    format_seconds,
    hypervolume_sentence,
    missing_sentences,
    optimum_sentence,
    regret_sentence,
    shift_sentence,
    short_sentences,
    verification_sentence,
)

if TYPE_CHECKING:
    from jinja2 import Environment

FILE = "report.html"
CELLS = 6
"""Drawn at most, the optimum not counted."""


def build_report(
    folder: Path, benchmark: Benchmark | str | Path | None = None, path: Path | None = None
) -> Path:
    """Write the report of the runs below a folder, by default into it, and return its path.

    Raises:
        RunFault: no runs, malformed ones, or such that cannot be compared.
        UnknownBenchmark: nothing is registered under the runs' benchmark; pass the table's file.
        OutputFault: `path` cannot be written.
    """
    collection = collect(folder)
    return write_report(summarize(collection, find_benchmark(collection, benchmark)), path)


def write_report(summary: Summary, path: Path | None = None) -> Path:
    """Write the report of a summary, by default beside its run files, and return its path."""
    collection = summary.collection
    path = collection.folder / FILE if path is None else Path(path)
    write_text(path, render(summary, read_verification(collection), path.parent))
    return path


def render(summary: Summary, verification: Verification | None, place: Path) -> str:
    """The page's text; links to run files lead there from the folder `place`."""
    page = environment().get_template("report.html")
    return page.render(**_context(summary, verification, place)) + "\n"


@cache
def environment() -> Environment:
    """Where the pages' templates are found, with their filters; each is compiled once."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("nasbench.harness"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=format_number, seconds=format_seconds, p_value=format_p, ranks=format_ranks
    )
    return made


def _context(summary: Summary, verification: Verification | None, place: Path) -> dict[str, Any]:
    run, files = summary.collection.first, summary.collection.files
    found = winners(summary.collection, summary.benchmark.space)
    outdated = verification is not None and not is_current(verification, summary.collection, found)
    if outdated:
        verification = None
    digits = 2 if summary.target.unit == "%" else 4
    return {
        **_shared(summary),
        "run": run,
        "rows": files,
        "seeds": describe_seeds(sorted({file.run.seed for file in files})),
        "budget": describe_budget(run.budget),
        "constraints": describe_constraints(run.constraints),
        "digits": digits,
        "standings": [_row(standing, summary, place) for standing in summary.standings],
        "curves": [
            {"caption": figure.caption, "svg": safe(figure.svg)}
            for figure in figures.curves(summary)
        ],
        "scores": safe(figures.scores(summary)),
        "pairwise": summary.pairwise.tolist(),
        "better": summary.better.tolist(),
        **_cells(found, summary, place),
        **_verification(summary, verification, place),
        "outdated": outdated,
        "commands": commands(summary, verification),
        "environment": _environment(summary.collection),
    }


def _shared(summary: Summary) -> dict[str, Any]:
    objective = summary.objective
    return {
        "objective": objective,
        "target": summary.target,
        "regret_unit": regret_unit(objective),
        "full_epochs": summary.benchmark.epochs[-1],
        "regret_digits": 3 if objective.unit == "%" else 4,
        "reference": REFERENCE,
        "level": round(100 * statistics.LEVEL),
        "repetitions": statistics.REPETITIONS,
        "finding": find_sentence(summary),
        "optimum_note": optimum_sentence(summary),
        "hypervolume_definition": hypervolume_sentence(summary),
        "regret_definition": regret_sentence(summary),
        "cautions": [coverage_sentence(summary), luck_sentence(summary.benchmark)],
        "looked_up": looked_up(summary.benchmark),
        "failures": [
            *missing_sentences(summary.collection),
            *failure_sentences(summary),
            *short_sentences(summary),
        ],
        "again": again_sentence(summary.collection.first.budget),
        "swatch": swatch,
        "interval": format_interval,
        "heat": _heat,
    }


def _row(standing: Standing, summary: Summary, place: Path) -> dict[str, Any]:
    ended, config = standing.outcomes, standing.outcomes[0].file.run.config
    return {
        **{
            name: getattr(standing, name)
            for name in ("searcher", "number", "outcomes", "mean", "iqm", "regret", "ranks")
        },
        "improvement": standing.improvement,
        "hypervolume": standing.hypervolume,
        "evaluations": float(np.mean([len(o.file.run.trajectory) for o in ended])),
        "spent_s": float(np.mean([o.spent_s for o in ended])),
        "overhead_s": float(np.mean([o.overhead_s for o in ended])),
        "config": ", ".join(f"{key} {value}" for key, value in sorted(config.items())),
        "rows": [_run_row(outcome, summary, place) for outcome in ended],
    }


def _run_row(outcome: Outcome, summary: Summary, place: Path) -> dict[str, Any]:
    arch, space = outcome.arch, summary.benchmark.space
    return {
        **{
            name: getattr(outcome, name)
            for name in ("found_at", "told", "epochs", "regret", "score")
        },
        "spent_s": outcome.spent_s,
        "link": link(outcome.file.path, place),
        "seed": outcome.file.run.seed,
        "value": outcome.metrics.get(summary.objective.name, np.nan),
        "evaluations": len(outcome.file.run.trajectory),
        "text": "none" if arch is None else space.format(arch),
        "sha256": outcome.file.sha256,
    }


def _cells(found: Sequence[Winner], summary: Summary, place: Path) -> dict[str, Any]:
    best = summary.benchmark.space.canonical(summary.optimum)
    cells = [_cell(winner, summary, best, place) for winner in found[:CELLS]]
    if summary.trained is not None and best not in {winner.arch for winner in found[:CELLS]}:
        which = "the table" if summary.exhaustive else "those trained"
        title = f"Best of {which} by {summary.objective.name}"
        cells.append(_drawn(best, title, summary))
    return {"cells": cells, "cells_left_out": max(len(found) - CELLS, 0)}


def _cell(winner: Winner, summary: Summary, best: Architecture, place: Path) -> dict[str, Any]:
    numbers = _numbers(summary)
    title = ", ".join(winner.searchers)
    if winner.arch == best:
        title += " (best of the table)" if summary.exhaustive else " (best known)"
    found_by = [
        {
            "searcher": find.file.run.searcher,
            "number": numbers[find.file.run.searcher],
            "seed": find.file.run.seed,
            "link": link(find.file.path, place),
        }
        for find in winner.finds
    ]
    return {**_drawn(winner.arch, title, summary), "found_by": found_by}


def _drawn(arch: Architecture, title: str, summary: Summary) -> dict[str, Any]:
    from nasbench.spaces.drawing import svg

    space = summary.benchmark.space
    metrics = summary.benchmark.query([Candidate(arch)])[0].metrics
    shown = [metric for metric in summary.benchmark.metrics if metric.split != "train"]
    return {
        "title": title,
        "svg": safe(svg(space.graph(arch))),
        "text": space.format(arch),
        "metrics": [
            (f"{m.name} ({m.unit})", format_number(metrics[m.name], _digits(m.unit))) for m in shown
        ],
        "found_by": [],
    }


def _verification(
    summary: Summary, verification: Verification | None, place: Path
) -> dict[str, Any]:
    if verification is None:
        return {"verification": None, "verification_finding": ""}
    numbers, folder = _numbers(summary), summary.collection.folder
    files = [name for measurement in verification.measurements for name in measurement.files]
    return {
        "verification": verification,
        "verification_finding": verification_sentence(verification),
        "measurements": verification.measurements,
        "verified": safe(figures.verified(verification, numbers)),
        "shift_note": shift_sentence(verification),
        "links": {name: link(folder / name, place) for name in files},
        "numbers": numbers,
    }


def _environment(collection: Collection) -> list[tuple[str, str]]:
    """Every entry of the runs' environments with all its values."""
    values: dict[str, set[str]] = {}
    for file in collection.files:
        for name, value in file.run.environment.items():
            values.setdefault(name, set()).add(value)
    return [(name, "; ".join(sorted(values[name]))) for name in sorted(values)]


def _numbers(summary: Summary) -> dict[str, int]:
    return {standing.searcher: standing.number for standing in summary.standings}


def link(path: Path, place: Path) -> str:
    """How a page in the folder `place` names a file."""
    return quote(Path(os.path.relpath(path, place)).as_posix())


def swatch(number: int) -> Any:
    """A piece of the line of the searcher of a number."""
    line = f'stroke="var(--s{number % COLORS})" stroke-width="3" stroke-dasharray="{dash(number)}"'
    return safe(
        f'<svg class="swatch" viewBox="0 0 24 10" aria-hidden="true">'
        f'<line x1="0" y1="5" x2="24" y2="5" {line}/></svg>'
    )


def _heat(chance: float) -> str:
    """Background of a cell: none at 1/2, full at 0 and 1."""
    side = "win" if chance > 0.5 else "lose"
    return f"rgba(var(--{side}), {0.9 * abs(chance - 0.5):.3f})"


def _digits(unit: str) -> int:
    return {"%": 2, "nats": 3}.get(unit, 0)


def safe(markup: str) -> Any:
    """Markup that a template must not escape."""
    from markupsafe import Markup

    return Markup(markup)
