"""A table that exists as content again, to write it with further columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasbench.core import Metric
from nasbench.errors import TableFault
from tabular import schema

if TYPE_CHECKING:
    from tabular.table import Table


def content_of(table: Table) -> schema.Content:
    """All that a table holds; writing it gives the same values and hashes."""
    about, stored = table.source.attributes, table.source.datasets
    return schema.Content(
        name=table.name,
        space=about["space"],
        arity=tuple(about["arity"]),
        per=about["per"],
        genes=table.genes,
        row=table.source.read("row")[0] if "row" in stored else None,
        seeds=table.seeds,
        epochs=table.epochs,
        columns=[_column(table, metric) for metric in table.metrics],
        status=table.status,
        train_s=table.train_s().astype(np.float32),
        cost_s=table.cost_s().astype(np.float32),
        measured=stored["cost_s"]["attributes"]["measured"],
        task=about["task"],
        recipe=about["recipe"],
        setting=about["setting"],
        source=about["source"],
    )


def extended(path: Path, columns: Sequence[schema.Column], source: str) -> schema.Content:
    """The table of a file with further columns, and `source` said of them.

    Raises:
        TableFault: it has one of them, or is no intact table.
    """
    from tabular.hdf5 import open_table  # late: it loads h5py, which help does not need

    content = content_of(open_table(path))
    known = {column.metric.name for column in content.columns}
    twice = [column.metric.name for column in columns if column.metric.name in known]
    if twice:
        raise TableFault(f"{path} has {', '.join(twice)} already; name a table without it")
    told = f"{content.source}; {source}" if content.source else source
    return replace(content, columns=[*content.columns, *columns], source=told)


def _column(table: Table, metric: Metric) -> schema.Column:
    if metric.split == "static":
        known = table.source.datasets[f"static/{metric.name}"]
        values = table.values(metric.name)
        whole = np.dtype(known["dtype"]).kind == "i"
        return schema.Column(metric, values.astype(np.int64) if whole else values)
    attributes = table.source.datasets[f"curves/{metric.name}"]["attributes"]
    rounded = attributes["encoding"] == "rounded"
    return schema.Column(metric, table.curves(metric.name), attributes.get("examples"), rounded)
