"""`nasbench table import`: other projects' benchmark files as tables.

A format is an entry point of the group `nasbench.importers`: a function from a path to the content
of a table, with options by keyword.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from nasbench import registry
from nasbench.errors import InvalidConfig, NasbenchError, TableFault
from tabular.arguments import Overwrite, opened, refuse_existing

if TYPE_CHECKING:
    from rich.console import Console

    from tabular.schema import Content

Importer = Callable[..., "Content"]
PROGRESS = "progress"


class ImportCommand(TyperCommand):
    """The command whose help lists the formats."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Lines with the name, the options and the first sentence of each importer."""
        with formatter.section("Formats"):
            formatter.write_dl([(name, _about(name)) for name in registry.names(_GROUP)])


def import_(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="One of the formats below.")],
    source: Annotated[Path, typer.Argument(help="File or folder of the other project.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table file to write.")],
    dataset: Annotated[
        str | None, typer.Option(help="Data set of the file to take.", show_default=False)
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Training length to take, in epochs.", show_default=False)
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(help="Table to add columns to: a file or a name.", show_default=False),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn a file of another benchmark into a table."""
    from rich.console import Console

    from tabular.hdf5 import write_table

    read = registry.resolve(_GROUP, format_)
    options = chosen(format_, read, dataset=dataset, schedule=schedule, table=table)
    if not source.exists():
        raise TableFault(f"expected a file or folder to import, but {source} does not exist")
    refuse_existing(output, overwrite)
    console = Console(stderr=True)
    content = _content(format_, read, source, options, console)
    write_table(output, content)
    for line in _told(content):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    console.print(f"Wrote {output}.", soft_wrap=True, markup=False)


def chosen(format_: str, read: Importer, **given: str | None) -> dict[str, Any]:
    """The options that were given, as the importer takes them.

    Raises:
        InvalidConfig: it has no such option.
    """
    known = inspect.signature(read).parameters
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    refused = [f"--{name}" for name in options if name not in known]
    if refused:
        taken = [f"--{name}" for name in given if name in known]
        raise InvalidConfig(
            f"{format_} does not take {' and '.join(refused)}; "
            f"it takes {', '.join(taken) or 'no options'}"
        )
    if "table" in options:
        options["table"] = opened(options["table"]).source.path
    return options


def _content(
    format_: str, read: Importer, source: Path, options: Mapping[str, Any], console: Console
) -> Content:
    from nasbench.commands.progress import shown

    try:
        if PROGRESS not in inspect.signature(read).parameters:
            return read(source, **options)
        with shown(format_, console) as progress:
            return read(source, **options, progress=progress)
    except OSError as fault:
        if isinstance(fault, NasbenchError):
            raise
        raise TableFault(
            f"{source} cannot be read ({fault.strerror}); `nasbench table import --help` says "
            f"whether {format_} is a file or a folder"
        ) from fault


def _told(content: Content) -> list[str]:
    """What was read, for its user to compare with what was expected."""
    import numpy as np

    epochs, seeds = ", ".join(map(str, content.epochs)), ", ".join(map(str, content.seeds))
    if len(content.epochs) > 12:
        epochs = f"{content.epochs[0]} to {content.epochs[-1]}"
    lines = [
        f"{content.name}: {len(content.genes):,} rows, one for each {content.per} of "
        f"{content.space}; seeds {seeds}; epochs {epochs}"
    ]
    for column in content.columns:
        missing = int(np.count_nonzero(np.isnan(column.values.astype(np.float64))))
        of = f", {missing:,} of {column.values.size:,} missing" if missing else ""
        lines.append(f"  {column.metric.name} ({column.metric.unit}){of}")
    return [*lines, f"  {content.source}"] if content.source else lines


def _about(name: str) -> str:
    """First sentence of an importer and its options, or why it is unavailable."""
    try:
        read = registry.resolve(_GROUP, name)
    except NasbenchError as fault:
        return f"(unavailable: {fault})"
    parameters: Mapping[str, Any] = inspect.signature(read).parameters
    options = [f"--{name}" for name in ("dataset", "schedule", "table") if name in parameters]
    first = (inspect.getdoc(read) or "").partition("\n")[0]
    return f"{first} [{', '.join(options)}]" if options else first


_GROUP = registry.IMPORTERS
