"""The report: its numbers against brute force, its page against a parser."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import resource
import shlex
import shutil
import types
import xml.etree.ElementTree as ElementTree
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from nasbench import cli
from nasbench.core import Budget, Candidate, Constraint, Result
from nasbench.errors import OutputFault, RunFault, UnknownBenchmark
from nasbench.harness import command_lines, evidence, figures, plots, wording
from nasbench.harness.collection import collect, find_benchmark
from nasbench.harness.files import run_path, write_run
from nasbench.harness.lookup import Lookup, curve_values, grid_of
from nasbench.harness.report import build_report, environment
from nasbench.harness.run import run
from nasbench.harness.summary import summarize
from nasbench.testing.elsewhere import call_elsewhere
from nasbench.testing.toy import ToyBenchmark

SEARCHERS = ("random-search", "local-search")
SEEDS = range(3)
QUERIES = 25


def write(toy, out, searchers=SEARCHERS, seeds=SEEDS, **changes):
    """Runs of the toy benchmark in files, as a comparison writes them."""
    settings = {"budget": Budget(QUERIES), **changes}
    for searcher in searchers:
        for seed in seeds:
            made = run(toy, searcher, seed, noise_seed=seed, **settings)
            write_run(made, run_path(out, toy.name, searcher, seed))
    return out


def replace(path, **changes):
    """Change the run in a file."""
    from nasbench.harness.files import read_run

    write_run(dataclasses.replace(read_run(path), **changes), path)


@pytest.fixture(scope="module")
def toy():
    return ToyBenchmark()


@pytest.fixture(scope="module")
def written(toy, tmp_path_factory):
    """A comparison and its report, to be looked at only."""
    folder = write(toy, tmp_path_factory.mktemp("written"))
    build_report(folder, toy)
    return folder


@pytest.fixture(scope="module")
def page(written):
    return (written / "report.html").read_text()


@pytest.fixture
def runs(written, tmp_path):
    """The same runs, to be changed."""
    return shutil.copytree(written, tmp_path / "runs")


class Page(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loaded, self.tags, self.cells = [], [], [], [], []
        self.alone = 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        if tag == "a":
            self.links.append(found["href"])
        self.loaded += [found[name] for name in ("src", "srcset", "data") if name in found]
        self.loaded += [found["href"]] if tag == "link" else []
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


def incumbents_by_hand(made):
    """Position of the incumbent after each evaluation, by a plain loop."""
    best, positions = None, []
    values, feasible = made.trajectory.values[:, 0], made.trajectory.feasible
    for k in range(len(values)):
        if feasible[k] and (best is None or values[k] < values[best]):
            best = k
        positions.append(best)
    return positions


def noise_free(toy, made, position):
    from nasbench.core import Architecture

    arch = Architecture(made.space, tuple(int(g) for g in made.trajectory.genes[position]))
    return toy.query([Candidate(arch)])[0].metrics


# --- the numbers ---------------------------------------------------------------------------------


def test_scores_are_test_metrics_of_the_incumbents_free_of_noise(toy, written):
    summary = summarize(collect(written), toy)
    for standing in summary.standings:
        for outcome in standing.outcomes:
            made = outcome.file.run
            last = incumbents_by_hand(made)[-1]
            assert outcome.found_at == last + 1
            assert outcome.score == noise_free(toy, made, last)["test_accuracy"]
            assert outcome.told == -made.trajectory.values[last, 0]
        mean = np.mean([outcome.score for outcome in standing.outcomes])
        assert standing.mean.estimate == pytest.approx(mean)


def test_searchers_that_no_test_tells_apart_share_a_range_of_ranks(toy, written, page):
    summary = summarize(collect(written), toy)
    assert not summary.better.any()  # three seeds each
    assert [standing.ranks for standing in summary.standings] == [(1, 2), (1, 2)]
    assert page.count(">1\N{EN DASH}2</td>") == 2
    assert wording.format_ranks((3, 3)) == "3"


@pytest.mark.parametrize("long", [True, False])
def test_an_architecture_trained_briefly_is_recommended_only_without_a_longer_one(
    toy, tmp_path, scripted, long
):
    good, bad = toy.space.arch(118), toy.space.arch(0)
    results = toy.query([Candidate(good, 1), Candidate(bad)])
    assert results[0].metrics["valid_accuracy"] > results[1].metrics["valid_accuracy"]
    asked = [Candidate(good, 1), *[Candidate(bad)] * long]
    made = run(toy, scripted(asked), 0, budget=Budget(2))
    write_run(dataclasses.replace(made, searcher="s"), run_path(tmp_path, toy.name, "s", 0))
    summary = summarize(collect(tmp_path), toy)
    (outcome,) = summary.standings[0].outcomes
    assert outcome.arch == (bad if long else good)
    assert outcome.epochs == (8 if long else 1)
    assert outcome.told == -made.trajectory.values[-1, 0]
    notes = wording.short_sentences(summary)
    assert len(notes) == (not long)
    assert all("1 of 1 runs of s" in note and "less than 8 epochs" in note for note in notes)
    page = build_report(tmp_path, toy).read_text()
    assert ("1 of 8 epochs" in page) == (not long)
    assert all(note in page for note in notes)


def test_regret_is_the_distance_from_the_best_of_all_architectures(toy, written):
    summary = summarize(collect(written), toy)
    archs = [toy.space.arch(index) for index in range(len(toy.space))]
    best = max(r.metrics["valid_accuracy"] for r in toy.query([Candidate(a) for a in archs]))
    assert summary.exhaustive
    assert summary.optimum_metrics["valid_accuracy"] == best
    for standing in summary.standings:
        for outcome in standing.outcomes:
            assert outcome.regret == pytest.approx(best - outcome.metrics["valid_accuracy"])


@pytest.mark.parametrize("clock", ["evaluations", "seconds"])
def test_curves_are_the_incumbents_metrics_at_each_point_of_the_clock(toy, written, clock):
    collection = collect(written)
    files = collection.searchers["local-search"]
    lookup, grid = Lookup(toy, collection), grid_of(files, clock)
    metric = next(m for m in toy.metrics if m.name == "test_accuracy")
    values = curve_values(files, lookup, lookup.column(metric), grid, clock)
    assert values.shape == (len(files), len(grid))
    for row, file in zip(values, files, strict=True):
        by_hand, spent = incumbents_by_hand(file.run), file.run.trajectory.spent_s
        for value, point in zip(row, grid, strict=True):
            done = int(point) if clock == "evaluations" else int((spent <= point).sum())
            if done == 0:
                assert np.isnan(value)
            else:
                expected = noise_free(toy, file.run, by_hand[min(done, len(spent)) - 1])
                assert value == expected["test_accuracy"]


def test_a_curve_ends_with_the_longest_run_of_its_searcher(toy, tmp_path):
    write(toy, tmp_path, searchers=["random-search"])
    collection = collect(tmp_path)
    files = collection.searchers["random-search"]
    lookup = Lookup(toy, collection)
    grid = np.array([1.0, QUERIES, QUERIES + 1])
    values = curve_values(files, lookup, lookup.column(toy.metrics[0]), grid, "evaluations")
    assert np.isfinite(values[:, :2]).all()
    assert np.isnan(values[:, 2]).all()


def test_the_optimum_respects_the_constraints(toy, tmp_path):
    write(toy, tmp_path, constraints=[Constraint("params", upper=300)])
    summary = summarize(collect(tmp_path), toy)
    assert summary.optimum_metrics["params"] <= 300
    assert all(o.regret >= 0 for s in summary.standings for o in s.outcomes)


def test_a_run_that_finds_nothing_feasible_counts_as_the_worst(toy, tmp_path):
    # 100 parameters: the one architecture of genes 0, which few runs of 25 draws meet
    bound = [Constraint("params", upper=100)]
    write(toy, tmp_path, searchers=["random-search"], seeds=range(40), constraints=bound)
    summary = summarize(collect(tmp_path), toy)
    outcomes = summary.standings[0].outcomes
    failed = [outcome for outcome in outcomes if outcome.arch is None]
    assert 0 < len(failed) < len(outcomes)
    worst = min(toy.rows()[1]["test_accuracy"])
    assert {outcome.score for outcome in failed} == {worst}
    page = build_report(tmp_path, toy).read_text()
    assert f"{len(failed)} of 40 runs of random-search found nothing feasible" in page


def test_constraints_that_nothing_meets_are_an_error(toy, tmp_path):
    write(toy, tmp_path, constraints=[Constraint("params", upper=1)])
    with pytest.raises(RunFault, match="meets the constraints"):
        build_report(tmp_path, toy)


def test_a_loss_is_better_when_it_is_lower(toy, tmp_path):
    write(toy, tmp_path, objectives=("valid_loss",))
    summary = summarize(collect(tmp_path), toy)
    assert summary.target.name == "test_loss"
    means = [standing.mean.estimate for standing in summary.standings]
    assert means == sorted(means)
    losses = toy.rows()[1]["valid_loss"]
    assert summary.optimum_metrics["valid_loss"] == min(losses)


def test_sizes_are_judged_by_themselves(toy, tmp_path):
    for seed in range(3):
        done = run(toy, "random-search", seed, budget=Budget(12), objectives=("params",))
        write_run(done, run_path(tmp_path, toy.name, "random-search", seed))
    found = summarize(collect(tmp_path), toy)
    assert found.target == found.objective
    (standing,) = found.standings
    best = found.optimum_metrics["params"]
    assert standing.scores.tolist() == [best + outcome.regret for outcome in standing.outcomes]


def test_without_rows_the_regret_is_against_the_best_that_was_found(toy, runs):
    class Unlisted:
        name, space, metrics, epochs = toy.name, toy.space, toy.metrics, toy.epochs
        query = staticmethod(toy.query)

    summary = summarize(collect(runs), Unlisted())
    assert not summary.exhaustive
    assert min(o.regret for s in summary.standings for o in s.outcomes) == 0
    assert "the best that any of these runs found" in build_report(runs, Unlisted()).read_text()


@pytest.mark.parametrize("clock", ["evaluations", "seconds"])
def test_curves_end_where_the_table_is_also_if_runs_fail(toy, tmp_path, clock):
    bound = [Constraint("params", upper=100)]
    write(toy, tmp_path, searchers=["random-search"], seeds=range(20), constraints=bound)
    summary = summarize(collect(tmp_path), toy)
    (standing,) = summary.standings
    assert 0 < sum(outcome.arch is None for outcome in standing.outcomes) < 20
    files, end = summary.collection.files, grid_of(summary.collection.files, clock)[-1:]
    values = curve_values(
        files, summary.lookup, summary.lookup.column(summary.target), end, clock, worst=-7.0
    )
    scores = [-7.0 if o.arch is None else o.score for o in standing.outcomes]
    assert values[:, 0].tolist() == scores
    score = summary.lookup.column(summary.target)
    shown = figures._Shown(score, summary.worst[summary.target.name], "", "")
    (curve,) = figures._series(summary, shown, end, clock)
    assert curve.mean[-1] == pytest.approx(standing.mean.estimate)


# --- tables that know only a part ----------------------------------------------------------------


class Partial(ToyBenchmark):
    """The toy table while it is being trained: nothing measured of what `known` refuses."""

    def __init__(self, known, diverged=lambda arch: False):
        super().__init__()
        self.known, self.diverged = known, diverged

    def _result(self, candidate, noise_seed):
        made, arch = super()._result(candidate, noise_seed), self.space.canonical(candidate.arch)
        gone = [] if self.known(arch) else ["loss", "accuracy"]
        gone += ["loss"] if self.diverged(arch) else []
        lost = {name: np.nan for name in made.metrics if name.partition("_")[2] in gone}
        return Result({**made.metrics, **lost}, made.cost_s)


def test_the_best_of_a_partly_trained_table_is_not_called_the_tables_best(tmp_path):
    partial = Partial(lambda arch: arch.genes[0] == 0)  # 20 of 80 classes
    write(partial, tmp_path, searchers=["random-search"], seeds=range(4))
    summary = summarize(collect(tmp_path), partial)
    assert (summary.trained, summary.exhaustive) == ((20, 80), False)
    page = build_report(tmp_path, partial).read_text()
    assert "Only 20 of 80 architectures of the table are trained" in page
    assert "the best of the 20 trained architectures" in page
    assert "table&#39;s best" not in page
    assert "The best architecture trained so far by valid_accuracy" in page


def test_a_diverged_training_is_trained(toy, tmp_path):
    broken = Partial(lambda arch: True, diverged=lambda arch: arch.genes[0] == 1)
    write(broken, tmp_path, searchers=["random-search"], objectives=("valid_loss",))
    assert summarize(collect(tmp_path), broken).exhaustive


def test_a_table_that_counts_its_trainings_is_believed(toy, runs):
    counting = ToyBenchmark()
    counting.trained = (79, 80)
    assert not summarize(collect(runs), counting).exhaustive


def test_runs_without_a_successful_incumbent_are_told_of(tmp_path):
    partial = Partial(lambda arch: arch.genes == (1, 2, 3, 2))
    write(partial, tmp_path, searchers=["random-search"], seeds=range(12), budget=Budget(20))
    summary = summarize(collect(tmp_path), partial)
    outcomes = summary.standings[0].outcomes
    failed = [outcome for outcome in outcomes if np.isinf(outcome.told)]
    assert 0 < len(failed) < len(outcomes)
    assert [outcome for outcome in outcomes if outcome.failed] == failed
    page = build_report(tmp_path, partial).read_text()
    assert f"{len(failed)} of 12 runs of random-search ended with a failed training" in page


@pytest.mark.parametrize("listed", [True, False])
def test_a_table_that_knows_nothing_is_refused(toy, tmp_path, listed):
    empty = Partial(lambda arch: False)
    write(empty, tmp_path, searchers=["random-search"])
    if not listed:
        empty = type("Unlisted", (), {n: getattr(empty, n) for n in UNLISTED})()
    with pytest.raises(RunFault, match=r"valid_accuracy"):
        summarize(collect(tmp_path), empty)


UNLISTED = ("name", "space", "metrics", "epochs", "query")


# --- the page ------------------------------------------------------------------------------------


def test_the_page_shows_every_mean(toy, written, page):
    cells = Page(page).cells
    for standing in summarize(collect(written), toy).standings:
        assert any(cell.startswith(f"{standing.mean.estimate:.2f}") for cell in cells)
        assert any(cell.startswith(f"{standing.regret.estimate:.3f}") for cell in cells)


def test_every_run_file_is_linked_with_its_hash(written, page):
    links = {(written / unquote(link)).resolve() for link in Page(page).links if link[0] != "#"}
    files = [path.resolve() for path in written.rglob("seed-*.json")]
    assert len(files) == len(SEARCHERS) * len(SEEDS)
    for path in files:
        assert path in links
        assert hashlib.sha256(path.read_bytes()).hexdigest() in page


def test_links_lead_from_wherever_the_page_is(toy, runs, tmp_path):
    path = build_report(runs, toy, tmp_path / "else where" / "page.html")
    links = [link for link in Page(path.read_text()).links if link[0] != "#"]
    assert links
    assert all((path.parent / unquote(link)).is_file() for link in links)


def test_the_page_loads_nothing(page):
    found = Page(page)
    assert found.loaded == []
    assert "@import" not in page
    assert "url(http" not in page


def test_ids_are_unique_and_references_lead_to_them(page):
    import re

    found = Page(page)
    assert len(found.ids) == len(set(found.ids))
    wanted = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"|aria-labelledby="([^"]+)"', page))
    assert {"".join(parts) for parts in wanted} <= set(found.ids)


def test_headers_of_tables_say_what_they_head(page):
    found = Page(page)
    heads = [attributes for tag, attributes in found.tags if tag == "th"]
    assert heads
    assert all(attributes.get("scope") in ("row", "col") for attributes in heads)
    drawings = [attributes for tag, attributes in found.tags if tag == "svg"]
    assert all(a.get("role") == "img" or a.get("aria-hidden") == "true" for a in drawings)


def test_the_same_runs_give_the_same_bytes(toy, runs, page):
    np.random.seed(5)  # noqa: NPY002 - shows that it does not matter
    assert build_report(runs, toy).read_text() == page


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(runs, page):
    call_elsewhere(build_report, runs, ToyBenchmark())
    assert (runs / "report.html").read_text() == page


def test_names_are_text_and_never_markup(toy, runs):
    for path in runs.rglob("local-search/seed-*.json"):
        replace(path, searcher='<script>alert("x")</script> $x^2$ a$\\frac{$ & co')
    text = build_report(runs, toy).read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(" in text
    assert "a$\\frac{$ &amp; co" in text


def test_a_single_run_has_no_interval(toy, tmp_path):
    write(toy, tmp_path, searchers=["random-search"], seeds=[4])
    text = build_report(tmp_path, toy).read_text()
    assert "inf" not in "".join(Page(text).cells)
    assert "nan" not in "".join(Page(text).cells)


def test_the_command_on_the_page_makes_the_same_runs(toy, tmp_path):
    write(toy, tmp_path, constraints=[Constraint("params", upper=400)], workers=2)
    text = build_report(tmp_path, toy).read_text()
    expected = (
        "nasbench compare TABLE -s random-search,local-search --seeds 3 --queries 25 "
        "--constraint &#39;params&lt;=400&#39; --workers 2 -o RUNS"
    )
    assert expected in text


def test_the_command_on_the_page_has_all_digits(toy, tmp_path):
    bounds = [Constraint("params", upper=1234567.0), Constraint("macs", lower=0.1 + 0.2)]
    budget = Budget(4, cost_s=1234567.25)
    write(toy, tmp_path, ["random-search"], seeds=[0], constraints=bounds, budget=budget)
    (command, *_) = command_lines.commands(summarize(collect(tmp_path), toy), None)
    words = shlex.split(command)
    assert words[words.index("--seconds") + 1] == "1234567.25"
    assert words[words.index("--constraint") + 1] == "params<=1234567"
    assert float(words[-3].partition(">=")[2]) == 0.1 + 0.2
    assert "params ≤ 1234567" in build_report(tmp_path, toy).read_text()


def test_no_command_is_shown_for_seeds_that_it_would_not_make(toy, tmp_path):
    write(toy, tmp_path, ["random-search"], seeds=[3, 7])
    text = build_report(tmp_path, toy).read_text()
    assert "nasbench compare TABLE" not in text
    assert "these: 3, 7" in text


@pytest.mark.parametrize("cost_s", [np.inf, 1e6])
def test_seeds_are_said_to_decide_only_what_they_decide(toy, tmp_path, cost_s):
    write(toy, tmp_path, ["random-search"], seeds=[0], budget=Budget(4, cost_s=cost_s))
    text = build_report(tmp_path, toy).read_text()
    assert ("Seeds decide every run" in text) == np.isinf(cost_s)


@pytest.mark.slow
def test_thirty_searchers_fit_on_a_page_below_five_megabytes(toy, tmp_path):
    for seed in range(10):
        made = run(toy, "random-search", seed, budget=Budget(200))
        for number in range(30):
            name = f"searcher-{number}"
            path = run_path(tmp_path, toy.name, name, seed)
            write_run(dataclasses.replace(made, searcher=name), path)
    assert build_report(tmp_path, toy).stat().st_size < 5_000_000


# --- the figures ---------------------------------------------------------------------------------


def test_drawings_are_well_formed_and_take_their_colors_from_the_page():
    x = np.array([1.0, 2.0, 5.0])
    series = [
        plots.Curve(0, x, np.array([3.0, 1.0, 0.0]), np.zeros(3), np.array([4.0, 2.0, 0.0])),
        plots.Curve(9, x, np.full(3, 2.0), np.full(3, 2.0), np.full(3, 2.0)),
    ]
    text = plots.curves(series, key="k", title="a < b", x_label="x", y_label="y", log_y=True)
    root = ElementTree.fromstring(text)
    assert root.find("title").text == "a < b"
    classes = [element.get("class") for element in root.iter() if element.get("class")]
    assert {"series line s0", "series line s9", "series band s0"} <= set(classes)
    assert "var(--s1)" in text  # the ninth color is the second, dashed
    assert "#010101" not in text
    assert "#00a0" not in text


def test_all_zero_regrets_can_be_drawn_on_a_logarithmic_axis():
    zeros, x = np.zeros(2), np.array([1.0, 2.0])
    text = plots.curves(
        [plots.Curve(0, x, zeros, zeros, zeros)],
        key="k",
        title="t",
        x_label="x",
        y_label="y",
        log_y=True,
    )
    assert "nan" not in text.lower()


def test_a_readers_own_style_does_not_show():
    import matplotlib as mpl

    def draw():
        row = plots.Strip("a", 0, np.array([1.0, 2.0]), 1.5, 1.0, 2.0)
        return plots.strips([row], key="k", title="t", x_label="x")

    before = draw()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert draw() == before
        assert mpl.rcParams["font.size"] == 30


# --- what can be wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_without_runs_is_refused(toy, tmp_path, make):
    folder = tmp_path / "runs"
    if make:
        folder.mkdir()
    with pytest.raises(RunFault, match="nasbench compare"):
        build_report(folder, toy)


def test_a_malformed_run_file_is_named(toy, runs):
    path = sorted(runs.rglob("seed-*.json"))[0]
    path.write_text(path.read_text()[:200])
    with pytest.raises(RunFault, match=path.name):
        build_report(runs, toy)


@pytest.mark.parametrize(
    "changes",
    [{"benchmark": "other"}, {"table_sha256": "0" * 64}, {"budget": Budget(300)}, {"workers": 2}],
)
def test_runs_that_cannot_be_compared_are_refused(toy, runs, changes):
    replace(sorted(runs.rglob("seed-*.json"))[0], **changes)
    with pytest.raises(RunFault, match=f"different {next(iter(changes))}"):
        build_report(runs, toy)


def test_means_and_single_repeats_are_not_mixed(toy, runs):
    replace(sorted(runs.rglob("seed-*.json"))[0], noise_seed=None)
    with pytest.raises(RunFault, match="means over repeats"):
        build_report(runs, toy)


def test_two_versions_of_one_searcher_are_refused(toy, runs):
    replace(sorted(runs.rglob("seed-*.json"))[0], code="0" * 64)
    with pytest.raises(RunFault, match="source changed"):
        build_report(runs, toy)


def test_searchers_without_all_runs_are_named(toy, runs):
    assert collect(runs).missing == {}
    next(runs.rglob("local-search/seed-1.json")).unlink()
    setting = {"searchers": {"random-search": {}, "broken": {}}, "seeds": [0, 1, 2, 3]}
    (runs / "compare.json").write_text(json.dumps(setting))
    missing = {"broken": [0, 1, 2, 3], "local-search": [1, 3], "random-search": [3]}
    assert collect(runs).missing == missing
    text = build_report(runs, toy).read_text()
    assert "local-search has 2 of 4 runs, none of seed 1, 3" in text
    assert "broken has 0 of 4 runs, none of seed 0..3" in text


@pytest.mark.parametrize("text", ["", "[]", '{"seeds": [0]}', '{"searchers": 3, "seeds": [0]}'])
def test_a_malformed_setting_is_named(runs, text):
    (runs / "compare.json").write_text(text)
    with pytest.raises(RunFault, match=r"compare\.json: expected"):
        collect(runs)


def test_two_runs_of_one_seed_are_refused(toy, runs):
    path = sorted(runs.rglob("seed-*.json"))[0]
    (path.parent / "again").mkdir()
    (path.parent / "again" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(RunFault, match="two of seed 0"):
        build_report(runs, toy)


def test_two_configurations_of_one_searcher_are_refused(toy, runs):
    replace(sorted(runs.rglob("seed-*.json"))[0], config={"other": 1})
    with pytest.raises(RunFault, match="one configuration"):
        build_report(runs, toy)


def test_another_version_of_the_table_is_refused(toy, runs):
    class Table(ToyBenchmark):
        sha256 = "f" * 64

    with pytest.raises(RunFault, match="ffffffffffff"):
        build_report(runs, Table())


def test_a_benchmark_that_is_not_registered_is_asked_for(runs):
    with pytest.raises(UnknownBenchmark, match="--benchmark FILE"):
        find_benchmark(collect(runs), None)


def test_a_page_that_cannot_be_written_is_an_output_fault(toy, runs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFault, match="choose another place"):
        build_report(runs, toy, tmp_path / "file" / "report.html")


@contextmanager
def files_of_at_most(size):
    """A limit stands in for a full disk; Python ignores the signal that comes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_page_as_it_was(toy, runs):
    (runs / "report.html").write_text("before")
    with files_of_at_most(5000), pytest.raises(OutputFault, match="larger than this process"):
        build_report(runs, toy)
    assert (runs / "report.html").read_text() == "before"
    assert not list(runs.glob(".*.part"))


def test_the_command_fails_with_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["report", str(tmp_path)])
    assert stop.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert "Traceback" not in printed


def test_the_command_prints_the_path_of_the_page(toy, runs, monkeypatch, capsys):
    monkeypatch.setattr("nasbench.registry.benchmark", lambda name: toy)
    with pytest.raises(SystemExit) as stop:
        cli.main(["report", str(runs), "-o", str(runs / "page.html")])
    assert stop.value.code == 0
    assert Path(capsys.readouterr().out.strip()) == runs / "page.html"
    assert (runs / "page.html").read_text().startswith("<!doctype html>")


def test_files_of_a_verification_are_not_taken_for_runs(runs):
    before = len(collect(runs).files)
    place = runs / "verify"
    place.mkdir()
    (place / "seed-1000.json").write_text(json.dumps({}))
    assert len(collect(runs).files) == before


@pytest.mark.parametrize(
    ("known", "said", "warning"),
    [
        ({"repeats": 1}, "one training of each", "the luck of that training"),
        ({"repeats": 3}, "3 trainings of each", ""),
        ({}, "free of noise", ""),
        ({"fitted_on": "9 cells of x"}, "a model fitted on 9 cells of x predicts", "predictions"),
    ],
)
def test_what_is_looked_up_is_called_what_it_is(known, said, warning):
    benchmark = types.SimpleNamespace(**known)
    assert said in evidence.looked_up(benchmark)
    told = evidence.luck_sentence(benchmark)
    assert warning in told
    assert bool(told) == bool(warning)


def test_a_command_in_a_sentence_is_set_as_code():
    macros = environment().get_template("macros.html").module
    assert macros.coded("run `nasbench verify` & see") == (
        "run <code>nasbench verify</code> &amp; see"
    )
    assert macros.coded("<b>plain</b>") == "&lt;b&gt;plain&lt;/b&gt;"
