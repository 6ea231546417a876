"""A table as one data frame: a row for each training and epoch, or architecture without any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.core import Architecture
from nasbench.errors import TableFault
from tabular import schema

if TYPE_CHECKING:
    import pandas as pd

    from tabular.table import Table

STATUS = {schema.TRAINED: "trained", schema.DIVERGED: "diverged"}


def frame(table: Table) -> pd.DataFrame:
    """Architecture, seed, epochs, metrics and seconds so far; no row for what was not trained.

    The seconds are those that a query charges. Of a table of costs alone, such as latencies, every
    architecture with its metrics.

    Raises:
        TableFault: the table holds neither trainings nor such metrics.
    """
    import pandas as pd

    rows, repeats = np.nonzero(table.status != schema.NOT_TRAINED)
    if not len(rows):
        return _costs(table)
    epochs = np.array(table.epochs)
    each = len(epochs)
    texts = [_text(table, genes) for genes in table.genes[rows].tolist()]
    columns: dict[str, object] = {
        "architecture": np.repeat(np.array(texts, dtype=object), each),
        "seed": np.repeat(np.array(table.seeds)[repeats], each),
        "epochs": np.tile(epochs, len(rows)),
        "status": np.repeat([STATUS[code] for code in table.status[rows, repeats].tolist()], each),
    }
    for metric in table.metrics:
        if metric.split == "static":
            columns[metric.name] = np.repeat(table.values(metric.name)[rows], each)
        else:
            columns[metric.name] = table.curves(metric.name)[rows, repeats].ravel()
    columns["cost_s"] = table.all_charged_s()[rows].ravel()
    found = pd.DataFrame(columns)
    recorded = table.recorded()[rows, repeats].ravel()
    return found if recorded.all() or not recorded.any() else found[recorded]


def _costs(table: Table) -> pd.DataFrame:
    import pandas as pd

    fixed = {m.name: table.values(m.name) for m in table.metrics if m.split == "static"}
    if not fixed:
        raise TableFault(f"{table.name} holds no training yet; train some of it first")
    texts = [_text(table, genes) for genes in table.genes.tolist()]
    return pd.DataFrame({"architecture": np.array(texts, dtype=object), **fixed})


def _text(table: Table, genes: list[int]) -> str:
    return table.space.format(Architecture(table.space.name, tuple(genes)))
