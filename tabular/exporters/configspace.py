"""The space of a table as the JSON of ConfigSpace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nasbench.atomic import replacing
from nasbench.compat.configspace import configuration_space

if TYPE_CHECKING:
    from tabular.table import Table


def export(table: Table, path: Path) -> None:
    """Writes what `ConfigurationSpace.from_json` reads.

    Raises:
        MissingExtra: ConfigSpace is not installed.
        OutputFault: the place cannot be written or is full.
    """
    space = configuration_space(table.space)
    with replacing(path) as part:
        space.to_json(part)
