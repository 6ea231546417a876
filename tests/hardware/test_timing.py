import numpy as np
import pytest
from scipy import stats

from hardware.timing import Plan, Series, baseline, energy_mj, median_interval
from nasbench.errors import InvalidConfig

from .fake_device import FakeMachine

TRUE_S, REFERENCE_S = 3e-4, 5e-4


def timed(machine, **plan):
    stopwatch, reference = machine.stopwatch(TRUE_S), machine.stopwatch(REFERENCE_S)
    series = Series(stopwatch, reference, REFERENCE_S, plan=Plan(**plan), clock=machine.clock)
    while (timing := series.visit()) is None:
        pass
    return timing


def test_a_machine_at_rest_gives_the_true_latency_in_the_first_visits():
    found = timed(FakeMachine())
    assert found.median_ms == pytest.approx(1e3 * TRUE_S)
    assert found.drift == pytest.approx(1)
    assert (found.iqr_ms, found.tight) == (pytest.approx(0), True)
    assert found.runs == 9 * 8 * 2  # visits, rounds of 0.5 ms


@pytest.mark.parametrize(
    "slowdown",
    [
        lambda now: 1.6,  # all along
        lambda now: 1 + 60 * now,  # getting hot
        lambda now: 1.5 if now % 0.04 < 0.03 else 1.0,  # another process, on and off
    ],
)
def test_the_reference_corrects_for_drift(slowdown):
    found = timed(FakeMachine(slowdown, noise=0.02))
    raw_ms = found.median_ms * found.drift
    assert abs(found.median_ms / (1e3 * TRUE_S) - 1) < 0.05
    assert raw_ms / (1e3 * TRUE_S) - 1 > 0.15  # without the correction


def test_single_disturbances_do_not_move_the_median():
    machine = FakeMachine()
    spikes = np.random.default_rng(1).random(100_000) < 0.1
    count = iter(range(100_000))
    machine.slowdown = lambda now: 20.0 if spikes[next(count)] else 1.0
    assert timed(machine).median_ms == pytest.approx(1e3 * TRUE_S, rel=0.01)


def test_a_noisy_machine_is_timed_for_longer_and_said_not_to_be_tight():
    quiet, noisy = timed(FakeMachine(noise=0.001)), timed(FakeMachine(noise=2.0), tolerance=0.001)
    assert quiet.tight
    assert not noisy.tight
    assert noisy.runs > 3 * quiet.runs


def test_the_limit_of_time_ends_the_visits():
    machine = FakeMachine(noise=2.0)
    timed(machine, tolerance=1e-6, most_s=0.1)
    assert machine.now < 0.1 + 8 * 0.05


def test_the_baseline_is_that_of_the_quietest_block():
    machine = FakeMachine(lambda now: 1.0 if 0.1 < now < 0.15 else 3.0)
    assert baseline(machine.stopwatch(REFERENCE_S), seconds=2) == pytest.approx(REFERENCE_S)


def test_what_the_reference_does_not_correct_is_in_the_interval_if_the_visits_are_apart():
    """A state of the machine that slows the network alone, for a second or so at a time."""
    rng = np.random.default_rng(2)
    states = 1 + 0.1 * rng.standard_normal(10_000)
    errors, widths = [], []
    for _ in range(50):
        machine = FakeMachine()
        machine.now = 100 * rng.random()
        network = machine.stopwatch(TRUE_S)
        series = Series(
            lambda machine=machine, network=network: network() * states[int(machine.now)],
            machine.stopwatch(REFERENCE_S),
            REFERENCE_S,
            plan=Plan(tolerance=0.05),
            clock=machine.clock,
        )
        while (timing := series.visit()) is None:
            machine.now += 1
        errors.append(timing.median_ms / (1e3 * TRUE_S) - 1)
        widths.append(timing.high_ms / timing.low_ms - 1)
    assert np.std(errors) < 0.04
    assert np.mean(widths) > 0.05


@pytest.mark.parametrize("n", [6, 8, 15, 48])
def test_the_interval_of_the_median_is_the_narrowest_that_covers_95_percent(n):
    low, median, high = median_interval(np.arange(1.0, n + 1))
    assert (low + high) / 2 == median == (n + 1) / 2
    covered = [stats.binom.cdf(n - k, n, 0.5) - stats.binom.cdf(k - 1, n, 0.5) for k in (1, 2)]
    k = int(low)
    assert stats.binom.cdf(n - k, n, 0.5) - stats.binom.cdf(k - 1, n, 0.5) >= 0.95
    assert stats.binom.cdf(n - k - 1, n, 0.5) - stats.binom.cdf(k, n, 0.5) < 0.95
    assert covered[0] >= 0.95


def test_the_interval_covers_the_median_of_skewed_values_as_often_as_it_says():
    rng = np.random.default_rng(0)
    ends = [median_interval(rng.exponential(size=16)) for _ in range(2000)]
    covered = np.mean([low <= np.log(2) <= high for low, _, high in ends])
    assert 0.945 <= covered <= 0.99  # 97.9 % in theory


@pytest.mark.parametrize(
    "wrong",
    [{"visits": 5}, {"most_visits": 7}, {"rounds": 0}, {"tolerance": 0.0}, {"round_s": -1.0}],
)
def test_a_plan_out_of_range_is_refused(wrong):
    with pytest.raises(InvalidConfig, match=r"visits|positive"):
        Plan(**wrong)


def test_energy_is_what_the_meter_gained_for_each_run():
    machine = FakeMachine()
    watts = 20.0
    found = energy_mj(
        machine.stopwatch(TRUE_S), lambda: 100 + watts * machine.now, 0.5, machine.clock
    )
    assert found == pytest.approx(1e3 * watts * TRUE_S)
