"""Tables as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.atomic import replacing
from tabular.exporters.frame import frame

if TYPE_CHECKING:
    from tabular.table import Table


def export(table: Table, path: Path) -> None:
    """Writes the frame of a table, gzipped if the name ends in .gz.

    Raises:
        OutputFault: the place cannot be written or is full.
    """
    gzipped: dict[str, Any] = {"method": "gzip", "mtime": 0}  # equal tables give equal files
    packed = gzipped if path.suffix == ".gz" else None
    with replacing(path) as part:
        frame(table).to_csv(part, index=False, compression=packed)
