"""The processes that train: one thread each, gone when their parent is."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import connection
from typing import Any

from nasbench.core import Task, TaskData

_loaded: dict[str, TaskData] = {}


@contextlib.contextmanager
def pool(workers: int) -> Iterator[Executor]:
    """A pool of fresh processes with one thread each; leaving it does not wait for work in hand."""
    context = multiprocessing.get_context("spawn")
    made = ProcessPoolExecutor(workers, mp_context=context, initializer=_start)
    try:
        yield made
    finally:
        processes = list((getattr(made, "_processes", None) or {}).values())
        made.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


@contextlib.contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """A dask cluster as an executor, and its number of threads.

    Raises:
        MissingExtra: distributed is not installed.
        InvalidConfig: nothing answers at the address, or it has no workers.
    """
    from nasbench.errors import InvalidConfig, MissingExtra

    try:
        from distributed import Client
    except ImportError as fault:
        raise MissingExtra(
            "--dask needs dask.distributed; install it with: pip install 'nasbench-lab[dask]'"
        ) from fault
    try:
        client: Any = Client(  # type: ignore[no-untyped-call]
            address, timeout="10s", set_as_default=False
        )
    except (OSError, ValueError) as fault:
        raise InvalidConfig(
            f"no dask scheduler answers at {address!r} ({fault}); pass its address, such as tcp://host:8786"
        ) from fault
    with client:
        threads = sum(client.ncores().values())
        if not threads:
            raise InvalidConfig(f"the dask scheduler at {address} has no workers; start some first")
        yield client.get_executor(), threads


def task_data(task: Task) -> TaskData:
    """The task's splits, loaded once in a process."""
    if task.name not in _loaded:
        _loaded[task.name] = task.load()
    return _loaded[task.name]


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends the pool
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
