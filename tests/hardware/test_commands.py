import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hardware import device as devices
from hardware import measure as measuring
from hardware.checks import checks
from hardware.columns import read_document, write_document
from hardware.commands import app
from hardware.measure import classes, measure
from hardware.remeasure import rank_agreement, remeasure_latency
from nasbench import registry
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig, NasbenchError, UnknownMetric

from .fake_device import FakeDevice

TABLE = "cell201/digits-on-photos"


@pytest.fixture
def fake(monkeypatch):
    """A fake device that is found by its name, whose clock all measurements use."""
    return found_by_name(monkeypatch)


def found_by_name(monkeypatch):
    device = FakeDevice()
    monkeypatch.setattr(devices, "device", lambda name: device)
    for module in ("hardware.remeasure", "hardware.checks"):
        monkeypatch.setattr(f"{module}.device", lambda name: device)
    monkeypatch.setattr(measuring, "load_per_core", lambda: 0.1)
    return device


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    where = tmp_path_factory.mktemp("measured") / "mine.latency"
    with pytest.MonkeyPatch.context() as monkeypatch:
        found_by_name(monkeypatch)
        run("measure", "--device", "fake-cpu", "--benchmark", TABLE, "-o", where, "--limit", 40)
    return where


@pytest.fixture
def path(measured, fake, tmp_path):
    return Path(shutil.copy(measured, tmp_path))


def run(*words, code=0):
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return re.sub(r"\s+", " ", done.output)


def test_measuring_tells_what_was_measured_and_goes_on(tmp_path, fake):
    where = tmp_path / "x.latency"
    words = ("measure", "--device", "fake-cpu", "--benchmark", TABLE, "-o", where)
    assert "3 classes measured on a quiet machine, 0 gaps, 100%" in run(*words, "--limit", 3)
    assert f"Wrote {where}" in run(*words, "--limit", 5)
    assert len(read_document(where).column("fake-cpu").rows) == 5


def test_an_output_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InvalidConfig, match=r"ends in \.latency"):
        run("measure", "--device", "x", "--benchmark", TABLE, "-o", tmp_path / "x.h5")


def test_devices_are_listed():
    told = run("list")
    assert "torch-cpu-1: processor" in told
    assert "torch-cuda" in told


@pytest.mark.slow
def test_models_are_compared_used_and_saved(path):
    told = run("predict", path, "fake-cpu", "--train", 30, "--models", "lookup,linear")
    assert "30 classes to learn from, 10 held out" in told
    told = run("predict", path, "fake-cpu", "33", "--models", "linear")
    assert "fake-cpu by linear" in told
    run("predict", path, "fake-cpu", "--models", "linear", "--save")
    column = read_document(path).column("fake-cpu@linear")
    assert len(column.rows) == 5260
    assert column.about.model == "linear"
    assert "5,260 classes predicted by linear" in run("check", path)


def test_a_column_that_is_not_there_is_named(path):
    with pytest.raises(UnknownMetric, match="did you mean 'fake-cpu'"):
        run("predict", path, "fake-cup")


def test_a_good_file_passes_and_is_measured_again(path):
    told = run("check", path, "--remeasure", 12)
    assert "12 of 12 classes measured again, median ratio 1.000, tau 1.000" in told


def test_a_device_that_ranks_otherwise_fails_the_check(path):
    document = read_document(path)
    column = document.column("fake-cpu")
    slow = max(row.high_ms for row in column.rows.values()) + 1
    turned = {
        genes: replace(row, median_ms=slow - row.median_ms, low_ms=1e-3, high_ms=slow)
        for genes, row in column.rows.items()
    }
    write_document(document.having(replace(column, rows=turned)), path)
    assert "FAILED" in run("check", path, "--remeasure", 12, code=1)


def test_rows_that_are_no_classes_fail_the_check(path):
    document = read_document(path)
    column = document.column("fake-cpu")
    first = next(iter(column.rows.values()))
    twin = next(
        arch.genes
        for k in range(15_625)
        if (arch := registry.space("cell201-v1").arch(k)).genes not in set(classes_of_all())
    )
    rows = {**column.rows, twin: replace(first, genes=twin)}
    write_document(document.having(replace(column, rows=rows)), path)
    failed = [text for passed, text in checks(path) if not passed]
    assert failed == [f"fake-cpu: 1 rows are no classes of cell201-v1, such as {twin}"]


def classes_of_all():
    return classes(registry.benchmark(TABLE))


def test_winners_are_measured_again_by_the_name_of_their_metric(path, fake):
    benchmark = registry.benchmark(path)
    hook = registry.resolve("nasbench.remeasurers", "latency_ms")
    assert hook is remeasure_latency
    archs = [Architecture("cell201-v1", genes) for genes in classes(benchmark)[38:42]]
    found = hook(benchmark, "latency_ms[fake-cpu]", archs)
    assert [each.arch for each in found] == archs
    assert [each.ratio for each in found[:2]] == pytest.approx([1, 1], rel=1e-3)
    assert all(math.isnan(each.stored.estimate) for each in found[2:])
    assert all(each.measured.estimate > 0 for each in found)
    assert rank_agreement(found) != rank_agreement(found)  # two pairs are too few


def test_what_cannot_be_measured_again_is_refused(path, fake, table):
    benchmark = registry.benchmark(path)
    with pytest.raises(UnknownMetric, match="latency_ms"):
        remeasure_latency(benchmark, "latency_ms[other]", [])
    with pytest.raises(UnknownMetric, match="no measured latencies"):
        remeasure_latency(table, "latency_ms[fake-cpu]", [])
    fake.version = "2"
    with pytest.raises(InvalidConfig, match=r"runtime \(fake 1 there, fake 2 here\)"):
        remeasure_latency(benchmark, "latency_ms[fake-cpu]", [])
    assert any("cannot be measured again" in text for _, text in checks(path, again=3))


def test_a_measurement_on_a_busy_machine_is_told_to_be_one(tmp_path, fake, monkeypatch, workload):
    monkeypatch.setattr(measuring, "load_per_core", lambda: 3.0)
    where = tmp_path / "busy.latency"
    told = run("measure", "--device", "fake-cpu", "--benchmark", TABLE, "-o", where, "--limit", 1)
    assert "this machine is busy" in told
    assert "on a BUSY machine" in told


def test_the_load_of_measuring_itself_makes_no_machine_busy(tmp_path, fake, monkeypatch):
    loads = iter([0.1])  # read once, before the first device
    monkeypatch.setattr(measuring, "load_per_core", lambda: next(loads))
    where = tmp_path / "mine.latency"
    told = run("measure", "--device", "fake-cpu", "--benchmark", TABLE, "-o", where, "--limit", 1)
    assert "on a quiet machine" in told
    (session,) = read_document(where).column("fake-cpu").sessions
    assert session["load"] == 0.1


def test_a_table_file_is_found_beside_the_latencies(tmp_path, fake, workload):
    from nasbench.registry import benchmark

    source = benchmark(TABLE).source.path
    other = tmp_path / "other.latency"
    copy = tmp_path / "copy.h5"
    copy.write_bytes(source.read_bytes())
    measure(other, benchmark(copy), fake, workload, limit=1)
    assert read_document(other).table_file == ""  # the same table is registered
    assert registry.benchmark(other).name == TABLE


def test_errors_are_ours(tmp_path):
    with pytest.raises(NasbenchError, match="cannot be read"):
        run("check", tmp_path / "gone.latency")
    with pytest.raises(NasbenchError, match="is no file"):
        run("check", tmp_path)
