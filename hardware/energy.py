"""Counters of energy: RAPL of the processor, NVML of the graphics card. Absent where unreadable.

They count all that a processor or card does, its idling included, so an energy is that of a machine
that does nothing else.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path
from typing import Any

from hardware.device import Meter

POWERCAP = Path("/sys/class/powercap")


class Rapl:
    """Joules of all processor packages (Linux, `Documentation/power/powercap`)."""

    def __init__(self, zones: list[Path]) -> None:
        self._zones = zones
        self._last = [_number(zone / "energy_uj") for zone in zones]
        self._ranges = [_number(zone / "max_energy_range_uj") for zone in zones]
        self._total_uj = 0

    def __call__(self) -> float:
        for k, zone in enumerate(self._zones):
            now = _number(zone / "energy_uj")
            gone = now - self._last[k]
            self._total_uj += gone if gone >= 0 else gone + self._ranges[k]  # it wrapped around
            self._last[k] = now
        return self._total_uj / 1e6


def rapl(folder: Path = POWERCAP) -> Meter | None:
    """The counter of the processor; None if there is none or it may not be read."""
    zones = sorted(folder.glob("intel-rapl:[0-9]"))  # packages; their parts are deeper
    if not zones:
        return None
    with suppress(OSError, ValueError):
        return Rapl(zones)
    return None


def nvml(index: int = 0, library: Any = None) -> Meter | None:
    """The counter of an NVIDIA card since Volta; None without one."""
    with suppress(OSError, AttributeError):
        found = library or ctypes.CDLL("libnvidia-ml.so.1")
        handle = ctypes.c_void_p()
        if found.nvmlInit_v2() or found.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)):
            return None
        return _nvml_meter(found, handle)
    return None


def _nvml_meter(library: Any, handle: ctypes.c_void_p) -> Meter | None:
    millijoules = ctypes.c_ulonglong()

    def joules() -> float:
        code = library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules))
        if code:
            raise OSError(f"NVML does not tell the energy (error {code})")
        return millijoules.value / 1e3

    joules()  # cards before Volta refuse here
    return joules


def _number(path: Path) -> int:
    return int(path.read_text())
