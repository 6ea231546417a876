"""PyTorch as it is, on the processor: `torch-cpu-1` and `torch-cpu-2`; compiled: `torch-compile`.

A compiled network runs on one thread. Compiling takes far longer than measuring, so that is for
samples.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hardware.device import Meter, Stopwatch, clock_policy
from hardware.energy import rapl
from nasbench.errors import UnknownDevice
from nasbench.harness.environment import environment
from nasbench.harness.processes import cores

if TYPE_CHECKING:
    from torch import Tensor, nn


class TorchCpu:
    """PyTorch on some threads of the processor, float32."""

    def __init__(self, threads: int, *, compiled: bool = False) -> None:
        self.name = "torch-compile" if compiled else f"torch-cpu-{threads}"
        self._threads = threads
        self._compiled = compiled
        if threads > cores():
            raise UnknownDevice(
                f"{self.name} needs {threads} cores, this process may use {cores()}; "
                "choose a device with fewer threads"
            )

    def conditions(self) -> Mapping[str, str]:
        import torch

        return {
            "processor": environment()["cpu"],
            "runtime": f"torch {torch.__version__}" + " compiled" * self._compiled,
            "threads": str(self._threads),
            "precision": "float32",
            "clock": clock_policy(),
        }

    @contextmanager
    def engaged(self) -> Iterator[None]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_num_threads(before)

    def prepare(self, network: nn.Module, inputs: Tensor) -> Stopwatch:
        import torch

        run: Any = network
        if self._compiled:
            # a graph of its own for each network: the compiler's cache goes by code, which the
            # networks of a space share
            graph = torch.export.export(network, (inputs,)).module()
            run = torch.compile(graph, fullgraph=True, dynamic=False)

        def stopwatch() -> float:
            start = time.perf_counter()
            run(inputs)
            return time.perf_counter() - start

        return stopwatch

    def meter(self) -> Meter | None:
        return rapl()


def torch_cpu_1() -> TorchCpu:
    """PyTorch on one thread."""
    return TorchCpu(1)


def torch_cpu_2() -> TorchCpu:
    """PyTorch on two threads."""
    return TorchCpu(2)


def torch_compile() -> TorchCpu:
    """PyTorch's compiler on one thread.

    Raises:
        UnknownDevice: it does not work here, mostly for want of a C++ compiler.
    """
    from torch._inductor import cpp_builder

    try:
        cpp_builder.get_cpp_compiler()
    except Exception as fault:  # of a private class that changes between versions
        raise UnknownDevice(
            f"torch-compile needs a C++ compiler ({fault}); install g++ or name one in CXX"
        ) from fault
    return TorchCpu(1, compiled=True)
