"""Whether a table tells the truth: some of its trainings, made again.

On the processor, code and libraries that trained the table, every epoch comes out the same. Others
add floating-point numbers in another order, and SGD turns a last bit into another course of
training: there final accuracies differ about as much as between seeds, and only the mean of these
differences says something.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Architecture
from nasbench.errors import TableFault
from tabular import schema
from tabular.checks import Finding
from tabular.jobs import Answer, Job, Trainer, train_job, train_repeats
from tabular.records import CURVES, UNKNOWN, Item
from tabular.setting import Setting, roots_of
from tabular.table import Table

TOLERANCE = 3.0
"""Percentage points to allow elsewhere than where the table was trained.

Measured on ten trainings of digits-on-photos with the processor's vector instructions switched off
(ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41): none was equal; the mean differences were
1.0 (train), 1.4 (valid) and 1.7 (test), the largest one 5.0.
"""
_ACCURACIES = ("train_accuracy", "valid_accuracy", "test_accuracy")


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Trainings made again beside the stored ones."""

    equal: NDArray[np.bool_]
    """(n,) whether all accuracies of all epochs are equal."""
    gaps: NDArray[np.float64]
    """(n, 3) new minus stored final accuracy of train, valid and test, in percentage points."""
    differences: list[str]
    """What is another now than when the table was trained; empty if equality is to be expected."""

    @property
    def mean(self) -> float:
        """Mean absolute difference, the largest of the three splits."""
        return float(np.abs(self.gaps).mean(axis=0).max())


def retrain(
    table: Table,
    n: int,
    seed: int,
    *,
    tolerance: float,
    executor: Executor,
    device: str | None = None,
    trainer: Trainer = train_repeats,
) -> Finding:
    """Trains `n` random trainings of the table again, with their seeds, and compares accuracies.

    Args:
        tolerance: allowed mean difference of final accuracies in percentage points; 0 demands
            that all epochs are equal.
        device: by default the kind that trained the table.
    """
    found = compare(table, n, seed, executor=executor, device=device, trainer=trainer)
    equal, total = int(found.equal.sum()), len(found.equal)
    passed = equal == total or (tolerance > 0 and found.mean <= tolerance)
    text = (
        f"{equal} of {total} equal in every epoch; final accuracies differ by {found.mean:.3f} "
        f"percentage points in the mean (allowed: {tolerance:g}), by at most "
        f"{np.abs(found.gaps).max():.3f}"
    )
    return Finding(f"{total} trained again", passed, text if passed else text + _advice(found))


def compare(
    table: Table,
    n: int,
    seed: int,
    *,
    executor: Executor,
    device: str | None = None,
    trainer: Trainer = train_repeats,
) -> Comparison:
    """The comparison that `retrain` judges.

    Raises:
        TableFault: the table was imported, or holds no training.
        UnknownDevice: this machine lacks the device.
    """
    from nasbench.training.train import pick_device

    setting = table.setting
    stored = np.argwhere(table.status != schema.NOT_TRAINED)
    if setting is None or not len(stored):
        raise TableFault(f"{table.name} holds no training that could be made again")
    chosen = np.random.default_rng(seed).choice(stored, size=min(n, len(stored)), replace=False)
    used = pick_device(device or setting.device)
    task = registry.task(table.task)
    roots = roots_of(table.space, task)
    futures = []
    for row, repeat in chosen.tolist():
        arch = Architecture(table.space.name, tuple(table.genes[row].tolist()))
        todo = ((arch, (table.seeds[repeat],)),)
        job = Job(task, setting.recipe, used, todo, trainer, roots)
        futures.append((row, repeat, executor.submit(train_job, job)))
    answers = [(row, repeat, future.result()) for row, repeat, future in futures]
    pairs = [_gaps(table, row, repeat, answer.items[0]) for row, repeat, answer in answers]
    return Comparison(
        equal=np.array([same for same, _ in pairs]),
        gaps=np.array([gaps for _, gaps in pairs]),
        differences=_differences(setting, answers[0][2], used),
    )


def _gaps(table: Table, row: int, repeat: int, item: Item) -> tuple[bool, list[float]]:
    """Whether all accuracies are equal, and the differences of the final ones."""
    equal, final = True, []
    for name in _ACCURACIES:
        gaps = item.curve[CURVES.index(name)] - table.curves(name)[row, repeat]
        examples = table.source.datasets[f"curves/{name}"]["attributes"].get("examples", 1e6)
        rounding = 50 / examples if item.diverged else 1e-4  # chance as a whole count, and float32
        equal = equal and bool((np.abs(gaps) <= rounding).all())
        final.append(float(gaps[-1]))
    return equal, final


def _differences(setting: Setting, answer: Answer, device: str) -> list[str]:
    found = []
    if device.partition(":")[0] != setting.device:
        found.append(f"device {device} instead of {setting.device}")
    if setting.makers != (answer.maker,):
        found.append(f"{answer.maker} instead of {' or '.join(map(str, setting.makers))}")
    if setting.processors != (answer.processor,):
        there = " or ".join(setting.processors) or UNKNOWN
        found.append(f"processor {answer.processor} instead of {there}")
    return found


def _advice(found: Comparison) -> str:
    if not found.differences:
        return (
            ". Processor, code and libraries are those that trained the table, so that every "
            "epoch should be equal: the table or the machine is not what it says"
        )
    return (
        f". Not as when the table was trained: {'; '.join(found.differences)}. With those, sums of "
        "floating-point numbers have another order and trainings another course; allow for it with "
        f"--tolerance {TOLERANCE:g} (percentage points of mean difference) and 20 trainings or more"
    )
