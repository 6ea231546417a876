"""`report.html` of a suite: several comparisons on one page, made from their run files alone.

Nothing in it is loaded from elsewhere, and the same inputs give the same bytes.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nasbench import registry
from nasbench.atomic import write_text
from nasbench.harness import report, statistics, suite_figures
from nasbench.harness.collection import REFERENCE, collect, find_benchmark
from nasbench.harness.command_lines import changed_settings
from nasbench.harness.figures import Figure
from nasbench.harness.findings import EARLY, cautions, findings
from nasbench.harness.overall import Overall, combine
from nasbench.harness.suite import Part
from nasbench.harness.summary import Summary, summarize
from nasbench.harness.wording import (
    describe_budget,
    describe_constraints,
    describe_seeds,
    exact,
    failure_sentences,
    format_interval,
    missing_sentences,
    optimum_sentence,
    terms,
)


def summarize_suite(parts: Sequence[Part]) -> Overall:
    """All numbers of a suite, from the run files in its folders.

    Raises:
        RunFault: runs are missing, malformed, or cannot be compared.
    """
    collections = [collect(part.folder) for part in parts]
    return combine(
        [
            summarize(collection, find_benchmark(collection, part.benchmark))
            for collection, part in zip(collections, parts, strict=True)
        ]
    )


def write_suite_report(overall: Overall, path: Path) -> Path:
    """Write the page and, beside each table's runs, its own report; return the page's path."""
    for summary in overall.summaries:
        report.write_report(summary)
    write_text(path, render(overall, path.parent))
    return path


def render(overall: Overall, place: Path) -> str:
    """The page's text; links to run files lead there from the folder `place`."""
    page = report.environment().get_template("suite.html")
    return page.render(**_context(overall, place)) + "\n"


def _context(overall: Overall, place: Path) -> dict[str, Any]:
    run = overall.summaries[0].collection.first
    return {
        "run": run,
        "places": overall.places,
        "tables": [
            _table(summary, overall, k, place) for k, summary in enumerate(overall.summaries)
        ],
        "seeds": describe_seeds(overall.seeds),
        "runs": sum(len(summary.collection.files) for summary in overall.summaries),
        "budget": describe_budget(run.budget),
        "constraints": describe_constraints(run.constraints),
        "objective": overall.summaries[0].objective,
        "reference": REFERENCE,
        "level": round(100 * statistics.LEVEL),
        "repetitions": statistics.REPETITIONS,
        "findings": findings(overall),
        "cautions": cautions(overall),
        "notes": _notes(overall),
        "early": f"{EARLY:.0%}",
        "differences": report.safe(suite_figures.critical_difference(overall)),
        "difference": overall.difference,
        "blocks": len(overall.summaries) * len(overall.seeds),
        "profiles": _drawn(suite_figures.performance_profiles(overall)),
        "curves": _drawn(suite_figures.curves(overall)),
        "by_table": [_drawn(found) for _, found in suite_figures.by_table(overall)],
        "command": _command(overall),
        "swatch": report.swatch,
        "interval": format_interval,
    }


def _table(summary: Summary, overall: Overall, k: int, place: Path) -> dict[str, Any]:
    """One benchmark: a cell for each place, and its run files."""
    standings = {standing.searcher: standing for standing in summary.standings}
    names = [p.searcher for p in overall.places]
    folder = summary.collection.folder
    return {
        "name": summary.benchmark.name,
        "sha256": summary.collection.first.table_sha256,
        "typical": float(overall.typical[k]),
        "optimum": optimum_sentence(summary),
        "report": report.link(folder / report.FILE, place),
        "digits": 2 if summary.objective.unit == "%" else 4,
        "cells": [(standings[name].regret, standings[name].ranks) for name in names],
        "standings": [
            {
                "searcher": standing.searcher,
                "number": standing.number,
                "runs": [
                    {
                        "seed": outcome.file.run.seed,
                        "link": report.link(outcome.file.path, place),
                        "sha256": outcome.file.sha256,
                        "regret": outcome.regret,
                        "loss": outcome.regret / float(overall.typical[k]),
                    }
                    for outcome in standing.outcomes
                ],
            }
            for standing in sorted(summary.standings, key=lambda s: s.number)
        ],
    }


def _notes(overall: Overall) -> list[str]:
    return [
        f"{summary.benchmark.name}: {note}"
        for summary in overall.summaries
        for note in [*missing_sentences(summary.collection), *failure_sentences(summary)]
    ]


def _command(overall: Overall) -> str:
    """The command line that makes the runs again."""
    run = overall.summaries[0].collection.first
    known = registry.names(registry.BENCHMARKS)
    tables = [s.benchmark.name for s in overall.summaries]
    words = ["nasbench", "compare", "--suite", *(n if n in known else "TABLE" for n in tables)]
    every = sorted({name for s in overall.summaries for name in s.collection.searchers})
    words += ["-s", ",".join(every)]
    words += ["--seeds", str(len(overall.seeds)), "--queries", str(run.budget.queries)]
    if math.isfinite(run.budget.cost_s):
        words += ["--seconds", exact(run.budget.cost_s)]
    if run.objectives != ("valid_accuracy",):
        words += ["--objectives", ",".join(run.objectives)]
    words += [word for term in terms(run.constraints) for word in ("--constraint", term)]
    words += ["--workers", str(run.workers)] if run.workers > 1 else []
    changed = dict.fromkeys(text for s in overall.summaries for text in changed_settings(s))
    words += [word for text in changed for word in ("--set", text)]
    return shlex.join([*words, "-o", "RUNS"])


def _drawn(found: Sequence[Figure]) -> list[dict[str, Any]]:
    return [{"caption": figure.caption, "svg": report.safe(figure.svg)} for figure in found]
