"""From finished trainings to a table file: the same trainings always give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, InputSpec, Recipe, Space
from nasbench.errors import TableCorrupt, TableFault
from nasbench.harness.lock import locked
from tabular import classes, schema
from tabular.hdf5 import open_table, write_table
from tabular.records import CURVES, UNKNOWN, Item, Records, read_records
from tabular.setting import Setting, refuse_mixing

Counter = Callable[[Architecture, Recipe, InputSpec, int], tuple[int, int]]
"""Of `SpaceTrainer.count`: parameters and multiply-accumulates."""


def count(arch: Architecture, recipe: Recipe, spec: InputSpec, labels: int) -> tuple[int, int]:
    """The counter of real tables."""
    from nasbench.training.trainers import trainer_of

    return trainer_of(arch.space).count(arch, recipe, spec, labels)


def gather(path: Path, folder: Path, space: Space | None = None) -> Records:
    """Every training there is: those of the folder, and those of an earlier table `path`.

    Raises:
        TableFault: folder and table were trained in different settings, or the table is damaged.
    """
    records = read_records(folder)
    if not path.exists():
        return records
    try:
        known = records_of(path, space)
    except TableCorrupt as fault:
        if not records.items:
            raise
        raise TableCorrupt(
            f"{fault} Or delete it and run the same command again: {len(records.items)} finished "
            f"trainings are in {folder}."
        ) from fault
    if known.setting is None:
        raise TableFault(f"{path} was not trained here but imported; choose another output")
    if records.setting is not None:
        refuse_mixing(records.setting, known.setting, path, trust_code=True)
    records.setting = known.setting.made_by(records.setting.makers if records.setting else ())
    records.processors |= known.processors
    records.items = {**known.items, **records.items}
    records.costs = {**known.costs, **records.costs}
    return records


def records_of(path: Path, space: Space | None = None) -> Records:
    """The trainings that a table holds, to be packed again with others."""
    table = open_table(path, space)
    found = Records(setting=table.setting)
    if table.setting is None:
        return found
    found.processors = set(table.setting.processors or (UNKNOWN,))
    curves = np.stack([table.curves(name) for name in CURVES], axis=2).astype(np.float32)
    train_s = table.train_s()
    genes = [tuple(row) for row in table.genes.tolist()]
    for row, repeat in np.argwhere(table.status != schema.NOT_TRAINED).tolist():
        diverged = bool(table.status[row, repeat] == schema.DIVERGED)
        seed = int(table.seeds[repeat])
        item = Item(genes[row], seed, curves[row, repeat], float(train_s[row, repeat]), diverged)
        found.items[item.key] = item
    if table.cost_measured == "quiet":
        pairs = zip(genes, table.cost_s().tolist(), strict=True)
        found.costs = {key: cost for key, cost in pairs if np.isfinite(cost)}
    return found


def pack(
    path: Path, space: Space, folder: Path, *, task: str | None = None, counter: Counter = count
) -> str:
    """Writes the table of all trainings that were gathered; returns its sha256.

    One at a time gathers and writes, so that a file never gives way to an older one.

    Raises:
        TableFault: there is nothing to pack, or it is of another space or task.
        OutputFault: `path` cannot be written.
    """
    if not (folder.exists() or path.exists()):
        raise _nothing()
    with locked(folder, "packing", wait=True):
        records = gather(path, folder, space)
        there = records.setting
        for what, asked, stored in (
            ("space", space.name, there and there.space),
            ("task", task, there and there.task),
        ):
            if stored and asked and stored != asked:
                raise TableFault(
                    f"the trainings for {path} are of the {what} {stored}, not of {asked}; "
                    "name that one, or choose another output"
                )
        return write_table(path, content(records, space, counter))


def content(records: Records, space: Space, counter: Counter = count) -> schema.Content:
    """The table of a set of trainings.

    Raises:
        TableFault: there are none.
    """
    if records.setting is None or not records.items:
        raise _nothing()
    setting = replace(records.setting, processors=tuple(sorted(records.processors)))
    genes = _rows(records, space)
    seeds = sorted({seed for _, seed in records.items})
    arrays = _Arrays(genes, seeds, setting.recipe.epochs)
    arrays.fill(records)
    cost_s, measured = _costs(records, arrays)
    return schema.Content(
        name=f"{space.name.rpartition('-v')[0] or space.name}/{setting.task}",
        space=space.name,
        arity=tuple(space.arity),
        per="class",
        genes=genes,
        row=rows_of_codes(space) if classes.are_listed(space) else None,
        seeds=seeds,
        epochs=range(1, setting.recipe.epochs + 1),
        columns=[*_curves(arrays, setting), *_statics(genes, space, setting, counter)],
        status=arrays.status,
        train_s=arrays.train_s,
        cost_s=cost_s,
        measured=measured,
        task=setting.task,
        recipe=setting.to_json()["recipe"],
        setting=setting.to_json(),
        source="trained by `nasbench table build`",
    )


def _rows(records: Records, space: Space) -> NDArray[np.int16]:
    """Genes (n, p) of all classes of the space, or of those trained where it has too many."""
    if classes.are_listed(space):
        return classes.canonical_genes(space)
    return np.array(sorted({genes for genes, _ in records.items}), dtype=np.int16)


def _nothing() -> TableFault:
    return TableFault("there is no finished training to make a table of; build some first")


def rows_of_codes(space: Space) -> NDArray[np.int32] | None:
    """Row of each combination of genes for a table of classes; None if there are too many."""
    size = int(np.prod(np.array(space.arity, dtype=np.float64)))
    if size > schema.MAX_CODES:
        return None
    rows = np.full(size, -1, dtype=np.int32)
    codes = classes.all_genes(space) @ schema.code_weights(space.arity)
    rows[codes] = classes.class_numbers(space)
    return rows


class _Arrays:
    """Columns of a table being filled."""

    def __init__(self, genes: NDArray[np.int16], seeds: Sequence[int], epochs: int) -> None:
        shape = (len(genes), len(seeds))
        self.row = {tuple(row): number for number, row in enumerate(genes.tolist())}
        self.repeat = {seed: number for number, seed in enumerate(seeds)}
        self.curves = np.full((len(CURVES), *shape, epochs), np.nan, dtype=np.float32)
        self.status = np.full(shape, schema.NOT_TRAINED, dtype=np.uint8)
        self.train_s = np.full(shape, np.nan, dtype=np.float32)

    def fill(self, records: Records) -> None:
        for item in records.items.values():
            if item.genes not in self.row:
                raise TableFault(f"{item.genes} is not a canonical architecture of this space")
            at = self.row[item.genes], self.repeat[item.seed]
            self.curves[(slice(None), *at)] = item.curve
            self.status[at] = schema.DIVERGED if item.diverged else schema.TRAINED
            self.train_s[at] = item.train_s


def _curves(arrays: _Arrays, setting: Setting) -> list[schema.Column]:
    made = []
    for name, values in zip(CURVES, arrays.curves, strict=True):
        metric = schema.METRICS[name]
        examples = setting.examples[metric.split] if metric.unit == "%" else None
        made.append(schema.Column(metric, values, examples, rounded=True))
    return made


def _statics(
    genes: NDArray[np.int16], space: Space, setting: Setting, counter: Counter
) -> list[schema.Column]:
    archs = [Architecture(space.name, tuple(row)) for row in genes.tolist()]
    counted = [counter(arch, setting.recipe, setting.input, setting.classes) for arch in archs]
    params, macs = np.array(counted, dtype=np.int64).T
    return [
        schema.Column(schema.METRICS["params"], params),
        schema.Column(schema.METRICS["macs"], macs),
    ]


def _costs(
    records: Records, arrays: _Arrays
) -> tuple[NDArray[np.float32], Literal["quiet", "busy"]]:
    cost_s = np.full(len(arrays.row), np.nan, dtype=np.float32)
    if records.costs:
        for genes, cost in records.costs.items():
            cost_s[arrays.row[genes]] = cost
        return cost_s, "quiet"
    trained = (arrays.status != schema.NOT_TRAINED).any(axis=1)
    cost_s[trained] = np.nanmedian(arrays.train_s[trained], axis=1)
    return cost_s, "busy"
