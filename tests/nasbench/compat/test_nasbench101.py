"""The interface of google-research/nasbench, on a table imported from a file in its format."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest

from nasbench.compat import nasbench101 as api
from nasbench.errors import InvalidArchitecture, UnknownName, UnknownSchedule, WrongSpace
from nasbench.spaces.cell101 import Cell101
from nasbench.spaces.modules101 import OPS
from nasbench.testing.toy import ToyBenchmark
from tabular.hdf5 import write_table
from tabular.importers import nasbench101

sys.path.insert(0, str(Path(__file__).parents[2] / "tabular/importers"))

import tfrecords

SPACE = Cell101()
BUDGETS = (4, 12, 36, 108)
KEYS = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
CONV3, CONV1, POOL = OPS
INCEPTION = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
LABELS = ["input", CONV1, CONV3, CONV3, CONV3, POOL, "output"]
CHAIN = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
ARCHS = [SPACE.embed(INCEPTION, LABELS), SPACE.embed(CHAIN, ["input", POOL, "output"])]


@pytest.fixture(scope="module")
def evaluations():
    return tfrecords.numbers(np.random.default_rng(0), len(ARCHS), 3, len(BUDGETS))


@pytest.fixture(scope="module")
def path(tmp_path_factory, evaluations):
    folder = tmp_path_factory.mktemp("nb101")
    data, _ = tfrecords.file(SPACE, ARCHS, evaluations)
    (folder / "full.tfrecord").write_bytes(b"".join(data))
    write_table(folder / "nb101.h5", nasbench101.read(folder / "full.tfrecord"))
    return folder / "nb101.h5"


@pytest.fixture
def nasbench(path):
    return api.NASBench(path)


@pytest.fixture
def spec():
    return api.ModelSpec(INCEPTION, LABELS)


def test_all_metrics_of_a_cell_are_those_of_the_file(nasbench, spec, evaluations):
    fixed, computed = nasbench.get_metrics_from_spec(spec)
    assert fixed.keys() == {"module_adjacency", "module_operations", "trainable_parameters"}
    assert fixed["trainable_parameters"] == 1000
    assert fixed["module_operations"][0] == "input"
    twin = api.ModelSpec(fixed["module_adjacency"], fixed["module_operations"])
    assert twin.hash_spec(OPS) == spec.hash_spec(OPS)
    assert list(computed) == list(BUDGETS)
    for b, epochs in enumerate(BUDGETS):
        assert len(computed[epochs]) == 3
        for repeat, found in enumerate(computed[epochs]):
            assert list(found) == [f"{h}_{k}" for h in ("halfway", "final") for k in KEYS]
            expected = evaluations[0, repeat, b].ravel()
            np.testing.assert_allclose(list(found.values()), expected, rtol=1e-6)


@pytest.mark.parametrize("stop_halfway", [False, True])
@pytest.mark.parametrize("epochs", BUDGETS)
def test_a_query_answers_with_one_of_the_trainings(nasbench, spec, epochs, stop_halfway):
    fixed, computed = nasbench.get_metrics_from_spec(spec)
    half = "halfway" if stop_halfway else "final"
    known = [{key: each[f"{half}_{key}"] for key in KEYS} for each in computed[epochs]]
    seen = set()
    for _ in range(30):
        data = nasbench.query(spec, epochs=epochs, stop_halfway=stop_halfway)
        assert list(data) == [*fixed, *KEYS]
        seen.add(known.index({key: data[key] for key in KEYS}))
    assert seen == {0, 1, 2}


def test_queries_are_charged_to_the_counters_and_nothing_else_is(nasbench, spec):
    seconds = nasbench.query(spec)["training_time"]
    seconds += nasbench.query(spec, 36)["training_time"]
    seconds += nasbench.query(spec, epochs=12, stop_halfway=True)["training_time"]
    nasbench.get_metrics_from_spec(spec)
    nasbench.is_valid(spec)
    assert nasbench.get_budget_counters() == (pytest.approx(seconds), 108 + 36 + 6)
    nasbench.reset_budget_counters()
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_the_seed_decides_the_repeats_and_the_global_generators_nothing(path, spec):
    def times(seed, elsewhere):
        random.seed(elsewhere)
        np.random.seed(elsewhere)  # noqa: NPY002 - the global generator is what must not matter
        asked = api.NASBench(path, seed)
        return [asked.query(spec)["training_time"] for _ in range(10)]

    assert times(1, 1) == times(1, 2) == times(np.random.default_rng(1), 3)
    assert times(1, 1) != times(2, 1)


def test_the_hashes_are_those_of_the_cells(nasbench, spec):
    hashes = list(nasbench.hash_iterator())
    assert sorted(hashes) == sorted(map(SPACE.module_hash, ARCHS))
    assert "28cfc7874f6d200472e1a9dcd8650aa0" in hashes
    by_hash, by_spec = (
        nasbench.get_metrics_from_hash(hashes[0]),
        nasbench.get_metrics_from_spec(spec),
    )
    if hashes[0] != spec.hash_spec(OPS):
        by_hash = nasbench.get_metrics_from_hash(hashes[1])
    assert by_hash[1] == by_spec[1]


def test_a_hash_is_found_without_listing_them_first(path, spec):
    fresh = api.NASBench(path)
    _, computed = fresh.get_metrics_from_hash(spec.hash_spec(OPS))
    assert computed == fresh.get_metrics_from_spec(spec)[1]
    with pytest.raises(UnknownName, match="no cell of the hash"):
        fresh.get_metrics_from_hash("0" * 32)


def test_a_spec_is_pruned_and_keeps_what_it_was_given():
    matrix = np.zeros((9, 9), int)  # more vertices than the space has, most of them unused
    matrix[0, 1] = matrix[1, 8] = matrix[2, 3] = matrix[4, 8] = matrix[0, 5] = 1
    ops = ["input", *[POOL] * 7, "output"]
    spec = api.ModelSpec(matrix, ops)
    assert spec.valid_spec
    assert spec.matrix.tolist() == CHAIN
    assert spec.ops == ["input", POOL, "output"]
    assert spec.original_matrix.shape == (9, 9)
    assert spec.original_ops == ops
    matrix[0, 8] = 1
    assert spec.original_matrix[0, 8] == 0


def test_valid_specs_are_those_of_the_space(nasbench, spec):
    assert nasbench.is_valid(spec)
    assert nasbench.is_valid(api.ModelSpec([[0, 1], [0, 0]], ["input", "output"]))
    full = np.triu(np.ones((5, 5), int), 1)
    invalid = [
        api.ModelSpec(np.zeros((3, 3), int), ["input", POOL, "output"]),
        api.ModelSpec(full, ["input", *[POOL] * 3, "output"]),
        api.ModelSpec(CHAIN, ["input", "relu", "output"]),
        api.ModelSpec(CHAIN, ["output", POOL, "input"]),
        api.ModelSpec(np.eye(9, k=1, dtype=int), ["input", *[POOL] * 7, "output"]),
    ]
    assert not invalid[0].valid_spec
    for each in invalid:
        assert not nasbench.is_valid(each)
        with pytest.raises(api.OutOfDomainError):
            nasbench.query(each)
        with pytest.raises(InvalidArchitecture):
            nasbench.get_metrics_from_spec(each)
    assert nasbench.get_budget_counters() == (0.0, 0)


@pytest.mark.parametrize(
    ("matrix", "ops"),
    [
        ([[0, 1, 0], [0, 0, 1]], ["input", POOL, "output"]),
        (CHAIN, ["input", "output"]),
        (np.transpose(CHAIN), ["input", POOL, "output"]),
        ([], []),
    ],
)
def test_malformed_specs_are_value_errors(matrix, ops):
    with pytest.raises(ValueError, match="expected"):
        api.ModelSpec(matrix, ops)


def test_cells_and_epochs_that_the_table_lacks_are_out_of_its_domain(nasbench, spec):
    alone = api.ModelSpec([[0, 1], [0, 0]], ["input", "output"])
    with pytest.raises(api.OutOfDomainError, match="no row"):
        nasbench.query(alone)
    with pytest.raises(api.OutOfDomainError, match="offers 4, 12, 36, 108"):
        nasbench.query(spec, epochs=100)
    assert issubclass(UnknownSchedule, api.OutOfDomainError)


def test_a_training_that_is_missing_is_never_drawn(tmp_path, evaluations, spec):
    records, _ = tfrecords.file(SPACE, ARCHS, evaluations)
    name = SPACE.module_hash(ARCHS[0]).encode()
    records.remove(next(each for each in records if name in each and b'", 4, ' in each))
    (tmp_path / "part.tfrecord").write_bytes(b"".join(records))
    write_table(tmp_path / "part.h5", nasbench101.read(tmp_path / "part.tfrecord"))
    part, drawn = api.NASBench(tmp_path / "part.h5"), set()
    for _ in range(40):
        drawn.add(part.query(spec, epochs=4)["training_time"])
    trainings = part.get_metrics_from_spec(spec)[1][4]
    assert drawn == {each["final_training_time"] for each in trainings}
    assert len(trainings) == 2


def test_a_table_of_another_space_is_refused():
    with pytest.raises(WrongSpace, match="cell101-v1"):
        api.NASBench(ToyBenchmark())
