"""`nasbench table export` and `card`: tables in the formats of others, and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench import registry
from tabular.arguments import File, Overwrite, opened, refuse_existing

if TYPE_CHECKING:
    from tabular.table import Table


def export(
    file: File,
    csv: Annotated[
        Path | None, typer.Option(help="Write CSV here; gzipped if it ends in .gz.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write Parquet here.")] = None,
    syne_tune: Annotated[
        Path | None, typer.Option(help="Write a Syne Tune blackbox into this new folder.")
    ] = None,
    configspace: Annotated[
        Path | None, typer.Option(help="Write the space as ConfigSpace JSON here.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a table for others: CSV and Parquet have a line for each training and epoch."""
    from tabular.exporters import configspace as as_configspace
    from tabular.exporters import csv as as_csv
    from tabular.exporters import parquet as as_parquet
    from tabular.exporters import syne_tune as as_syne_tune

    asked = {
        as_csv: csv,
        as_parquet: parquet,
        as_syne_tune: syne_tune,
        as_configspace: configspace,
    }
    wanted = [(format_, path) for format_, path in asked.items() if path is not None]
    if not wanted:
        raise typer.BadParameter(
            "name an output: --csv, --parquet, --syne-tune or --configspace, with a path"
        )
    for format_, path in wanted:
        if format_ is not as_syne_tune:  # which never replaces a folder with files in it
            refuse_existing(path, overwrite)
    table = opened(file)
    for format_, path in wanted:
        format_.export(table, path)
        typer.echo(f"Wrote {path}.", err=True)


def card(
    file: File,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Markdown file; pictures go into a folder beside it."),
    ],
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="Compare rankings with this table, a file or a name; may be repeated "
            "[default: every registered table of the space].",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a page about a table: distribution, noise, agreement of rankings, cost."""
    if output.suffix != ".md":
        raise typer.BadParameter(f"{output} does not end in .md", param_hint="--output")
    from tabular import card as as_card

    table = opened(file)
    others = _registered(table) if with_ is None else [opened(name) for name in with_]
    as_card.write(table, [each for each in others if each.sha256 != table.sha256], output)
    typer.echo(f"Wrote {output}.", err=True)


def _registered(table: Table) -> list[Table]:
    """Every registered table of the same space, by name."""
    from tabular.table import Table as Kind

    known = [registry.benchmark(name) for name in registry.names(registry.BENCHMARKS)]
    return [
        each for each in known if isinstance(each, Kind) and each.space.name == table.space.name
    ]
