from importlib import metadata

import pytest
import typer

from nasbench import registry
from nasbench.commands import doctor
from nasbench.errors import TableCorrupt
from nasbench.testing.toy import ToyBenchmark


class Table(ToyBenchmark):
    sha256 = "0123456789abcdef" * 4
    trained = (60, 60)

    def verify(self):
        return 44


class Damaged(Table):
    """Intact as far as queries read it."""

    def verify(self):
        raise TableCorrupt("the values of train_s are not those that were written")


class Partial(Table):
    trained = (12, 60)


@pytest.fixture
def found(monkeypatch):
    def look(benchmark):
        monkeypatch.setattr(registry, "names", lambda group: ["toy"])
        monkeypatch.setattr(registry, "provider", lambda group, name: doctor.DISTRIBUTION)
        monkeypatch.setattr(registry, "benchmark", lambda name: benchmark)
        (finding,) = doctor._attempts(registry.BENCHMARKS, doctor._benchmark)
        return finding

    return look


def test_a_table_is_read_to_the_last_hash(found):
    finding = found(Table())
    assert finding.level == "ok"
    assert "content 0123456789ab intact (44 hashes hold)" in finding.text


def test_damage_that_no_query_meets_is_found(found):
    finding = found(Damaged())
    assert finding.level == "broken"
    assert "train_s" in finding.text


def test_a_partly_trained_table_is_noted(found):
    finding = found(Partial())
    assert finding.level == "note"
    assert "only 12 of 60 architectures are trained" in finding.text


def test_a_benchmark_without_content_claims_nothing_of_it(found):
    finding = found(ToyBenchmark())
    assert finding.level == "ok"
    assert "intact" not in finding.text


def test_extras_that_only_maintainers_need_are_not_mentioned():
    told = {finding.what for finding in doctor._requirements()}
    assert {"extra optuna", "extra onnx"} <= told
    assert not told & {f"extra {name}" for name in doctor.MAINTAINERS}
    known = set(metadata.metadata(doctor.DISTRIBUTION).get_all("Provides-Extra"))
    assert set(doctor.MAINTAINERS) <= known  # or a renamed one would be told of again


def test_the_last_line_says_what_the_others_come_to(monkeypatch, capsys):
    def made(*levels):
        return lambda runs: [doctor.Finding(level, "it", "looked at") for level in levels]

    monkeypatch.setattr(doctor, "findings", made("ok", "ok", "note"))
    doctor.doctor()
    (*_, last) = capsys.readouterr().out.splitlines()
    assert last.startswith("2 ok, 1 to note")
    assert "none broken" in last
    monkeypatch.setattr(doctor, "findings", made("ok", "broken"))
    with pytest.raises(typer.Exit):
        doctor.doctor()
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 ok, 1 broken")
