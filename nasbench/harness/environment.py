"""What a run was made with, for its reader; never used in a replay."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from pathlib import Path

DISTRIBUTIONS = ("nasbench-lab", "numpy", "torch")


def environment() -> dict[str, str]:
    """Versions of Python and the libraries, and the machine; loads none of the libraries."""
    return dict(_environment())


@cache
def _environment() -> tuple[tuple[str, str], ...]:
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    found["cpu"] = _cpu()
    found["platform"] = platform.platform()
    return tuple(found.items())


def _cpu() -> str:
    """The processor's model name where the system tells it, else its architecture."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
