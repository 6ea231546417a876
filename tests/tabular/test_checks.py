import dataclasses

import fakes
import h5py
import numpy as np
import pytest

from nasbench.errors import TableCorrupt
from tabular import checks
from tabular.hdf5 import open_table, write_table
from tabular.pack import content
from tabular.records import read_records


@pytest.fixture
def made(toy_file):
    return content(read_records(toy_file.with_name("toy.h5.parts")), fakes.SPACE, fakes.count)


def failures(table):
    found = list(checks.check(table, counter=fakes.count))
    return {finding.what: finding.detail for finding in found if not finding.passed}


def written(tmp_path, made):
    write_table(tmp_path / "t.h5", made)
    return open_table(tmp_path / "t.h5", fakes.SPACE)


def with_values(made, name, change):
    columns = []
    for column in made.columns:
        if column.metric.name == name:
            values = column.values.copy()
            change(values)
            column = dataclasses.replace(column, values=values)
        columns.append(column)
    return dataclasses.replace(made, columns=columns)


def test_a_sound_table_passes_every_check(toy):
    findings = list(checks.check(toy, counter=fakes.count))
    assert [finding.detail for finding in findings if not finding.passed] == []
    assert len(findings) == 8


def test_a_changed_epoch_is_found(tmp_path, toy_file):
    path = tmp_path / "t.h5"
    path.write_bytes(toy_file.read_bytes())
    with h5py.File(path, "r+") as file:
        file["curves/test_loss"][5, 1, 0] = 1.25
    assert "test_loss" in failures(open_table(path, fakes.SPACE))["every hash holds"]


def test_a_changed_attribute_is_found(tmp_path, toy_file):
    path = tmp_path / "t.h5"
    path.write_bytes(toy_file.read_bytes())
    with h5py.File(path, "r+") as file:
        file["curves/test_loss"].attrs["unit"] = "bits"
    found = failures(open_table(path, fakes.SPACE))
    assert list(found) == ["attributes match the manifest"]


def test_a_partial_table_is_not_complete(tmp_path):
    fakes.build(tmp_path / "p.h5", limit=20)
    found = failures(open_table(tmp_path / "p.h5", fakes.SPACE))
    assert found == {"everything is trained": "60 of 80 trainings are missing"}


def test_an_accuracy_above_100_is_found(tmp_path, made):
    def change(values):
        values[3, 0, 0] = 104.0

    assert (
        "104"
        in failures(written(tmp_path, with_values(made, "train_accuracy", change)))[
            "values are in range"
        ]
    )


def test_a_gap_in_a_training_that_did_not_diverge_is_found(tmp_path, made):
    def change(values):
        values[0, 0, 1] = np.nan

    found = failures(written(tmp_path, with_values(made, "valid_loss", change)))
    assert "valid_loss has gaps" in found["only what is missing has no value"]


def test_accuracies_of_another_number_of_examples_are_found(tmp_path, made):
    def change(values):
        values[0, 0, 1] = 33.0

    found = failures(written(tmp_path, with_values(made, "valid_accuracy", change)))
    assert "24 examples" in found["accuracies are counts of the split"]


def test_wrong_parameters_are_found(tmp_path, made):
    def change(values):
        values[7] += 1

    found = failures(written(tmp_path, with_values(made, "params", change)))
    assert "params of 1 rows" in found["params and macs, counted again"]


def test_rows_in_another_order_than_their_index_are_found(tmp_path, made):
    genes = made.genes.copy()
    genes[[0, 1]] = genes[[1, 0]]
    found = failures(written(tmp_path, dataclasses.replace(made, genes=genes)))
    assert "rows are those of the space" in found


def test_an_index_that_leads_to_another_row_is_found(tmp_path, made):
    row = made.row.copy()
    row[0] = 1
    found = failures(written(tmp_path, dataclasses.replace(made, row=row)))
    assert "1 architectures" in found["rows are those of the space"]


def test_a_missing_class_is_found(tmp_path, made):
    genes = made.genes.copy()
    genes[0] = genes[1]
    found = failures(written(tmp_path, dataclasses.replace(made, genes=genes)))
    assert "rows are those of the space" in found


def test_a_cost_of_zero_is_found(tmp_path, made):
    cost_s = made.cost_s.copy()
    cost_s[0] = 0
    found = failures(written(tmp_path, dataclasses.replace(made, cost_s=cost_s)))
    assert "positive" in found["values are in range"]


def test_a_removed_attribute_is_found(tmp_path, toy_file):
    path = tmp_path / "t.h5"
    path.write_bytes(toy_file.read_bytes())
    with h5py.File(path, "r+") as file:
        del file.attrs["recipe"]
        del file["curves/test_loss"].attrs["missing"]
    found = failures(open_table(path, fakes.SPACE))
    assert list(found) == ["attributes match the manifest"]
    assert "recipe of / is None" in found["attributes match the manifest"]


def test_a_data_set_that_is_gone_is_found(tmp_path, toy_file):
    """One that opening does not read."""
    path = tmp_path / "t.h5"
    path.write_bytes(toy_file.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["train_s"]
    found = failures(open_table(path, fakes.SPACE))
    assert set(found) == {"every hash holds", "attributes match the manifest"}
    assert all("train_s" in detail for detail in found.values())


def test_a_table_verifies_all_of_itself(tmp_path, toy_file):
    assert open_table(toy_file, fakes.SPACE).verify() == 6 + 2 + 6 * 4  # others, statics, planes
    path = tmp_path / "t.h5"
    path.write_bytes(toy_file.read_bytes())
    with h5py.File(path, "r+") as file:
        file["train_s"][3, 0] += 1
    table = open_table(path, fakes.SPACE)
    with pytest.raises(TableCorrupt, match="train_s"):
        table.verify()
