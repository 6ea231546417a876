from __future__ import annotations

import dataclasses
import json
from concurrent.futures import Executor, Future
from contextlib import nullcontext

import numpy as np
import pytest
import typer

from nasbench import registry
from nasbench.cli import main
from nasbench.commands import compare as module
from nasbench.core import Constraint
from nasbench.harness import compare as harness
from nasbench.harness.files import read_run
from nasbench.testing.toy import ToyBenchmark


class Inline(Executor):
    """Does the work at once, in this process."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future


@pytest.fixture
def call(monkeypatch, tmp_path, capsys):
    """Exit code, stdout and stderr of `nasbench compare toy WORDS` in a folder of its own."""
    harness._opened.cache_clear()
    toy = ToyBenchmark()
    monkeypatch.setattr(registry, "benchmark", lambda name: toy)
    monkeypatch.setattr(module, "_executor", lambda address: nullcontext(Inline()))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)

    def start(*words):
        with pytest.raises(SystemExit) as stop:
            main(["compare", "toy", *words])
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err

    yield start
    harness._opened.cache_clear()


SMALL = ("--seeds", "3", "--queries", "8")


@pytest.mark.slow
def test_a_comparison_ends_with_a_table_and_the_path_of_a_report(call, tmp_path):
    code, out, err = call("--searchers", "random-search,local-search", *SMALL)
    assert code == 0, err
    (row,) = [line.split() for line in out.splitlines() if "random-search" in line]
    runs = [read_run(path) for path in tmp_path.glob("runs/toy/*/random-search/seed-*.json")]
    told = [-done.trajectory.values.min() for done in runs]
    assert row[1:3] == ["3", f"{np.mean(told):.2f}"]
    assert row[3] == f"{np.mean(told) - 1:.2f}"  # the toy's test accuracy is 1 below
    assert row[-3] == "8"
    assert out.splitlines()[-1] == "report: runs/toy/report.html"
    assert (tmp_path / "runs/toy/report.html").stat().st_size > 1000
    assert len(list(tmp_path.glob("runs/toy/*/*/seed-*.json"))) == 6


def test_the_table_fits_80_columns(call):
    _, out, _ = call("-s", "regularized-evolution", *SMALL, "--no-report")
    assert max(map(len, out.splitlines())) <= 80
    assert any("regularized-evolution " in line and "[" in line for line in out.splitlines())


def test_a_narrow_terminal_gets_the_columns_that_matter_whole(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    _, out, _ = call("-s", "regularized-evolution", *SMALL, "--no-report")
    (row,) = [line for line in out.splitlines() if line.startswith("regularized-evolution ")]
    assert len(row.split()) == 3
    assert "…" not in out
    assert max(map(len, out.splitlines()[:-1])) <= 40


def test_a_searchers_name_is_no_markup(call, tmp_path):
    (tmp_path / "[red]mine.py").write_text(PRINTING)
    _, out, _ = call("-s", "[red]mine.py:Loud", *SMALL, "--no-report")
    assert any(line.startswith("[red]mine.py:Loud") for line in out.splitlines())


def test_a_single_seed_has_no_interval(call):
    _, out, _ = call("-s", "random-search", "--seeds", "1", "--queries", "8", "--no-report")
    (row,) = [line for line in out.splitlines() if line.startswith("random-search")]
    assert "inf" not in row
    assert "[" not in row


def test_what_is_not_known_is_said_with_the_table(call, monkeypatch):
    broken = ToyBenchmark._result

    def result(self, candidate, noise_seed):
        made = broken(self, candidate, noise_seed)
        if self.space.canonical(candidate.arch).genes != (1, 2, 3, 2):
            lost = {key: np.nan for key in made.metrics if key not in ("params", "macs")}
            made = dataclasses.replace(made, metrics={**made.metrics, **lost})
        return made

    monkeypatch.setattr(ToyBenchmark, "_result", result)
    words = ("-s", "random-search", "--seeds", "12", "--queries", "20", "--no-report")
    code, out, err = call(*words)
    assert code == 0, err
    assert "1 of 80 architectures trained" in " ".join(out.split())
    assert "inf" not in out
    said = " ".join(err.split())
    assert "warning: Only 1 of 80 architectures of the table are trained" in said
    assert "of 12 runs of random-search ended with a failed training" in said


def test_searchers_without_all_runs_are_flagged(call):
    call("-s", "random-search", "--seeds", "3", "--queries", "8", "--no-report")
    _, out, err = call("-s", "local-search", "--seeds", "4", "--queries", "8", "--no-report")
    assert any("random-search" in line and " 3 of 4 " in line for line in out.splitlines())
    assert "random-search has 3 of 4 runs, none of seed 3" in " ".join(err.split())


def test_the_report_is_made_of_the_summary_that_is_shown(call, monkeypatch):
    from nasbench.harness import summary

    made, summarize = [], summary.summarize
    monkeypatch.setattr(
        summary, "summarize", lambda *given: made.append(summarize(*given)) or made[-1]
    )
    monkeypatch.setattr("nasbench.harness.report.render", lambda shown, *_: str(made.index(shown)))
    assert call("-s", "random-search", *SMALL)[0] == 0
    assert len(made) == 1


def test_options_reach_the_runs(call, tmp_path):
    words = ("-s", "random-search", "-s", "regularized-evolution", "--objectives", "valid_loss")
    words += ("--set", "regularized-evolution.population=4", "--constraint", "params <= 400")
    words += ("--constraint", "macs>=1", "--seconds", "1e5", "--workers", "2", "-o", "here")
    code, _, err = call(*words, *SMALL, "--no-report")
    assert code == 0, err
    found = read_run(next(tmp_path.glob("here/*/regularized-evolution/seed-2.json")))
    assert found.config == {"population": 4, "sample": 3}
    assert found.objectives == ("valid_loss",)
    assert found.constraints == (Constraint("params", upper=400.0), Constraint("macs", lower=1.0))
    assert (found.workers, found.budget.queries, found.budget.cost_s) == (2, 8, 1e5)
    assert json.loads((tmp_path / "here/compare.json").read_text())["seeds"] == [0, 1, 2]
    assert not (tmp_path / "here/report.html").exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--queries", "0"], 1, "queries >= 1"),
        (["--queries", "-5"], 1, "queries >= 1"),
        (["--seconds", "0"], 1, "cost_s > 0"),
        (["--seconds", "nan"], 1, "cost_s > 0"),
        (["--workers", "0"], 1, "workers is a whole number"),
        (["-s", "random-serch"], 1, "did you mean 'random-search'"),
        (["-s", "random-search,random-search"], 1, "different searchers"),
        (["--objective", "test_accuracy"], 1, "measured on the test split"),
        (["--constraint", "test_loss<=1"], 1, "measured on the test split"),
        (["--objective", "valid_acuracy"], 1, "did you mean 'valid_accuracy'"),
        (["--set", "regularized-evolution.populatio=4"], 1, "did you mean 'population'"),
        (["--set", "regularized-evolution.population=four"], 1, "of type int, got 'four'"),
        (["--set", "acme.population=4"], 1, "not compared"),
        (["--seeds", "0"], 2, "--seeds"),
        (["--seeds", "some"], 2, "--seeds"),
        (["--constraint", "params"], 2, "METRIC<=NUMBER"),
        (["--constraint", "params<=many"], 2, "a number after <="),
        (["--set", "population=4"], 2, "SEARCHER.SETTING=VALUE"),
        (["-j", "0"], 2, "--processes"),
    ],
)
def test_bad_input_is_told_without_a_traceback(call, tmp_path, words, code, says):
    searchers = () if "-s" in words else ("-s", "random-search,regularized-evolution")
    ended, _, err = call(*searchers, *words)
    assert (ended, "Traceback" in err) == (code, False), err
    assert says in " ".join(err.split())
    assert not any(tmp_path.rglob("seed-*"))


PRINTING = """
print("imported")
from nasbench.searchers.random_search import RandomSearch

class Loud(RandomSearch):
    def ask(self, n=1):
        print("asked")
        return super().ask(n)
"""


def test_what_a_searcher_prints_is_kept_out_of_the_results(call, tmp_path):
    (tmp_path / "loud.py").write_text(PRINTING)
    code, out, err = call("-s", "loud.py:Loud", *SMALL, "--no-report")
    assert code == 0
    assert out.startswith("toy")
    assert err.count("imported\n") == 1
    assert err.count("asked\n") == 24


def test_a_file_without_a_class_is_answered_with_its_classes(call, tmp_path):
    (tmp_path / "loud.py").write_text(PRINTING)
    code, _, err = call("-s", "loud.py", *SMALL)
    assert code == 1
    assert "name the searcher's class in it: loud.py:Loud" in err
    assert "RandomSearch" not in err


@pytest.mark.parametrize("bounds", [["params<=1"], ["params<=1", "operations>=2"]])
def test_bounds_that_nothing_is_within_are_refused_before_the_first_run(call, tmp_path, bounds):
    words = [word for bound in bounds for word in ("--constraint", bound)]
    code, _, err = call("-s", "random-search", *SMALL, *words)
    assert code == 1
    assert "meets the constraints" in err
    params = ToyBenchmark().rows()[1]["params"]
    assert f"params is from {params.min():,.6g} to {params.max():,.6g}" in err
    assert not list(tmp_path.rglob("seed-*"))


def test_runs_without_an_evaluation_do_not_pass_in_silence(call):
    words = ("-s", "random-search", *SMALL, "--seconds", "1e-9", "--no-report")
    code, _, err = call(*words)
    assert code == 0, err
    told = "3 of 3 runs of random-search ended before an evaluation was complete"
    assert told in " ".join(err.split())


def test_an_unwritable_folder_is_told(call, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = call("-s", "random-search", *SMALL, "-o", "file/here")
    assert code == 1
    assert "choose another place" in err


def test_values_of_settings_are_json_or_texts():
    words = ["a.x=1", "a.y=0.5", "a.z=null", "mine.py:B.text=plain", "mine.py:B.on=true"]
    assert module._settings(words) == {
        "a": {"x": 1, "y": 0.5, "z": None},
        "mine.py:B": {"text": "plain", "on": True},
    }


def test_a_constraint_without_a_number_is_wrong_usage():
    with pytest.raises(typer.BadParameter):
        module._constraint("params<5")
