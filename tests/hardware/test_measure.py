import json
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from hardware.benchmark import open_measured
from hardware.checks import describe
from hardware.columns import read_document, write_document
from hardware.journal import journal_path
from hardware.measure import classes, measure, remeasure
from hardware.timing import Plan
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig, TableCorrupt, TableFault, TableVersion, UnknownDevice
from nasbench.harness.derived import Derived
from nasbench.harness.lock import locked
from nasbench.testing.toy import ToySpace

from .fake_device import FakeDevice, FakeMachine, true_s


def measured(path, table, device, workload, limit=6, **options):
    clock = device.machine.clock
    return measure(path, table, device, workload, limit=limit, clock=clock, **options)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.latency"


def test_every_class_gets_the_true_latency_under_drift(path, table, workload):
    machine = FakeMachine(lambda now: 1 + 4 * max(0, now - 2))  # the baseline takes 2 s
    column = measured(path, table, FakeDevice(machine=machine), workload, limit=12)
    assert list(column.rows) == classes(table)[:12]
    for genes, row in column.rows.items():
        expected = 1e3 * true_s(workload.network(Architecture("cell201-v1", genes)))
        assert row.median_ms == pytest.approx(expected, rel=0.03)
        assert row.tight
    assert min(row.drift for row in column.rows.values()) > 1.2


def test_networks_are_visited_in_turn_and_the_next_takes_the_place_of_one_that_is_done(
    path, table, workload
):
    device = FakeDevice()
    measured(path, table, device, workload, limit=4, plan=Plan(together=2, warm_up=0))
    parts = 1 + len(read_document(path).column("fake-cpu").parts_ms)  # and the reference
    visits = [number - parts for number, _ in groupby(each for each in device.ran if each > parts)]
    assert visits == [1, 2] * 9 + [3, 4] * 9


def test_what_was_measured_is_read_back(path, table, workload):
    column = measured(path, table, FakeDevice(), workload)
    document = read_document(path)
    assert document.column("fake-cpu") == column
    assert (document.benchmark, document.table_sha256) == (table.name, table.sha256)
    assert not journal_path(path).exists()
    assert column.about.conditions["runtime"] == "fake 1"
    assert column.about.conditions["timing"] == "in visits apart"
    assert column.about.workload == workload
    assert column.sessions[0]["date"].startswith("20")


def test_a_second_session_measures_only_what_is_missing(path, table, workload):
    first = measured(path, table, FakeDevice(), workload, limit=4)
    device = FakeDevice()
    both = measured(path, table, device, workload, limit=7)
    assert device.prepared == 1 + 3  # the reference, and the new ones
    assert dict(list(both.rows.items())[:4]) == dict(first.rows)
    assert [session["classes"] for session in both.sessions] == [4, 3]
    assert both.about.baseline_s == first.about.baseline_s
    idle = FakeDevice()
    assert measured(path, table, idle, workload, limit=7) == both
    assert idle.prepared == 0


def test_a_session_of_another_tolerance_does_not_tighten_what_is_told(path, table, workload):
    noisy = FakeDevice(machine=FakeMachine(noise=0.3))
    strict, loose = Plan(tolerance=0.01, most_visits=9), Plan(tolerance=0.5, most_visits=9)
    measured(path, table, noisy, workload, limit=2, plan=strict)
    column = measured(path, table, noisy, workload, limit=6, plan=loose)
    assert sum(row.tight for row in column.rows.values()) == 4
    assert "6 classes" in describe(column)
    assert " 0% with an interval within 1%" in describe(column)


def test_devices_share_a_file(path, table, workload):
    measured(path, table, FakeDevice("fake-a"), workload)
    measured(path, table, FakeDevice("fake-b"), workload)
    measured(path, table, FakeDevice("fake-a"), replace(workload, batch=8), limit=2)
    labels = [column.about.label for column in read_document(path).columns]
    assert labels == ["fake-a", "fake-b", "fake-a/batch-8"]


def test_a_network_that_fails_is_a_gap_and_the_others_are_measured(path, table, workload):
    bad = Architecture("cell201-v1", classes(table)[2])
    size = true_s(workload.network(bad))
    device = FakeDevice(fails=lambda network: true_s(network) == size)
    column = measured(path, table, device, workload)
    gap = column.rows[bad.genes]
    assert gap.gap == "RuntimeError: no kernel for this network"
    assert len(column.measured) >= 4
    assert read_document(path).column("fake-cpu").rows[bad.genes].gap == gap.gap


def test_a_device_that_disappears_midway_ends_the_session_and_loses_nothing(path, table, workload):
    device = FakeDevice()

    def unplug(done, total):
        device.gone = done == 3

    with pytest.raises(UnknownDevice, match=r"fake-cpu does not answer any more.*run the same"):
        measured(path, table, device, workload, plan=Plan(together=1), progress=unplug)
    assert journal_path(path).exists()
    column = measured(path, table, FakeDevice(), workload)
    assert len(column.measured) == 6
    assert [session["classes"] for session in column.sessions] == [3, 3]


def test_a_device_without_the_reference_network_writes_nothing(path, table, workload):
    with pytest.raises(UnknownDevice, match="does not run the reference network"):
        measured(path, table, FakeDevice(fails=lambda network: True), workload)
    assert not path.exists()


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
import fake_device
from pathlib import Path
from hardware.measure import measure
from hardware.workload import workload_of
from nasbench import registry
table = registry.benchmark("cell201/digits-on-photos")
measure(Path({path!r}), table, fake_device.FakeDevice(), workload_of(table),
        progress=lambda done, total: (print(done, flush=True), time.sleep(0.02)))
"""


@pytest.mark.slow
def test_kill_9_loses_the_networks_in_hand_only(path, table, workload):
    code = KILLED.format(tests=str(Path(__file__).parent), path=str(path))
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while int(process.stdout.readline()) < 5:
            pass
        process.send_signal(signal.SIGKILL)
    assert not path.exists()
    column = measured(path, table, FakeDevice(), workload, limit=1)
    assert 5 <= len(column.rows) <= 7
    assert list(column.rows) == classes(table)[: len(column.rows)]


def test_a_torn_line_of_the_journal_is_measured_again(path, table, workload):
    device = FakeDevice()
    with pytest.raises(KeyboardInterrupt):
        measured(path, table, device, workload, progress=interrupt_at(4))
    journal = journal_path(path)
    journal.write_bytes(journal.read_bytes()[:-30])
    again = FakeDevice()
    assert len(measured(path, table, again, workload).measured) == 6
    assert again.prepared == 1 + 3


def interrupt_at(number):
    def progress(done, total):
        if done == number:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("garbage", [b"", b"\x00\xff", b"{}\n", b'77073096 {"about": 1}\n'])
def test_a_journal_that_tells_nothing_is_no_obstacle(path, table, workload, garbage):
    journal_path(path).write_bytes(garbage)
    assert len(measured(path, table, FakeDevice(), workload, limit=1).rows) == 1


def test_a_journal_of_another_benchmark_is_refused(path, table, workload):
    with pytest.raises(KeyboardInterrupt):
        measured(path, table, FakeDevice(), workload, progress=interrupt_at(2))
    journal = journal_path(path)
    head, *rest = journal.read_bytes().split(b"\n")
    import zlib

    text = head[9:].replace(b"digits-on-photos", b"something-else")
    journal.write_bytes(b"\n".join([b"%08x %s" % (zlib.crc32(text), text), *rest]))
    with pytest.raises(TableCorrupt, match="move it away"):
        measured(path, table, FakeDevice(), workload)


@pytest.mark.parametrize(
    ("device", "changes", "named"),
    [
        (FakeDevice(version="2"), {}, "runtime"),
        (FakeDevice(), {"classes": 11}, "networks"),
    ],
)
def test_other_conditions_do_not_mix(path, table, workload, device, changes, named):
    measured(path, table, FakeDevice(), workload)
    before = path.read_bytes()
    with pytest.raises(TableFault, match=f"other conditions: {named}.*choose another output"):
        measured(path, table, device, replace(workload, **changes))
    assert path.read_bytes() == before


def test_latencies_of_another_table_are_refused(path, table, workload):
    measured(path, table, FakeDevice(), workload)
    write_document(replace(read_document(path), benchmark="cell201/other"), path)
    with pytest.raises(TableFault, match="choose another output"):
        measured(path, table, FakeDevice(), workload)


def test_networks_of_another_recipe_do_not_join_a_file(path, table, workload):
    measured(path, table, FakeDevice("fake-a"), workload, limit=2)
    before = path.read_bytes()
    rebuilt = Rebuilt(table)
    idle = FakeDevice("fake-b")
    with pytest.raises(TableFault, match="another recipe than cell201/digits-on-photos trained"):
        measured(path, rebuilt, idle, replace(workload, recipe=rebuilt.recipe), limit=2)
    assert idle.prepared == 0
    assert path.read_bytes() == before
    assert open_measured(path).document.columns


class Rebuilt(Derived):
    """A table that was built anew under its name, with another recipe."""

    def rows(self):
        return self.base.rows()

    @property
    def recipe(self):
        return replace(self.base.recipe, channels=16)


def test_two_measurements_do_not_disturb_each_other(path, table, workload):
    with (
        locked(path.parent, "measurement"),
        pytest.raises(OSError, match="another measurement is at work"),
    ):
        measured(path, table, FakeDevice(), workload)


def test_a_benchmark_that_lists_nothing_cannot_be_measured():
    class Bare:
        name, space = "bare", ToySpace()

    with pytest.raises(InvalidConfig, match="cannot list its architectures"):
        classes(Bare())


def test_classes_come_in_one_fixed_random_order(table):
    order = classes(table)
    assert len(order) == len(set(order)) == 5260
    assert order[:3] != sorted(order)[:3]
    assert classes(table)[:50] == order[:50]


def test_remeasuring_finds_the_same_from_a_baseline_of_its_own(path, table, workload):
    column = measured(path, table, FakeDevice(), workload)
    slower = FakeMachine(lambda now: 1.0)
    archs = [Architecture("cell201-v1", genes) for genes in column.rows]
    device = FakeDevice(machine=slower)
    rows = remeasure(column, device, archs, clock=slower.clock)
    for row in rows:
        assert row.median_ms == pytest.approx(column.rows[row.genes].median_ms, rel=0.01)
    with pytest.raises(UnknownDevice, match="was measured on fake-cpu"):
        remeasure(column, FakeDevice("fake-b"), archs)


def test_energy_is_recorded_where_a_meter_can_be_read(path, table, workload):
    device = FakeDevice()
    device.joules = lambda: 15.0 * device.machine.now
    column = measured(path, table, device, workload, limit=2)
    for row in column.rows.values():
        assert row.energy_mj == pytest.approx(15 * row.median_ms, rel=0.01)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda data: data[: len(data) // 2], TableCorrupt),
        (lambda data: b"", TableCorrupt),
        (lambda data: b"[]", TableCorrupt),
        (lambda data: data.replace(b'"tight":[true', b'"tight":[false'), TableCorrupt),
        (lambda data: data.replace(b"latency 1", b"latency 9"), TableVersion),
        (lambda data: b"[" * 100_000, TableCorrupt),
    ],
)
def test_a_damaged_file_is_refused(path, table, workload, change, fault):
    measured(path, table, FakeDevice(), workload, limit=1)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(fault, match=r"mine\.latency"):
        read_document(path)


def test_a_latency_that_cannot_be_is_refused_though_its_hash_holds(path, table, workload):
    from hardware import columns

    measured(path, table, FakeDevice(), workload, limit=1)
    plain = json.loads(path.read_bytes())
    plain.pop("sha256")
    plain["columns"][0]["rows"]["median_ms"][0] = -1.0
    path.write_text(json.dumps({**plain, "sha256": columns._hash(plain)}))
    with pytest.raises(TableCorrupt, match="not positive"):
        read_document(path)
