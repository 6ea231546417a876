"""Ranking by zero-cost proxies: the statistics by brute force, the files after interruptions."""

import csv
import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from nasbench import registry
from nasbench.commands.proxy import app
from nasbench.core import Budget, Estimate, Metric, Recipe
from nasbench.errors import BrokenPlugin, InvalidConfig, RunFault, UnknownName
from nasbench.harness.problem import make_problem
from nasbench.harness.proxies import REPETITIONS, Sample, rank_correlations, rank_proxies
from nasbench.testing.toy import ToyBenchmark
from nasbench.training import proxies as module


class Trained(ToyBenchmark):
    """The toy benchmark, as if it were a table that was trained here."""

    task, recipe, sha256 = "noise", Recipe(channels=4), "cafe" * 16


class Model:
    """Scores by a function of the genes, and keeps what it was asked for."""

    def __init__(self, value_of):
        self.metric = Metric("model", "1", "higher", "train")
        self.value_of, self.asked = value_of, []

    def estimate(self, archs):
        self.asked += archs
        return [Estimate(float(self.value_of(arch.genes)), 0.25) for arch in archs]


@pytest.fixture
def models(monkeypatch):
    known = {"sum": Model(sum), "last": Model(lambda genes: -genes[-1])}
    task = SimpleNamespace(load=lambda: SimpleNamespace(for_search=module_data))
    monkeypatch.setattr(registry, "task", lambda name: task)
    monkeypatch.setattr(registry, "benchmark", lambda name: Trained())
    monkeypatch.setattr(registry, "names", lambda group: sorted(known))
    monkeypatch.setattr(module, "proxy", lambda name: lambda data, **setting: known[name])
    return known


def module_data():
    from nasbench.testing.games import noise_data

    return noise_data()


@pytest.fixture
def rank(models, tmp_path):
    def call(*names, size=20, **setting):
        return rank_proxies(Trained(), names, tmp_path, Sample(size=size, **setting))

    return call


def rows_of(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def tau_b(x, y):
    """Kendall's tau-b, pair by pair."""
    signs = [
        (np.sign(a - b), np.sign(c - d))
        for (a, c), (b, d) in itertools.combinations(list(zip(x, y, strict=True)), 2)
    ]
    concordance = sum(s * t for s, t in signs)
    return concordance / math.sqrt(sum(s != 0 for s, _ in signs) * sum(t != 0 for _, t in signs))


def test_kendall_and_spearman_are_those_of_their_definitions_with_ties():
    rng = np.random.default_rng(0)
    x, y = rng.integers(6, size=30).astype(float), rng.integers(6, size=30).astype(float)
    y += x
    kendall, spearman = rank_correlations(x, y, rng)
    assert kendall.estimate == pytest.approx(tau_b(x, y))
    middle = [[(v < w).sum() + (v == w).sum() / 2 for w in v] for v in (x, y)]
    assert spearman.estimate == pytest.approx(np.corrcoef(middle)[0, 1])


@pytest.mark.slow
def test_resamples_are_correlated_as_if_they_were_written_out():
    rng = np.random.default_rng(0)
    x, y = rng.integers(6, size=25).astype(float), rng.integers(9, size=25).astype(float)
    counts = np.random.default_rng(5).multinomial(25, np.full(25, 1 / 25), size=REPETITIONS)
    written = [(np.repeat(x, row), np.repeat(y, row)) for row in counts]
    found = rank_correlations(x, y, np.random.default_rng(5))
    for ours, theirs in zip(found, (stats.kendalltau, stats.spearmanr), strict=True):
        drawn = [theirs(*pair).statistic for pair in written]
        assert (ours.low, ours.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]))


def test_an_infinite_score_is_the_lowest_rank():
    x, y = np.array([-math.inf, 1.0, 2.0, 3.0]), np.array([5.0, 6.0, 7.0, 8.0])
    for found in rank_correlations(x, y, np.random.default_rng(0)):
        assert (found.estimate, found.low, found.high) == pytest.approx((1, 1, 1))


def test_scores_without_differences_have_no_rank_correlation():
    found = rank_correlations(np.ones(9), np.arange(9.0), np.random.default_rng(0))
    assert all(math.isnan(interval.estimate) for interval in found)


def test_intervals_cover_a_known_correlation_about_as_often_as_they_say():
    rng, covered = np.random.default_rng(1), 0
    true = 2 / math.pi * math.asin(0.5)  # Kendall's tau of normal pairs with correlation 1/2
    for _ in range(40):
        x = rng.standard_normal(60)
        y = 0.5 * x + math.sqrt(0.75) * rng.standard_normal(60)
        covered += true in rank_correlations(x, y, rng)[0]
    assert covered >= 33  # of 38 expected; 32 or fewer happen once in 500 times


def test_the_correlations_are_with_the_accuracies_of_the_same_architectures(rank, models):
    found = {(c.proxy, c.metric): c for c in rank("sum", size=120)}
    genes, columns = Trained().rows()
    expected = tau_b(genes.sum(axis=1), columns["test_accuracy"])
    assert found["sum", "test_accuracy"].kendall.estimate == pytest.approx(expected)
    assert found["sum", "test_accuracy"].n == len(genes)
    assert found["sum", "valid_accuracy"].cost_s == 0.25


def test_run_again_only_what_is_missing_is_scored(rank, models, tmp_path):
    first = rank("sum")
    assert len(models["sum"].asked) == 20
    assert rank("sum") == first
    assert len(models["sum"].asked) == 20
    rank("sum", "last", size=30)
    assert (len(models["sum"].asked), len(models["last"].asked)) == (30, 30)
    assert len(set(models["sum"].asked)) == 30  # the larger sample contains the smaller one
    assert len(rows_of(tmp_path / "scores.csv")) == 60


def test_an_interruption_keeps_what_was_scored(rank, models):
    whole = models["sum"].value_of

    def stop(genes):
        if len(models["sum"].asked) == 8:
            raise KeyboardInterrupt
        return whole(genes)

    models["sum"].value_of = stop
    with pytest.raises(KeyboardInterrupt):
        rank("sum")
    models["sum"].value_of = whole
    rank("sum")
    assert len(models["sum"].asked) == 8 + 13  # the eighth was lost


@pytest.mark.parametrize("other", [{"seed": 1}, {"batch_size": 32}])
def test_scores_of_another_setting_are_not_mixed_in(rank, other):
    rank("sum")
    with pytest.raises(RunFault, match="Choose another folder"):
        rank("sum", **other)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\x00\x00"])
def test_a_file_that_holds_no_scores_is_refused(rank, tmp_path, text):
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(RunFault, match="is no file of scores"):
        rank("sum")


def test_a_proxy_that_says_nan_is_named_and_what_was_scored_is_kept(rank, models, tmp_path):
    models["sum"].value_of = lambda genes: math.nan if len(models["sum"].asked) == 8 else 1.0
    with pytest.raises(BrokenPlugin, match="zero-cost proxy sum says NaN of"):
        rank("sum")
    assert len(rows_of(tmp_path / "scores.csv")) == 7


def test_a_benchmark_without_a_task_is_refused(tmp_path):
    with pytest.raises(InvalidConfig, match="does not name; choose one that was trained here"):
        rank_proxies(ToyBenchmark(), ["params"], tmp_path)


def test_one_architecture_has_no_rank(rank):
    with pytest.raises(InvalidConfig, match="needs 2 or more architectures, got 1"):
        rank("sum", size=1)


def test_the_command_shows_and_writes_the_correlations(models, tmp_path):
    words = ["rank", "toy", "-p", "sum,last", "--sample", "20", "-o", str(tmp_path)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert "20 architectures" in done.output
    rows = rows_of(tmp_path / "correlations.csv")
    assert [(row["proxy"], row["metric"], row["n"]) for row in rows] == [
        (name, f"{split}_accuracy", "20") for name in ("sum", "last") for split in ("valid", "test")
    ]
    shown = f"{float(rows[0]['kendall']):.2f} [{float(rows[0]['kendall_low']):.2f}, "
    assert shown in done.output


def test_the_command_takes_all_proxies_and_all_classes(models, tmp_path):
    done = CliRunner().invoke(
        app, ["rank", "toy", "--all", "-o", str(tmp_path)], catch_exceptions=False
    )
    classes = len(Trained().rows()[0])
    assert f"{classes} architectures" in done.output
    assert len(rows_of(tmp_path / "scores.csv")) == 2 * classes


def test_an_unknown_proxy_is_refused(tmp_path, monkeypatch):
    benchmark = registry.benchmark("cell201/digits-on-photos")
    with pytest.raises(UnknownName, match="unknown zero-cost proxy 'sum'"):
        rank_proxies(benchmark, ["sum"], tmp_path)


@pytest.mark.parametrize("recipe", [None, Recipe(channels=5, stages=1)])
def test_a_searcher_that_trains_is_told_the_recipe_of_the_table(recipe):
    table = ToyBenchmark()
    table.task = "mnist1d"
    if recipe is not None:
        table.recipe = recipe
    trains = SimpleNamespace(needs_task=True)
    problem = make_problem(table, trains, Budget(1), ["valid_accuracy"], [])
    assert problem.task.recipe == (recipe or registry.task("mnist1d").recipe)
    assert len(problem.task.train)
