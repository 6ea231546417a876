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
    found["cpu"] = hardware("cpu")
    found["platform"] = platform.platform()
    return tuple(found.items())


def hardware(device: str) -> str:
    """The GPU's name, empty if torch finds none; else the processor's, or its architecture."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device) if torch.cuda.is_available() else ""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
