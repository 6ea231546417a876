"""Files and folders that installed packages bring along."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from importlib import resources
from pathlib import Path

_unpacked = ExitStack()  # a zipped package is unpacked for as long as the process lives
atexit.register(_unpacked.close)


def data_path(package: str, name: str) -> Path:
    """Where `data/<name>` of a package is on disk."""
    found = resources.files(package) / "data" / name
    return _unpacked.enter_context(resources.as_file(found))
