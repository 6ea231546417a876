"""`nasbench table export`: tables in the formats of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tabular.arguments import File, opened


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
    table = opened(file)
    for format_, path in wanted:
        format_.export(table, path)
        typer.echo(f"Wrote {path}.", err=True)
