"""Tables as CSV."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

from nasbench.atomic import write_bytes
from tabular.exporters.frame import frame

if TYPE_CHECKING:
    from tabular.table import Table


def export(table: Table, path: Path) -> None:
    """Writes the frame of a table, gzipped if the name ends in .gz.

    Raises:
        OutputFault: the place cannot be written or is full.
    """
    data = frame(table).to_csv(index=False, lineterminator="\n").encode()
    gzipped = path.suffix == ".gz"
    write_bytes(path, gzip.compress(data, mtime=0) if gzipped else data)  # equal if tables are
