"""Winners of a search for low latency, trained and measured again on a device that is a plug-in."""

import json
import re
import shutil
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hardware.benchmark import open_measured
from hardware.columns import Column, Row, read_document, write_document
from hardware.measure import measure
from hardware.timing import LEAST_VISITS
from nasbench import registry
from nasbench.commands.verify import _show
from nasbench.core import Architecture, Budget, Candidate, Constraint, LearningCurve
from nasbench.errors import RunFault, UnknownDevice
from nasbench.harness.collection import collect
from nasbench.harness.files import run_path, write_run
from nasbench.harness.remeasuring import judge_bound
from nasbench.harness.report import build_report
from nasbench.harness.run import run
from nasbench.harness.statistics import Interval
from nasbench.harness.verification import read_verification
from nasbench.harness.verify import verify

from .fake_device import FakeDevice, FakeMachine

MS = "latency_ms[fake-cpu]"
DEVICES = {}
"""What the entry point of the fake plug-in makes."""


def plug_in():
    if "fake-cpu" not in DEVICES:
        raise UnknownDevice("fake-cpu is not plugged in; plug it in")
    return DEVICES["fake-cpu"]


@pytest.fixture
def device(monkeypatch):
    """A device registered in the group `nasbench.devices` as a distribution would do it."""
    point = metadata.EntryPoint("fake-cpu", f"{__name__}:plug_in", registry.DEVICES)
    monkeypatch.setattr(metadata.EntryPoint, "load", _loading(metadata.EntryPoint.load))
    known = registry._entry_points(registry.DEVICES)
    monkeypatch.setitem(known, "fake-cpu", point)
    monkeypatch.setitem(DEVICES, "fake-cpu", FakeDevice())
    monkeypatch.setattr("nasbench.harness.trainings._data", lambda task: None)
    return DEVICES["fake-cpu"]


def _loading(load):
    return lambda point: plug_in if point.name == "fake-cpu" else load(point)


@pytest.fixture(scope="module")
def measured(tmp_path_factory, table, workload):
    """Latencies of twelve classes."""
    where = tmp_path_factory.mktemp("measured") / "mine.latency"
    measure(where, table, FakeDevice(), workload, limit=12)
    return where


@pytest.fixture
def path(measured, device, tmp_path):
    """The same, to be changed, and the device to measure them again on."""
    return Path(shutil.copy(measured, tmp_path))


@pytest.fixture
def runs(tmp_path, path):
    """Two searchers that ask for six of the measured classes each, half of them too slow."""
    benchmark = open_measured(path)
    rows = list(benchmark.document.column("fake-cpu").rows.values())
    bound = Constraint(MS, upper=1.005 * float(np.median([row.median_ms for row in rows])))
    for seed, name in enumerate(("random-search", "other")):
        asked = [row.genes for row in rows[seed::2]]
        made = run(benchmark, listed(asked), seed, budget=Budget(6), constraints=[bound])
        object.__setattr__(made, "searcher", name)
        write_run(made, run_path(tmp_path / "runs", benchmark.name, name, seed))
    return tmp_path / "runs"


def listed(genes):
    """A searcher that asks for these architectures."""

    class Listed:
        @dataclass(frozen=True)
        class Config:
            pass

        def __init__(self, problem, rng, config=None):
            self.left = [Candidate(Architecture(problem.space.name, each)) for each in genes]

        def ask(self, n=1):
            asked, self.left = self.left[:n], self.left[n:]
            return asked

        def tell(self, observations):
            pass

    return Listed


class Inline(Executor):
    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future


def train(arch, data, recipe, seed, device):
    rows = np.full((6, recipe.epochs), 50.0 + seed % 3, dtype=np.float32)
    return LearningCurve(*rows, train_s=1.0)


def verified(runs, path):
    return verify(runs, benchmark=path, trainer=train, executor=Inline(), top=2)


def shown(found, capsys):
    _show(Console(width=160), found)
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def test_winners_are_trained_and_their_latency_is_measured_again(runs, path, device, capsys):
    found = verified(runs, path)
    (again,) = found.remeasured
    assert (again.metric, again.unit, again.note) == (MS, "ms", "")
    assert [r.genes for r in again.readings] == [m.genes for m in found.measurements]
    column = open_measured(path).document.column("fake-cpu")
    for reading in again.readings:
        row = column.rows[reading.genes]
        assert reading.stored.estimate == row.median_ms
        assert (reading.stored.low, reading.stored.high) == (row.low_ms, row.high_ms)
        assert reading.measured.low <= reading.measured.estimate <= reading.measured.high
        assert reading.ratio == pytest.approx(1, abs=0.01)
        assert reading.bound == "kept"
    assert read_verification(collect(runs)) == found
    text, page = shown(found, capsys), build_report(runs, path).read_text()
    for told in (text, page):
        assert f"{MS} of {len(again.readings)} of {len(again.readings)} winners" in told
        assert f"{again.readings[0].measured.estimate:.{again.digits}f}" in told


def test_a_bound_that_a_slower_machine_breaks_is_told(runs, path, device, capsys):
    device.machine = FakeMachine()
    run_at_rest = device.machine.stopwatch
    device.machine.stopwatch = lambda seconds: run_at_rest(3 * seconds)
    found = verified(runs, path)
    assert {r.bound for r in found.remeasured[0].readings} == {"broken"}
    assert all(r.ratio == pytest.approx(3, rel=0.01) for r in found.remeasured[0].readings)
    assert f"broken by {len(found.measurements)}" in shown(found, capsys)


def test_a_device_that_is_not_here_is_told_and_loses_no_training(runs, path, device, capsys):
    del DEVICES["fake-cpu"]
    found = verified(runs, path)
    (again,) = found.remeasured
    assert again.readings == []
    kept = json.loads((runs / "verify.json").read_text())
    assert len(kept["measurements"]) == len(found.measurements) > 0
    told = f"{MS} was not measured again: fake-cpu is not plugged in; plug it in"
    assert told in shown(found, capsys)
    assert told in build_report(runs, path).read_text()


def test_a_plug_in_that_fails_in_its_own_way_is_told_with_its_error(runs, path, device):
    def broken():
        raise ZeroDivisionError("no volts")

    device.conditions = broken
    assert verified(runs, path).remeasured[0].note == "ZeroDivisionError: no volts"


def test_a_device_that_goes_away_midway_keeps_what_was_measured(runs, path, device, capsys):
    prepare = device.prepare
    first = device.prepared + 2  # the reference network is the next

    def prepare_until_the_first_was_visited_often_enough(network, inputs):
        run, number = prepare(network, inputs), device.prepared

        def stopwatch():
            networks = (each for each, _ in groupby(n for n in device.ran if n >= first))
            device.gone |= number > first and list(networks).count(first) == LEAST_VISITS
            return run()

        return stopwatch

    device.prepare = prepare_until_the_first_was_visited_often_enough
    found = verified(runs, path)
    before, *after = found.remeasured[0].readings
    assert before.measured is not None
    assert after
    assert all(r.measured is None and "does not answer any more" in r.gap for r in after)
    assert "does not answer any more" in shown(found, capsys)


def test_a_predicted_latency_is_held_against_the_device(tmp_path, path, device):
    document = read_document(path)
    column = document.column("fake-cpu")
    rows = {
        genes: Row(genes, 2 * row.median_ms, row.median_ms, 3 * row.median_ms)
        for genes, row in column.rows.items()
    }
    about = replace(column.about, label="fake-cpu@wrong", model="wrong")
    write_document(document.having(Column(about, rows)), path)
    benchmark = open_measured(path)
    bound = Constraint("latency_ms[fake-cpu@wrong]", upper=1e3)
    made = run(benchmark, listed(list(rows)), 0, budget=Budget(6), constraints=[bound])
    object.__setattr__(made, "searcher", "random-search")
    folder = tmp_path / "predicted"
    write_run(made, run_path(folder, benchmark.name, "random-search", 0))
    (again,) = verified(folder, path).remeasured
    assert again.readings[0].ratio == pytest.approx(0.5, abs=0.01)


def test_readings_of_other_cells_than_were_trained_are_refused(runs, path, device):
    verified(runs, path)
    file = runs / "verify.json"
    content = json.loads(file.read_text())
    content["remeasured"][0]["readings"].pop()
    file.write_text(json.dumps(content))
    with pytest.raises(RunFault, match=r"verify\.json: .*a reading of latency_ms"):
        build_report(runs, path)


def test_other_conditions_are_not_compared(runs, path, device):
    device.version = "2"
    assert "runtime (fake 1 there, fake 2 here)" in verified(runs, path).remeasured[0].note


def test_without_latencies_in_the_search_nothing_is_measured_again(tmp_path, path, device):
    benchmark = open_measured(path)
    made = run(benchmark, "random-search", 0, budget=Budget(5), noise_seed=0)
    write_run(made, run_path(tmp_path / "plain", benchmark.name, "random-search", 0))
    prepared = device.prepared
    assert verified(tmp_path / "plain", path).remeasured == []
    assert device.prepared == prepared


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ([(None, 3.0)], "kept"),
        ([(None, 2.0)], "unsure"),
        ([(None, 0.5)], "broken"),
        ([(3.5, None)], "broken"),
        ([(0.5, None), (None, 2.5)], "unsure"),
        ([(0.5, None), (None, 0.7)], "broken"),
        ([], None),
    ],
)
def test_a_bound_is_kept_broken_or_inside_the_interval(bounds, verdict):
    constraints = [Constraint(MS, upper=high, lower=low) for low, high in bounds]
    assert judge_bound(constraints, Interval(2.0, 1.0, 3.0)) == verdict
