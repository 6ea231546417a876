import json
import math

import pytest
import typer
from typer.testing import CliRunner

from nasbench import registry
from nasbench.commands.query import number, query
from nasbench.core import Metric, Result
from nasbench.errors import InvalidArchitecture, UnknownSchedule
from nasbench.testing.toy import ToyBenchmark


class Partial(ToyBenchmark):
    """A table of which the architectures whose first gene is 1 are trained."""

    trained = (60, 120)

    def _result(self, candidate, noise_seed):
        result = super()._result(candidate, noise_seed)
        if candidate.arch.genes[0] == 1:
            return result
        nothing = {metric.name: math.nan for metric in self.metrics if metric.split != "static"}
        return Result({**result.metrics, **nothing}, result.cost_s)


@pytest.fixture
def toy():
    return ToyBenchmark()


@pytest.fixture
def ask(monkeypatch, toy):
    monkeypatch.setattr(registry, "benchmark", lambda name: toy)
    app = typer.Typer()
    app.command()(query)

    def asked(*arguments):
        result = CliRunner().invoke(app, ["toy", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return asked


@pytest.mark.parametrize("arch", ["1-2-3-2", "117", "1,2,3,2"])
def test_an_architecture_may_be_a_string_an_index_or_genes(ask, arch):
    assert json.loads(ask(arch, "--json"))["genes"] == [1, 2, 3, 2]


def test_json_has_every_metric_and_the_cost(ask):
    answer = json.loads(ask("117", "--json"))
    assert {metric.name for metric in ToyBenchmark.metrics} <= set(answer)
    assert answer["cost_s"] == 8 * (0.5 + 500 / 1000)
    assert answer["epochs"] == 8
    assert answer["noise_seed"] is None


def test_json_names_the_canonical_twin(ask):
    answer = json.loads(ask("0-2-1-1", "--json"))
    assert (answer["architecture"], answer["canonical"]) == ("0-2-1-1", "0-0-1-1")


def test_epochs_and_noise_seed_are_passed_on(ask):
    plain, early, noisy = (
        json.loads(ask("117", "--json", *options))
        for options in ((), ("--epochs", "1"), ("--noise-seed", "3"))
    )
    assert early["valid_accuracy"] < plain["valid_accuracy"]
    assert noisy["valid_accuracy"] != plain["valid_accuracy"]


def test_people_see_a_table_with_units(ask):
    said = ask("117")
    assert "1-2-3-2" in said
    for metric in ToyBenchmark.metrics:
        assert metric.name in said
    assert "multiply-adds" in said


@pytest.mark.parametrize("toy", [Partial()])
def test_what_is_not_trained_yet_is_called_so(ask):
    said = ask("0-0-1-1")
    assert said.count("not trained yet") == 6
    assert "60 of 120 architectures" in said
    assert json.loads(ask("0-0-1-1", "--json"))["test_loss"] is None


@pytest.mark.parametrize("toy", [Partial()])
def test_a_partly_trained_table_shows_what_it_has(ask):
    said = ask("117")
    assert "not trained yet" not in said
    assert "60 of 120 architectures" in said


def test_a_complete_benchmark_does_not_count_what_is_trained(ask):
    assert "architectures" not in ask("117")


def test_wrong_input_is_an_error_of_ours(ask):
    with pytest.raises(InvalidArchitecture):
        ask("9-9-9-9")
    with pytest.raises(UnknownSchedule):
        ask("117", "--epochs", "3")


@pytest.mark.parametrize(
    ("value", "text"),
    [(21650.0, "21,650"), (12.0, "12"), (71.91666666, "71.9167"), (float("nan"), "-")],
)
def test_numbers_are_written_for_people(value, text):
    assert number(value) == text


def test_a_device_in_the_name_of_a_metric_is_shown(ask, toy, monkeypatch):
    latency = Metric("latency_ms[edgegpu]", "ms", "lower", "static")
    answer = Result({latency.name: 1.5}, 1.0)
    monkeypatch.setattr(toy, "metrics", (latency,), raising=False)
    monkeypatch.setattr(toy, "query", lambda candidates, noise_seed=None: [answer], raising=False)
    assert "latency_ms[edgegpu]" in ask("0")
