"""Fresh trainings of chosen architectures, each kept in a file of its own as soon as it is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from nasbench import registry
from nasbench.atomic import write_text
from nasbench.core import Architecture, LearningCurve, Recipe, TaskData
from nasbench.errors import RunFault
from nasbench.harness.claims import Maker
from nasbench.harness.environment import hardware
from nasbench.harness.processes import executor as executor_of
from nasbench.harness.processes import is_loss

Trainer = Callable[[Architecture, TaskData, Recipe, int, str], LearningCurve]
"""From architecture, data, recipe, seed and device to a learning curve: `SpaceTrainer.train`."""
Progress = Callable[[int, int], None]


class Training(BaseModel):
    """One training, and everything that decided it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    space: str
    genes: tuple[int, ...]
    task: str
    recipe: dict[str, Any]
    seed: int
    device: str
    """Kind of device: `cpu` or `cuda`."""
    code: str
    versions: str
    """See `claims.Maker`."""
    valid_accuracy: float
    test_accuracy: float
    train_s: float
    diverged: bool
    hardware: str = ""
    """Name of the processor or GPU."""
    date: str = ""
    """Day of its end, in UTC."""


@dataclass(frozen=True, slots=True)
class Job:
    """A training to be done, and where it goes."""

    arch: Architecture
    task: str
    recipe: Recipe
    seed: int
    device: str
    maker: Maker
    folder: Path

    @property
    def path(self) -> Path:
        """The file of this training and no other."""
        text = json.dumps(self.key(), sort_keys=True)
        genes = "-".join(map(str, self.arch.genes))
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self.folder / f"{genes[:60]}_seed-{self.seed}_{digest}.json"

    def key(self) -> dict[str, Any]:
        """Everything that decides the numbers, as plain data."""
        return {
            "space": self.arch.space,
            "genes": list(self.arch.genes),
            "task": self.task,
            "recipe": asdict(self.recipe),
            "seed": self.seed,
            "device": self.device.partition(":")[0],
            **self.maker.model_dump(),
        }


def train_all(
    jobs: Sequence[Job],
    *,
    trainer: Trainer | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
    on_done: Progress = lambda done, total: None,
) -> list[Training]:
    """The trainings of all jobs, in their order; those whose file is there are not done again.

    Raises:
        RunFault: a worker process ended abruptly, and the trainings that are done are kept; or one
            that was kept cannot be read.
        OutputFault: a file cannot be written; the same holds.
    """
    found = {job: kept for job in jobs if (kept := _kept(job)) is not None}
    missing = [job for job in jobs if job not in found]
    on_done(len(found), len(jobs))
    with executor_of(executor, processes, len(missing)) as pool:
        futures = {pool.submit(perform, job, trainer): job for job in missing}
        try:
            for future in as_completed(futures):
                found[futures[future]] = future.result()
                on_done(len(found), len(jobs))
        except Exception as fault:
            if not is_loss(fault):
                raise
            raise RunFault(
                "a training process ended abruptly: killed, or out of memory. The trainings that "
                "are done are kept; run the same command again to go on."
            ) from fault
        finally:
            if executor is not None:  # a pool of our own may be ended, and sees to it itself
                _cancel(list(futures))
    return [found[job] for job in jobs]


def perform(job: Job, trainer: Trainer | None) -> Training:
    """Train, and write the file; done by the worker, so that nothing is lost with its parent."""
    if trainer is None:
        from nasbench.training.trainers import trainer_of

        trainer = trainer_of(job.arch.space).train
    curve = trainer(job.arch, _data(job.task), job.recipe, job.seed, job.device)
    training = Training(
        **job.key(),
        valid_accuracy=float(curve.valid_accuracy[-1]),
        test_accuracy=float(curve.test_accuracy[-1]),
        train_s=float(curve.train_s),
        diverged=bool(curve.diverged),
        hardware=hardware(job.device),
        date=datetime.now(UTC).date().isoformat(),
    )
    write_text(job.path, training.model_dump_json(indent=2) + "\n")
    return training


@cache
def _data(task: str) -> TaskData:
    return registry.task(task).load()


def _kept(job: Job) -> Training | None:
    """The training in the job's file; None if that is missing or not what the job asks for."""
    try:
        training = Training.model_validate_json(job.path.read_bytes())
    except (FileNotFoundError, ValidationError):  # replaced by a new training
        return None
    except OSError as fault:
        raise RunFault(
            f"{job.path}: cannot be read: {fault.strerror or fault}; mend it, or remove it to have "
            f"it trained again"
        ) from fault
    same = training.model_dump(mode="json", include=set(job.key())) == job.key()
    return training if same else None


def _cancel(futures: Sequence[Future[Training]]) -> None:
    for future in futures:
        future.cancel()
