"""One invocation at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasbench.atomic import output_fault
from nasbench.errors import OutputFault


@contextmanager
def locked(folder: Path, name: str = "lock", *, wait: bool = False) -> Iterator[None]:
    """Holds a lock of the folder; the system releases it even after kill -9.

    Raises:
        OutputFault: the folder cannot be written, or another one holds it and we do not wait.
    """
    import fcntl  # not on Windows, where the rest of the package can still be imported

    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as fault:
        raise output_fault(folder, fault) from fault
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as fault:
            raise OutputFault(
                fault.errno,
                f"another build is at work in {folder}; wait for it or choose another file",
            ) from fault
        yield
    finally:
        os.close(handle)
