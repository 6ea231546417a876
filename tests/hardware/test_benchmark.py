import copy
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hardware.benchmark import (
    MeasuredBenchmark,
    file_of,
    label_of,
    open_measured,
    with_latencies,
)
from hardware.columns import About, Column, Document, Row, write_document
from hardware.measure import classes
from nasbench import registry
from nasbench.core import Architecture, Budget, Candidate, Constraint, SupportsRetraining
from nasbench.errors import RunFault, TableFault, UnknownBenchmark
from nasbench.harness.collection import collect, find_benchmark
from nasbench.harness.compare import compare
from nasbench.harness.derived import content_hash
from nasbench.harness.replay import replay
from nasbench.testing.benchmarks import BenchmarkConformance

MS, MJ = "latency_ms[fake-cpu]", "energy_mj[fake-cpu]"


def latency(genes):
    """Made up: convolutions take long."""
    return 0.1 + 0.05 * sum(gene == 3 for gene in genes) + 0.02 * sum(gene == 2 for gene in genes)


def document_of(table, workload, count, *, energy=math.nan):
    rows = {
        genes: Row(genes, ms := latency(genes), ms, ms, 0, 1.0, 9, True, energy)
        for genes in classes(table)[:count]
    }
    about = About("fake-cpu", "fake-cpu", workload, {"runtime": "1"}, (0,) * 6, 1e-3, 0.03)
    session = {"date": "2020-01-01", "load": 0.0, "classes": count}
    return Document(table.name, table.sha256, "cell201-v1", (Column(about, rows, (session,)),))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, table, workload):
    where = tmp_path_factory.mktemp("measured") / "mine.latency"
    write_document(document_of(table, workload, 1500), where)
    return where


@pytest.fixture
def path(whole, tmp_path):
    """One that may be changed."""
    return Path(shutil.copy(whole, tmp_path))


@pytest.fixture(scope="module")
def opened(whole):
    return open_measured(whole)


class TestMeasuredBenchmark(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, opened):
        return opened


def test_a_file_opens_as_the_benchmark_with_one_more_metric(path, table):
    found = registry.benchmark(path)
    assert found.name == table.name
    assert found.epochs == table.epochs
    assert [metric.name for metric in found.metrics[len(table.metrics) :]] == [MS]
    assert found.sha256 != table.sha256
    assert isinstance(found, SupportsRetraining)
    assert (found.task, found.recipe) == (table.task, table.recipe)
    assert found.seeds == table.seeds  # whatever else the base has


def test_all_members_of_a_class_have_the_latency_of_their_canonical_one(path, table, rng):
    found = open_measured(path)
    space, known = found.space, set(classes(table)[:1500])
    for arch in space.sample(50, rng):
        form = space.canonical(arch).genes
        answer = found.query([Candidate(arch, 1)], noise_seed=3)[0]
        plain = table.query([Candidate(arch, 1)], noise_seed=3)[0]
        expected = latency(form) if form in known else math.nan
        assert answer.metrics.pop(MS) == pytest.approx(expected, nan_ok=True)
        assert answer == plain


def test_rows_agree_with_queries(path):
    found = open_measured(path)
    genes, columns = found.rows()
    assert np.isfinite(columns[MS]).sum() == 1500
    archs = [Architecture("cell201-v1", tuple(row)) for row in genes[:40].tolist()]
    told = [answer.metrics[MS] for answer in found.query([Candidate(arch) for arch in archs])]
    np.testing.assert_array_equal(told, columns[MS][:40])


def test_energy_is_a_metric_only_where_it_was_measured(table, workload, tmp_path):
    document = document_of(table, workload, 5, energy=2.5)
    found = with_latencies(document, tmp_path / "x.latency")
    arch = Architecture("cell201-v1", classes(table)[0])
    assert found.query([Candidate(arch)])[0].metrics[MJ] == 2.5


@pytest.mark.parametrize(
    ("change", "fault", "words"),
    [
        ({"space": "darts-v1"}, TableFault, "make it again for this one"),
        ({"benchmark": "cell201/no-such"}, UnknownBenchmark, "cell201/no-such"),
        ({"table_file": "gone.h5"}, (TableFault, UnknownBenchmark), "gone"),
        ({"table_file": "mine.latency"}, TableFault, r"is a \.latency itself"),
        ({"benchmark": "mine.latency"}, TableFault, r"is a \.latency itself"),
    ],
)
def test_another_table_than_was_measured_is_refused(path, change, fault, words):
    write_document(replace(open_measured(path).document, **change), path)
    with pytest.raises(fault, match=words):
        open_measured(path)


def test_networks_of_another_recipe_are_refused_and_new_costs_are_not(path, workload):
    document = open_measured(path).document
    write_document(replace(document, table_sha256="0" * 64), path)
    assert open_measured(path).document.table_sha256 == "0" * 64
    column = document.columns[0]
    other = replace(workload, recipe=replace(workload.recipe, channels=16))
    about = replace(column.about, workload=other)
    write_document(document.having(replace(column, about=about)), path)
    with pytest.raises(TableFault, match="another recipe"):
        open_measured(path)


def test_a_metric_that_the_table_has_already_is_not_hidden(path, table):
    found = open_measured(path)
    with pytest.raises(TableFault, match="another label"):
        MeasuredBenchmark(found, found.document, path)


def test_labels_are_read_from_metrics():
    assert label_of("latency_ms[torch-cpu-1/full]") == "torch-cpu-1/full"
    assert label_of("valid_accuracy") == label_of("latency_ms[x") == ""


def with_column(document, label, *, scale=1.0):
    """The document with a column of this label, as the first one but for the scale."""
    (first, *_) = document.columns
    about = replace(first.about, label=label, device=label)
    ends = ("median_ms", "low_ms", "high_ms")
    rows = {
        key: replace(row, **{name: scale * getattr(row, name) for name in ends})
        for key, row in first.rows.items()
    }
    return document.having(replace(first, about=about, rows=rows))


def test_a_further_column_leaves_the_runs_that_never_saw_it_as_they_are(path, tmp_path):
    document, out = open_measured(path).document, tmp_path / "runs"
    asked = (str(path), ["random-search"], range(2))
    setting = {"budget": Budget(5), "out": out, "objectives": ("valid_accuracy", MS)}
    before = compare(*asked, **setting, processes=1)
    stamps = {file: file.stat().st_mtime_ns for file in out.rglob("seed-*.json")}
    write_document(with_column(document, "other-cpu"), path)
    found = open_measured(path)
    assert found.sha256 != before[0].table_sha256
    assert find_benchmark(collect(out), path).name == found.name
    compare(*asked, **setting, processes=1)
    assert {file: file.stat().st_mtime_ns for file in out.rglob("seed-*.json")} == stamps
    write_document(with_column(document, "fake-cpu", scale=2.0), path)
    with pytest.raises(RunFault, match="were made on"):
        find_benchmark(collect(out), path)
    with pytest.raises(RunFault, match="another setting: expected table_sha256"):
        compare(*asked, **setting, processes=1)


def test_the_hash_of_a_run_covers_what_its_objectives_and_constraints_come_from(path):
    document = with_column(open_measured(path).document, "other-cpu")
    found = with_latencies(document, path)
    changed = with_latencies(with_column(document, "other-cpu", scale=2.0), path)
    bound, other = Constraint("latency_ms[other-cpu]", upper=1.0), "latency_ms[other-cpu]"
    settings = {
        "neither": (["valid_accuracy"], []),
        "first": ([MS], []),
        "objective": ([other], []),
        "bound": (["valid_accuracy"], [bound]),
        "both": ([MS], [bound]),
    }
    hashes = {name: content_hash(found, *each) for name, each in settings.items()}
    assert hashes["objective"] == hashes["bound"]
    assert len(set(hashes.values())) == 4
    assert hashes["both"] == found.sha256
    same = {name for name, each in settings.items() if content_hash(changed, *each) == hashes[name]}
    assert same == {"neither", "first"}


@pytest.mark.slow
def test_searchers_trade_accuracy_for_latency_within_a_bound(path, tmp_path):
    bound = Constraint(MS, upper=0.25)
    runs = compare(
        str(path),
        ["random-search", "nsga2"],
        range(2),
        budget=Budget(40),
        out=tmp_path / "runs",
        objectives=("valid_accuracy", MS),
        constraints=[bound],
        processes=1,
    )
    found = open_measured(path)
    for run in runs:
        assert run.table_sha256 == found.sha256
        assert not replay(run, found)
        values, feasible = run.trajectory.values[:, 1], run.trajectory.feasible
        np.testing.assert_array_equal(feasible, values <= 0.25)  # what is not measured is inf
        assert feasible.any()


@pytest.mark.slow
def test_the_report_draws_the_front_of_accuracy_and_latency(path, tmp_path):
    command = [sys.executable, "-m", "nasbench", "compare", str(path), "-s", "random-search"]
    command += ["--seeds", "1", "--queries", "30", "--objectives", f"valid_accuracy,{MS}"]
    command += ["--constraint", f"{MS}<=0.3", "--out", str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "runs" / "report.html").read_text()
    assert "Pareto front" in page
    assert MS in page


def test_a_registered_one_goes_by_its_own_name_in_other_processes_too(path, table):
    found = open_measured(path, name="cell201/digits-on-photos+latency")
    assert found.name == "cell201/digits-on-photos+latency"
    assert copy.copy(found).name == found.name  # made as in another process
    assert found.sha256 == open_measured(path).sha256
    assert registry.table_of(found.name) == table.name


def test_the_file_behind_a_registered_benchmark_is_found(path, monkeypatch, tmp_path):
    known = {"a/b+latency": open_measured(path, name="a/b+latency")}
    monkeypatch.setattr(registry, "names", lambda group: list(known))
    monkeypatch.setattr(registry, "benchmark", known.__getitem__)
    assert file_of("a/b+latency") == path
    assert file_of(str(tmp_path / "mine.latency")) == tmp_path / "mine.latency"
