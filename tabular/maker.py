"""What trains in a process: the code, the libraries, the processor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nasbench.training.version import code_version, library_versions

_VECTORS = ("avx", "fma", "amx", "asimd", "neon", "sve")
"""Beginnings of the flags of a processor that decide how sums of floats are ordered."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Code and libraries that train."""

    code: str
    """Hash of the code, see `nasbench.training.version`."""
    versions: Mapping[str, str]
    """Of Python and the libraries."""

    def __str__(self) -> str:
        versions = sorted(self.versions.items())
        listed = ", ".join(f"{name} {version}" for name, version in versions)
        return f"code {self.code} with {listed}"


@cache
def maker(*roots: str) -> Maker:
    """The maker that this process is, as it was when first asked.

    `roots` are the modules of space and task, see `setting.roots_of`.
    """
    return Maker(code_version(*roots), library_versions())


def processor(device: str) -> str:
    """Name of what computes: the GPU, or the CPU with its vector extensions.

    Equal names and equal makers are reason to expect equal numbers, although no proof.
    """
    if device.partition(":")[0] == "cuda":
        import torch

        return torch.cuda.get_device_name(device)
    return _cpu()


@cache
def _cpu() -> str:
    from nasbench.harness.environment import environment

    listing = Path("/proc/cpuinfo")
    text = listing.read_text(errors="replace") if listing.is_file() else ""
    lines = (line.partition(":") for line in text.splitlines())
    words = next((v.split() for k, _, v in lines if k.strip() in ("flags", "Features")), [])
    return " ".join([environment()["cpu"], *sorted(w for w in words if w.startswith(_VECTORS))])
