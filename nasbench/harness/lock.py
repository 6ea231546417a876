"""One process at a time in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasbench.atomic import output_fault
from nasbench.errors import OutputFault


@contextmanager
def locked(folder: Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Holds the folder for one `what`, such as a comparison; its lock ends with the process.

    Raises:
        OutputFault: another one is at work there and we do not wait for its end, or the folder
            cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / f".{what}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as fault:
        raise output_fault(folder, fault) from fault
    try:
        _take(handle, folder, what, wait)
        yield
    finally:
        os.close(handle)


def _take(handle: int, folder: Path, what: str, wait: bool) -> None:
    import fcntl  # Unix only

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as fault:
        raise OutputFault(
            fault.errno,
            f"another {what} is at work in {folder}; wait for its end, or choose another folder",
        ) from fault
    except OSError as fault:  # such as a file system without locks
        raise output_fault(folder, fault) from fault
