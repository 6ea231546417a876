from __future__ import annotations

from concurrent.futures import Executor, Future
from contextlib import nullcontext

import pytest

from nasbench import registry
from nasbench.cli import main
from nasbench.commands import compare as module
from nasbench.harness import compare as harness
from nasbench.testing.toy import ToyBenchmark


class Inline(Executor):
    """Does the work at once, in this process."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future


@pytest.fixture
def call(monkeypatch, tmp_path, capsys):
    """Exit code, stdout and stderr of a command line; `toy` and `other` are the only tables."""
    harness._opened.cache_clear()
    toys = {"toy": ToyBenchmark(), "other": ToyBenchmark()}
    toys["other"].name = "other"
    monkeypatch.setattr(registry, "benchmark", toys.__getitem__)
    names = registry.names
    monkeypatch.setattr(
        registry,
        "names",
        lambda group: sorted(toys) if group == registry.BENCHMARKS else names(group),
    )
    monkeypatch.setattr(module, "_executor", lambda address: nullcontext(Inline()))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)

    def start(*words):
        with pytest.raises(SystemExit) as stop:
            main(words)
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err

    yield start
    harness._opened.cache_clear()


SMALL = ("-s", "random-search,local-search", "--seeds", "3", "--queries", "8")


@pytest.mark.slow
def test_a_suite_runs_on_all_tables_and_ends_with_one_table_and_a_report(call, tmp_path):
    code, out, err = call("compare", "--suite", *SMALL)
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= 80
    assert "2 benchmarks, 3 seeds, 8 evaluations a run" in out
    assert out.splitlines()[-1] == "report: runs/suite/report.html"
    assert len(list(tmp_path.glob("runs/suite/*/*/*/seed-*.json"))) == 12
    page = (tmp_path / "runs/suite/report.html").read_text()
    (tmp_path / "runs/suite/report.html").unlink()
    assert call("report", "runs/suite")[1].strip() == "runs/suite/report.html"
    assert (tmp_path / "runs/suite/report.html").read_text() == page


def test_a_suite_may_be_of_named_benchmarks(call, tmp_path):
    words = ("compare", "--suite", "other", *SMALL, "--no-report", "-o", "here")
    code, out, err = call(*words)
    assert code == 0, err
    assert "1 benchmarks" not in out
    assert [path.name for path in (tmp_path / "here").iterdir() if path.is_dir()] == ["other"]


def test_several_benchmarks_without_a_suite_are_wrong_usage(call):
    code, _, err = call("compare", "toy", "other", *SMALL)
    assert code == 2
    assert "--suite" in err
