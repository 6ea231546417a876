"""Tables as Parquet."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from nasbench.atomic import replacing
from nasbench.errors import MissingExtra
from tabular.exporters.frame import frame

if TYPE_CHECKING:
    from tabular.table import Table


def export(table: Table, path: Path) -> None:
    """Writes the frame of a table.

    Raises:
        MissingExtra: pyarrow is not installed.
        OutputFault: the place cannot be written or is full.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra(
            "writing Parquet needs pyarrow; install it with: pip install 'nasbench-lab[parquet]'"
        )
    with replacing(path) as part:
        frame(table).to_parquet(part, engine="pyarrow", index=False)
