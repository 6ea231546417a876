"""`nasbench table check`: everything about a table that can be verified."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from nasbench import registry
from nasbench.core import Architecture
from nasbench.errors import NasbenchError, TableFault
from tabular import classes, schema
from tabular.build import Job, Trainer, train_job, train_repeats
from tabular.pack import Counter, count, rows_of_codes
from tabular.records import CURVES, Item
from tabular.table import Table


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


def retrain(
    table: Table,
    n: int,
    seed: int,
    *,
    tolerance: float,
    executor: Executor,
    device: str = "cpu",
    trainer: Trainer = train_repeats,
) -> Finding:
    """Trains `n` random trainings of the table again, with their seeds, and compares accuracies.

    Args:
        tolerance: allowed difference of final accuracies in percentage points; 0 demands that all
            epochs are equal, which they are on the machine that built the table.
    """
    stored = np.argwhere(table.status != schema.NOT_TRAINED)
    chosen = np.random.default_rng(seed).choice(stored, size=min(n, len(stored)), replace=False)
    task = registry.task(table.task)
    space = table.space.name
    futures = []
    for row, repeat in chosen.tolist():
        arch = Architecture(space, tuple(table.genes[row].tolist()))
        job = Job(task, table.recipe, device, ((arch, (table.seeds[repeat],)),), trainer)
        futures.append((row, repeat, executor.submit(train_job, job)))
    pairs = [_gap(table, row, repeat, future.result()[0]) for row, repeat, future in futures]
    equal = sum(same for same, _ in pairs)
    worst = max(gap for _, gap in pairs)
    return Finding(
        f"{len(pairs)} trained again",
        equal == len(pairs) or (tolerance > 0 and worst <= tolerance),
        f"{equal} of {len(pairs)} equal in every epoch; final accuracies differ by at most "
        f"{worst:.3f} percentage points (allowed: {tolerance:g})",
    )


def _gap(table: Table, row: int, repeat: int, item: Item) -> tuple[bool, float]:
    """Whether all accuracies are equal, and the largest difference of the final ones."""
    equal, largest = True, 0.0
    for name in ("train_accuracy", "valid_accuracy", "test_accuracy"):
        gaps = np.abs(table.curves(name)[row, repeat] - item.curve[CURVES.index(name)])
        examples = table.source.datasets[f"curves/{name}"]["attributes"].get("examples", 1e6)
        rounding = 50 / examples if item.diverged else 1e-4  # chance as a whole count, and float32
        equal = equal and bool((gaps <= rounding).all())
        largest = max(largest, float(gaps[-1]))
    return equal, largest


def _finding(what: str, run: Any, *arguments: Any) -> Finding:
    try:
        return Finding(what, True, run(*arguments))
    except NasbenchError as fault:
        return Finding(what, False, str(fault))


def _hashes(table: Table) -> str:
    source = table.source
    count = 0
    for name, known in source.datasets.items():
        hashes: Sequence[str] = known["sha256"]
        planes = [(name, k) for k in range(len(hashes))] if name.startswith("curves/") else [name]
        count += len(source.read(*planes))
    return f"{count} of {count}, sha256 {source.sha256}"


def _attributes(table: Table) -> str:
    with h5py.File(table.source.path, "r", locking=False) as file:
        _same_attributes(file, table.source.attributes)
        for name, known in table.source.datasets.items():
            _same_attributes(file[name], known["attributes"])
    return f"{len(table.source.datasets)} data sets"


def _same_attributes(target: Any, known: Any) -> None:
    for name, value in known.items():
        stored = target.attrs.get(name)
        plain = isinstance(value, (str, int, float))
        if (stored if plain else json.loads(stored)) != value:
            raise TableFault(f"{target.name}: {name} is {stored!r}, the manifest says {value!r}")


def _rows(table: Table) -> str:
    space = table.space
    if tuple(space.arity) != tuple(table.source.attributes["arity"]):
        raise TableFault(f"the table is for arity {table.source.attributes['arity']}")
    everyone = table.per == "architecture"
    expected = classes.all_genes(space) if everyone else classes.canonical_genes(space)
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


def _complete(table: Table) -> str:
    done = table.status != schema.NOT_TRAINED
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
    if not np.isfinite(table.cost_s()[done.any(axis=1)]).all():
        raise TableFault("some trained row has no cost_s")
    return f"cost_s is {table.cost_measured}"


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
