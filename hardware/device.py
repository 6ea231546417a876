"""What measures a network: the protocol of devices, and their registry.

A device is a runtime with its settings, such as PyTorch on one thread. It is registered under its
name in the group `nasbench.devices`, as a callable without arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from nasbench import registry
from nasbench.errors import MissingExtra, UnknownDevice

Stopwatch = Callable[[], float]
"""Runs a network once on its inputs, waits for the end, and returns the seconds that took."""
Meter = Callable[[], float]
"""Joules that the device has used since some moment in the past."""


class Device(Protocol):
    """One runtime with all its settings."""

    @property
    def name(self) -> str:
        """Name under which it is registered, such as `torch-cpu-1`."""

    def conditions(self) -> Mapping[str, str]:
        """What besides the network decides a latency: numbers under other conditions do not mix.

        At least `processor`, `runtime` with its version, `threads`, `precision` and `clock`.
        """

    def engaged(self) -> AbstractContextManager[None]:
        """Settings of the process, such as threads, that hold while the device is measured."""

    def prepare(self, network: Any, inputs: Any) -> Stopwatch:
        """A stopwatch of an `nn.Module` in evaluation mode on a tensor of inputs.

        It is only used while the device is engaged. It, and this method, may raise anything: what
        fails for one network alone is recorded as a gap.
        """

    def meter(self) -> Meter | None:
        """The device's counter of energy; None where none can be read."""


def device(name: str) -> Device:
    """The device of a name.

    Raises:
        UnknownDevice: no device has this name, or this machine lacks it.
        MissingExtra: its runtime is not installed.
    """
    made: Device = registry.resolve(registry.DEVICES, name)()
    return made


def availability() -> dict[str, str]:
    """Every registered device, and why it cannot be used here; empty where it can."""
    found = {}
    for name in registry.names(registry.DEVICES):
        try:
            device(name)
            found[name] = ""
        except (MissingExtra, UnknownDevice, ImportError) as fault:
            found[name] = str(fault)
    return found


def clock_policy() -> str:
    """The governor of the processor's clock, as far as the system tells."""
    governors = sorted(Path("/sys/devices/system/cpu").glob("cpu*/cpufreq/scaling_governor"))
    try:
        policies = sorted({path.read_text().strip() for path in governors})
    except OSError:
        policies = []
    return " and ".join(policies) or "not told by the system"
