"""Suites: several comparisons, and what is said of them together, against brute force."""

from __future__ import annotations

import re
from concurrent.futures import Executor, Future
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from nasbench import registry
from nasbench.core import Budget, Candidate
from nasbench.errors import InvalidConfig, RunFault, SearcherFault, UnknownMetric
from nasbench.harness import compare as module
from nasbench.harness import known, overall, suite
from nasbench.harness.findings import cautions, findings
from nasbench.harness.suite import Part, parts_of, read_parts, run_suite
from nasbench.harness.suite_report import render, summarize_suite, write_suite_report
from nasbench.testing.toy import ToyBenchmark

SEARCHERS = ("random-search", "local-search", "regularized-evolution", "genetic")


class Inline(Executor):
    """Does the work at once, in this process."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Parts of a suite that is done, to be looked at only, with the benchmarks registered."""
    with pytest.MonkeyPatch.context() as patch:
        module._opened.cache_clear()
        toys = {"toy": ToyBenchmark(), "other": ToyBenchmark()}
        toys["other"].name = "other"
        others = registry.benchmark
        patch.setattr(registry, "benchmark", lambda name: toys.get(str(name)) or others(name))
        out = tmp_path_factory.mktemp("suite")
        parts = parts_of(["toy", "other"], out)
        ran = run_suite(
            *(parts, SEARCHERS, range(4)), out=out, budget=Budget(12), executor=Inline()
        )
        assert ran is None
        yield parts
    module._opened.cache_clear()


@pytest.fixture(scope="module")
def whole(written):
    return summarize_suite(written)


def test_every_benchmark_has_a_comparison_in_a_folder_of_its_own(written):
    for part in written:
        assert len(list(part.folder.rglob("seed-*.json"))) == 16
        assert (part.folder / "compare.json").is_file()
    assert read_parts(written[0].folder.parent) == written


def test_progress_counts_runs_of_all_benchmarks_and_a_second_start_does_none(written):
    told = []
    executor = Inline()
    executor.submit = None  # any run would fail
    run_suite(
        *(written, SEARCHERS, range(4)),
        out=written[0].folder.parent,
        budget=Budget(12),
        executor=executor,
        on_done=lambda *numbers: told.append(numbers),
    )
    assert told == [(32, 32), (32, 32)]


def test_a_wrong_setting_is_found_before_the_first_run(written, tmp_path):
    parts = parts_of(["toy", "other"], tmp_path)
    with pytest.raises(UnknownMetric):
        run_suite(
            *(parts, SEARCHERS, range(4)),
            out=tmp_path,
            budget=Budget(12),
            objectives=["valid_acuracy"],
        )
    assert not list(tmp_path.rglob("*"))


@pytest.mark.slow
def test_failing_runs_on_one_benchmark_do_not_keep_the_others_from_being_done(
    written, file, tmp_path
):
    parts = parts_of(["toy", "other"], tmp_path)
    names = [f"{file}:Broken", "random-search"]
    fault = run_suite(*(parts, names, range(2)), out=tmp_path, budget=Budget(3), executor=Inline())
    assert isinstance(fault, SearcherFault)
    assert all(len(list(part.folder.rglob("seed-*.json"))) == 2 for part in parts)
    found = summarize_suite(parts)
    assert [place.searcher for place in found.places] == ["random-search"]
    assert found.left_out == [f"{file}:Broken"]
    assert "as they lack runs" in cautions(found)[0]
    assert not any("better" in sentence for sentence in findings(found))
    assert "Broken" in render(found, tmp_path)


@pytest.mark.parametrize("names", [[], ["toy", "toy"]])
def test_benchmarks_that_would_share_a_folder_are_refused(tmp_path, names):
    with pytest.raises(InvalidConfig, match="different names"):
        parts_of(names, tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"benchmarks": {"../x": "toy"}}', '{"benchmarks": {}}']
)
def test_a_malformed_list_of_benchmarks_is_told(tmp_path, text):
    (tmp_path / suite.FILE).write_text(text)
    with pytest.raises(RunFault, match="benchmarks of a suite"):
        read_parts(tmp_path)


def test_a_folder_without_a_suite_has_no_parts(tmp_path):
    assert read_parts(tmp_path) is None


def test_the_registered_tables_and_searchers_are_those_that_fit():
    assert "cell201/digits-on-photos" in suite.all_tables()
    names = suite.all_searchers()
    assert {"random-search", "gp-wl"} <= set(names)
    assert not {"darts", "enas"} & set(names)


def test_the_table_of_a_sample_is_no_part_of_a_suite_by_default(monkeypatch):
    table = registry.benchmark("cell201/mnist1d")
    genes, columns = table.rows()
    half = {name: values[::2] for name, values in columns.items()}
    sampled = SimpleNamespace(space=table.space, rows=lambda: (genes[::2], half))
    known = {"a/whole": table, "a/sampled": sampled}
    monkeypatch.setattr(registry, "names", lambda group: list(known))
    monkeypatch.setattr(registry, "benchmark", known.__getitem__)
    assert suite.all_tables() == ["a/whole"]


def test_losses_are_regrets_in_units_of_the_median_architectures(whole):
    toy = whole.summaries[0].benchmark
    _, columns = toy.rows()
    best = columns["valid_accuracy"].max()
    median = best - np.median(columns["valid_accuracy"])
    assert whole.typical[0] == pytest.approx(median)
    for k, place in enumerate(whole.places):
        (standing,) = [s for s in whole.summaries[0].standings if s.searcher == place.searcher]
        regrets = [outcome.regret for outcome in standing.outcomes]
        assert whole.losses[0, k] == pytest.approx(np.array(regrets) / median)
    assert not np.signbit(whole.losses).any()


def test_a_benchmark_that_cannot_list_its_architectures_is_drawn_from():
    class Hidden:
        def __init__(self, toy):
            self.name, self.space, self.metrics = "hidden", toy.space, toy.metrics
            self.query = toy.query

    toy = ToyBenchmark()
    objective = next(metric for metric in toy.metrics if metric.name == "valid_accuracy")
    every = [toy.space.arch(k) for k in range(len(toy.space))]
    values = [r.metrics["valid_accuracy"] for r in toy.query([Candidate(a) for a in every])]
    found = known.typical_regret(Hidden(toy), objective, (), max(values))
    assert found == pytest.approx(max(values) - np.median(values), rel=0.2)


def test_places_are_sorted_by_the_average_rank_within_seeds_of_tables(whole):
    blocks = np.moveaxis(whole.losses, 1, 2).reshape(-1, len(whole.places))
    expected = stats.rankdata(blocks, axis=1).mean(axis=0)
    found = [place.average_rank.estimate for place in whole.places]
    assert found == pytest.approx(expected.tolist())
    assert found == sorted(found)


def test_curves_end_at_the_final_losses(whole):
    losses = overall.losses_at(whole, np.array([1.0, 12.0]), "evaluations")
    assert losses.shape == (2, 4, 4, 2)
    assert losses[..., 1] == pytest.approx(whole.losses)


def test_a_searcher_has_one_number_on_all_tables(whole):
    numbers = {place.searcher: place.number for place in whole.places}
    assert numbers["random-search"] == 0
    assert len(set(numbers.values())) == 4
    for summary in whole.summaries:
        assert {s.searcher: s.number for s in summary.standings} == numbers


@pytest.mark.slow
def test_the_page_names_every_run_file_and_loads_nothing(whole, written):
    out = written[0].folder.parent
    path = write_suite_report(whole, out / "report.html")
    page = path.read_text()
    links = re.findall(r'href="([^"#]+seed-\d+\.json)" title="sha256 (\w+)"', page)
    assert len(set(links)) == 32
    assert all((out / link).is_file() for link, _ in links)
    assert not re.search(r"\b(src|srcset)=|<link|url\((?!#)|https?://(?!www\.w3\.org)", page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert all((part.folder / "report.html").is_file() for part in written)
    assert render(summarize_suite(written), out) == page


@pytest.mark.slow
def test_several_objectives_have_hypervolume_curves_on_every_table(written, tmp_path):
    parts = parts_of(["toy", "other"], tmp_path)
    setting = {"budget": Budget(8), "objectives": ["valid_accuracy", "params"]}
    run_suite(
        *(parts, ["random-search", "nsga2"], range(2)),
        **{"out": tmp_path, "executor": Inline(), **setting},
    )
    found = summarize_suite(parts)
    page = render(found, tmp_path)
    for summary in found.summaries:
        assert f"{summary.benchmark.name}: hypervolume against evaluations" in page
    assert "--objectives valid_accuracy,params" in page


# --- findings -----------------------------------------------------------------------------------


def _with_losses(whole, losses):
    """The suite as it would be with other final regrets."""
    summaries = []
    for summary, table, typical in zip(whole.summaries, losses, whole.typical, strict=True):
        standings = [
            replace(
                standing,
                outcomes=[
                    replace(outcome, regret=float(table[k][seed] * typical))
                    for seed, outcome in enumerate(standing.outcomes)
                ],
            )
            for k, name in enumerate(sorted(SEARCHERS))
            for standing in summary.standings
            if standing.searcher == name
        ]
        summaries.append(
            replace(summary, standings=standings, better=np.zeros((4, 4), dtype=np.bool_))
        )
    return overall.combine(summaries)


def test_findings_claim_a_lead_where_there_is_one(whole):
    # genetic, local-search, random-search, regularized-evolution; 8 blocks
    levels = np.array([0.1, 0.5, 0.9, 0.5])
    losses = levels[None, :, None] + 0.01 * np.arange(8).reshape(2, 1, 4)
    told = " ".join(findings(_with_losses(whole, losses)))
    assert "are not all alike" in told
    assert "genetic has the best average rank, 1.0" in told
    assert "rank 1: it is better than every other one." in told
    assert "3 are better than random-search beyond the noise" in told
    assert "Not to be told from random-search" not in told


def test_findings_claim_nothing_where_all_is_noise(whole, rng):
    told = " ".join(findings(_with_losses(whole, rng.permuted(np.ones((2, 4, 4)), axis=1))))
    assert "cannot be ruled out" in told
    assert "beyond the noise:" not in told
    assert "nothing here tells it from" in told


def test_findings_speak_of_the_optimum_only_where_all_is_known(whole):
    solved = _with_losses(whole, np.zeros((2, 4, 4)))
    assert "The optimum is found most often by genetic" in " ".join(findings(solved))
    drawn = [replace(summary, trained=None) for summary in solved.summaries]
    told = " ".join(findings(overall.combine(drawn)))
    assert "The best that is known is found most often by genetic" in told


def test_one_part_alone_is_a_suite_too(written):
    found = summarize_suite([Part("toy", written[0].folder)])
    assert len(found.summaries) == 1
    assert not any("Kendall" in sentence for sentence in findings(found))
