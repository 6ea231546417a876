"""What a table is, on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nasbench.core import Architecture, Metric
from tabular import schema
from tabular.records import UNKNOWN

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tabular.table import Table

_FORMATS = {"%": "{:.2f}", "nats": "{:.4f}"}


def summary(table: Table) -> Iterator[RenderableType]:
    """The facts, then the metrics after the full training."""
    from rich.table import Table as Grid
    from rich.text import Text

    about = Grid(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in facts(table).items():
        about.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    yield about
    yield Text("\nAfter the full training:")
    columns = Grid(box=None, padding=(0, 1, 0, 0), header_style="bold")
    columns.add_column("metric", no_wrap=True)
    for name in ("min", "median", "max", "missing"):
        columns.add_column(name, justify="right", no_wrap=True)
    for name in ("unit", "stored as"):
        columns.add_column(name, no_wrap=True)
    for metric in table.metrics:
        columns.add_row(*_row(table, metric))
    yield columns


def facts(table: Table) -> dict[str, str]:
    """What a table is, as text by name."""
    done = table.status != schema.NOT_TRAINED
    epochs = table.epochs
    costs = table.cost_s()
    found = {
        "table": table.name,
        "file": f"{table.source.path} ({table.source.path.stat().st_size:,} bytes)",
        "sha256": table.sha256,
        "space": table.source.attributes["space"],
        "rows": f"{len(table.genes):,}, one for each {table.per}",
        "repeats": f"{table.repeats} (seeds {', '.join(map(str, table.seeds))})",
        "trained": f"{int(done.sum()):,} of {done.size:,}",
        "diverged": f"{int((table.status == schema.DIVERGED).sum()):,}",
        "epochs": f"{epochs[0]} to {epochs[-1]}, {len(epochs)} recorded",
        "cost_s": f"median {np.nanmedian(costs):.2f} s, in all {np.nansum(costs) / 3600:.1f} h "
        f"({table.cost_measured})",
        "source": table.source.attributes["source"],
    }
    return {**found, **_setting(table), **_best(table)}


def _setting(table: Table) -> dict[str, str]:
    setting = table.setting
    if setting is None:
        return {}
    sizes = (f"{setting.examples[split]:,} {split}" for split in ("train", "valid", "test"))
    recipe = ", ".join(f"{name} {value}" for name, value in setting.to_json()["recipe"].items())
    return {
        "task": f"{setting.task} ({' / '.join(sizes)})",
        "recipe": recipe,
        "made by": "; ".join(map(str, setting.makers)),
        "made on": f"{setting.device}: {'; '.join(setting.processors) or UNKNOWN}",
    }


def _best(table: Table) -> dict[str, str]:
    if "valid_accuracy" not in {metric.name for metric in table.metrics}:
        return {}
    values = table.values("valid_accuracy")
    row = int(np.nanargmax(values))
    arch = Architecture(table.space.name, tuple(table.genes[row].tolist()))
    return {"best valid": f"{values[row]:.2f} %: {table.space.format(arch)}"}


def _row(table: Table, metric: Metric) -> tuple[str, ...]:
    known = table.values(metric.name)
    known = known[~np.isnan(known)]
    form = _FORMATS.get(metric.unit, "{:,.0f}").format
    numbers = [form(f(known)) if known.size else "-" for f in (np.min, np.median, np.max)]
    static = metric.split == "static"
    stored = table.source.datasets[f"{'static' if static else 'curves'}/{metric.name}"]
    attributes = stored["attributes"]
    encoding = str(attributes["encoding"])
    if encoding == "count":
        encoding = f"k / {attributes['examples']:,}"
    elif encoding == "rounded":
        encoding = f"{attributes['significant_bits']} bits"
    missing = f"{attributes['missing']:,}"
    return metric.name, *numbers, missing, metric.unit, encoding
