import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from nasbench.core import Candidate
from nasbench.errors import TableFault
from nasbench.spaces.macro import canonical_genes
from nasbench.testing.benchmarks import BenchmarkConformance
from tabular import checks
from tabular.hdf5 import open_table, write_table
from tabular.importers import macro

FILE = Path(__file__).parents[4] / "shared/data/nas-bench-macro_cifar10.json"
published = pytest.mark.skipif(not FILE.exists(), reason="needs nas-bench-macro_cifar10.json")


def document():
    """A file in the true format, whose accuracies tell the network and the repeat."""
    made = {}
    for genes in itertools.product(range(3), repeat=8):
        form = canonical_genes(genes)
        rank = int("".join(map(str, form)), 3)
        params, flops = macro.count(genes)
        accuracies = [(rank + repeat) / 100 for repeat in range(3)]
        made["".join(map(str, genes))] = {
            "test_acc": accuracies,
            "mean_acc": sum(accuracies) / 3,
            "std": 0.0,
            "params": params,
            "flops": flops,
        }
    return made


@pytest.fixture(scope="module")
def whole():
    return document()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Of the published file."""
    path = tmp_path_factory.mktemp("macro") / "macro.h5"
    write_table(path, macro.read(FILE))
    return open_table(path)


def written(tmp_path, content):
    path = tmp_path / "macro.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.slow
def test_every_twin_has_the_accuracies_of_its_network(tmp_path, whole):
    write_table(tmp_path / "t.h5", macro.read(written(tmp_path, whole)))
    table = open_table(tmp_path / "t.h5")
    assert len(table.genes) == 3969
    assert [metric.name for metric in table.metrics] == ["test_accuracy", "params", "macs"]
    for text in ("00000000", "02012010", "22212220", "00001001"):
        (found,) = table.query([Candidate(table.space.parse(text))])
        assert found.metrics["test_accuracy"] == pytest.approx(whole[text]["mean_acc"])
        assert found.metrics["params"] == whole[text]["params"]
        assert found.cost_s == 1
    assert all(finding.passed for finding in checks.check(table))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.pop("00000000"), "6560 architectures, expected all 6561"),
        (lambda d: d["22212220"].update(test_acc=[90.0, 91.0]), "has not 3 test accuracies"),
        (lambda d: d["22212220"].update(test_acc=[90.0, 91.0, "92"]), "'92', expected a number"),
        (lambda d: d["22212220"].update(test_acc=[90.0, 91.0, 192.0]), "from 0 to 100"),
        (lambda d: d["22212220"].update(test_acc=[90.0, True, 92.0]), "True, expected a number"),
        (lambda d: d["22212220"].pop("params"), "no 'params'"),
        (lambda d: d.update({"2221222": d.pop("22212220")}), "no name of this file's format"),
        (lambda d: d.update({"22212220": [1, 2]}), "has no 'test_acc'"),
        (lambda d: d["00001001"].update(test_acc=[1.0, 2.0, 3.0]), "are one network, but have"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_a_reason(tmp_path, whole, change, complaint):
    changed = {text: dict(entry) for text, entry in whole.items()}
    change(changed)
    with pytest.raises(TableFault, match=complaint):
        macro.read(written(tmp_path, changed))


def test_layers_in_reverse_order_are_detected_by_their_parameters(tmp_path, whole):
    reverse = {text[::-1]: entry for text, entry in whole.items()}
    with pytest.raises(TableFault, match="layers are named in another order"):
        macro.read(written(tmp_path, reverse))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is no JSON"),
        ('{"22212220": {"test_acc": [90', "is no JSON"),
        ('{"22212220": {"test_acc": [NaN, 1, 2]}}', "NaN is no number of JSON"),
        ('{"22212220": 1, "22212220": 2}', "'22212220' is there twice"),
        ('{"22212220": {"test_acc": [' + "9" * 401 + ", 1, 2]}}", "a whole number without end"),
        ("[" * 100_000, "is no JSON"),
        ("[1, 2]", "no JSON object of architectures"),
        (" " * (macro.MOST + 1), "at most"),
    ],
)
def test_other_files_are_refused(tmp_path, content, complaint):
    with pytest.raises(TableFault, match=complaint):
        macro.read(written(tmp_path, content))


@published
class TestImported(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, table):
        return table


@published
def test_the_numbers_are_the_published_ones(table):
    everyone = table.lookup("test_accuracy", table.space.all_genes())
    best, worst = (table.space.index(table.space.parse(t)) for t in ("22212220", "00000000"))
    assert everyone[best] == everyone.max()
    assert everyone[worst] == everyone.min()
    assert everyone.max() == pytest.approx(93.1267, abs=5e-5)
    assert everyone.min() == pytest.approx(45.3633, abs=5e-5)
    assert everyone.mean() == pytest.approx(90.2466, abs=5e-5)


@published
def test_every_repeat_is_the_published_one(table):
    raw = json.loads(FILE.read_text())
    rows = table.rows_of([[int(digit) for digit in text] for text in raw])
    expected = np.array([entry["test_acc"] for entry in raw.values()])
    np.testing.assert_allclose(table.curves("test_accuracy")[rows, :, 0], expected, atol=1e-5)
    assert table.values("macs")[rows].tolist() == [entry["flops"] for entry in raw.values()]
