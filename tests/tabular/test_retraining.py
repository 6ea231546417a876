from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import fakes
import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Recipe
from nasbench.errors import TableFault, UnknownDevice
from tabular import embedded, jobs, retraining, schema
from tabular.hdf5 import open_table, write_table
from tabular.pack import content
from tabular.records import read_records


def retrain(table, trainer, tolerance=0.0, monkeypatch=None):
    monkeypatch.setattr(registry, "task", lambda name: fakes.FakeTask())
    with ThreadPoolExecutor(1) as executor:
        return retraining.retrain(
            table, 30, 0, tolerance=tolerance, executor=executor, trainer=trainer
        )


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
        finding = retraining.retrain(
            table, 80, 0, tolerance=0.0, executor=executor, trainer=fakes.train_to_chance
        )
    assert "80 of 80 equal" in finding.detail


def test_as_when_it_was_trained_a_difference_has_no_excuse(toy, monkeypatch):
    finding = retrain(toy, slightly_off, monkeypatch=monkeypatch)
    assert "Processor, code and libraries are those that trained the table" in finding.detail
    assert "--tolerance" not in finding.detail


def test_elsewhere_a_failure_says_what_differs_and_what_to_do(toy, monkeypatch):
    (trained_on,) = toy.setting.processors
    monkeypatch.setattr(jobs, "processor", lambda device: "Another CPU avx9")
    finding = retrain(toy, slightly_off, monkeypatch=monkeypatch)
    assert f"processor Another CPU avx9 instead of {trained_on}" in finding.detail
    assert "--tolerance 3" in finding.detail


def test_a_table_of_permuted_rows_is_not_within_the_tolerance(tmp_path, toy_file, monkeypatch):
    """Its differences cancel out, unless each counts by its size."""
    made = content(read_records(toy_file.with_name("toy.h5.parts")), fakes.SPACE, fakes.count)
    order = np.random.default_rng(0).permutation(len(made.genes))
    columns = [
        column if column.metric.split == "static" else replace(column, values=column.values[order])
        for column in made.columns
    ]
    write_table(tmp_path / "t.h5", replace(made, columns=columns, status=made.status[order]))
    table = open_table(tmp_path / "t.h5", fakes.SPACE)
    assert not retrain(table, fakes.train, retraining.TOLERANCE, monkeypatch).passed


def test_training_again_is_done_on_the_device_of_the_table(toy, monkeypatch):
    seen = set()

    def spy(arch, data, recipe, seeds, device):
        seen.add(device)
        return fakes.train(arch, data, recipe, seeds, device)

    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)  # which would be preferred
    assert retrain(toy, spy, monkeypatch=monkeypatch).passed
    assert seen == {"cpu"}


def test_a_device_that_this_machine_lacks_is_refused(toy, monkeypatch):
    monkeypatch.setattr(registry, "task", lambda name: fakes.FakeTask())
    with ThreadPoolExecutor(1) as executor, pytest.raises(UnknownDevice, match="cuda:7"):
        retraining.retrain(toy, 1, 0, tolerance=0, executor=executor, device="cuda:7")


def test_an_imported_table_cannot_be_trained_again(tmp_path, toy_file):
    made = content(read_records(toy_file.with_name("toy.h5.parts")), fakes.SPACE, fakes.count)
    write_table(tmp_path / "t.h5", replace(made, setting={}, recipe={}, task=""))
    table = open_table(tmp_path / "t.h5", fakes.SPACE)
    with ThreadPoolExecutor(1) as executor, pytest.raises(TableFault, match="no training that"):
        retraining.retrain(table, 1, 0, tolerance=0, executor=executor)


@pytest.mark.slow
def test_the_embedded_table_is_what_training_gives():
    """Equal where it is to be expected, else within a tolerance: two are few, so twice as much."""
    table = embedded.digits_on_photos()
    with ThreadPoolExecutor(1) as executor:
        found = retraining.compare(table, 2, 0, executor=executor)
    same = not found.differences
    assert found.equal.all() if same else found.mean <= 2 * retraining.TOLERANCE
