"""Building a table by training every class of a space on a task; resumable at any moment.

Finished trainings go to `FILE.h5.parts/` (see `records`) and are packed into `FILE.h5` at the end.
What an invocation finds in either is not trained again, so interrupted, repeated and extended
builds add up; the order of training and the number of workers do not influence the content.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nasbench.atomic import output_fault
from nasbench.core import Architecture, LearningCurve, Recipe, Space, Task, TaskData
from nasbench.errors import InvalidConfig, OutputFault, TableFault
from tabular import classes, setting, workers
from tabular.pack import Counter, count, gather, pack
from tabular.records import Item, Key, Records, RecordWriter
from tabular.setting import Setting

Trainer = Callable[[Architecture, TaskData, Recipe, Sequence[int], str], list[LearningCurve]]
"""Of `train_repeats`: one curve for each seed."""
Progress = Callable[[int, int], None]
"""Told how many trainings are done, of how many."""


@dataclass(frozen=True, slots=True)
class Job:
    """Classes that one worker trains in one go, each with the seeds it lacks."""

    task: Task
    recipe: Recipe
    device: str
    todo: tuple[tuple[Architecture, tuple[int, ...]], ...]
    trainer: Trainer


def train_repeats(
    arch: Architecture, data: TaskData, recipe: Recipe, seeds: Sequence[int], device: str
) -> list[LearningCurve]:
    """The trainer of real tables."""
    from nasbench.training.train import train_repeats as train

    return train(arch, data, recipe, seeds, device)


def build(
    space: Space,
    task: Task,
    path: Path,
    *,
    seeds: Sequence[int] = (0,),
    limit: int | None = None,
    device: str = "cpu",
    executor: Executor | None = None,
    in_flight: int = 4,
    chunk: int = 1,
    trainer: Trainer = train_repeats,
    counter: Counter = count,
    trust_code: bool = False,
    progress: Progress = lambda done, total: None,
) -> None:
    """Trains what is missing and writes the table `path`.

    Args:
        limit: only the first so many classes of the training order, a random sample; with 0
            nothing is trained, but what there is so far is packed, even while a build is running.
        executor: where trainings run; by default a pool of one process.
        in_flight: jobs handed to it at a time, best twice its workers.
        chunk: classes in a job; more than 1 only pays when a training takes milliseconds.
        trust_code: also accept trainings made by other code or libraries.

    Raises:
        InvalidConfig: no seeds, or a negative limit.
        TableFault: earlier trainings in the folder were made in another setting, or a worker died.
        OutputFault: the folder cannot be written, or another build is at work in it.
    """
    wanted = _checked_seeds(seeds, limit)
    folder = parts_folder(path)
    if limit == 0:
        pack(path, space, folder, counter=counter)
        return
    ours = current_setting(space, task, device)
    order = classes.training_order(space)[:limit]
    with locked(folder):
        records = _earlier(path, folder, space, ours, trust_code)
        jobs = list(_jobs(order, wanted, records.items, chunk, task, device, trainer))
        if jobs:
            total = len(order) * len(wanted)
            done = total - sum(len(seeds) for job in jobs for _, seeds in job.todo)
            progress(done, total)
            with RecordWriter(folder, ours) as writer:
                for items in _run(jobs, executor, in_flight):
                    for item in items:
                        writer.add(item)
                    done += len(items)
                    progress(done, total)
        pack(path, space, folder, counter=counter)


def parts_folder(path: Path) -> Path:
    """Where the finished trainings of the table `path` are kept."""
    return path.with_name(path.name + ".parts")


def current_setting(space: Space, task: Task, device: str) -> Setting:
    """The setting of trainings made now."""
    data = task.load()
    examples = {"train": len(data.train), "valid": len(data.valid), "test": len(data.test)}
    return setting.describe(space, task, device, examples, (data.input, data.classes))


def train_job(job: Job) -> list[Item]:
    """Trains the classes of a job; runs in a worker."""
    data = workers.task_data(job.task)
    items = []
    for arch, seeds in job.todo:
        curves = job.trainer(arch, data, job.recipe, seeds, job.device)
        items += [
            Item.of(arch.genes, seed, curve) for seed, curve in zip(seeds, curves, strict=True)
        ]
    return items


def _checked_seeds(seeds: Sequence[int], limit: int | None) -> list[int]:
    wanted = sorted(set(seeds))
    if not wanted or wanted[0] < 0:
        raise InvalidConfig(f"a build needs one or more seeds >= 0, got {list(seeds)}")
    if limit is not None and limit < 0:
        raise InvalidConfig(f"limit is a number of classes >= 0, got {limit}")
    return wanted


def _earlier(path: Path, folder: Path, space: Space, ours: Setting, trust_code: bool) -> Records:
    records = gather(path, folder, space)
    if records.setting is not None:
        setting.refuse_mixing(ours, records.setting, folder, trust_code=trust_code)
    return records


def _jobs(
    order: Sequence[Architecture],
    seeds: Sequence[int],
    done: Iterable[Key],
    chunk: int,
    task: Task,
    device: str,
    trainer: Trainer,
) -> Iterator[Job]:
    known = set(done)
    lacking = [
        (arch, tuple(seed for seed in seeds if (arch.genes, seed) not in known)) for arch in order
    ]
    todo = [(arch, missing) for arch, missing in lacking if missing]
    for start in range(0, len(todo), chunk):
        yield Job(task, task.recipe, device, tuple(todo[start : start + chunk]), trainer)


def _run(jobs: Sequence[Job], executor: Executor | None, in_flight: int) -> Iterator[list[Item]]:
    """Items of finished jobs in order of completion; at most `in_flight` jobs are under way."""
    if executor is None:
        with workers.pool(1) as own:
            yield from _run(jobs, own, in_flight)
        return
    left = iter(jobs)
    running: set[Future[list[Item]]] = set()
    try:
        while True:
            while len(running) < in_flight and (job := next(left, None)) is not None:
                running.add(executor.submit(train_job, job))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    except BrokenExecutor as fault:
        raise TableFault(
            f"a worker process died ({fault}); nothing finished is lost. "
            "Run the same command again, with fewer workers if memory ran out."
        ) from fault
    finally:
        for future in running:
            future.cancel()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder for one invocation; the system releases it even after kill -9."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as fault:
        raise output_fault(folder, fault) from fault
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as fault:
        raise OutputFault(
            fault.errno, f"another build is at work in {folder}; wait for it or choose another file"
        ) from fault
    finally:
        os.close(handle)
