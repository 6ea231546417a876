"""Processes that work for this one: one thread each, and gone when it is; or a cluster's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from nasbench.errors import InvalidConfig, MissingExtra

ENDING_S = 5.0
"""How long the end of a pool is waited for."""
_counted: Any = None
"""The shared number of the counter, in a process of a pool that has one."""


def cores() -> int:
    """Cores that this process may use; all of the machine where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):  # of Linux, not of macOS
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


class Counter:
    """A number that processes of a pool add to and this one reads, to show that they live.

    It has no lock, which a process that is killed could keep for ever: two that add at the very
    same time may count as one. Where the shared memory cannot be had (a full disk), it stays 0.
    """

    def __init__(self) -> None:
        import multiprocessing

        try:
            self.shared: Any = multiprocessing.get_context("spawn").RawValue("q")
        except OSError:
            self.shared = None

    @property
    def value(self) -> int:
        """What was counted so far."""
        return 0 if self.shared is None else int(self.shared.value)


def count(number: int) -> None:
    """Add to the counter of the pool that this process is of; elsewhere nothing."""
    if _counted is not None:
        _counted.value += number


@contextmanager
def executor(given: Executor | None, processes: int | None, jobs: int) -> Iterator[Executor]:
    """The executor that was given, which is left open, or a pool of fresh processes for the jobs.

    The pool has `processes`, by default one for each core, but no more than there are jobs.

    Raises:
        InvalidConfig: fewer than one process.
    """
    if given is not None:
        yield given
        return
    with pool(size_of(processes, jobs)) as made:
        yield made


def size_of(processes: int | None, jobs: int) -> int:
    """Processes of a pool for so many jobs: by default one for each core, no more than jobs.

    Raises:
        InvalidConfig: fewer than one process.
    """
    if processes is not None and processes < 1:
        raise InvalidConfig(f"a pool needs one or more processes, got {processes}")
    return max(1, min(processes or cores(), jobs))


@contextmanager
def pool(size: int, counter: Counter | None = None) -> Iterator[Executor]:
    """A pool of fresh processes with one thread each; what they `count` is added to the counter.

    Leaving it waits for the jobs; leaving it by an exception ends those in hand.
    """
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    shared = None if counter is None else counter.shared
    made = ProcessPoolExecutor(size, mp_context=context, initializer=_start, initargs=(shared,))
    try:
        yield made
        made.shutdown()
    except BaseException:
        _end(made)
        raise


def _end(made: ProcessPoolExecutor) -> None:
    """End the workers of a pool whatever they do; it has no public way to do so.

    One that dies while it sends a result leaves half of it. The pool would wait for the other half
    for ever, for as long as this process itself holds the sending end open. The pool's thread is
    waited for: the exit of Python writes to a pipe that it would be just about to close.
    """
    workers = list((getattr(made, "_processes", None) or {}).values())
    results = getattr(made, "_result_queue", None)
    thread = getattr(made, "_executor_manager_thread", None)
    made.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()
    if results is not None:
        results._writer.close()
    if thread is not None:
        thread.join(ENDING_S)


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """A dask cluster as an executor, and its number of threads.

    Raises:
        MissingExtra: distributed is not installed.
        InvalidConfig: nothing answers at the address, or it has no workers.
    """
    from importlib import import_module

    try:
        distributed = import_module("distributed")
    except ImportError as fault:
        raise MissingExtra(
            "--dask needs dask.distributed; install it: pip install 'nasbench-lab[dask]'"
        ) from fault
    try:
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as fault:
        raise InvalidConfig(
            f"no dask scheduler answers at {address!r} ({fault}); pass its address, such as "
            f"tcp://host:8786"
        ) from fault
    with client:
        threads = sum(client.ncores().values())
        if not threads:
            raise InvalidConfig(f"the dask scheduler at {address} has no workers; start some first")
        yield client.get_executor(), threads


def is_loss(fault: BaseException) -> bool:
    """Whether an exception of a future tells of a lost worker, and not of what the job raised."""
    of_cluster = type(fault).__module__.partition(".")[0] == "distributed"  # as KilledWorker
    return of_cluster or isinstance(fault, (BrokenExecutor, CancelledError))


def _start(shared: Any) -> None:
    global _counted
    import multiprocessing
    import signal
    from multiprocessing.connection import wait
    from threading import Thread

    from threadpoolctl import threadpool_limits

    _counted = shared
    os.environ["OMP_NUM_THREADS"] = "1"  # of what loads later, as torch does
    threadpool_limits(1)  # of what is loaded, as NumPy is: its threads would fight for the cores
    os.dup2(2, 1)  # what a searcher prints is no result
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C reaches the parent, which ends the pool
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=follow, daemon=True).start()
