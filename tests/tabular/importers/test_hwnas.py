import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Architecture, Candidate
from nasbench.errors import TableFault, UnknownName
from nasbench.spaces.cell201 import Cell201
from nasbench.testing.benchmarks import BenchmarkConformance
from tabular import checks
from tabular.exporters import syne_tune
from tabular.exporters.frame import frame
from tabular.hdf5 import open_table, write_table
from tabular.importers import hwnas

SPACE = Cell201()
NAMES = ("edgegpu_latency", "edgegpu_energy", "raspi4_latency", "eyeriss_arithmetic_intensity")
EMBEDDED = Path(registry.benchmark("cell201/digits-on-photos").source.path)


def texts():
    return [SPACE.format(SPACE.arch(index)) for index in range(len(SPACE))]


def measurements():
    """One data set in the true format; every number tells the metric and the cell."""
    found = {
        name: [k + 1000.0 * place for k in range(len(SPACE))] for place, name in enumerate(NAMES)
    }
    config = [
        {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": t, "num_classes": 10} for t in texts()
    ]
    return {**found, "config": config}


@pytest.fixture(scope="module")
def whole():
    return measurements()


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Imports a document, without the seconds that reading a pickle of it takes."""
    path = tmp_path_factory.mktemp("hw") / "hw.pickle"
    path.write_bytes(b"")

    def run(document, **options):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hwnas, "load", lambda *_: document)
            return hwnas.read(path, **options)

    return run


@pytest.fixture(scope="module")
def table(tmp_path_factory, read, whole):
    path = tmp_path_factory.mktemp("hw") / "hw.h5"
    write_table(path, read({"nasbench201": {"cifar10": whole}}))
    return open_table(path)


@pytest.mark.slow
def test_a_pickle_becomes_a_table(tmp_path, whole):
    document = {
        "nasbench201": {"cifar100": {**whole, "fpga_energy": [np.float64(2.5)] * len(SPACE)}}
    }
    path = tmp_path / "hw.pickle"
    path.write_bytes(pickle.dumps(document, 4))
    content = hwnas.read(path, dataset="cifar100")
    assert content.name == "hw-nas/cifar100"
    assert "energy_mj[fpga]" in [column.metric.name for column in content.columns]


def test_every_cell_has_its_own_measurements(table):
    assert [(m.name, m.unit, m.better) for m in table.metrics] == [
        ("energy_mj[edgegpu]", "mJ", "lower"),
        ("latency_ms[edgegpu]", "ms", "lower"),
        ("latency_ms[raspi4]", "ms", "lower"),
        ("ops_per_byte[eyeriss]", "ops/byte", "higher"),
    ]
    for index in (0, 9930, 15_624):
        (found,) = table.query([Candidate(SPACE.arch(index))])
        assert found.metrics["latency_ms[edgegpu]"] == index
        assert found.metrics["energy_mj[edgegpu]"] == index + 1000


def test_a_table_of_measurements_alone_passes_every_check(table):
    assert [finding.detail for finding in checks.check(table) if not finding.passed] == []


@pytest.mark.slow
def test_columns_are_added_to_a_table_of_classes_and_nothing_else_changes(tmp_path, read, whole):
    content = read({"nasbench201": {"cifar10": whole}}, table=EMBEDDED)
    write_table(tmp_path / "both.h5", content)
    before, after = open_table(EMBEDDED), open_table(tmp_path / "both.h5")
    kept = {path: after.source.datasets[path] for path in before.source.datasets}
    assert kept == dict(before.source.datasets)
    assert after.source.attributes["setting"] == before.source.attributes["setting"]
    assert "canonical cell" in after.source.attributes["source"]
    arch = SPACE.arch(9930)
    (found,) = after.query([Candidate(arch)])
    assert found.metrics["latency_ms[edgegpu]"] == SPACE.index(SPACE.canonical(arch))


@pytest.mark.slow
def test_columns_are_added_once(tmp_path, read, whole):
    document = {"nasbench201": {"cifar10": whole}}
    write_table(tmp_path / "hw.h5", read(document))
    with pytest.raises(TableFault, match="already"):
        read(document, table=tmp_path / "hw.h5")


def test_a_table_of_another_space_is_refused(read, whole, toy_file):
    with pytest.raises(TableFault, match=r"a table of toy.*name a table of that space"):
        read({"nasbench201": {"cifar10": whole}}, table=toy_file)


@pytest.mark.slow
def test_edges_ordered_by_source_are_detected(read, whole):
    config = [{"arch_str": _by_source(text)} for text in texts()]
    with pytest.raises(TableFault, match=r"12500 of 15625 cells.*edges ordered by source"):
        read({"nasbench201": {"cifar10": {**whole, "config": config}}})


def _by_source(text):
    a, b, c, d, *rest = SPACE.parse(text).genes
    return SPACE.format(Architecture(SPACE.name, (a, b, d, c, *rest)))


def test_shuffled_cells_are_detected(read, whole):
    config = whole["config"][::-1]
    with pytest.raises(TableFault, match="in another order"):
        read({"nasbench201": {"cifar10": {**whole, "config": config}}})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.update(edgegpu_latency=d["edgegpu_latency"][:-1]), "has 15624 numbers"),
        (
            lambda d: d.update(edgegpu_latency=[*d["edgegpu_latency"][:-1], "1.5"]),
            "'1.5', expected",
        ),
        (lambda d: d.update(edgegpu_latency=[*d["edgegpu_latency"][:-1], -1.0]), "-1.0, expected"),
        (lambda d: d.update(edgegpu_latency={0: 1.0}), "has dict numbers"),
        (
            lambda d: d.update(edgegpu_speed=d["edgegpu_latency"]),
            "'edgegpu_speed', expected <device>",
        ),
        (lambda d: d.pop("config"), "has no 'config'"),
        (lambda d: d.update(config=d["config"][:10]), "names 10 cells"),
        (lambda d: d.update(config=[{}] * 15625), "has no 'arch_str'"),
        (lambda d: [d.pop(name) for name in NAMES], "has no measurements"),
    ],
)
def test_data_that_are_wrong_are_refused_with_a_reason(read, whole, change, complaint):
    changed = dict(whole)
    change(changed)
    with pytest.raises(TableFault, match=complaint):
        read({"nasbench201": {"cifar10": changed}})


def test_missing_measurements_stay_missing(read, whole):
    values = [np.nan, None, *whole["edgegpu_latency"][2:]]
    content = read({"nasbench201": {"cifar10": {**whole, "edgegpu_latency": values}}})
    column = next(c for c in content.columns if c.metric.name == "latency_ms[edgegpu]")
    assert int(np.isnan(column.values).sum()) == 2


def test_other_files_and_data_sets_are_refused(read, whole):
    with pytest.raises(TableFault, match="has no 'nasbench201'"):
        read({"fbnet": {}})
    with pytest.raises(UnknownName, match="did you mean 'cifar10'"):
        read({"nasbench201": {"cifar10": whole}}, dataset="cifar")


class Evil:
    def __reduce__(self):
        return os.system, ("echo run by the pickle",)


@pytest.mark.parametrize(
    "content", [pickle.dumps({"nasbench201": Evil()}), b"", b"\x80\x04}q\x00", pickle.dumps([1])]
)
def test_hostile_and_damaged_pickles_are_refused_and_not_run(tmp_path, capfd, content):
    (tmp_path / "hw.pickle").write_bytes(content)
    with pytest.raises(TableFault, match=r"hw\.pickle"):
        hwnas.read(tmp_path / "hw.pickle")
    assert capfd.readouterr().out == ""


@pytest.mark.slow
class TestAlone(BenchmarkConformance):
    twins_agree = False

    @pytest.fixture
    def benchmark(self, table):
        return table


@pytest.mark.parametrize("content", [5, None, ["cifar10"]])
def test_data_sets_that_are_none_are_refused(tmp_path, content):
    (tmp_path / "hw.pickle").write_bytes(pickle.dumps({"nasbench201": content}, 4))
    with pytest.raises(TableFault, match="another file"):
        hwnas.read(tmp_path / "hw.pickle")


def test_what_holds_itself_many_times_over_is_not_written_out(tmp_path):
    bomb = []
    for _ in range(60):
        bomb = [bomb, bomb]
    for document in ({"nasbench201": bomb}, {"nasbench201": {"cifar10": {"config": bomb}}}):
        (tmp_path / "hw.pickle").write_bytes(pickle.dumps(document, 4))
        with pytest.raises(TableFault, match="another file"):
            hwnas.read(tmp_path / "hw.pickle")


def test_a_table_of_measurements_alone_is_exported(table):
    made = frame(table)
    assert made.shape == (len(SPACE), 5)
    assert made["latency_ms[edgegpu]"].tolist() == list(range(len(SPACE)))
    assert made.architecture[9930] == SPACE.format(SPACE.arch(9930))


def test_a_blackbox_of_no_training_is_refused(table, tmp_path):
    with pytest.raises(TableFault, match="export CSV"):
        syne_tune.export(table, tmp_path / "blackbox")
    assert not (tmp_path / "blackbox").exists()
