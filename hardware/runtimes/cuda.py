"""PyTorch on an NVIDIA card: `torch-cuda`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hardware.device import Meter, Stopwatch
from hardware.energy import nvml
from nasbench.errors import UnknownDevice

if TYPE_CHECKING:
    from torch import Tensor, nn


class TorchCuda:
    """PyTorch on the first card, float32 without TF32, timed by events on the card."""

    name = "torch-cuda"

    def __init__(self) -> None:
        import torch

        if not torch.cuda.is_available():
            raise UnknownDevice(
                "torch-cuda needs an NVIDIA card that this PyTorch can use, and there is none; "
                "`nasbench hardware list` names the devices of this machine"
            )

    def conditions(self) -> Mapping[str, str]:
        import torch

        backends: Any = torch.backends
        return {
            "processor": torch.cuda.get_device_name(0),
            "runtime": f"torch {torch.__version__}, CUDA {torch.version.cuda}, "
            f"cuDNN {backends.cudnn.version()}",
            "threads": "not applicable",
            "precision": "float32",
            "clock": "as the driver sets it",
        }

    @contextmanager
    def engaged(self) -> Iterator[None]:
        import torch

        flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False)
        with torch.inference_mode(), flags:
            yield
            torch.cuda.synchronize()

    def prepare(self, network: nn.Module, inputs: Tensor) -> Stopwatch:
        import torch

        there, batch = network.to("cuda"), inputs.to("cuda")  # the batch stays on the card
        event: Any = torch.cuda.Event
        start, end = (event(enable_timing=True) for _ in range(2))

        def stopwatch() -> float:
            torch.cuda.synchronize()
            start.record()
            there(batch)
            end.record()
            end.synchronize()
            return float(start.elapsed_time(end)) / 1e3

        return stopwatch

    def meter(self) -> Meter | None:
        import torch

        return nvml(torch.cuda.current_device())
