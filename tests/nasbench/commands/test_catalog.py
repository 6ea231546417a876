import json
import os

import pytest
import typer
from typer.testing import CliRunner

from nasbench import registry
from nasbench.commands.catalog import list_
from nasbench.testing.toy import ToyBenchmark, ToySpace


class Table(ToyBenchmark):
    task = "digits-on-photos"
    repeats = 1
    sha256 = "0123456789abcdef" * 4

    def __init__(self, trained):
        super().__init__(ToySpace((3, 4)))  # with a name as long as cell201-v1
        self.trained = trained


@pytest.fixture
def listed(monkeypatch):
    """What `nasbench list KIND` shows on a terminal of 80 columns, of a table trained so far."""

    def show(kind, *options, trained=(5260, 5260), **others):
        made = {"cell201/digits-on-photos": Table(trained), **others}
        monkeypatch.setattr(registry, "benchmark", made.__getitem__)
        if kind == "benchmarks":
            monkeypatch.setattr(registry, "names", lambda group: list(made))
            monkeypatch.setattr(registry, "provider", lambda group, name: "nasbench-lab")
        app = typer.Typer()
        app.command()(list_)
        environment = {**os.environ, "COLUMNS": "80"}
        result = CliRunner().invoke(app, [kind, *options], env=environment, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return show


def line(text, begin):
    (found,) = [line for line in text.splitlines() if line.strip().startswith(begin)]
    return found.split()


def test_a_partly_trained_table_is_marked(listed):
    said = listed("benchmarks", trained=(5259, 5260))
    column = line(said, "name").index("done")
    row = line(said, "cell201/")
    assert row[column : column + 2] == ["99", "%"]


def test_complete_tables_are_not(listed):
    assert "done" not in line(listed("benchmarks"), "name")


def test_json_counts_what_is_trained(listed):
    said = listed("benchmarks", "--json", trained=(12, 5260), toy=ToyBenchmark())
    table, toy = json.loads(said)["benchmarks"]
    assert table["trained"] == [12, 5260]
    assert toy["trained"] is None


def test_a_group_of_commands_is_described_by_its_help(listed):
    said = json.loads(listed("commands", "--json"))["commands"]
    (about,) = [row["about"] for row in said if row["name"] == "table"]
    assert about.startswith("Build, inspect, check")
