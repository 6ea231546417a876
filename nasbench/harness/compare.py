"""Searchers x seeds on one benchmark, each run in a file, over any executor.

A comparison can be killed at any moment and started again: runs whose file is there and fits are
kept, the others are done. The files are the result; nothing is remembered beside them.
"""

from __future__ import annotations

import dataclasses
import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nasbench import registry
from nasbench.atomic import write_text
from nasbench.core import Benchmark, Budget, Constraint, Run
from nasbench.errors import InvalidConfig, NasbenchError, RunFault, SearcherFault
from nasbench.harness.files import read_run, run_path, to_json, write_run
from nasbench.harness.problem import (
    find_searcher,
    json_config,
    make_config,
    make_problem,
    whole,
)
from nasbench.harness.processes import executor as executor_of
from nasbench.harness.run import OBJECTIVES, run

SETTING = "compare.json"
"""File in a comparison's folder that tells how it was made."""
_COMPARED = (
    *("benchmark", "table_sha256", "space", "searcher", "config", "objectives", "constraints"),
    *("seed", "noise_seed", "workers", "budget"),
)
"""Fields of a run that must fit for its file to be kept."""


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
    path: Path = field(compare=False)


def compare(
    benchmark_name: str,
    searchers: Sequence[str],
    seeds: Sequence[int],
    *,
    budget: Budget,
    out: Path,
    objectives: Sequence[str] = OBJECTIVES,
    constraints: Sequence[Constraint] = (),
    workers: int = 1,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
    overwrite: bool = False,
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> list[Run]:
    """The runs of every searcher with every seed, in this order, each in its file below `out`.

    `settings` holds each searcher's own config by its name. Runs go to `executor`, by default to a
    pool of `processes` (one for each core); `on_done` is called with the number of runs that are
    done and their total. Tables of several repeats are queried with the run's seed as noise seed.

    Raises:
        RunFault: a run file that is there is of another setting, and `overwrite` is not set.
        SearcherFault: some runs failed; all others are done, the tracebacks lie beside the files.
    """
    benchmark = _benchmark(benchmark_name)
    out = Path(out)
    template = Job(
        *(benchmark_name, "", 0, None, {}, budget, tuple(objectives), tuple(constraints)),
        workers=workers,
        path=out,
    )
    jobs = list(_jobs(benchmark, template, searchers, seeds, settings or {}))
    kept = {} if overwrite else _kept(jobs, benchmark)
    missing = [job for job in jobs if job.path not in kept]
    _prepare(out, jobs, benchmark)
    for job in missing:
        job.path.unlink(missing_ok=True)  # there only if it is to be overwritten
    on_done(len(kept), len(jobs))
    failed: dict[Path, str] = {}
    with executor_of(executor, processes, len(missing)) as pool:
        for job, done in _completed(pool, missing):
            if isinstance(done, Run):
                _check_answer(job, done, benchmark)
                write_run(done, job.path)
                kept[job.path] = done
            else:
                failed[job.path] = done
                write_text(_traceback_path(job.path), done)
            on_done(len(kept) + len(failed), len(jobs))
    if failed:
        raise _failure(failed, len(jobs))
    return [kept[job.path] for job in jobs]


def perform(job: Job) -> Run | str:
    """The run of a job, or the traceback of what its searcher raised."""
    try:
        done = run(
            _benchmark(job.benchmark),
            job.searcher,
            job.seed,
            budget=job.budget,
            objectives=job.objectives,
            constraints=job.constraints,
            workers=job.workers,
            noise_seed=job.noise_seed,
            config=job.config,
        )
        to_json(done)  # what cannot be written is found here, where it costs one run only
        return done
    except Exception:  # whatever a searcher raises must not lose the other runs
        return traceback.format_exc()


@cache
def _benchmark(name: str) -> Benchmark:
    """Opened and checked once in every process."""
    return registry.benchmark(name)


def _jobs(
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
    repeated = getattr(benchmark, "repeats", 1) > 1
    for name in searchers:
        _, factory = find_searcher(name)
        make_problem(benchmark, factory, template.budget, template.objectives, template.constraints)
        config = json_config(name, make_config(name, factory, settings.get(name, {})))
        for seed in seeds:
            yield dataclasses.replace(
                template,
                searcher=name,
                seed=seed,
                noise_seed=seed if repeated else None,
                config=config,
                path=run_path(template.path, benchmark.name, name, seed),
            )


def _kept(jobs: Sequence[Job], benchmark: Benchmark) -> dict[Path, Run]:
    """Runs whose file is there.

    Raises:
        RunFault: a file is malformed or holds another run.
    """
    found = {}
    for job in jobs:
        if job.path.exists():
            there = read_run(job.path)
            if different := _difference(job, there, benchmark):
                raise RunFault(
                    f"{job.path} is a run of another setting: {different}. Choose another folder "
                    f"(--out), or replace the runs (--overwrite)."
                )
            found[job.path] = there
    return found


def _difference(job: Job, found: Run, benchmark: Benchmark) -> str | None:
    """The first thing in which a run is not what the job asks for."""
    wanted = {
        **{f.name: getattr(job, f.name) for f in dataclasses.fields(job)},
        "benchmark": benchmark.name,
        "table_sha256": getattr(benchmark, "sha256", None),
        "space": benchmark.space.name,
    }
    for name in _COMPARED:
        if getattr(found, name) != wanted[name]:
            return f"expected {name} {wanted[name]!r}, got {getattr(found, name)!r}"
    return None


def _prepare(out: Path, jobs: Sequence[Job], benchmark: Benchmark) -> None:
    """Write the setting, and remove what a killed or failed comparison left of its files."""
    first = jobs[0]
    setting = {
        "benchmark": benchmark.name,
        "table_sha256": getattr(benchmark, "sha256", None),
        "searchers": {job.searcher: dict(job.config) for job in jobs},
        "seeds": sorted({job.seed for job in jobs}),
        "queries": first.budget.queries,
        "cost_s": first.budget.cost_s if first.budget.cost_s < float("inf") else None,
        "objectives": list(first.objectives),
        "constraints": [dataclasses.asdict(constraint) for constraint in first.constraints],
        "workers": first.workers,
    }
    write_text(out / SETTING, json.dumps(setting, indent=2) + "\n")
    for folder in {out, *(job.path.parent for job in jobs)}:
        for part in folder.glob(".*.json.*.part"):
            part.unlink(missing_ok=True)
    for job in jobs:
        _traceback_path(job.path).unlink(missing_ok=True)


def _completed(executor: Executor, jobs: Sequence[Job]) -> Iterator[tuple[Job, Run | str]]:
    futures: dict[Future[Run | str], Job] = {executor.submit(perform, job): job for job in jobs}
    try:
        for future in as_completed(futures):
            yield futures[future], _answer(future)
    finally:
        for future in futures:
            future.cancel()


def _answer(future: Future[Run | str]) -> Run | str:
    try:
        return future.result()
    except Exception as fault:  # not of a searcher, whose errors are answers
        raise SearcherFault(
            f"a worker process ended abruptly ({fault}): killed, out of memory, or crashed by a "
            f"searcher. The runs that are done are kept; run the same command again to go on."
        ) from fault


def _check_answer(job: Job, done: Run, benchmark: Benchmark) -> None:
    """Refuse a run from a machine with another version of the table."""
    if different := _difference(job, done, benchmark):
        raise RunFault(
            f"a worker answered with a run of another setting: {different}. Install the same "
            f"version everywhere."
        )


def _failure(failed: Mapping[Path, str], total: int) -> NasbenchError:
    path, text = next(iter(failed.items()))
    last = text.strip().splitlines()[-1]
    return SearcherFault(
        f"{len(failed)} of {total} runs failed; the others are done. The first: {last} "
        f"(traceback in {_traceback_path(path)})"
    )


def _traceback_path(path: Path) -> Path:
    return path.with_suffix(".traceback.txt")
