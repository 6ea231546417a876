import pickle
from dataclasses import replace

import fakes
import numpy as np
import pytest

from nasbench.core import Architecture, Candidate, SupportsRetraining, SupportsRows
from nasbench.errors import (
    InvalidArchitecture,
    InvalidConfig,
    TableFault,
    UnknownMetric,
    UnknownSchedule,
    WrongSpace,
)
from nasbench.testing.benchmarks import BenchmarkConformance, exact
from nasbench.testing.toy import ToySpace
from tabular import noise, schema
from tabular.hdf5 import open_table, write_table
from tabular.pack import content
from tabular.records import read_records


class TestTable(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, toy):
        return toy


@pytest.fixture(scope="module")
def one_repeat(tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "one.h5"
    fakes.build(path)
    return open_table(path, fakes.SPACE)


class TestTableOfOneRepeat(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, one_repeat):
        return one_repeat


def truth(index, seed):
    """What the fake trainer said of an architecture's class."""
    genes = fakes.SPACE.canonical(fakes.SPACE.arch(index)).genes
    return fakes.curve(genes, seed, 4)


def test_a_table_is_what_the_protocols_ask_for(toy):
    assert isinstance(toy, SupportsRows)
    assert isinstance(toy, SupportsRetraining)
    assert toy.name == "toy-2x3x4x5/fake-task"
    assert (toy.task, toy.recipe, toy.repeats) == ("fake-task", fakes.FakeTask.recipe, 3)
    assert toy.epochs == (1, 2, 3, 4)


@pytest.mark.parametrize("index", [0, 7, 61, 118])
@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_the_mean_over_repeats_is_that_of_the_trainings(toy, index, epochs):
    result = toy.query([Candidate(fakes.SPACE.arch(index), epochs)])[0]
    curves = [truth(index, seed) for seed in (0, 1, 2)]
    for name in ("train_accuracy", "valid_accuracy", "test_accuracy"):
        expected = np.mean([getattr(curve, name)[epochs - 1] for curve in curves])
        assert result.metrics[name] == pytest.approx(expected, abs=1e-4)
    losses = [curve.valid_loss[epochs - 1] for curve in curves]
    assert result.metrics["valid_loss"] == pytest.approx(np.mean(losses), rel=2e-4)


def test_a_noise_seed_answers_with_one_training(toy):
    for seed in range(8):
        arch = fakes.SPACE.arch(61)
        row = int(toy.rows_of([arch.genes])[0])
        repeat = noise.draw(seed, row, 3)
        got = toy.query([Candidate(arch, 2)], noise_seed=seed)[0].metrics["test_accuracy"]
        assert got == pytest.approx(truth(61, repeat).test_accuracy[1], abs=1e-4)


def test_all_metrics_of_one_answer_are_of_the_same_training(toy):
    arch = fakes.SPACE.arch(61)
    pairs = {
        (round(m["valid_accuracy"], 3), round(m["test_accuracy"], 3))
        for seed in range(30)
        for m in [toy.query([Candidate(arch)], noise_seed=seed)[0].metrics]
    }
    curves = [truth(61, seed) for seed in (0, 1, 2)]
    assert pairs == {
        (round(float(c.valid_accuracy[-1]), 3), round(float(c.test_accuracy[-1]), 3))
        for c in curves
    }


def test_cost_is_the_median_of_the_build_until_it_is_measured(toy):
    for index in (0, 61):
        times = [truth(index, seed).train_s for seed in (0, 1, 2)]
        full, half = toy.query([Candidate(fakes.SPACE.arch(index), n) for n in (None, 2)])
        assert full.cost_s == pytest.approx(np.median(times))
        assert half.cost_s == pytest.approx(np.median(times) / 2)
    assert toy.cost_measured == "busy"


def test_losses_of_a_diverged_training_are_not_numbers(toy):
    diverged = Architecture(fakes.SPACE.name, (1, 2, 3, 4))
    before, after = toy.query([Candidate(diverged, n) for n in (2, 3)])
    assert np.isfinite(before.metrics["valid_loss"])
    assert np.isnan(after.metrics["valid_loss"])
    assert np.isfinite(after.metrics["valid_accuracy"])


@pytest.mark.parametrize("metric", ["valid_accuracy", "test_loss", "params"])
@pytest.mark.parametrize("epochs", [None, 2])
@pytest.mark.parametrize("noise_seed", [None, 9])
def test_batch_look_ups_agree_with_queries(toy, metric, epochs, noise_seed):
    archs = [fakes.SPACE.arch(k) for k in range(len(fakes.SPACE))]
    results = toy.query([Candidate(arch, epochs) for arch in archs], noise_seed=noise_seed)
    expected = [result.metrics[metric] for result in results]
    genes = np.array([arch.genes for arch in archs])
    got = toy.lookup(metric, genes, epochs=epochs, noise_seed=noise_seed)
    np.testing.assert_array_equal(got, expected)


def test_rows_of_twins_are_the_same(toy):
    assert len(set(toy.rows_of([(0, 0, 1, 1), (0, 1, 1, 1), (0, 2, 1, 1)]).tolist())) == 1


def test_an_empty_batch_has_no_values(toy):
    assert toy.lookup("params", np.zeros((0, 4), int)).shape == (0,)


@pytest.mark.parametrize(
    "genes", [(2, 0, 0, 0), (0, 0, 0, -1), (0, 0, 0), (0, 0, 0, 0, 0), (0.5, 0, 0, 0)]
)
def test_genes_outside_the_space_are_refused(toy, genes):
    with pytest.raises(InvalidArchitecture, match="genes"):
        toy.query([Candidate(Architecture(fakes.SPACE.name, genes))])


@pytest.mark.parametrize("genes", [[(2, 0, 0, 0)], [(0, 0, 0, 0), (0, 0, 0, -1)], [(0, 0)], (0, 0)])
def test_genes_outside_the_space_are_refused_in_batches(toy, genes):
    with pytest.raises(InvalidArchitecture):
        toy.lookup("params", genes)


def test_an_architecture_of_another_space_is_refused(toy):
    with pytest.raises(WrongSpace, match="toy-2x2-v1"):
        toy.query([Candidate(ToySpace((2, 2)).arch(0))])


def test_unknown_metrics_are_refused_with_the_nearest(toy):
    with pytest.raises(UnknownMetric, match="did you mean 'valid_accuracy'"):
        toy.lookup("val_accuracy", [(0, 0, 0, 0)])
    with pytest.raises(UnknownMetric):
        toy.curves("params")


@pytest.mark.parametrize("epochs", [0, 5, -1, 2.5])
def test_unknown_epochs_are_refused(toy, epochs):
    with pytest.raises(UnknownSchedule, match="1, 2, 3, 4"):
        toy.query([Candidate(fakes.SPACE.arch(0), epochs)])
    with pytest.raises(UnknownSchedule):
        toy.values("params", epochs=epochs)


def test_a_noise_seed_that_is_no_number_is_refused(toy):
    with pytest.raises(InvalidConfig):
        toy.query([Candidate(fakes.SPACE.arch(0))], noise_seed="7")


def test_arrays_handed_out_are_read_only(toy):
    for array in (toy.genes, toy.status, toy.cost_s(), toy.train_s(), toy.values("params")):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_table_survives_the_way_to_another_process(toy):
    again = pickle.loads(pickle.dumps(toy))
    candidates = [Candidate(fakes.SPACE.arch(k)) for k in (3, 50)]
    assert exact(again.query(candidates)) == exact(toy.query(candidates))


@pytest.fixture
def partial(tmp_path):
    fakes.build(tmp_path / "p.h5", seeds=(0,), limit=20)
    fakes.build(tmp_path / "p.h5", seeds=(0, 1, 2), limit=10)
    return open_table(tmp_path / "p.h5", fakes.SPACE)


def test_what_was_not_trained_has_no_metrics_and_the_typical_cost(partial):
    row = int(np.flatnonzero((partial.status == schema.NOT_TRAINED).all(axis=1))[0])
    arch = Architecture(fakes.SPACE.name, tuple(partial.genes[row].tolist()))
    for seed in (None, 1):
        result = partial.query([Candidate(arch)], noise_seed=seed)[0]
        assert np.isnan(result.metrics["valid_accuracy"])
        assert result.metrics["params"] == 100 + sum(arch.genes)
        assert result.cost_s == pytest.approx(np.nanmedian(partial.cost_s()))


def test_rows_with_fewer_repeats_draw_among_those_they_have(partial):
    trained = (partial.status != schema.NOT_TRAINED).sum(axis=1)
    assert sorted(set(trained.tolist())) == [0, 1, 3]
    for seed in range(5):
        values = partial.values("valid_accuracy", noise_seed=seed)
        np.testing.assert_array_equal(np.isnan(values), trained == 0)
        genes = partial.genes[trained > 0]
        archs = [Architecture(fakes.SPACE.name, tuple(row)) for row in genes.tolist()]
        single = [
            partial.query([Candidate(arch)], noise_seed=seed)[0].metrics["valid_accuracy"]
            for arch in archs
        ]
        np.testing.assert_array_equal(values[trained > 0], single)


@pytest.fixture
def unindexed(tmp_path, toy_file):
    """A table of a space whose combinations of genes are too many to be listed."""
    made = content(read_records(toy_file.with_name("toy.h5.parts")), fakes.SPACE, fakes.count)
    write_table(tmp_path / "u.h5", replace(made, row=None))
    return open_table(tmp_path / "u.h5", fakes.SPACE)


def test_a_table_without_an_index_of_rows_asks_the_space(unindexed, toy):
    archs = [fakes.SPACE.arch(k) for k in range(len(fakes.SPACE))]
    genes = np.array([arch.genes for arch in archs])
    np.testing.assert_array_equal(unindexed.rows_of(genes), toy.rows_of(genes))
    candidates = [Candidate(arch) for arch in archs]
    assert exact(unindexed.query(candidates)) == exact(toy.query(candidates))
    with pytest.raises(InvalidArchitecture):
        unindexed.query([Candidate(Architecture(fakes.SPACE.name, (9, 9, 9, 9)))])


@pytest.fixture
def imported(tmp_path):
    """One row for each architecture, twins apart."""
    n = len(fakes.SPACE)
    genes = np.array([fakes.SPACE.arch(k).genes for k in range(n)], np.int16)
    made = schema.Content(
        name="toys/imported",
        space=fakes.SPACE.name,
        arity=fakes.SPACE.arity,
        per="architecture",
        genes=genes,
        row=np.arange(n, dtype=np.int32),
        seeds=[0],
        epochs=[12],
        columns=[
            schema.Column(schema.METRICS["valid_accuracy"], np.linspace(0, 90, n)[:, None, None])
        ],
        status=np.ones((n, 1), np.uint8),
        train_s=np.full((n, 1), np.nan, np.float32),
        cost_s=np.ones(n, np.float32),
        measured="given",
    )
    write_table(tmp_path / "i.h5", made)
    return open_table(tmp_path / "i.h5", fakes.SPACE)


class TestImported(BenchmarkConformance):
    twins_agree = False

    @pytest.fixture
    def benchmark(self, imported):
        return imported


def test_a_table_of_architectures_keeps_twins_apart(imported):
    values = imported.lookup("valid_accuracy", [(0, 0, 0, 0), (0, 1, 0, 0)])
    assert values[0] != values[1]
    assert imported.epochs == (12,)


def test_an_imported_table_has_no_recipe(imported):
    with pytest.raises(TableFault, match="imported"):
        _ = imported.recipe
    assert imported.setting is None


def test_a_table_counts_the_rows_that_have_a_training(tmp_path, toy):
    assert toy.trained == (80, 80)
    path = tmp_path / "p.h5"
    fakes.build(path, limit=20)
    fakes.build(path, seeds=(1,), limit=30)  # the repeats of the first 20, and of 10 others
    partial = open_table(path, fakes.SPACE)
    assert partial.trained == (30, 80)
    genes, columns = partial.rows()
    assert len(genes) == 80
    assert np.isfinite(columns["valid_accuracy"]).sum() == 30


def test_what_is_charged_is_the_cost_or_its_median(tmp_path):
    path = tmp_path / "p.h5"
    fakes.build(path, limit=20)
    partial = open_table(path, fakes.SPACE)
    known = np.isfinite(partial.cost_s())
    assert known.sum() == 20
    np.testing.assert_array_equal(partial.charged_s()[known], partial.cost_s()[known])
    assert set(partial.charged_s()[~known]) == {np.median(partial.cost_s()[known])}
