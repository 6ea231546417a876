"""ONNX Runtime on one thread of the processor: `onnx-cpu` in float32 and `onnx-cpu-int8`.

The network is exported by PyTorch's TorchScript exporter: the newer one takes twenty times as long,
and the runtime optimizes the graph anyway. For int8, weights and activations are quantized
statically, their ranges taken from the inputs at hand: accuracy would depend on them, latency does
not.
"""

from __future__ import annotations

import io
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardware.device import Meter, Stopwatch, clock_policy
from hardware.energy import rapl
from nasbench.errors import MissingExtra
from nasbench.harness.environment import environment

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 17


class OnnxCpu:
    """ONNX Runtime's CPU provider on one thread, all graph optimizations on."""

    def __init__(self, *, int8: bool = False) -> None:
        self.name = "onnx-cpu-int8" if int8 else "onnx-cpu"
        self._int8 = int8
        try:
            import onnx  # noqa: F401  (the exporter and the quantizer need it)
            import onnxruntime
        except ImportError as fault:
            raise MissingExtra(
                f"{self.name} needs {fault.name}, which is not installed; "
                "run: pip install 'nasbench-lab[onnx]'"
            ) from fault
        self._runtime: Any = onnxruntime

    def conditions(self) -> Mapping[str, str]:
        return {
            "processor": environment()["cpu"],
            "runtime": f"onnxruntime {self._runtime.__version__}",
            "threads": "1",
            "precision": "int8, static" if self._int8 else "float32",
            "clock": clock_policy(),
        }

    def engaged(self) -> AbstractContextManager[None]:
        return nullcontext()

    def prepare(self, network: nn.Module, inputs: Tensor) -> Stopwatch:
        model = exported(network, inputs)
        if self._int8:
            model = quantized(model, inputs)
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        session = self._runtime.InferenceSession(model, options, ["CPUExecutionProvider"])
        # a network that does not look at its inputs has none
        feed = {each.name: inputs.numpy() for each in session.get_inputs()}

        def stopwatch() -> float:
            start = time.perf_counter()
            session.run(None, feed)
            return time.perf_counter() - start

        return stopwatch

    def meter(self) -> Meter | None:
        return rapl()


def exported(network: nn.Module, inputs: Tensor) -> bytes:
    """The network as ONNX, its input named `x`."""
    import torch

    stream: Any = io.BytesIO()  # which the exporter takes, though its types do not say so
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the exporter is the older one
        torch.onnx.export(
            network,
            (inputs,),
            stream,
            dynamo=False,
            opset_version=OPSET,
            input_names=["x"],
            output_names=["y"],
        )
    model: bytes = stream.getvalue()
    return model


def quantized(model: bytes, inputs: Tensor) -> bytes:
    """The model with weights and activations in int8."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    graph = onnx.load_from_string(model)
    if not graph.graph.input:
        return model  # the network is a constant, which leaves nothing to quantize

    class Inputs(CalibrationDataReader):  # type: ignore[misc]
        """Hands out the inputs once."""

        def __init__(self) -> None:
            self._rest = iter([{each.name: inputs.numpy() for each in graph.graph.input}])

        def get_next(self) -> Any:
            return next(self._rest, None)

    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        quantize_static(graph, str(path), Inputs(), quant_format=QuantFormat.QDQ)
        return path.read_bytes()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantizer's advice to preprocess, which the exporter has done."""
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(before)


def onnx_cpu() -> OnnxCpu:
    """ONNX Runtime in float32."""
    return OnnxCpu()


def onnx_cpu_int8() -> OnnxCpu:
    """ONNX Runtime in int8."""
    return OnnxCpu(int8=True)
