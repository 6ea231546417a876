import dataclasses
from concurrent.futures import ThreadPoolExecutor

import fakes
import h5py
import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Recipe
from tabular import checks, schema
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


def retrain(table, trainer, tolerance=0.0, monkeypatch=None):
    monkeypatch.setattr(registry, "task", lambda name: fakes.FakeTask())
    with ThreadPoolExecutor(1) as executor:
        return checks.retrain(table, 30, 0, tolerance=tolerance, executor=executor, trainer=trainer)


def slightly_off(arch, data, recipe, seeds, device):
    curves = fakes.train(arch, data, recipe, seeds, device)
    for curve in curves:
        curve.test_accuracy[-1] += 2.5
    return curves


def differently_at_first(arch, data, recipe, seeds, device):
    curves = fakes.train(arch, data, recipe, seeds, device)
    for curve in curves:
        curve.valid_accuracy[0] += 30
    return curves


def test_training_again_gives_the_stored_accuracies(toy, monkeypatch):
    finding = retrain(toy, fakes.train, monkeypatch=monkeypatch)
    assert finding.passed
    assert "30 of 30 equal" in finding.detail


def test_training_again_goes_by_the_recipe_of_the_table(toy, monkeypatch):
    seen = set()

    def spy(arch, data, recipe, seeds, device):
        seen.add(recipe)
        return fakes.train(arch, data, recipe, seeds, device)

    monkeypatch.setattr(fakes.FakeTask, "recipe", Recipe(epochs=9))
    assert retrain(toy, spy, monkeypatch=monkeypatch).passed
    assert seen == {toy.recipe}


def test_training_again_with_another_outcome_fails(toy, monkeypatch):
    finding = retrain(toy, slightly_off, monkeypatch=monkeypatch)
    assert not finding.passed
    assert "0 of 30 equal" in finding.detail
    assert "2.500" in finding.detail


def test_the_tolerance_is_for_final_accuracies(toy, monkeypatch):
    assert retrain(toy, slightly_off, 2.6, monkeypatch).passed
    assert not retrain(toy, slightly_off, 2.4, monkeypatch).passed
    assert retrain(toy, differently_at_first, 0.1, monkeypatch).passed
    assert not retrain(toy, differently_at_first, 0.0, monkeypatch).passed


def test_diverged_trainings_agree_although_chance_is_no_count(tmp_path, monkeypatch):
    fakes.build(tmp_path / "d.h5", trainer=fakes.train_to_chance)
    table = open_table(tmp_path / "d.h5", fakes.SPACE)
    diverged = np.argwhere(table.status == schema.DIVERGED)
    assert len(diverged) == 1
    monkeypatch.setattr(registry, "task", lambda name: fakes.FakeTask())
    with ThreadPoolExecutor(1) as executor:
        finding = checks.retrain(
            table, 80, 0, tolerance=0.0, executor=executor, trainer=fakes.train_to_chance
        )
    assert "80 of 80 equal" in finding.detail
