"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from nasbench.errors import OutputFault


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error.

    Of a symbolic link, it is the file that the link points to which is replaced.

    Raises:
        OutputFault: the folder cannot be written, the disk is full, or `path` is something else
            than a file, such as a device; `path` is as it was before.
    """
    path = Path(path)
    try:
        path = path.resolve()
        if path.exists() and not path.is_file():
            raise _no_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
    except OutputFault:
        raise
    except (OSError, RuntimeError) as fault:  # the latter of links that go in circles
        raise output_fault(path, fault) from fault
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except OSError as fault:
        if isinstance(fault, OutputFault):
            raise
        raise output_fault(path, fault) from fault
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text`, UTF-8, all of it or nothing."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, all of it or nothing."""
    with replacing(path) as part:
        part.write_bytes(data)


def write_together(files: Mapping[Path, bytes]) -> None:
    """Replace several files, the last one last; none before all of them are written."""
    with ExitStack() as parts:
        for path, data in reversed(list(files.items())):  # the stack ends with the first
            parts.enter_context(replacing(path)).write_bytes(data)


def exchange(new: Path, folder: Path, aside: Path) -> None:
    """Put a folder into the place of another, which is put aside, or back if that fails.

    Raises:
        OSError: it cannot be done.
    """
    if folder.exists():
        folder.rename(aside)
    try:
        new.rename(folder)
    except BaseException:  # an interruption too: what is aside may be removed afterwards
        if aside.exists():
            aside.rename(folder)
        raise


def _no_file(path: Path) -> OutputFault:
    if path.is_dir():
        return output_fault(path, IsADirectoryError(errno.EISDIR, ""))
    return OutputFault(
        errno.EINVAL,
        f"cannot write {path}: expected a file or a new name, got a device, pipe or the like; "
        f"choose another place",
    )


def output_fault(path: Path, fault: OSError | RuntimeError) -> OutputFault:
    """The error of writing `path`, in words that say what to do."""
    code = (fault.errno if isinstance(fault, OSError) else errno.ELOOP) or 0
    advice = {
        errno.ENOSPC: "the disk is full; free some space and run the same command again",
        errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
        errno.EFBIG: "the file is larger than this process may write; raise the limit (ulimit -f)",
        errno.EACCES: "no permission to write there; choose another place",
        errno.EPERM: "no permission to write there; choose another place",
        errno.EROFS: "the file system is read-only; choose another place",
        errno.EEXIST: "a part of the path is a file, not a folder; choose another place",
        errno.ENOTDIR: "a part of the path is a file, not a folder; choose another place",
        errno.EISDIR: "there is a folder of that name; choose another place",
    }.get(code, "choose another place")
    if not code:  # of NumPy, which wrote less than it should and does not say why
        advice = "if the disk is full, free some space, else choose another place"
    told = os.strerror(code) if code else f"{fault}"
    return OutputFault(code, f"cannot write {path} ({told}): {advice}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
