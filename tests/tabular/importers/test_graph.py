import os
import pickle
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Candidate
from nasbench.errors import TableFault, UnknownName
from nasbench.spaces.graph import OPS, number
from nasbench.testing.benchmarks import BenchmarkConformance
from tabular import classes
from tabular.hdf5 import open_table, write_table
from tabular.importers import graph

SPACE = registry.space("graph-v1")
FOUND = util.find_spec("nas_bench_graph")
LIGHT = Path(FOUND.origin).with_name("light") if FOUND and FOUND.origin else Path("nowhere")
published = pytest.mark.skipif(FOUND is None, reason="needs the package nas-bench-graph")


def records(name="cora"):
    """Data in the true format, NumPy numbers among them; every value tells the architecture."""
    keys = [number(row) for row in classes.canonical_genes(SPACE).tolist()]
    return {
        key: {
            "valid_perf": key / 100_000,
            "perf": key / 200_000,
            "latency": key / 1e6,
            "para": np.float64(key / 1e6),
        }
        for key in keys[: graph.DATASETS[name]]
    }


@pytest.fixture(scope="module")
def whole():
    return records()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Of the published file of cora."""
    path = tmp_path_factory.mktemp("graph") / "cora.h5"
    write_table(path, graph.read(LIGHT, dataset="cora"))
    return open_table(path)


def written(tmp_path, content, name="cora"):
    path = tmp_path / f"{name}.bench"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 3))
    return path


@pytest.mark.slow
def test_every_architecture_of_a_class_has_its_numbers(tmp_path, whole):
    content = graph.read(written(tmp_path, whole))
    write_table(tmp_path / "t.h5", content)
    table = open_table(tmp_path / "t.h5")
    for arch in table.space.sample(50, np.random.default_rng(0)):
        key = number(table.space.canonical(arch).genes)
        (found,) = table.query([Candidate(arch)])
        assert found.metrics["valid_accuracy"] == pytest.approx(key / 1000)
        assert found.metrics["test_accuracy"] == pytest.approx(key / 2000)
        assert found.metrics["params"] == key
        assert found.metrics["latency_ms"] == pytest.approx(key / 1000)


@pytest.mark.slow
def test_architectures_that_were_not_trained_on_proteins_are_missing(tmp_path):
    content = graph.read(written(tmp_path, records("proteins"), "proteins"))
    valid = next(column for column in content.columns if column.metric.split == "valid")
    assert valid.metric.name == "valid_roc_auc"
    assert int(np.isnan(valid.values).sum()) == 26_206 - 2_021
    assert int((content.status == 1).sum()) == 2_021


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.pop(0), "26205 architectures, expected the 26206 of cora"),
        (lambda d: d.update({88888: d.pop(0)}), "architecture 88888, which is no canonical one"),
        (lambda d: d.update({(1, 2): d.pop(0)}), "no canonical one"),
        (lambda d: d[0].update(perf="0.8"), "perf is '0.8', expected a number"),
        (lambda d: d[0].update(perf=80.0), "perf is 80.0, expected a number from 0 to 1"),
        (lambda d: d[0].pop("latency"), "has no 'latency'"),
        (lambda d: d.update({0: [1, 2, 3, 4]}), "has no 'valid_perf'"),
    ],
)
def test_data_that_are_wrong_are_refused_with_a_reason(
    tmp_path, monkeypatch, whole, change, complaint
):
    changed = {**whole, 0: dict(whole[0])}
    change(changed)
    monkeypatch.setattr(graph, "load", lambda *_: changed)  # reading the pickle takes seconds
    with pytest.raises(TableFault, match=complaint):
        graph.read(written(tmp_path, b""))


class Evil:
    def __init__(self, *made):
        self.made = made

    def __reduce__(self):
        return self.made


def bomb():
    """Lists of lists of lists, 10 ** 12 references deep."""
    found = []
    for _ in range(12):
        found = [found] * 10
    return found


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({0: Evil(os.system, ("echo run by the pickle",))}),
        pickle.dumps(Evil(eval, ("print('run by the pickle')",)), 0),
        pickle.dumps({0: bomb()}),
        b"\x80\x04r\xff\xff\xff\x7f.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        pickle.dumps({0: {"valid_perf": 0.5}})[:-3],
        b"",
        pickle.dumps([1, 2]),
    ],
    ids=["system", "eval", "nested", "memo", "length", "truncated", "empty", "list"],
)
def test_hostile_and_damaged_pickles_are_refused_and_not_run(tmp_path, capfd, content):
    with pytest.raises(TableFault, match=r"cora\.bench"):
        graph.read(written(tmp_path, content))
    assert capfd.readouterr().out == ""


def test_an_unknown_data_set_is_refused(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'cora'"):
        graph.read(tmp_path, dataset="corra")


def test_the_file_of_another_data_set_is_refused(tmp_path):
    path = written(tmp_path, b"", "citeseer")
    with pytest.raises(TableFault, match="is the file of citeseer, not of pubmed"):
        graph.read(path, dataset="pubmed")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(TableFault, match="cannot be read"):
        graph.read(tmp_path, dataset="cora")


def test_a_file_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "MOST", 10)
    with pytest.raises(TableFault, match="at most 10"):
        graph.read(written(tmp_path, b"x" * 11))


@published
@pytest.mark.slow
class TestImported(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, table):
        return table


@published
@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "best"), [("cora", 81.93), ("citeseer", 72.80), ("pubmed", 81.13)]
)
def test_the_best_are_the_published_ones(dataset, best):
    content = graph.read(LIGHT, dataset=dataset)
    valid = next(column for column in content.columns if column.metric.split == "valid")
    assert valid.values.max() == pytest.approx(best, abs=5e-3)


@published
@pytest.mark.slow
def test_on_proteins_all_with_four_operations_fewer_were_trained():
    content = graph.read(LIGHT, dataset="proteins")
    heavy = [OPS.index(op) for op in ("gat", "gin", "cheb", "graph")]
    light = ~np.isin(content.genes[:, 1:], heavy).any(axis=1)
    np.testing.assert_array_equal(content.status[:, 0] == 1, light)
