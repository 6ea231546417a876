from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nasbench.core import Architecture, Budget
from nasbench.errors import InvalidConfig, RunFault, SurrogateFault, UnknownMetric, WrongSpace
from nasbench.harness.collection import Collection, RunFile
from nasbench.harness.run import run
from nasbench.testing.toy import ToyBenchmark, ToySpace
from surrogates import fit as fitting
from surrogates import leave_out
from surrogates.commands import app
from surrogates.quality import Plan

PLAN = Plan(models=("linear",), components=2)
SEARCHERS = ("random-search", "genetic", "local-search")


@pytest.fixture(scope="module")
def runs(toy):
    return [run(toy, name, seed, budget=Budget(30)) for name in SEARCHERS for seed in (0, 1)]


@pytest.fixture(scope="module")
def visits(toy, runs):
    return leave_out.visited(toy, runs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("left")


@pytest.fixture(scope="module")
def scores(toy, visits, folder):
    return leave_out.evaluate(toy, visits, PLAN, folder / leave_out.CSV)


def test_visits_are_the_classes_of_all_runs(toy, runs, visits):
    genes, _ = toy.rows()
    for searcher in SEARCHERS:
        seen = {
            toy.space.canonical(Architecture(toy.space.name, tuple(own))).genes
            for each in runs
            if each.searcher == searcher
            for own in each.trajectory.genes.tolist()
        }
        assert {tuple(row) for row in genes[visits[searcher]].tolist()} == seen


def test_what_is_judged_on_was_not_fitted_on(toy, visits, monkeypatch, tmp_path):
    fits, judged = [], []
    fit, judge = fitting.fit, leave_out.quality.judge

    def listen(benchmark, config, *, rows):
        fits.append(set(rows.tolist()))
        return fit(benchmark, config, rows=rows)

    def hear(parts, metric, genes, truth):
        judged.append({tuple(row) for row in genes.tolist()})
        return judge(parts, metric, genes, truth)

    monkeypatch.setattr(leave_out.fitting, "fit", listen)
    monkeypatch.setattr(leave_out.quality, "judge", hear)
    leave_out.evaluate(toy, visits, PLAN, tmp_path / leave_out.CSV)
    genes, _ = toy.rows()
    assert len(fits) == len(judged) == 2 * len(SEARCHERS)
    for k, searcher in enumerate(np.repeat(SEARCHERS, 2)):
        own = visits[searcher].tolist()
        assert judged[k] == {tuple(row) for row in genes[own].tolist()}
        assert not fits[k] & set(own)
        everyone = set().union(*(rows.tolist() for rows in visits.values()))
        if k % 2 == 0:
            assert fits[k] == everyone - set(own)
        else:
            assert len(fits[k]) == len(fits[k - 1])


def test_every_searcher_is_left_out_once_for_each_model(scores, visits):
    told = [(score.searcher, score.fitted_on, score.judged) for score in scores]
    assert told == [(s, on, len(visits[s])) for s in SEARCHERS for on in ("others", "random")]
    assert all(score.tau > 0.3 for score in scores)


def test_scores_that_are_there_are_not_made_again(toy, visits, folder, scores, monkeypatch):
    monkeypatch.setattr(leave_out.fitting, "fit", lambda *_, **__: pytest.fail("fitted again"))
    again = leave_out.evaluate(toy, visits, PLAN, folder / leave_out.CSV)
    assert [s.tau for s in again] == pytest.approx([s.tau for s in scores], rel=1e-4)


def test_other_visits_are_other_scores(toy, visits, folder, scores):
    fewer = {name: rows[: len(rows) - 5] for name, rows in visits.items()}
    again = leave_out.evaluate(toy, fewer, PLAN, folder / leave_out.CSV)
    assert {s.content for s in again}.isdisjoint(s.content for s in scores)


@pytest.fixture
def collection(runs):
    files = [RunFile(Path("seed.json"), "", run) for run in runs]
    by_name = {name: [file for file in files if file.run.searcher == name] for name in SEARCHERS}
    return Collection(Path(), by_name, seeds=[0, 1], missing={})


def test_the_page_tells_the_runs_and_has_a_line_for_each_score(toy, scores, collection):
    told = leave_out.page(toy, PLAN, scores, collection)
    assert f"ran for 30 evaluations with the seeds 0, 1 on `{toy.name}`." in told
    assert told.count("| linear |") == len(scores)
    assert f"| {scores[0].searcher} | {scores[0].judged} | {scores[0].classes} others |" in told


def test_wrong_input_is_refused(toy, visits, tmp_path):
    file = tmp_path / leave_out.CSV
    with pytest.raises(InvalidConfig, match="two at least, got genetic"):
        leave_out.evaluate(toy, {"genetic": visits["genetic"]}, PLAN, file)
    short = {**visits, "genetic": visits["genetic"][:3]}
    with pytest.raises(InvalidConfig, match="genetic visited 3 classes"):
        leave_out.evaluate(toy, short, PLAN, file)
    with pytest.raises(UnknownMetric, match="did you mean"):
        leave_out.evaluate(toy, visits, Plan(("linear",), metric="valid_acuracy"), file)
    other = ToyBenchmark(ToySpace((2, 2, 2)))
    with pytest.raises(WrongSpace, match="runs of the same space"):
        leave_out.visited(other, [run(toy, "random-search", 0, budget=Budget(2))])
    file.write_text("a,b\n1,2\n")
    with pytest.raises(SurrogateFault, match="not a file of scores"):
        leave_out.evaluate(toy, visits, PLAN, file)
    with pytest.raises(InvalidConfig, match="expected classes or rows"):
        fitting.fit(toy, fitting.Config("linear", 20), rows=np.arange(20))


def test_runs_on_another_data_set_are_refused(toy, fitted, runs):
    other = replace(runs[0], benchmark="toy/other-data")
    with pytest.raises(RunFault, match=f"is on toy/other-data, .* pass runs on {toy.name}$"):
        leave_out.visited(toy, [*runs, other])
    with pytest.raises(RunFault, match=f"pass runs on {fitted.name} or {toy.name}$"):
        leave_out.visited(fitted, [other])
    own = replace(runs[0], benchmark=fitted.name)
    assert leave_out.visited(fitted, [own, runs[1]]).keys() == {SEARCHERS[0]}


def test_the_command_needs_runs(tmp_path):
    words = ["leave-out", "cell201/mnist1d", str(tmp_path / "none"), "-o", str(tmp_path)]
    assert "is no folder" in str(CliRunner().invoke(app, words).exception)
