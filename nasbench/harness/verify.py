"""Training a comparison's winners again, for real, to see whether the table told the truth.

Each searcher's winner, and with it random search's, is trained by the benchmark's recipe with seeds
that the table has not seen. `nasbench.harness.verdict` holds the results against the table; Welch's
test, with Holm's correction over the winners, holds them against random search's winner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from itertools import compress, count, islice
from operator import not_
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from nasbench.atomic import write_text
from nasbench.core import Architecture, Benchmark, Space, SupportsRetraining
from nasbench.errors import InvalidConfig, RunFault
from nasbench.harness import statistics
from nasbench.harness.claims import Maker, claimed, maker_here, makers_of, repeats_of
from nasbench.harness.collection import (
    REFERENCE,
    VERIFICATION,
    Collection,
    collect,
    find_benchmark,
)
from nasbench.harness.lock import locked
from nasbench.harness.problem import whole
from nasbench.harness.remeasuring import remeasure
from nasbench.harness.statistics import Interval
from nasbench.harness.trainings import Job, Progress, Trainer, Training, train_all
from nasbench.harness.verdict import Judgement, judge
from nasbench.harness.verification import (
    FILE,
    METRIC,
    Against,
    Bounds,
    Measurement,
    Skipped,
    Source,
    Verification,
    relative,
)
from nasbench.harness.winners import Winner, winners

FIRST_SEED = 1000
"""Of the fresh trainings; tables count from 0."""
FEWEST_SEEDS = 3
_Trained: TypeAlias = dict[Architecture, list[tuple[Job, Training]]]


def verify(
    folder: Path,
    *,
    seeds: int = FEWEST_SEEDS,
    top: int = 1,
    device: str | None = None,
    benchmark: Benchmark | str | Path | None = None,
    trainer: Trainer | None = None,
    executor: Executor | None = None,
    processes: int | None = None,
    on_done: Progress = lambda done, total: None,
) -> Verification:
    """Train the winners of the runs below a folder; write `verify.json` there, and return it.

    `top` winners of each searcher are trained with `seeds` fresh seeds each, on `device` (CUDA if
    there is one, by default), by `trainer` (the project's own, by default). Every training is kept
    in a file of its own; what is there is not done again. `on_done` is called with the number of
    trainings that are done and their total. Latencies that the search minimized or bounded are
    measured again at the end, where their device is.

    Raises:
        RunFault: no runs, or runs that cannot be compared.
        InvalidConfig: a benchmark that cannot be trained again, or a setting out of range.
        UnknownName: no trainer is registered for its space, and none was given.
        UnknownDevice: a device that this machine lacks.
        OutputFault: another verification is at work there, or the folder cannot be written.
    """
    seeds, top = whole("seeds", seeds, FEWEST_SEEDS), whole("top", top, 1)
    collection = collect(folder)
    found = find_benchmark(collection, benchmark)
    everyone = winners(collection, found.space, top=top)
    if not everyone:
        raise RunFault(
            f"no run in {folder} has a feasible evaluation of a finite objective, so there is no "
            f"winner; make runs that have, with `nasbench compare`"
        )
    chosen, skipped = _predicted(found, everyone)
    where = _device(device, trainer)
    jobs = _jobs(found, chosen, seeds, where, _maker(found, trainer), collection)
    if processes is None and where.startswith("cuda"):
        processes = 1  # several would share one GPU and its memory
    with locked(collection.folder, "verification"):
        done = train_all(
            jobs, trainer=trainer, executor=executor, processes=processes, on_done=on_done
        )
        verification = _evaluate(collection, found, chosen, skipped, jobs, done, top)
        again = remeasure(found, collection.first, [winner.arch for winner in chosen])
        verification = verification.model_copy(update={"remeasured": again})
        write_text(collection.folder / FILE, verification.model_dump_json(indent=2) + "\n")
    return verification


def fresh_seeds(benchmark: Benchmark, n: int) -> list[int]:
    """The first `n` seeds from `FIRST_SEED` on that the benchmark's own trainings did not use."""
    used = {int(seed) for seed in getattr(benchmark, "seeds", ())}
    return list(islice((seed for seed in count(FIRST_SEED) if seed not in used), n))


def _jobs(
    benchmark: Benchmark,
    chosen: Sequence[Winner],
    seeds: int,
    device: str,
    maker: Maker,
    collection: Collection,
) -> list[Job]:
    retrained = _retrainable(benchmark)
    folder = collection.folder / VERIFICATION
    return [
        Job(winner.arch, retrained.task, retrained.recipe, seed, device, maker, folder)
        for winner in chosen
        for seed in fresh_seeds(benchmark, seeds)
    ]


def _retrainable(benchmark: Benchmark) -> SupportsRetraining:
    if isinstance(benchmark, SupportsRetraining) and benchmark.task:
        return benchmark
    raise InvalidConfig(
        f"{benchmark.name} cannot be verified: it names no task and recipe to train by. "
        f"Verify runs on a table that was trained here; see `nasbench list`."
    )


def _maker(benchmark: Benchmark, trainer: Trainer | None) -> Maker:
    if trainer is None:
        from nasbench.training.trainers import trainer_of

        trainer_of(benchmark.space.name)
        return maker_here(_retrainable(benchmark).task, benchmark.space)
    name = getattr(trainer, "__qualname__", type(trainer).__qualname__)
    return Maker(code=f"{trainer.__module__}:{name}")


def _predicted(
    benchmark: Benchmark, everyone: Sequence[Winner]
) -> tuple[list[Winner], list[Winner]]:
    """The winners of which the table says something, and the others."""
    values = claimed(benchmark, [winner.arch for winner in everyone], METRIC)
    known = np.isfinite(values).tolist()
    if not any(known):
        raise InvalidConfig(
            f"{benchmark.name} has no {METRIC} of any winner, so there is nothing to verify; use "
            f"a table that has it of the architectures that were searched"
        )
    return list(compress(everyone, known)), list(compress(everyone, map(not_, known)))


def _evaluate(
    collection: Collection,
    benchmark: Benchmark,
    chosen: Sequence[Winner],
    skipped: Sequence[Winner],
    jobs: Sequence[Job],
    done: Sequence[Training],
    top: int,
) -> Verification:
    by_arch: _Trained = {}
    for job, training in zip(jobs, done, strict=True):
        by_arch.setdefault(job.arch, []).append((job, training))
    samples = {arch: [t.test_accuracy for _, t in pairs] for arch, pairs in by_arch.items()}
    diverged = [any(t.diverged for _, t in pairs) for pairs in by_arch.values()]
    archs, space = list(by_arch), benchmark.space
    predicted, repeats = claimed(benchmark, archs, METRIC), repeats_of(benchmark, archs)
    judgement = judge(predicted, list(samples.values()), repeats=repeats, diverged=diverged)
    measurements = [
        _measurement(winner, k, by_arch[winner.arch], repeats[k], judgement, collection, space)
        for k, winner in enumerate(chosen)
    ]
    against = _against_reference(chosen, samples)
    maker, makers = jobs[0].maker, makers_of(benchmark)
    return Verification(
        benchmark=benchmark.name,
        table_sha256=collection.first.table_sha256,
        space=space.name,
        task=jobs[0].task,
        recipe=asdict(jobs[0].recipe),
        seeds=sorted({job.seed for job in jobs}),
        top=top,
        device=jobs[0].device,
        hardware=sorted({training.hardware for training in done} - {""}),
        dates=sorted({training.date for training in done} - {""}),
        maker=maker,
        table_makers=makers,
        same_maker=maker in makers if makers else None,
        level=statistics.LEVEL,
        noise=judgement.noise,
        degrees=judgement.degrees,
        shift=None if judgement.shift is None else _bounds(judgement.shift),
        train_s=sum(training.train_s for training in done),
        measurements=[
            part.model_copy(update={"against_reference": against.get(winner.arch)})
            for part, winner in zip(measurements, chosen, strict=True)
        ],
        skipped=[
            Skipped(
                genes=winner.arch.genes,
                text=space.format(winner.arch),
                found_by=_sources(winner, collection),
            )
            for winner in skipped
        ],
    )


def _measurement(
    winner: Winner,
    k: int,
    trained: Sequence[tuple[Job, Training]],
    repeats: int,
    judgement: Judgement,
    collection: Collection,
    space: Space,
) -> Measurement:
    """What is known of the architecture of number `k`, not yet held against random search's."""
    accuracies = [training.test_accuracy for _, training in trained]
    return Measurement(
        genes=winner.arch.genes,
        text=space.format(winner.arch),
        found_by=_sources(winner, collection),
        predicted=_bounds(judgement.expected[k]),
        repeats=repeats,
        accuracies=accuracies,
        files=[relative(job.path, collection.folder) for job, _ in trained],
        diverged=sum(training.diverged for _, training in trained),
        measured=_bounds(statistics.mean_interval(accuracies)),
        p_value=None if judgement.verdicts[k] == "unstable" else float(judgement.p_values[k]),
        verdict=judgement.verdicts[k],
        against_reference=None,
    )


def _against_reference(
    chosen: Sequence[Winner], samples: Mapping[Architecture, list[float]]
) -> dict[Architecture, Against]:
    """The winners' trainings held against those of random search's best."""
    references = [winner for winner in chosen if REFERENCE in winner.searchers]
    if not references:
        return {}
    reference = samples[references[0].arch]  # the best of its `top`
    others = [winner.arch for winner in chosen if REFERENCE not in winner.searchers]
    gaps = [statistics.difference_of_means(samples[arch], reference) for arch in others]
    p_values = statistics.holm(
        [statistics.welch_p_values([samples[arch], reference])[0, 1] for arch in others]
    )
    return {
        arch: Against(
            difference=_bounds(gap), p_value=float(p), verdict=_comparison(gap.estimate, float(p))
        )
        for arch, gap, p in zip(others, gaps, p_values, strict=True)
    }


def _comparison(gap: float, p_value: float) -> Literal["better", "tied", "worse"]:
    if p_value >= 1 - statistics.LEVEL:
        return "tied"
    return "better" if gap > 0 else "worse"


def _sources(winner: Winner, collection: Collection) -> list[Source]:
    return [
        Source(
            searcher=find.file.run.searcher,
            seed=find.file.run.seed,
            file=relative(find.file.path, collection.folder),
            sha256=find.file.sha256,
        )
        for find in winner.finds
    ]


def _bounds(interval: Interval) -> Bounds:
    return Bounds(estimate=interval.estimate, low=interval.low, high=interval.high)


def _device(name: str | None, trainer: Trainer | None) -> str:
    if trainer is not None:
        return name or "cpu"  # a trainer of one's own knows its devices
    from nasbench.training.train import pick_device

    return pick_device(name)
