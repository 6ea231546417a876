"""Searchers x seeds on one benchmark, each run in a file, over any executor.

A comparison can be killed at any moment and started again: runs whose file is there and fits are
kept, the others are done. The files are the result; nothing is remembered beside them.
"""

from __future__ import annotations

import dataclasses
import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

from nasbench import registry
from nasbench.atomic import output_fault, write_text
from nasbench.core import Benchmark, Budget, Constraint, Run, SupportsRows
from nasbench.errors import InvalidConfig, NasbenchError, RunFault, SearcherFault
from nasbench.harness.collection import SETTING
from nasbench.harness.completion import Answer, completed
from nasbench.harness.derived import content_hash
from nasbench.harness.files import to_json, write_run
from nasbench.harness.jobs import Job, check_others, difference, kept_runs, make_jobs
from nasbench.harness.known import knows_all
from nasbench.harness.lock import locked
from nasbench.harness.processes import count
from nasbench.harness.run import OBJECTIVES, run


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
    on_beat: Callable[[int], None] = lambda evaluations: None,
) -> list[Run]:
    """The runs of every searcher with every seed, in this order, each in its file below `out`.

    `settings` holds each searcher's own config by its name. Runs go to `executor`, by default to a
    pool of `processes` (one for each core); `on_done` is called with the number of runs that are
    done and their total, and `on_beat` about once a second with the evaluations that the pool has
    told of so far. Tables of several repeats are queried with the run's seed as noise seed.

    Raises:
        RunFault: a run file that is there is of another setting, and `overwrite` is not set; or
            another one in the folder could not be compared with these.
        OutputFault: the folder cannot be written, or another comparison is at work in it.
        SearcherFault: some runs failed; all others are done, the tracebacks lie beside the files.
    """
    benchmark, out = _benchmark(benchmark_name), Path(out)
    setting = (tuple(objectives), tuple(constraints), workers)
    jobs = plan(benchmark_name, searchers, seeds, budget, out, *setting, settings=settings)
    with locked(out, "comparison"):
        done = {} if overwrite else kept_runs(jobs, benchmark)
        check_others(out, jobs, benchmark)
        missing = [job for job in jobs if job.path not in done]
        _prepare(out, jobs, missing, benchmark)
        with closing(completed(missing, perform, executor, processes, on_beat)) as answers:
            failed = _collect(answers, done, len(jobs), benchmark, on_done)
    if failed:
        raise _failure(failed, len(jobs))
    return [done[job.path] for job in jobs]


def plan(
    benchmark_name: str,
    searchers: Sequence[str],
    seeds: Sequence[int],
    budget: Budget,
    out: Path,
    objectives: Sequence[str] = OBJECTIVES,
    constraints: Sequence[Constraint] = (),
    workers: int = 1,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Job]:
    """Every run of a comparison; what can be wrong with its setting is found here."""
    bounds = tuple(constraints)
    template = Job(
        *(benchmark_name, "", 0, None, {}, budget, tuple(objectives), bounds, workers, None),
        path=Path(out),
    )
    benchmark = _benchmark(benchmark_name)
    _refuse_sample(benchmark)
    return list(make_jobs(benchmark, template, searchers, seeds, settings or {}))


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
            on_evaluations=count,
        )
        to_json(done)  # what cannot be written is found here, where it costs one run only
        return done
    except (Exception, SystemExit):  # whatever a searcher raises must not lose the other runs
        return traceback.format_exc()


def _refuse_sample(benchmark: Benchmark) -> None:
    """Checks that searches may go where they want.

    Raises:
        InvalidConfig: the benchmark is a table of a sample of its space.
    """
    predicts = hasattr(benchmark, "fitted_on")
    if predicts or not isinstance(benchmark, SupportsRows) or knows_all(benchmark):
        return
    names = registry.names(registry.BENCHMARKS)
    others = [n for n in names if n != benchmark.name and registry.table_of(n) == benchmark.name]
    raise InvalidConfig(
        f"{benchmark.name} knows {len(benchmark.rows()[0]):,} architectures of "
        f"{benchmark.space.name} and no others, so searches would ask for some that it lacks; "
        f"compare them on {' or '.join(others) or 'a surrogate of it (`nasbench surrogate fit`)'}"
    )


def _benchmark(name: str) -> Benchmark:
    """Opened and checked once in every process, a file again when it was changed."""
    path = Path(name)
    return _opened(name, *((path.resolve(), path.stat().st_mtime_ns) if path.is_file() else ()))


@lru_cache(maxsize=8)
def _opened(name: str, *version: object) -> Benchmark:
    return registry.benchmark(name)


def _prepare(out: Path, jobs: Sequence[Job], missing: Sequence[Job], benchmark: Benchmark) -> None:
    """Write the setting, and remove what a killed or failed comparison left of its files."""
    first = jobs[0]
    setting = {
        "benchmark": benchmark.name,
        "table_sha256": content_hash(benchmark, first.objectives, first.constraints),
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
            _remove(part)
    for job in jobs:
        _remove(_traceback_path(job.path))
    for job in missing:
        _remove(job.path)  # there only if it is to be overwritten


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as fault:
        raise output_fault(path, fault) from fault


def _collect(
    answers: Iterator[tuple[Job, Answer]],
    done: dict[Path, Run],
    total: int,
    benchmark: Benchmark,
    on_done: Callable[[int, int], None],
) -> dict[Path, str]:
    """Add the answers to the runs that are done and to the folder; tracebacks of the others."""
    failed: dict[Path, str] = {}
    on_done(len(done), total)
    for job, answer in answers:
        if isinstance(answer, Run):
            _check_answer(job, answer, benchmark)
            write_run(answer, job.path)
            done[job.path] = answer
        else:
            failed[job.path] = answer
            write_text(_traceback_path(job.path), answer)
        on_done(len(done) + len(failed), total)
    return failed


def _check_answer(job: Job, done: Run, benchmark: Benchmark) -> None:
    """Refuse a run from a machine with another version of the table."""
    if different := difference(job, done, benchmark):
        raise RunFault(
            f"a worker answered with a run of another setting: {different}. Install the same "
            f"version everywhere."
        )


def _failure(failed: Mapping[Path, str], total: int) -> NasbenchError:
    path, text = next(iter(failed.items()))
    last = text.strip().splitlines()[-1]
    some = f"{len(failed)} of {total} runs failed; the others are done"
    return SearcherFault(
        f"{some if len(failed) < total else f'all {total} runs failed'}. The first: {last} "
        f"(traceback in {_traceback_path(path)})"
    )


def _traceback_path(path: Path) -> Path:
    return path.with_suffix(".traceback.txt")
