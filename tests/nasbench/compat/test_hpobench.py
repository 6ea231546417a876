import math

import numpy as np
import pytest

from nasbench.compat import configspace
from nasbench.compat.hpobench import HPOBenchmark
from nasbench.core import Candidate, Result
from nasbench.errors import InvalidArchitecture, InvalidConfig, UnknownMetric, UnknownSchedule
from nasbench.testing.toy import ToyBenchmark

TOY = ToyBenchmark()
ARCH = TOY.space.parse("1-2-3-1")
CONFIGURATION = configspace.configuration(TOY.space, ARCH)


@pytest.fixture
def adapter():
    return HPOBenchmark(TOY)


def result(epochs=None, noise_seed=None):
    return TOY.query([Candidate(ARCH, epochs)], noise_seed=noise_seed)[0]


def test_the_answer_has_the_keys_of_hpobench(adapter):
    answer = adapter.objective_function(CONFIGURATION)
    assert set(answer) == {"function_value", "cost", "info"}
    assert answer["function_value"] == pytest.approx(100 - result().metrics["valid_accuracy"])
    assert answer["cost"] == result().cost_s
    assert answer["info"]["fidelity"] == {"epoch": 8}


def test_the_fidelity_is_the_number_of_epochs(adapter):
    answer = adapter.objective_function(CONFIGURATION, {"epoch": 2})
    assert answer["function_value"] == pytest.approx(100 - result(2).metrics["valid_accuracy"])
    assert answer["cost"] == result(2).cost_s


def test_the_test_metric_is_found_in_the_test_function_alone(adapter):
    answer = adapter.objective_function(CONFIGURATION)
    assert not any(name.startswith("test") for name in answer["info"])
    answer = adapter.objective_function_test(CONFIGURATION)
    assert answer["function_value"] == pytest.approx(100 - result().metrics["test_accuracy"])


@pytest.mark.parametrize(("metric", "sign"), [("valid_loss", 1), ("params", 1)])
def test_what_is_already_to_be_minimized_is_left_as_it_is(metric, sign):
    answer = HPOBenchmark(TOY, metric=metric).objective_function(CONFIGURATION)
    assert answer["function_value"] == sign * result().metrics[metric]


def test_a_seed_draws_the_repeat(adapter):
    answer = adapter.objective_function(CONFIGURATION, rng=5)
    expected = result(noise_seed=5).metrics["valid_accuracy"]
    assert answer["function_value"] == pytest.approx(100 - expected)


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_a_generator_draws_the_repeat_and_moves_on(adapter, make):
    rng, twin = make(1), make(1)
    first, second = (adapter.objective_function(CONFIGURATION, rng=rng) for _ in range(2))
    assert first != second
    assert first == adapter.objective_function(CONFIGURATION, rng=twin)


def test_a_failed_training_is_infinitely_bad(monkeypatch):
    failed = Result({**result().metrics, "valid_accuracy": math.nan}, 1.0)
    monkeypatch.setattr(ToyBenchmark, "query", lambda *_, **__: [failed])
    answer = HPOBenchmark(ToyBenchmark()).objective_function(CONFIGURATION)
    assert answer["function_value"] == math.inf


def test_spaces_are_those_of_configspace(adapter):
    pytest.importorskip("ConfigSpace")
    configuration = adapter.get_configuration_space(seed=1).sample_configuration()
    fidelity = adapter.get_fidelity_space(seed=1).sample_configuration()
    answer = adapter.objective_function(configuration, fidelity)
    assert answer["info"]["fidelity"] == dict(fidelity)
    default = adapter.get_fidelity_space().get_default_configuration()
    assert dict(default) == {"epoch": 8}


@pytest.mark.parametrize(
    ("fidelity", "fault"),
    [
        ({"epoch": 3}, UnknownSchedule),
        ({"epoch": 2.5}, InvalidConfig),
        ({"budget": 2}, InvalidConfig),
    ],
)
def test_a_wrong_fidelity_is_refused(adapter, fidelity, fault):
    with pytest.raises(fault):
        adapter.objective_function(CONFIGURATION, fidelity)


def test_other_wrong_input_is_refused(adapter):
    with pytest.raises(InvalidArchitecture):
        adapter.objective_function({})
    with pytest.raises(InvalidConfig, match="rng"):
        adapter.objective_function(CONFIGURATION, rng="five")
    with pytest.raises(UnknownMetric, match="did you mean 'valid_accuracy'"):
        HPOBenchmark(TOY, metric="valid_acc")
    with pytest.raises(UnknownMetric):
        HPOBenchmark(TOY, test_metric="none").objective_function_test(CONFIGURATION)


def test_meta_information_names_the_benchmark(adapter):
    assert adapter.get_meta_information()["name"] == TOY.name
