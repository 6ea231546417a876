"""The runs that a comparison asks for, and what of its folder fits them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.core import Benchmark, Budget, Constraint, Run, Trajectory
from nasbench.errors import InvalidConfig, RunFault
from nasbench.harness.collection import RunFile, comparable, read_files
from nasbench.harness.constraints import check_met
from nasbench.harness.derived import content_hash
from nasbench.harness.files import read_run, run_path
from nasbench.harness.problem import (
    default_noise_seed,
    find_searcher,
    json_config,
    make_config,
    make_problem,
    source_sha256,
    whole,
)

_DECIDED = (
    *("searcher", "config", "code", "objectives", "constraints", "seed", "noise_seed", "workers"),
    "budget",
)
"""Fields of a run that its job decides."""
_COMPARED = ("benchmark", "table_sha256", "space", *_DECIDED)
"""Fields of a run that must fit for its file to be kept."""
_NOTHING = Trajectory(
    *(np.zeros((0, 0), np.int16), np.zeros(0, np.int32), np.zeros((0, 0)), np.zeros(0, np.bool_)),
    *(np.zeros(0), np.zeros(0)),
)


@dataclass(frozen=True, slots=True)
class Job:
    """One run that a comparison asks for."""

    benchmark: str
    """Registered name or path, as every worker process looks it up."""
    searcher: str
    seed: int
    noise_seed: int | None
    config: Mapping[str, Any]
    """All settings of the searcher, defaults included."""
    budget: Budget
    objectives: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    workers: int
    code: str | None
    """sha256 of the searcher's source."""
    path: Path = field(compare=False)


def make_jobs(
    benchmark: Benchmark,
    template: Job,
    searchers: Sequence[str],
    seeds: Sequence[int],
    settings: Mapping[str, Mapping[str, Any]],
) -> Iterator[Job]:
    """Every run to be done; all that can be wrong with the setting is found here."""
    for what, given in (("searchers", searchers), ("seeds", seeds)):
        if not given or len(set(given)) != len(given):
            raise InvalidConfig(f"a comparison needs one or more different {what}, got {given!r}")
    whole("workers", template.workers, 1)
    for seed in seeds:
        whole("seed", seed, 0)
    for name in settings:
        if name not in searchers:
            raise InvalidConfig(
                f"settings for {name!r}, which is not compared; expected one of {list(searchers)}"
            )
    check_met(benchmark, template.constraints)
    folders: dict[Path, str] = {}
    for name in searchers:
        other = folders.setdefault(run_path(template.path, benchmark.name, name, 0), name)
        if other != name:
            raise InvalidConfig(
                f"runs of {name!r} and {other!r} would have the same files; rename one of them"
            )
        _, factory = find_searcher(name)
        make_problem(benchmark, factory, template.budget, template.objectives, template.constraints)
        config = json_config(name, make_config(name, factory, settings.get(name, {})))
        for seed in seeds:
            yield dataclasses.replace(
                template,
                searcher=name,
                seed=seed,
                noise_seed=default_noise_seed(benchmark, seed),
                config=config,
                code=source_sha256(factory),
                path=run_path(template.path, benchmark.name, name, seed),
            )


def kept_runs(jobs: Sequence[Job], benchmark: Benchmark) -> dict[Path, Run]:
    """Runs whose file is there.

    Raises:
        RunFault: a file is malformed or holds another run.
    """
    found = {}
    for job in jobs:
        if job.path.exists():
            there = read_run(job.path)
            if different := difference(job, there, benchmark):
                raise RunFault(
                    f"{job.path} is a run of another setting: {different}. Choose another folder "
                    f"(--out), or replace the runs (--overwrite)."
                )
            found[job.path] = there
    return found


def difference(job: Job, found: Run, benchmark: Benchmark) -> str | None:
    """The first thing in which a run is not what the job asks for."""
    wanted = _planned(job, benchmark)
    for name in _COMPARED:
        if getattr(found, name) != getattr(wanted, name):
            what = f"{name} (the searcher's source has changed)" if name == "code" else name
            return f"expected {what} {getattr(wanted, name)!r}, got {getattr(found, name)!r}"
    return None


def check_others(out: Path, jobs: Sequence[Job], benchmark: Benchmark) -> None:
    """Refuse a folder with runs beside the jobs' own that could not be compared with these."""
    own = {job.path for job in jobs}
    others = [file for file in read_files(out) if file.path not in own]
    try:
        comparable([*others, *(RunFile(job.path, "", _planned(job, benchmark)) for job in jobs)])
    except RunFault as fault:
        raise RunFault(
            f"these runs would not fit those in {out}: {fault}. Choose another folder (--out)."
        ) from fault


def _planned(job: Job, benchmark: Benchmark) -> Run:
    """The run that a job asks for, as it is before its first evaluation."""
    return Run(
        benchmark=benchmark.name,
        table_sha256=content_hash(benchmark, job.objectives, job.constraints),
        space=benchmark.space.name,
        trajectory=_NOTHING,
        **{name: getattr(job, name) for name in _DECIDED},
    )
