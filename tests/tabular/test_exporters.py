import fakes
import pandas as pd
import pytest

from nasbench.core import Candidate
from nasbench.errors import MissingExtra, OutputFault
from tabular.cost import measure_costs
from tabular.exporters import csv, parquet
from tabular.exporters.frame import frame
from tabular.hdf5 import open_table


def test_a_frame_has_a_row_for_each_training_and_epoch(toy):
    made = frame(toy)
    assert len(made) == 80 * 3 * 4
    row = made[(made.architecture == "1-0-0-1") & (made.seed == 2) & (made.epochs == 3)]
    curve = fakes.curve((1, 0, 0, 1), 2, 4)
    assert row.test_accuracy.item() == pytest.approx(curve.test_accuracy[2], abs=1e-4)
    assert row.params.item() == 102
    assert row.status.item() == "trained"


def test_costs_in_a_frame_are_those_of_queries(toy):
    made = frame(toy)
    rows = made[made.architecture == "1-0-0-1"].drop_duplicates("epochs")
    arch = fakes.SPACE.parse("1-0-0-1")
    results = toy.query([Candidate(arch, int(n)) for n in rows.epochs])
    assert rows.cost_s.tolist() == pytest.approx([result.cost_s for result in results])


def test_costs_that_were_not_measured_are_charged_in_a_frame_as_in_a_query(tmp_path):
    path = tmp_path / "p.h5"
    fakes.build(path)
    measure_costs(
        path,
        space=fakes.SPACE,
        task=fakes.FakeTask(),
        limit=9,
        stopwatch=lambda arch, *_: 0.5 + sum(arch.genes),
        counter=fakes.count,
    )
    table = open_table(path, fakes.SPACE)
    made = frame(table)
    archs = [fakes.SPACE.parse(text) for text in made.architecture]
    pairs = zip(archs, made.epochs.tolist(), strict=True)
    results = table.query([Candidate(arch, epochs) for arch, epochs in pairs])
    assert made.cost_s.tolist() == [result.cost_s for result in results]


def test_what_was_not_trained_is_left_out(tmp_path):
    fakes.build(tmp_path / "p.h5", limit=7)
    assert len(frame(open_table(tmp_path / "p.h5", fakes.SPACE))) == 7 * 4


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_csv_reads_back_as_the_same_frame(tmp_path, toy, name):
    csv.export(toy, tmp_path / name)
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / name),
        frame(toy),
        check_dtype=False,
        rtol=1e-12,
    )


def test_equal_tables_give_equal_csv_files(tmp_path, toy):
    csv.export(toy, tmp_path / "a.csv.gz")
    csv.export(toy, tmp_path / "b.csv.gz")
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_parquet_reads_back_as_the_same_frame(tmp_path, toy):
    pytest.importorskip("pyarrow")
    parquet.export(toy, tmp_path / "t.parquet")
    read = pd.read_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read, frame(toy), check_dtype=False)


def test_without_pyarrow_parquet_names_the_extra(tmp_path, toy, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"nasbench-lab\[parquet\]"):
        parquet.export(toy, tmp_path / "t.parquet")


def test_an_unwritable_place_is_an_output_fault(tmp_path, toy):
    (tmp_path / "file").touch()
    with pytest.raises(OutputFault):
        csv.export(toy, tmp_path / "file" / "t.csv")
