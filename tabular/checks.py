"""`nasbench table check`: everything about a table that can be verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nasbench.core import Architecture
from nasbench.errors import NasbenchError, TableFault
from tabular import classes, schema
from tabular.pack import Counter, count, rows_of_codes
from tabular.table import Table

LISTED = 10_000_000
"""Architectures of a space that can be listed to compare rows with."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    what: str
    passed: bool
    detail: str


def check(table: Table, *, counter: Counter = count) -> Iterator[Finding]:
    """Every check that needs no training, one by one."""
    for what, run in (
        ("every hash holds", _hashes),
        ("attributes match the manifest", _attributes),
        ("rows are those of the space", _rows),
        ("everything is trained", _complete),
        ("values are in range", _ranges),
        ("only what is missing has no value", _missing),
        ("accuracies are counts of the split", _counts),
    ):
        yield _finding(what, run, table)
    yield _finding("params and macs, counted again", _statics, table, counter)


def _finding(what: str, run: Any, *arguments: Any) -> Finding:
    try:
        return Finding(what, True, run(*arguments))
    except NasbenchError as fault:
        return Finding(what, False, str(fault))


def _hashes(table: Table) -> str:
    count = table.source.verify_values()
    return f"{count} of {count}, sha256 {table.sha256}"


def _attributes(table: Table) -> str:
    table.source.verify_attributes()
    return f"{len(table.source.datasets)} data sets"


def _rows(table: Table) -> str:
    space = table.space
    if tuple(space.arity) != tuple(table.source.attributes["arity"]):
        raise TableFault(f"the table is for arity {table.source.attributes['arity']}")
    everyone = table.per == "architecture"
    expected = None
    if len(space) <= LISTED:
        expected = classes.all_genes(space) if everyone else classes.canonical_genes(space)
    if expected is None or (table.setting is None and len(table.genes) < len(expected)):
        return _sample(table)
    if not np.array_equal(table.genes, expected):
        raise TableFault(
            f"the {len(table.genes)} rows are not the {len(expected)} of {space.name} in order"
        )
    if everyone:
        found = table.rows_of(table.genes)
        wrong = int((found != np.arange(len(found))).sum())
    elif "row" in table.source.datasets:
        wrong = int((table.source.read("row")[0] != rows_of_codes(space)).sum())
    else:
        wrong = 0
    if wrong:
        raise TableFault(f"{wrong} architectures are looked up in another row than their own")
    return f"{len(table.genes)} {'architectures' if everyone else 'classes'} of {space.name}"


def _sample(table: Table) -> str:
    """The rows of a table of some architectures: imported, or of a space too large to list."""
    archs = [Architecture(table.space.name, tuple(genes)) for genes in table.genes.tolist()]
    wrong = sum(not table.space.is_valid(arch) for arch in archs)
    if table.per == "class":
        wrong += sum(table.space.canonical(arch) != arch for arch in archs)
    if wrong or len(set(archs)) != len(archs):
        raise TableFault(
            f"{wrong} of {len(archs)} rows are not of {table.space.name} or not canonical, "
            f"{len(archs) - len(set(archs))} are there twice"
        )
    wrong = int((table.rows_of(table.genes) != np.arange(len(archs))).sum())
    if wrong:
        raise TableFault(f"{wrong} architectures are looked up in another row than their own")
    return f"{len(archs)} of the {len(table.space):,} architectures of {table.space.name}"


def _complete(table: Table) -> str:
    if all(metric.split == "static" for metric in table.metrics):
        return "nothing to train"
    done = table.status != schema.NOT_TRAINED
    if table.setting is None:
        told = f"{int(done.sum())} of {done.size} trainings have values, imported as given"
        partial = int((done & ~table.recorded().all(axis=-1)).sum())
        return f"{told}; {partial} of them lack some epochs" if partial else told
    diverged = int((table.status == schema.DIVERGED).sum())
    if not done.all():
        raise TableFault(f"{int((~done).sum())} of {done.size} trainings are missing")
    return f"{len(table.genes)} x {table.repeats}, {diverged} diverged"


def _ranges(table: Table) -> str:
    for metric in table.metrics:
        static = metric.split == "static"
        values = table.values(metric.name) if static else table.curves(metric.name)
        upper = 100.0 if metric.unit == "%" else np.inf
        known = values[~np.isnan(values)]
        if known.size and not (known.min() >= 0 and known.max() <= upper):
            raise TableFault(f"{metric.name} reaches from {known.min():g} to {known.max():g}")
    costs = table.cost_s()
    if not np.all(costs[np.isfinite(costs)] > 0):
        raise TableFault("some cost_s is not positive")
    return f"{len(table.metrics)} metrics, cost_s"


def _missing(table: Table) -> str:
    done = table.status != schema.NOT_TRAINED
    diverged = table.status == schema.DIVERGED
    for metric in table.metrics:
        if metric.split == "static":
            continue
        holes = np.isnan(table.curves(metric.name))
        stated = table.source.datasets[f"curves/{metric.name}"]["attributes"]["missing"]
        if int(holes.sum()) != stated:
            raise TableFault(f"{metric.name} lacks {int(holes.sum())} values and states {stated}")
        if not holes[~done].all():
            raise TableFault(f"{metric.name} has values of what was not trained")
        allowed = diverged if metric.unit == "nats" else np.zeros_like(diverged)
        if table.setting is not None and holes[done & ~allowed].any():
            raise TableFault(f"{metric.name} has gaps in trainings that did not diverge")
    trained = done.any(axis=1)
    known = np.isfinite(table.cost_s())
    if not np.isfinite(table.charged_s()[trained]).all():
        raise TableFault("some trained row has neither cost_s nor the seconds of a training")
    told = f"cost_s is {table.cost_measured}"
    lacking = int((trained & ~known).sum())
    return f"{told}, and not measured of {lacking} rows" if lacking else told


def _counts(table: Table) -> str:
    if table.setting is None:
        return "imported, as given"
    told = []
    for metric in table.metrics:
        if metric.unit != "%":
            continue
        stored = table.source.datasets[f"curves/{metric.name}"]["attributes"]
        expected = table.setting.examples[metric.split]
        if stored.get("examples") != expected:
            raise TableFault(f"{metric.name} is not a fraction of the {expected} examples")
        told.append(str(expected))
    return " / ".join(told)


def _statics(table: Table, counter: Counter) -> str:
    setting = table.setting
    if setting is None:
        return "imported, as given"
    archs = [Architecture(table.space.name, tuple(genes)) for genes in table.genes.tolist()]
    counted = [counter(a, setting.recipe, setting.input, setting.classes) for a in archs]
    for name, values in zip(("params", "macs"), np.array(counted).T, strict=True):
        wrong = int((table.values(name) != values).sum())
        if wrong:
            raise TableFault(f"{name} of {wrong} rows is not what the network has")
    return f"{len(archs)} networks"
