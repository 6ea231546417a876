"""The quiet pass: how long a training takes when the machine does nothing else.

A build keeps every core busy, so its own timings say little. Here one process times a few steps of
each class and scales them to the full training; `Result.cost_s` comes from it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from nasbench import registry
from nasbench.core import Architecture, Recipe, Space, Task, TaskData
from nasbench.errors import InvalidConfig, TableFault
from nasbench.harness.lock import locked
from nasbench.harness.processes import cores
from tabular.build import Progress, parts_folder
from tabular.classes import are_listed, training_order
from tabular.pack import Counter, count, gather, pack
from tabular.records import Records, RecordWriter

Stopwatch = Callable[[Architecture, TaskData, Recipe, str], float]
"""Seconds of the training steps of one full training."""


def measure_cost(arch: Architecture, data: TaskData, recipe: Recipe, device: str) -> float:
    """The stopwatch of real tables."""
    from nasbench.training.train import pick_device
    from nasbench.training.trainers import trainer_of

    return trainer_of(arch.space).measure_cost(arch, data, recipe, pick_device(device))


def measure_costs(
    path: Path,
    *,
    space: Space | None = None,
    task: Task | None = None,
    limit: int | None = None,
    device: str | None = None,
    stopwatch: Stopwatch = measure_cost,
    counter: Counter = count,
    progress: Progress = lambda done, total: None,
) -> None:
    """Measures the classes of a table that have no quiet cost yet and writes the table again.

    Resumable as a build is; with `limit`, only so many classes of the training order are measured.

    Space and task are looked up by the names that the trainings carry, if they are not given, and
    the device is the kind that trained.

    Raises:
        InvalidConfig: another kind of device.
        TableFault: there is no such table.
        OutputFault: it cannot be written, or a build is at work on it.
    """
    folder = parts_folder(path)
    with locked(folder, "build"):
        records = gather(path, folder, space)
        setting = records.setting
        if setting is None:
            raise TableFault(f"{path} holds no trainings; build the table first, then its costs")
        used = _device(setting.device, device)
        space = space or registry.space(setting.space)
        task = task or registry.task(setting.task)
        order = _order(space, records, limit)
        todo = [arch for arch in order if arch.genes not in records.costs]
        data = task.load()
        with RecordWriter(folder, setting) as writer:
            for done, arch in enumerate(todo, len(order) - len(todo)):
                progress(done, len(order))
                writer.add_cost(arch.genes, stopwatch(arch, data, setting.recipe, used))
            progress(len(order), len(order))
        pack(path, space, folder, counter=counter)


def _order(space: Space, records: Records, limit: int | None) -> list[Architecture]:
    """The classes of a table, the first ones trained first."""
    if are_listed(space):
        return training_order(space, limit)
    trained = dict.fromkeys(genes for genes, _ in records.items)
    return [Architecture(space.name, genes) for genes in trained][:limit]


def _device(trained: str, asked: str | None) -> str:
    if asked is not None and asked.partition(":")[0] != trained:
        raise InvalidConfig(
            f"the table was trained on {trained}, and costs of {asked} would not be those of its "
            f"trainings; leave the device out, or build a table on {asked}"
        )
    return asked or trained


def load_per_core() -> float:
    """Processes waiting for each core over the last minute; near 0 on a quiet machine."""
    return os.getloadavg()[0] / cores()
