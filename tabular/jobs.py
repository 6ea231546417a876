"""What a worker does: train some classes, and say what trained them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nasbench.core import Architecture, LearningCurve, Recipe, Task, TaskData
from tabular.maker import Maker, maker, processor
from tabular.records import Item

Trainer = Callable[[Architecture, TaskData, Recipe, Sequence[int], str], list[LearningCurve]]
"""Of `train_repeats`: one curve for each seed."""
_loaded: dict[str, TaskData] = {}


@dataclass(frozen=True, slots=True)
class Job:
    """Classes that one worker trains in one go, each with the seeds it lacks."""

    task: Task
    recipe: Recipe
    device: str
    todo: tuple[tuple[Architecture, tuple[int, ...]], ...]
    trainer: Trainer
    roots: tuple[str, ...]
    """Modules of space and task, where the code that trains begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The outcome of a job."""

    items: list[Item]
    maker: Maker
    """Code and libraries of the worker."""
    processor: str


def train_repeats(
    arch: Architecture, data: TaskData, recipe: Recipe, seeds: Sequence[int], device: str
) -> list[LearningCurve]:
    """The trainer of real tables: the one that is registered for the space."""
    from nasbench.training.trainers import trainer_of

    return trainer_of(arch.space).train_repeats(arch, data, recipe, seeds, device)


def train_job(job: Job) -> Answer:
    """Trains the classes of a job; runs in a worker."""
    here = maker(*job.roots)
    data = _task_data(job.task)
    items = []
    for arch, seeds in job.todo:
        curves = job.trainer(arch, data, job.recipe, seeds, job.device)
        items += [
            Item.of(arch.genes, seed, curve) for seed, curve in zip(seeds, curves, strict=True)
        ]
    return Answer(items, here, processor(job.device))


def _task_data(task: Task) -> TaskData:
    """The task's splits, loaded once in a process."""
    if task.name not in _loaded:
        _loaded[task.name] = task.load()
    return _loaded[task.name]
