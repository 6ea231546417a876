"""A folder of scores as a benchmark: what it offers, what it costs, and what it refuses."""

import json
import pickle
import shutil

import numpy as np
import pytest

from nasbench import registry
from nasbench.cli import main
from nasbench.core import Architecture, Budget, Candidate, SupportsRetraining
from nasbench.errors import (
    RunFault,
    TableFault,
    TestMetricRefused,
    UnknownMetric,
    UnknownSchedule,
)
from nasbench.harness.proxy_files import Score, about, write_about, write_scores
from nasbench.harness.run import run
from nasbench.harness.scored import open_scored
from nasbench.testing.benchmarks import BenchmarkConformance
from nasbench.testing.games import noise_data
from nasbench.training.proxies import proxy

METRICS = [proxy(name)(noise_data()).metric for name in ("params", "macs")]


def score_of(name, arch):
    """Made up: macs are twice the params, and cost as much to count."""
    return Score((1 + (name == "macs")) * float(sum(arch.genes)), 0.25 + (name == "macs"))


def fill(table, folder, *, partly=()):
    """A folder of scores; of the proxies named in `partly`, one score is missing."""
    space = table.space
    archs = [Architecture(space.name, tuple(row)) for row in table.rows()[0].tolist()]
    scores = {
        (metric.name, space.index(arch)): score_of(metric.name, arch)
        for metric in METRICS
        for arch in archs
    }
    for name in partly:
        del scores[name, space.index(archs[-1])]
    now = about(table, folder, 0, 64, METRICS)
    write_about(now, folder)
    write_scores(scores, space, now.setting, folder)
    return folder


@pytest.fixture(scope="module")
def table():
    return registry.benchmark("cell201/mnist1d")


@pytest.fixture(scope="module")
def whole(table, tmp_path_factory):
    return fill(table, tmp_path_factory.mktemp("scores") / "mine.proxies")


@pytest.fixture
def folder(whole, tmp_path):
    """One that may be changed."""
    return shutil.copytree(whole, tmp_path / "mine.proxies")


@pytest.fixture(scope="module")
def opened(whole):
    return open_scored(whole)


class TestScoredBenchmark(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, opened):
        return opened


def test_it_offers_scores_counts_and_test_metrics_but_nothing_of_the_valid_split(whole, table):
    found = registry.benchmark(whole)
    assert found.name == "cell201/mnist1d@proxies"
    offered = {metric.name: metric.better for metric in found.metrics}
    static = [m.name for m in table.metrics if m.split == "static"]
    tested = [m.name for m in table.metrics if m.split == "test"]
    assert set(offered) == {"proxy[macs]", "proxy[params]", *static, *tested}
    assert (offered["proxy[params]"], offered["params"]) == ("higher", "lower")
    assert not any(metric.split == "valid" for metric in found.metrics)
    assert isinstance(found, SupportsRetraining)
    assert (found.task, found.recipe, found.seeds) == (table.task, table.recipe, table.seeds)


def test_an_evaluation_is_the_scores_and_costs_their_seconds(whole, table, rng):
    found = open_scored(whole)
    for arch in found.space.sample(20, rng):
        form = table.space.canonical(arch)
        (answer,) = found.query([Candidate(arch)], noise_seed=3)
        assert answer.cost_s == 1.5
        assert answer.metrics["proxy[macs]"] == 2 * sum(form.genes)
        trained = table.query([Candidate(arch)], noise_seed=3)[0].metrics
        assert answer.metrics["test_accuracy"] == trained["test_accuracy"]


def test_there_is_no_shorter_training(whole, table):
    found = open_scored(whole)
    assert found.epochs == table.epochs[-1:]
    with pytest.raises(UnknownSchedule, match="trains nothing, so it has no 1-epoch results"):
        found.query([Candidate(found.space.arch(0), 1)])


def test_a_search_maximizes_the_proxy_and_is_charged_its_seconds(whole):
    found = open_scored(whole)
    done = run(found, "local-search", 0, budget=Budget(400), objectives=["proxy[params]"])
    assert done.trajectory.values.min() == -max(sum(genes) for genes in found.rows()[0].tolist())
    spent = done.trajectory.spent_s - done.trajectory.overhead_s
    np.testing.assert_allclose(np.diff(spent), 1.5)
    assert done.table_sha256 == found.sha256


def test_the_table_of_a_comparison_names_the_proxy_and_judges_by_accuracy(whole, tmp_path, capsys):
    words = f"compare {whole} -s random-search --seeds 1 --queries 5 --no-report -o {tmp_path}"
    with pytest.raises(SystemExit):
        main([*words.split(), "--objectives", "proxy[params]"])
    told = " ".join(capsys.readouterr().out.split())
    assert "found: proxy[params] of the incumbent" in told
    assert "test: its test_accuracy" in told


@pytest.mark.parametrize(
    ("objective", "error"),
    [("test_accuracy", TestMetricRefused), ("valid_accuracy", UnknownMetric)],
)
def test_no_search_sees_a_training(whole, objective, error):
    with pytest.raises(error):
        run(open_scored(whole), "random-search", 0, budget=Budget(1), objectives=[objective])


def test_a_proxy_that_scored_a_part_is_left_out(table, tmp_path):
    found = open_scored(fill(table, tmp_path / "part.proxies", partly=["macs"]))
    assert [m.name for m in found.metrics if "proxy" in m.name] == ["proxy[params]"]
    assert found.query([Candidate(found.space.arch(7))])[0].cost_s == 0.25


def test_a_folder_without_a_complete_proxy_says_how_to_complete_one(table, tmp_path):
    folder = fill(table, tmp_path / "part.proxies", partly=["macs", "params"])
    with pytest.raises(RunFault, match=r"no proxy scored all of the 5,260 .* --all"):
        open_scored(folder)


def test_scores_of_another_table_are_refused(folder):
    change(folder, table_sha256="beef" * 16)
    with pytest.raises(TableFault, match="has scores for table beef"):
        open_scored(folder)


def test_a_folder_is_not_its_own_table(folder):
    change(folder, table_file="mine.proxies")
    with pytest.raises(TableFault, match=r"is a \.proxies itself"):
        open_scored(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "nasbench proxies 2"),
        ("seed", "0"),
        ("seed", True),
        ("benchmark", 3),
        ("metrics", [{"name": "params"}]),
        ("metrics", [{"name": "m", "unit": "1", "better": "more", "split": "train"}]),
        ("metrics", [{"name": "m", "unit": "1", "better": "lower", "split": "test"}]),
        ("metrics", 3),
        ("more", 1),
    ],
)
def test_a_malformed_account_is_refused(folder, field, value):
    change(folder, **{field: value})
    with pytest.raises(RunFault, match="does not tell what the scores are about"):
        open_scored(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\x00"])
def test_what_is_no_account_is_refused(folder, text):
    (folder / "about.json").write_text(text)
    with pytest.raises(RunFault, match="does not tell what the scores are about"):
        open_scored(folder)


@pytest.mark.parametrize("place", ["nowhere.proxies", "."])
def test_a_folder_without_scores_is_refused(tmp_path, place):
    with pytest.raises(RunFault, match="nasbench proxy rank"):
        open_scored(tmp_path / place)


@pytest.mark.parametrize("score", ["nan,0.1", "1,nan", "1,-1", "1,inf", "x,1", "1"])
def test_a_score_that_is_none_is_refused(folder, score):
    lines = (folder / "scores.csv").read_text().splitlines()
    lines[5] = ",".join([*lines[5].split(",")[:-2], score])
    (folder / "scores.csv").write_text("\n".join(lines))
    with pytest.raises(RunFault, match="is no file of scores"):
        open_scored(folder)


def test_a_changed_score_changes_the_hash_but_a_moved_folder_does_not(whole, folder):
    before = open_scored(whole).sha256
    assert open_scored(folder).sha256 == before
    text = (folder / "scores.csv").read_text()
    (folder / "scores.csv").write_text(text.replace(",0.250000", ",0.125000", 1))
    assert open_scored(folder).sha256 != before
    assert pickle.loads(pickle.dumps(open_scored(whole))).sha256 == before


def change(folder, **fields):
    plain = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps(plain | fields))
