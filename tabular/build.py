"""Building a table by training every class of a space on a task; resumable at any moment.

Finished trainings go to `FILE.h5.parts/` (see `records`) and are packed into `FILE.h5` at the end.
What an invocation finds in either is not trained again, so interrupted, repeated and extended
builds add up; the order of training and the number of workers do not influence the content.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path

from nasbench.core import Architecture, Space, Task
from nasbench.errors import InvalidConfig, TableFault
from nasbench.harness import processes
from nasbench.harness.lock import locked
from tabular import classes, setting
from tabular.jobs import Answer, Job, Trainer, train_job, train_repeats
from tabular.maker import Maker
from tabular.pack import Counter, count, gather, pack
from tabular.records import Key, Records, RecordWriter
from tabular.setting import Setting

Progress = Callable[[int, int], None]
"""Told how many trainings are done, of how many."""


def build(
    space: Space,
    task: Task,
    path: Path,
    *,
    seeds: Sequence[int] = (0,),
    limit: int | None = None,
    archs: Sequence[Architecture] | None = None,
    device: str = "cpu",
    executor: Executor | None = None,
    in_flight: int = 4,
    chunk: int = 1,
    trainer: Trainer = train_repeats,
    counter: Counter = count,
    trust_code: bool = False,
    progress: Progress = lambda done, total: None,
    warn: Callable[[str], None] = warnings.warn,
) -> None:
    """Trains what is missing and writes the table `path`.

    Args:
        limit: only the first so many classes of the training order, a random sample; with 0
            nothing is trained, but what there is so far is packed, even while a build is running.
        archs: these instead, in their order; each stands for its class.
        executor: where trainings run; by default a pool of one process.
        in_flight: jobs handed to it at a time, best twice its workers.
        chunk: classes in a job; more than 1 only pays when a training takes milliseconds.
        trust_code: also accept trainings made by other code or libraries.
        warn: told of files of finished trainings that are damaged.

    Raises:
        InvalidConfig: no seeds, a negative limit, or none in a space of too many architectures.
        TableFault: earlier trainings in the folder were made in another setting, or a worker died
            or has other code or libraries than this process.
        OutputFault: the folder cannot be written, or another build is at work in it.
    """
    wanted = _checked_seeds(seeds, limit)
    folder = parts_folder(path)
    if limit == 0:
        pack(path, space, folder, task=task.name, counter=counter)
        return
    ours = current_setting(space, task, device)
    order = _order(space, limit, archs)
    with locked(folder, "build"):
        records = _earlier(path, folder, space, ours, trust_code, warn)
        jobs = list(_jobs(order, wanted, records.items, chunk, space, task, device, trainer))
        if jobs:
            total = len(order) * len(wanted)
            done = total - sum(len(seeds) for job in jobs for _, seeds in job.todo)
            progress(done, total)
            with RecordWriter(folder, ours) as writer:
                for answer in _run(jobs, ours.makers[0], executor, in_flight):
                    for item in answer.items:
                        writer.add(item, answer.processor)
                    done += len(answer.items)
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


def _checked_seeds(seeds: Sequence[int], limit: int | None) -> list[int]:
    wanted = sorted(set(seeds))
    if not wanted or wanted[0] < 0:
        raise InvalidConfig(f"a build needs one or more seeds >= 0, got {list(seeds)}")
    if limit is not None and limit < 0:
        raise InvalidConfig(f"limit is a number of classes >= 0, got {limit}")
    return wanted


def _order(
    space: Space, limit: int | None, archs: Sequence[Architecture] | None
) -> list[Architecture]:
    """What is trained, in this order; every class once."""
    if archs is None:
        return classes.training_order(space, limit)
    return list(dict.fromkeys(space.canonical(arch) for arch in archs))[:limit]


def _earlier(
    path: Path,
    folder: Path,
    space: Space,
    ours: Setting,
    trust_code: bool,
    warn: Callable[[str], None],
) -> Records:
    records = gather(path, folder, space)
    if records.setting is not None:
        setting.refuse_mixing(ours, records.setting, folder, trust_code=trust_code)
    for name, size in records.damaged.items():
        warn(
            f"the last {size:,} bytes of {folder / name} cannot be read (a build that was killed "
            "leaves a torn record, a failing disk more); the trainings in them are made again"
        )
    return records


def _jobs(
    order: Sequence[Architecture],
    seeds: Sequence[int],
    done: Iterable[Key],
    chunk: int,
    space: Space,
    task: Task,
    device: str,
    trainer: Trainer,
) -> Iterator[Job]:
    known = set(done)
    lacking = [
        (arch, tuple(seed for seed in seeds if (arch.genes, seed) not in known)) for arch in order
    ]
    todo = [(arch, missing) for arch, missing in lacking if missing]
    roots = setting.roots_of(space, task)
    for start in range(0, len(todo), chunk):
        yield Job(task, task.recipe, device, tuple(todo[start : start + chunk]), trainer, roots)


def _run(
    jobs: Sequence[Job], ours: Maker, executor: Executor | None, in_flight: int
) -> Iterator[Answer]:
    """Answers to jobs in order of completion; at most `in_flight` are under way."""
    if executor is None:
        with processes.pool(1) as own:
            yield from _run(jobs, ours, own, in_flight)
        return
    left = iter(jobs)
    running: set[Future[Answer]] = set()
    try:
        while True:
            while len(running) < in_flight and (job := next(left, None)) is not None:
                running.add(executor.submit(train_job, job))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield _checked(future.result(), ours)
    except Exception as fault:
        if not processes.is_loss(fault):
            raise
        raise TableFault(
            f"a worker process died ({fault}); nothing finished is lost. "
            "Run the same command again, with fewer workers if memory ran out."
        ) from fault
    finally:
        for future in running:
            future.cancel()


def _checked(answer: Answer, ours: Maker) -> Answer:
    if answer.maker != ours:
        raise TableFault(
            f"a worker trains by other code or libraries than this process: {answer.maker} there, "
            f"{ours} here. Install the same versions everywhere and run the same command again."
        )
    return answer
