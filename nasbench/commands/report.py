"""`nasbench report`: a comparison as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[
        Path, typer.Argument(help="Folder that `nasbench compare` wrote to, a suite's too.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; default RUNS/report.html.")
    ] = None,
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="Name or file of the benchmark, if the runs' own name is not registered."
        ),
    ] = None,
) -> None:
    """Write report.html: standings, curves, best cells; after `nasbench verify` also verdicts."""
    from nasbench.harness.report import FILE, build_report
    from nasbench.harness.suite import read_parts

    parts = read_parts(runs)
    if parts is not None and benchmark is None:
        from nasbench.harness.suite_report import summarize_suite, write_suite_report

        typer.echo(write_suite_report(summarize_suite(parts), output or runs / FILE))
        return
    typer.echo(build_report(runs, benchmark, output))
