"""What the commands of `nasbench table` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench import registry
from nasbench.errors import OutputFault, TableFault

if TYPE_CHECKING:
    from tabular.table import Table

File = Annotated[str, typer.Argument(help="A table file, or the name of a registered table.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def opened(name: str) -> Table:
    """The table of a file or of a registered name.

    Raises:
        UnknownBenchmark: there is neither.
        TableFault: the benchmark is no table, or the file is damaged.
    """
    from tabular.table import Table

    found = registry.benchmark(name)
    if not isinstance(found, Table):
        raise TableFault(f"{name} is a benchmark, but not a table; `nasbench list` shows both")
    return found


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Checks that a command does not replace a file unasked.

    Raises:
        OutputFault: it would.
    """
    if path.exists() and not overwrite:
        raise OutputFault(f"{path} is there already; choose another output, or pass --overwrite")
