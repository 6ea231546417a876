"""Tables of several blocks answer as those of one, and read only what they need."""

import json
import math
from dataclasses import replace

import fakes
import h5py
import numpy as np
import pytest

from nasbench.core import Architecture, Candidate
from nasbench.errors import InvalidArchitecture, TableCorrupt
from nasbench.testing.benchmarks import BenchmarkConformance, exact
from nasbench.testing.toy import ToySpace
from tabular import schema
from tabular.hdf5 import open_table, write_table
from tabular.pack import content
from tabular.records import read_records

ARCHS = [fakes.SPACE.arch(k) for k in range(len(fakes.SPACE))]
GENES = np.array([arch.genes for arch in ARCHS])
EVERYTHING = [Candidate(arch, n) for arch in ARCHS for n in (1, 2, 3, None)]
ROWS = 7
"""Of a block; the toy table has 80."""


@pytest.fixture(scope="session")
def made(toy_file):
    """The content of the toy table without the index of all combinations of genes."""
    records = read_records(toy_file.with_name("toy.h5.parts"))
    return replace(content(records, fakes.SPACE, fakes.count), row=None)


def written(path, made, monkeypatch, rows=ROWS):
    with monkeypatch.context() as patch:
        patch.setattr(schema, "BLOCK_ROWS", rows)
        write_table(path, made)
    return open_table(path, fakes.SPACE)


@pytest.fixture
def blocks(tmp_path, made, monkeypatch):
    return written(tmp_path / "blocks.h5", made, monkeypatch)


class TestBlocks(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, blocks):
        return blocks


def test_every_answer_is_that_of_the_table_of_one_block(blocks, toy):
    for seed in (None, 0, 5):
        assert exact(blocks.query(EVERYTHING, noise_seed=seed)) == exact(
            toy.query(EVERYTHING, noise_seed=seed)
        )
    for metric in toy.metrics:
        for seed in (None, 3):
            np.testing.assert_array_equal(
                blocks.values(metric.name, epochs=2, noise_seed=seed),
                toy.values(metric.name, epochs=2, noise_seed=seed),
            )
    np.testing.assert_array_equal(blocks.curves("test_loss"), toy.curves("test_loss"))
    np.testing.assert_array_equal(blocks.genes, toy.genes)
    np.testing.assert_array_equal(blocks.status, toy.status)
    np.testing.assert_array_equal(blocks.rows_of(GENES), toy.rows_of(GENES))
    np.testing.assert_array_equal(blocks.charged_s(), toy.charged_s())
    assert blocks.trained == toy.trained


def test_answers_do_not_depend_on_what_was_read_before(tmp_path, made, monkeypatch):
    first = written(tmp_path / "a.h5", made, monkeypatch)
    first.values("valid_accuracy")
    assert first.curves("valid_loss").shape == (80, 3, 4)
    second = written(tmp_path / "b.h5", made, monkeypatch)
    assert exact(first.query(EVERYTHING)) == exact(second.query(EVERYTHING))


def test_rows_without_a_cost_are_charged_the_median_of_the_table(tmp_path, made, monkeypatch):
    cost_s = np.arange(1, len(made.genes) + 1, dtype=np.float32)
    cost_s[::2] = np.nan
    tables = [
        written(tmp_path / f"{rows}.h5", replace(made, cost_s=cost_s), monkeypatch, rows)
        for rows in (ROWS, 100)
    ]
    assert [table.source.block for table in tables] == [ROWS, None]
    assert exact(tables[0].query(EVERYTHING)) == exact(tables[1].query(EVERYTHING))


def test_one_query_reads_one_block_of_each_column(blocks, monkeypatch):
    seen = []
    digest = schema.digest
    monkeypatch.setattr(schema, "digest", lambda values: seen.append(len(values)) or digest(values))
    path = blocks.source.path
    table = open_table(path, fakes.SPACE)
    assert seen == [3]  # the seeds
    del seen[:]
    table.query([Candidate(ARCHS[0])])
    codes = [7] * 11 + [3]
    assert sorted(seen) == sorted([*codes, *[7] * (2 + 2 + 6)])  # status, cost_s; statics; curves
    del seen[:]
    table.query([Candidate(ARCHS[0]), Candidate(ARCHS[0], 4)])
    assert seen == []


def test_opening_needs_neither_the_genes_nor_a_list_of_the_space(blocks, monkeypatch):
    read = []
    known = type(blocks.source).read
    monkeypatch.setattr(
        type(blocks.source),
        "read",
        lambda self, *names, block=None: read.extend(names) or known(self, *names, block=block),
    )
    open_table(blocks.source.path, fakes.SPACE).query([Candidate(ARCHS[50])])
    assert "genes" not in read
    assert read.count("code") == 1


def test_a_table_is_verified_block_by_block(blocks):

    parts = {name: len(known["sha256"]) for name, known in blocks.source.datasets.items()}
    assert parts["curves/valid_loss"] == 12 * 4
    assert parts["genes"] == parts["code"] == 12
    assert parts["seeds"] == 1
    assert blocks.verify() == sum(parts.values()) == 12 * 7 + 12 * 4 * 6 + 1


@pytest.mark.parametrize("name", ["curves/valid_loss", "static/params", "cost_s", "code", "genes"])
def test_a_changed_value_is_noticed_when_its_block_is_read(tmp_path, blocks, name):
    path = tmp_path / "changed.h5"
    path.write_bytes(blocks.source.path.read_bytes())
    with h5py.File(path, "r+") as file:
        file[name][40] = file[name][41] + 1
    table = open_table(path, fakes.SPACE)
    rows = [Candidate(Architecture(fakes.SPACE.name, tuple(blocks.genes[k]))) for k in (1, 40)]
    if name not in ("code", "genes"):
        table.query(rows[:1])
    with pytest.raises(TableCorrupt, match=name):
        table.query(rows) if name != "genes" else table.rows()
    with pytest.raises(TableCorrupt, match=name):
        table.verify()


def test_small_tables_say_nothing_of_blocks(toy):
    manifest = json.dumps(toy.source.datasets)
    assert '"block"' not in manifest
    assert "code" not in toy.source.datasets
    assert toy.source.block is None


@pytest.mark.parametrize("per", ["class", "architecture"])
def test_rows_in_any_order_are_found(tmp_path, made, monkeypatch, per):
    order = np.random.default_rng(0).permutation(len(made.genes))
    shuffled = replace(made, genes=made.genes[order], per=per)
    for rows in (ROWS, 100):
        table = written(tmp_path / f"{rows}.h5", shuffled, monkeypatch, rows)
        np.testing.assert_array_equal(table.rows_of(made.genes), np.argsort(order))


def test_what_a_table_lacks_is_refused(tmp_path, made, monkeypatch):
    few = replace(
        made,
        genes=made.genes[:20],
        status=made.status[:20],
        train_s=made.train_s[:20],
        cost_s=made.cost_s[:20],
        columns=[replace(column, values=column.values[:20]) for column in made.columns],
    )
    table = written(tmp_path / "few.h5", few, monkeypatch)
    lacking = tuple(made.genes[30].tolist())
    known = "no row for .* knows 20 architectures .* no others; ask a surrogate"
    with pytest.raises(InvalidArchitecture, match=known):
        table.rows_of([lacking])
    with pytest.raises(InvalidArchitecture, match=known):
        table.query([Candidate(Architecture(fakes.SPACE.name, lacking))])


def test_genes_out_of_range_are_told_what_the_space_has(blocks):
    wrong = tuple(10 * n for n in fakes.SPACE.arity)
    for ask in (
        lambda: blocks.rows_of([wrong]),
        lambda: blocks.query([Candidate(Architecture(fakes.SPACE.name, wrong))]),
    ):
        with pytest.raises(InvalidArchitecture, match=f"has {len(wrong)} genes below"):
            ask()


@pytest.mark.parametrize("genes", [(0, 0, 0), (0, 0, 0, 5), (-1, 0, 0, 0), (0.5, 0, 0, 0)])
def test_impossible_genes_are_refused(blocks, genes):
    with pytest.raises(InvalidArchitecture):
        blocks.query([Candidate(Architecture(fakes.SPACE.name, genes))])
    with pytest.raises(InvalidArchitecture):
        blocks.rows_of([genes])


def test_more_combinations_than_a_number_holds_are_searched_all_the_same(tmp_path, made):
    space = ToySpace((2, *[1000] * 7))
    assert math.prod(space.arity) > 2**63
    genes = np.array([a.genes for a in space.sample(50, np.random.default_rng(0))], np.int16)
    genes[:, 1] *= genes[:, 0] > 0  # canonical
    big = replace(
        made,
        space=space.name,
        arity=space.arity,
        genes=genes,
        status=made.status[:50],
        train_s=made.train_s[:50],
        cost_s=made.cost_s[:50],
        columns=[replace(column, values=column.values[:50]) for column in made.columns],
    )
    write_table(tmp_path / "big.h5", big)
    table = open_table(tmp_path / "big.h5", space)
    twins = genes.copy()
    twins[genes[:, 0] == 0, 1] = 7
    np.testing.assert_array_equal(table.rows_of(twins), np.arange(50))
    assert table.query([Candidate(Architecture(space.name, tuple(twins[3].tolist())))])


def test_recorded_seconds_are_charged_in_place_of_a_share(tmp_path, made, monkeypatch):
    seconds = np.random.default_rng(0).uniform(1, 9, (*made.status.shape, len(made.epochs)))
    seconds[5, 1, 2] = np.nan
    timed = replace(made, columns=[*made.columns, schema.Column(schema.TRAINING_S, seconds)])
    for rows in (ROWS, 100):
        table = written(tmp_path / f"{rows}.h5", timed, monkeypatch, rows)
        for k, epochs in enumerate(table.epochs):
            mean, share = seconds[..., k].mean(axis=1), table.cost_s() * epochs / table.epochs[-1]
            expected = np.where(np.isnan(mean), share, mean)
            np.testing.assert_allclose(table.charged_s(epochs=epochs), expected)
            archs = [Architecture(fakes.SPACE.name, tuple(row)) for row in table.genes.tolist()]
            for seed in (None, 1):
                found = table.query([Candidate(arch, epochs) for arch in archs], noise_seed=seed)
                times = np.array([result.metrics["training_s"] for result in found])
                costs = np.array([result.cost_s for result in found])
                np.testing.assert_allclose(costs, np.where(np.isnan(times), share, times))
