"""What a comparison with several objectives shows."""

import re

import numpy as np
import pytest

from nasbench.core import Budget
from nasbench.harness import figures
from nasbench.harness.collection import collect
from nasbench.harness.files import run_path, write_run
from nasbench.harness.pareto import exact_front, shares
from nasbench.harness.report import build_report
from nasbench.harness.run import run
from nasbench.harness.summary import summarize
from nasbench.testing.toy import ToyBenchmark, ToySpace

OBJECTIVES = ("valid_accuracy", "params")
SEARCHERS = ("random-search", "nsga2")


@pytest.fixture(scope="module")
def toy():
    return ToyBenchmark(ToySpace((4, 4, 4, 4)))


def write(toy, out, objectives):
    for searcher in SEARCHERS:
        for seed in range(3):
            made = run(
                toy, searcher, seed, budget=Budget(60), objectives=objectives, noise_seed=seed
            )
            write_run(made, run_path(out, toy.name, searcher, seed))
    return out


@pytest.fixture(scope="module")
def written(toy, tmp_path_factory):
    return write(toy, tmp_path_factory.mktemp("written"), OBJECTIVES)


def test_a_searcher_stands_with_the_mean_of_its_runs_final_shares(toy, written):
    summary = summarize(collect(written), toy)
    front = exact_front(toy, OBJECTIVES)
    np.testing.assert_array_equal(summary.front.values, front.values)
    for standing in summary.standings:
        ends = [shares(o.file.run, toy, front, [60])[0] for o in standing.outcomes]
        assert standing.hypervolume.estimate == pytest.approx(np.mean(ends))
        assert standing.hypervolume.low <= np.mean(ends) <= standing.hypervolume.high


def test_the_page_shows_them_with_curves_on_both_clocks(toy, written, tmp_path):
    page = build_report(written, toy, tmp_path / "report.html").read_text()
    for standing in summarize(collect(written), toy).standings:
        assert f"{standing.hypervolume.estimate:.3f}" in page
    assert re.findall(r"<figcaption>(hypervolume .*)</figcaption>", page) == [
        "hypervolume against evaluations",
        "hypervolume against charged seconds",
    ]
    worst = exact_front(toy, OBJECTIVES).reference
    assert f"valid_accuracy {-worst[0]:,.5g}, params {worst[1]:,.5g}" in page


def test_a_curve_ends_at_the_final_mean(toy, written):
    summary = summarize(collect(written), toy)
    for standing in summary.standings:
        grid = np.array([1.0, 60.0])
        curve = figures._held(standing, summary, summary.front, grid, "evaluations")
        assert curve.mean[-1] == pytest.approx(standing.hypervolume.estimate)
        assert curve.mean[0] < curve.mean[-1]


def test_a_single_objective_has_no_hypervolume(toy, tmp_path):
    write(toy, tmp_path, OBJECTIVES[:1])
    summary = summarize(collect(tmp_path), toy)
    assert summary.front is None
    assert all(standing.hypervolume is None for standing in summary.standings)
    assert "ypervolume" not in build_report(tmp_path, toy).read_text()
