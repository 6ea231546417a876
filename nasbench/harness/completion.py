"""Runs done by other processes, whatever becomes of these.

Where a process of our own pool dies, every run that was in hand is suspected: each is done again,
alone in a process of its own, and one that ends this process, too, has failed by itself. The others
lose nothing but time.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    as_completed,
    wait,
)
from functools import partial

from nasbench.core import Run
from nasbench.errors import SearcherFault
from nasbench.harness.jobs import Job
from nasbench.harness.processes import Counter, pool, size_of

Answer = Run | str
"""A run, or the traceback of what its searcher raised."""
Work = Callable[[Job], Answer]

BEAT_S = 1.0
"""Between two calls of `on_beat`."""


def completed(
    jobs: Sequence[Job],
    work: Work,
    executor: Executor | None,
    processes: int | None,
    on_beat: Callable[[int], None] = lambda evaluations: None,
) -> Generator[tuple[Job, Answer], None, None]:
    """Every job with its answer, as they are done: by the executor, or by a pool of `processes`.

    With a pool, `on_beat` is called about once a second with the number of evaluations so far.

    Raises:
        SearcherFault: a process of an executor that was given has died.
        InvalidConfig: fewer than one process.
    """
    if executor is not None:
        yield from _handed_over(executor, jobs, work)
        return
    left, size, counter = deque(jobs), size_of(processes, len(jobs)), Counter()
    while left:
        suspects: list[Job] = []
        with pool(size, counter) as made:
            beat = partial(_beat, counter, on_beat)
            yield from _in_turn(made, left, size + 1, work, suspects, beat)
        for job in suspects:
            yield job, _alone(job, work)


def _handed_over(
    executor: Executor, jobs: Sequence[Job], work: Work
) -> Iterator[tuple[Job, Answer]]:
    futures = {executor.submit(work, job): job for job in jobs}
    try:
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except Exception as fault:  # not of a searcher, whose errors are answers
                job = futures[future]
                raise SearcherFault(
                    f"a worker process ended abruptly ({fault}): killed, out of memory, or crashed "
                    f"by a searcher, perhaps by {job.searcher} with seed {job.seed}. The runs that "
                    f"are done are kept; run the same command again to go on."
                ) from fault
    finally:
        for future in futures:
            future.cancel()


def _in_turn(
    made: Executor,
    left: deque[Job],
    window: int,
    work: Work,
    suspects: list[Job],
    on_beat: Callable[[], None],
) -> Iterator[tuple[Job, Answer]]:
    """Jobs taken from `left`, a few in hand at a time; if a process dies, these are suspects."""
    hand: dict[Future[Answer], Job] = {}
    broken = False
    while (left or hand) and not (suspects or broken):
        while left and len(hand) < window:
            job = left.popleft()
            try:
                hand[made.submit(work, job)] = job
            except BrokenExecutor:
                left.appendleft(job)
                broken = True
                break
        done, _ = wait(hand, timeout=BEAT_S, return_when=FIRST_COMPLETED)
        on_beat()
        for future in done:
            job = hand.pop(future)
            try:
                yield job, future.result()
            except BrokenExecutor:
                suspects.append(job)
    for future, job in hand.items():  # of a broken pool, whose futures all end
        try:
            yield job, future.result()
        except BrokenExecutor:
            suspects.append(job)


def _beat(counter: Counter, on_beat: Callable[[int], None]) -> None:
    on_beat(counter.value)


def _alone(job: Job, work: Work) -> Answer:
    """The answer of a process that does nothing else, or what its end was."""
    code = None
    try:
        with pool(1) as made:
            future = made.submit(work, job)
            workers = list((getattr(made, "_processes", None) or {}).values())
            try:
                return future.result()
            except BrokenExecutor:
                for worker in workers:
                    worker.join()
                    code = worker.exitcode
                raise
    except BrokenExecutor:
        return (
            f"{job.searcher} with seed {job.seed}, also alone: its worker process ended abruptly"
            f"{_cause(code)}"
        )


def _cause(code: int | None) -> str:
    if code is None:
        return ""
    if code >= 0:
        return f" with exit code {code}"
    known = {int(number): number.name for number in signal.Signals}
    hint = ", perhaps for lack of memory" if -code == signal.SIGKILL else ""
    return f" by {known.get(-code, f'signal {-code}')}{hint}"
