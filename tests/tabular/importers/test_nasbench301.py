import json

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Candidate
from nasbench.errors import InvalidConfig, TableFault
from nasbench.spaces.darts import CELLS
from nasbench.spaces.darts_cells import OPS
from nasbench.testing.benchmarks import BenchmarkConformance
from tabular import checks
from tabular.hdf5 import open_table, write_table
from tabular.importers import nasbench301
from tabular.importers.nasbench301 import PREFIX, SETTINGS

SPACE = registry.space("darts-v1")
ARCHS = SPACE.sample(12, np.random.default_rng(1))
START = (0, 2, 5, 9)
"""Number of the first edge into each node."""


def document(arch, valid=93.0, **changes):
    """One training in the true format; the test accuracy is 1 lower, it took 100 * valid s."""
    config = dict.fromkeys(SETTINGS.values(), 8.0)
    config |= {f"{PREFIX}auxiliary": "True", "NetworkSelectorDatasetInfo:network": "darts"}
    for kind, nodes in zip(CELLS, SPACE.nodes(arch), strict=True):
        for k, node in enumerate(nodes):
            for source, op in node:
                config[f"{PREFIX}edge_{kind}_{START[k] + source}"] = OPS[op]
            if k:
                config[f"{PREFIX}inputs_node_{kind}_{k + 2}"] = f"{node[0][0]}_{node[1][0]}"
    return {
        "optimized_hyperparamater_config": config,
        "budget": 98,
        "info": [{"val_accuracy": valid, "train_accuracy": 99.0, "model_parameters": 3_000_000}],
        "test_accuracy": valid - 1,
        "runtime": 100 * valid,
        **changes,
    }


@pytest.fixture
def folder(tmp_path):
    """Twelve architectures in two folders; the first one trained twice more, once copied."""
    trained = [document(arch, 90 + k / 4) for k, arch in enumerate(ARCHS)]
    trained += [document(ARCHS[0], 91.0), document(ARCHS[0], 90.0)]
    for k, each in enumerate(trained):
        place = tmp_path / "in" / ("random", "de")[k % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"results_{k}.json").write_text(json.dumps(each))
    return tmp_path / "in"


@pytest.fixture
def table(tmp_path, folder):
    write_table(tmp_path / "t.h5", nasbench301.read(folder))
    return open_table(tmp_path / "t.h5")


def one(tmp_path, content, name="results_0.json"):
    (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return tmp_path


def test_the_rows_are_the_architectures_that_were_trained(table):
    assert sorted(map(tuple, table.genes.tolist())) == sorted(arch.genes for arch in ARCHS)
    assert table.name == "nb301/cifar10-98-epochs"
    for k, arch in enumerate(ARCHS[1:], 1):
        (found,) = table.query([Candidate(arch)])
        assert found.metrics["valid_accuracy"] == 90 + k / 4
        assert found.metrics["test_accuracy"] == 89 + k / 4
        assert found.metrics["params"] == 3_000_000
        assert found.cost_s == pytest.approx(9000 + 25 * k)


def test_further_trainings_are_repeats_and_a_copy_counts_once(table):
    assert table.repeats == 2
    assert table.trained == (12, 12)
    row = table.genes.tolist().index(list(ARCHS[0].genes))
    assert sorted(table.curves("valid_accuracy")[row, :, 0]) == [90.0, 91.0]
    assert int(np.isnan(table.curves("valid_accuracy")).sum()) == 11
    (found,) = table.query([Candidate(ARCHS[0])])
    assert found.metrics["valid_accuracy"] == 90.5


def test_a_sampled_table_passes_every_check(table):
    assert [finding.detail for finding in checks.check(table) if not finding.passed] == []


class TestImported(BenchmarkConformance):
    twins_agree = False

    @pytest.fixture
    def benchmark(self, table):
        return table

    @pytest.fixture
    def archs(self):
        return ARCHS


def test_settings_are_kept_apart(folder):
    one(folder, document(ARCHS[3], budget=50), "results_99.json")
    with pytest.raises(
        TableFault, match=r"2 settings.*1 with epochs 50, layers 8.*14 with epochs 98"
    ):
        nasbench301.read(folder)
    assert nasbench301.read(folder, schedule="98").epochs == [98]
    assert len(nasbench301.read(folder, schedule="50").genes) == 1
    with pytest.raises(InvalidConfig, match="of 50, 98"):
        nasbench301.read(folder, schedule="100")


def test_a_part_of_an_epoch_is_refused(folder):
    one(folder, document(ARCHS[3], budget=98.5), "results_99.json")
    with pytest.raises(TableFault, match=r"results_99.json budget is 98.5, expected whole epochs"):
        nasbench301.read(folder)


def test_networks_of_different_sizes_are_not_one_architecture(tmp_path):
    one(tmp_path, document(ARCHS[0]))
    other = document(ARCHS[0], 92.0)
    other["info"][0]["model_parameters"] = 4_000_000
    with pytest.raises(TableFault, match=r"\[3000000.0, 4000000.0\] parameters"):
        nasbench301.read(one(tmp_path, other, "results_1.json"))


def test_unknown_parameters_stay_missing(tmp_path):
    without = document(ARCHS[0])
    del without["info"][0]["model_parameters"]
    content = nasbench301.read(one(tmp_path, without))
    assert np.isnan(content.columns[2].values).all()


def _config(change):
    def run(d):
        change(d["optimized_hyperparamater_config"])

    return run


EDGES = f"{PREFIX}edge_normal_"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.pop("info"), "no 'info'"),
        (lambda d: d.update(info=[]), "info has no 0"),
        (lambda d: d.update(test_accuracy="93"), "test_accuracy is '93', expected a number"),
        (lambda d: d.update(test_accuracy=930.0), "from 0 to 100"),
        (lambda d: d.update(runtime=0), "runtime is 0"),
        (lambda d: d.update(budget=None), "budget is None"),
        (lambda d: d.update(optimized_hyperparamater_config=[]), "has no 'Network"),
        (_config(lambda c: c.update({f"{EDGES}0": "none"})), "the operation 'none'"),
        (_config(lambda c: c.pop(f"{EDGES}0")), "node 2 of the normal cell"),
        (
            _config(lambda c: c.update({f"{EDGES}14": "skip_connect"})),
            "must be the same two sources",
        ),
        (_config(lambda c: c.pop(f"{PREFIX}inputs_node_reduce_4")), "node 4 of the reduce cell"),
        (_config(lambda c: c.pop(SETTINGS["layers"])), "has no 'NetworkSelector"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_its_name(tmp_path, change, complaint):
    wrong = document(ARCHS[0])
    change(wrong)
    with pytest.raises(TableFault, match=rf"results_0\.json.*{complaint}"):
        nasbench301.read(one(tmp_path, wrong))


def test_edges_numbered_by_source_are_detected(tmp_path):
    """Both numberings have 14 edges, but they lead to other sources than the nodes state."""
    targets = [(source, node) for node in range(2, 6) for source in range(node)]
    by_source = {edge: k for k, edge in enumerate(sorted(targets))}
    wrong = document(ARCHS[0])
    config = wrong["optimized_hyperparamater_config"]
    ops = {k: config.pop(f"{EDGES}{k}") for k in range(14) if f"{EDGES}{k}" in config}
    config |= {f"{EDGES}{by_source[targets[k]]}": op for k, op in ops.items()}
    with pytest.raises(TableFault, match="numbered by target, then by source"):
        nasbench301.read(one(tmp_path, wrong))


@pytest.mark.parametrize("content", ["", "[1]", '{"budget": 98', "[" * 50_000, "null"])
def test_other_files_are_refused(tmp_path, content):
    with pytest.raises(TableFault, match=r"results_0\.json"):
        nasbench301.read(one(tmp_path, content))


def test_a_folder_without_trainings_is_refused(tmp_path):
    with pytest.raises(TableFault, match=r"no results_N\.json"):
        nasbench301.read(tmp_path)
