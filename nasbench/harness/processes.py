"""Processes that work for this one: one thread each, and gone when it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from nasbench.errors import InvalidConfig


@contextmanager
def executor(given: Executor | None, processes: int | None, jobs: int) -> Iterator[Executor]:
    """The executor that was given, which is left open, or a pool of fresh processes for the jobs.

    The pool has `processes`, by default one for each core, but no more than there are jobs. Leaving
    it by an exception ends the jobs in hand.
    """
    if given is not None:
        yield given
        return
    import multiprocessing

    if processes is not None and processes < 1:
        raise InvalidConfig(f"a pool needs one or more processes, got {processes}")
    size = max(1, min(processes or os.cpu_count() or 1, jobs))
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(size, mp_context=context, initializer=_start)
    try:
        yield pool
    except BaseException:
        workers = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()
        raise
    pool.shutdown()


def _start() -> None:
    import multiprocessing
    import signal
    from multiprocessing.connection import wait
    from threading import Thread

    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch loads
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C reaches the parent, which ends the pool
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=follow, daemon=True).start()
