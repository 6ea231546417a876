import sys

import pytest

from hardware import device as devices
from hardware import energy
from hardware.runtimes import eager
from hardware.workload import Workload, is_label, workload_of
from nasbench import registry
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig, MissingExtra, UnknownDevice
from nasbench.testing.toy import ToySpace

ARCH = Architecture("cell201-v1", (3, 2, 4, 1, 0, 3))
CONDITIONS = {"processor", "runtime", "threads", "precision", "clock"}


def run_on(name, workload, arch=ARCH):
    device = devices.device(name)
    with device.engaged():
        stopwatch = device.prepare(workload.network(arch), workload.inputs())
        return [stopwatch() for _ in range(3)]


def test_every_device_says_whether_it_is_here_and_under_what_conditions():
    found = devices.availability()
    assert {"torch-cpu-1", "torch-cpu-2", "torch-compile", "torch-cuda", "onnx-cpu"} <= set(found)
    assert "onnx-cpu-int8" in found
    for name, fault in found.items():
        if not fault:
            device = devices.device(name)
            assert device.name == name
            assert device.conditions().keys() >= CONDITIONS


def test_eager_runs_on_its_threads_and_puts_them_back(workload):
    import torch

    before = torch.get_num_threads()
    device = eager.TorchCpu(1)
    with device.engaged():
        assert torch.get_num_threads() == 1
        assert torch.is_inference_mode_enabled()
    assert torch.get_num_threads() == before
    assert all(seconds > 0 for seconds in run_on("torch-cpu-1", workload))


def test_more_threads_than_cores_are_no_device():
    with pytest.raises(UnknownDevice, match="needs 4096 cores"):
        eager.TorchCpu(4096)


@pytest.mark.slow
def test_onnx_computes_what_the_network_computes(workload):
    pytest.importorskip("onnxruntime")
    import numpy as np
    import onnxruntime

    from hardware.runtimes.onnx import exported, quantized

    network, inputs = workload.network(ARCH), workload.inputs()
    expected = network(inputs).detach().numpy()
    model = exported(network, inputs)
    for each, tolerance in ((model, 1e-4), (quantized(model, inputs), 0.3)):
        session = onnxruntime.InferenceSession(each, providers=["CPUExecutionProvider"])
        found = session.run(None, {"x": inputs.numpy()})[0]
        np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx-cpu", "onnx-cpu-int8"])
@pytest.mark.parametrize("genes", [(0,) * 6, (1,) * 6, (4, 4, 4, 4, 4, 4), (3, 2, 4, 1, 0, 3)])
def test_onnx_runs_every_kind_of_cell(workload, name, genes):
    pytest.importorskip("onnxruntime")
    assert all(t > 0 for t in run_on(name, workload, Architecture("cell201-v1", genes)))


@pytest.mark.slow
def test_a_network_that_cannot_be_exported_is_a_gap_and_the_others_are_measured(
    tmp_path, table, workload, monkeypatch
):
    pytest.importorskip("onnxruntime")
    import torch
    from torch import nn

    from hardware import measure as measuring
    from hardware.timing import Plan

    class Bessel(nn.Module):
        """Runs in PyTorch, and is no operator of ONNX."""

        def forward(self, x):
            return torch.special.bessel_j0(x)

    bad = measuring.classes(table)[1]
    build = Workload.network
    monkeypatch.setattr(
        Workload,
        "network",
        lambda self, arch: Bessel().eval() if arch.genes == bad else build(self, arch),
    )
    monkeypatch.setattr(measuring, "measure_parts", lambda bench: {})
    path = tmp_path / "mine.latency"
    plan = Plan(rounds=1, visits=6, most_visits=6, baseline_s=0.1)
    device = devices.device("onnx-cpu")
    column = measuring.measure(path, table, device, workload, limit=3, plan=plan)
    assert "bessel" in column.rows[bad].gap
    assert len(column.measured) == 2


def test_a_missing_extra_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"onnx-cpu needs onnxruntime.*nasbench-lab\[onnx\]"):
        devices.device("onnx-cpu")
    assert "pip install" in devices.availability()["onnx-cpu"]


def test_a_machine_without_a_card_lacks_cuda(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnknownDevice, match="nasbench hardware list"):
        devices.device("torch-cuda")


def test_an_unknown_device_gets_a_suggestion():
    with pytest.raises(UnknownDevice, match="did you mean 'torch-cpu-1'"):
        devices.device("torch-cpu1")


def test_full_size_networks_are_the_published_ones(table):
    workload = workload_of(table, size="full", batch=2)
    assert workload.label("x") == "x/full/batch-2"
    assert workload.inputs().shape == (2, 3, 32, 32)
    network = workload.network(ARCH)
    assert len(network.body) == 17  # 3 stages of 5 cells and 2 reductions
    assert not network.training


def test_a_workload_survives_json_and_its_reference_is_canonical(workload):
    assert Workload.from_json(workload.to_json()) == workload
    space = registry.space("cell201-v1")
    assert space.canonical(workload.reference()) == workload.reference()
    assert any(gene in (2, 3) for gene in workload.reference().genes)


@pytest.mark.parametrize("task", ["digits-on-photos", "mnist1d", "spoken-digits", "language-names"])
def test_the_networks_of_every_task_run_on_inputs_of_its_shape(task):
    class Table:
        name, space, recipe = task, registry.space("cell201-v1"), registry.task(task).recipe

        def __init__(self):
            self.task = task

    workload = workload_of(Table())
    assert workload.network(ARCH)(workload.inputs()).shape == (1, workload.classes)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"size": "huge"}, "table, full"), ({"batch": 0}, "batch"), ({"batch": True}, "batch")],
)
def test_wrong_workloads_are_refused(table, options, words):
    with pytest.raises(InvalidConfig, match=words):
        workload_of(table, **options)


def test_spaces_without_networks_are_refused():
    class Toy:
        name, space = "toy", ToySpace()

    for size in ("table", "full"):
        with pytest.raises(InvalidConfig, match="toy"):
            workload_of(Toy(), size=size)


def test_labels_have_no_characters_that_end_a_metric():
    assert is_label("torch-cpu-1/full/batch-8@xgb")
    assert not any(is_label(text) for text in ("", "a b", "a]", "a,b", "x" * 81))


def test_rapl_adds_packages_and_survives_a_wrap(tmp_path):
    for name, most in (("intel-rapl:0", 1000), ("intel-rapl:1", 5_000_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text("900\n")
        (tmp_path / name / "max_energy_range_uj").write_text(f"{most}\n")
    (tmp_path / "intel-rapl:0:0").mkdir()  # a part of a package, not to be counted twice
    joules = energy.rapl(tmp_path)
    assert joules() == 0
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("100\n")  # wrapped around at 1000
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("2000900\n")
    assert joules() == pytest.approx((200 + 2_000_000) / 1e6)


def test_energy_is_absent_where_it_cannot_be_read(tmp_path):
    assert energy.rapl(tmp_path) is None
    (tmp_path / "intel-rapl:0").mkdir()
    assert energy.rapl(tmp_path) is None


class Nvml:
    """As much of the library as is called, with a counter of millijoules."""

    def __init__(self, code=0):
        self.code, self.millijoules = code, 5000

    def nvmlInit_v2(self):
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, pointer):
        pointer._obj.value = self.millijoules
        return self.code


def test_nvml_tells_joules_or_is_absent():
    library = Nvml()
    joules = energy.nvml(library=library)
    assert joules() == 5
    library.millijoules = 7250
    assert joules() == 7.25
    assert energy.nvml(library=Nvml(code=3)) is None  # not supported
