"""HW-NAS-Bench (Li et al., ICLR 2021): what the cells of `cell201-v1` cost on six devices.

The file is a pickle of `{"nasbench201": {data set: {metric: [15,625 numbers], "config": [...]}}}`,
in the order of NAS-Bench-201; the configurations name the cells, so that order is checked. The
numbers are those of networks for the data set's image size and classes, one image at a time. A
second space in it, FBNet's, is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Architecture, Metric
from nasbench.errors import TableFault, UnknownName
from nasbench.spaces.cell201 import Cell201
from tabular import schema
from tabular.importers import base, scalars
from tabular.importers.documents import brief, item, number, read_bytes
from tabular.importers.unpickle import load

QUANTITIES: Mapping[str, tuple[str, str, str]] = {
    "latency": ("latency_ms", "ms", "lower"),
    "energy": ("energy_mj", "mJ", "lower"),
    "arithmetic_intensity": ("ops_per_byte", "ops/byte", "higher"),
}
"""Our name, unit and direction of what the file calls `<device>_<quantity>`."""
MOST = 1 << 27
"""Bytes of a file; the published one has less."""


def read(source: Path, *, dataset: str = "cifar10", table: Path | None = None) -> schema.Content:
    """HW-NAS-Bench's pickle: latencies and energies, alone or as columns of a cell201 table.

    Raises:
        TableFault: the file is damaged, is another one, wants to run something, or has the cells
            in another order; or the table is of another space, or has such columns.
        UnknownName: no such data set.
    """
    space = Cell201()
    found = load(read_bytes(source, MOST), scalars.NAMES, str(source))
    by_dataset = item(found, "nasbench201", str(source))
    if not isinstance(by_dataset, dict):
        raise TableFault(f"{source} has no data sets ({brief(by_dataset)}); it is another file")
    if dataset not in by_dataset:
        known = [name for name in by_dataset if isinstance(name, str)]
        raise registry.unknown(UnknownName, "data set", dataset, known)
    measured, what = by_dataset[dataset], f"{source}: nasbench201 {dataset}"
    _check_order(item(measured, "config", what), space, what)
    by_metric = {
        _metric(name, what): _numbers(values, len(space), f"{what} {name}")
        for name, values in sorted(measured.items(), key=lambda pair: str(pair[0]))
        if name != "config"
    }
    if not by_metric:
        raise TableFault(f"{what} has no measurements; it is another file")
    told = f"costs on devices are those of HW-NAS-Bench for {dataset}, of one image at a time"
    if table is None:
        return _alone(dataset, space, by_metric, told)
    return _added(table, space, by_metric, told)


def _alone(
    dataset: str, space: Cell201, by_metric: Mapping[Metric, NDArray[np.float64]], told: str
) -> schema.Content:
    genes = space.all_genes()
    row = np.empty(len(genes), dtype=np.int32)
    row[genes @ schema.code_weights(space.arity)] = np.arange(len(genes))
    return schema.Content(
        name=f"hw-nas/{dataset}",
        space=space.name,
        arity=space.arity,
        per="architecture",
        genes=genes,
        row=row,
        seeds=[0],
        epochs=[1],
        columns=[schema.Column(metric, values) for metric, values in by_metric.items()],
        status=np.full((len(genes), 1), schema.NOT_TRAINED, dtype=np.uint8),
        train_s=np.full((len(genes), 1), np.nan, dtype=np.float32),
        cost_s=np.ones(len(genes), dtype=np.float32),
        measured="given",
        source=f"{told}; nothing was trained, cost_s is one by definition",
    )


def _added(
    path: Path, space: Cell201, by_metric: Mapping[Metric, NDArray[np.float64]], told: str
) -> schema.Content:
    """The table with the columns; a row of a class gets what its canonical cell costs."""
    from tabular.hdf5 import open_table  # late: it loads h5py, which help does not need

    table = open_table(path)
    if table.source.attributes["space"] != space.name:
        raise TableFault(
            f"{path} is a table of {table.source.attributes['space']}, HW-NAS-Bench measured "
            f"{space.name}; name a table of that space"
        )
    index = space.index_of(table.genes)
    if table.per == "class":
        told += ", each class having those of its canonical cell: its twins may cost more"
    columns = [schema.Column(metric, values[index]) for metric, values in by_metric.items()]
    return base.extended(path, columns, told)


def _metric(name: Any, what: str) -> Metric:
    match = re.fullmatch(rf"(\w+?)_({'|'.join(QUANTITIES)})", str(name))
    if not match:
        raise TableFault(f"{what} has {brief(name)}, expected <device>_latency or the like")
    ours, unit, better = QUANTITIES[match[2]]
    return Metric(f"{ours}[{match[1]}]", unit, "lower" if better == "lower" else "higher", "static")


def _numbers(values: Any, size: int, what: str) -> NDArray[np.float64]:
    """Measurements of all cells, NaN where there is none."""
    if not isinstance(values, list) or len(values) != size:
        count = len(values) if isinstance(values, list) else type(values).__name__
        raise TableFault(f"{what} has {count} numbers, expected one for each of the {size} cells")
    unknown = (np.nan if each is None or each != each else each for each in values)
    checked = (each if each is np.nan else number(each, what, low=0, high=1e9) for each in unknown)
    return np.fromiter(checked, np.float64, size)


def _check_order(configs: Any, space: Cell201, what: str) -> None:
    """Refuses cells in another order than the index of NAS-Bench-201."""
    size = len(configs) if isinstance(configs, (list, dict)) else 0
    if size != len(space):
        raise TableFault(f"{what} names {size} cells, expected {len(space)}; it is another file")
    texts = [item(item(configs, k, what), "arch_str", what) for k in range(size)]
    archs = [space.arch(k) for k in range(size)]
    wrong = [k for k in range(size) if texts[k] != space.format(archs[k])]
    if not wrong:
        return
    swapped = sum(texts[k] == _by_source(space, archs[k].genes) for k in wrong)
    hint = (
        f"{swapped} of them are the cell with its edges ordered by source"
        if swapped
        else "they are in another order"
    )
    raise TableFault(
        f"{what}: {len(wrong)} of {size} cells are not those of NAS-Bench-201, the first being "
        f"number {wrong[0]}, {brief(texts[wrong[0]])} instead of "
        f"{space.format(archs[wrong[0]])!r}; {hint}. Get the file from its authors."
    )


def _by_source(space: Cell201, genes: tuple[int, ...]) -> str:
    """The text of a cell whose genes were taken to be ordered by source, then by target."""
    a, b, c, d, *rest = genes
    return space.format(Architecture(space.name, (a, b, d, c, *rest)))
