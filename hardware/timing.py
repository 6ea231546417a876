"""From stopwatch readings on a noisy machine to one latency and how sure it is. NumPy only.

A network is timed in rounds, and before the first and after every round so is a reference network.
Its seconds, divided by what it takes when nothing disturbs it, are the drift of the machine, by
which the round is divided. The median over rounds does not mind single disturbances.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.device import Meter, Stopwatch
from nasbench.errors import InvalidConfig

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a network is timed."""

    warm_up: int = 3
    """Runs that do not count."""
    round_s: float = 0.0005
    """Seconds of a round, of at least one run and at most `MOST_RUNS`: the shorter, the nearer in
    time is the reference, and the better its drift is the network's."""
    rounds: int = 8
    """Rounds after which the interval is looked at, and again after as many more."""
    most_rounds: int = 192
    most_s: float = 3.0
    """Seconds after which no further rounds are begun."""
    tolerance: float = 0.02
    """Half-width of the 95 % interval of the median, relative to it, that is tight enough."""
    energy_s: float = 0.5
    """Seconds that the network runs for its energy, where a meter can be read."""

    def __post_init__(self) -> None:
        if self.rounds < 6 or self.most_rounds < self.rounds:
            raise InvalidConfig(
                "an interval of the median needs at least 6 rounds, and most_rounds no fewer, got "
                f"{self.rounds} and {self.most_rounds}"
            )
        if not (self.warm_up >= 0 and self.round_s > 0 and self.most_s > 0 and self.tolerance > 0):
            raise InvalidConfig(f"a plan's seconds and tolerance are positive, got {self}")


MOST_RUNS = 64
MOST_REFERENCE_RUNS = 3
"""Of the reference between two rounds."""
WINDOW = 5
"""Readings of the reference, around a round, whose median is the drift there."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Latency of one network, corrected for drift; milliseconds for the whole batch."""

    median_ms: float
    low_ms: float
    """Lower end of the 95 % interval of the median."""
    high_ms: float
    iqr_ms: float
    """Interquartile range of single runs."""
    drift: float
    """Median by which the machine was slower than at the baseline; 1 is none."""
    runs: int
    tight: bool
    """Whether the interval is as tight as was asked for."""


def time_network(
    stopwatch: Stopwatch,
    reference: Stopwatch,
    baseline_s: float,
    *,
    plan: Plan,
    clock: Callable[[], float],
) -> Timing:
    """Times a network until its interval is tight or the plan's limits are reached."""
    start = clock()
    warm = [stopwatch() for _ in range(plan.warm_up + 1)]
    runs = _fitting(warm[-1], plan.round_s, MOST_RUNS)
    reference_runs = _fitting(baseline_s, plan.round_s, MOST_REFERENCE_RUNS)
    readings: list[list[float]] = []
    marks = [_median_of(reference, reference_runs)]
    while True:
        for _ in range(plan.rounds):
            readings.append([stopwatch() for _ in range(runs)])
            marks.append(_median_of(reference, reference_runs))
        timing = summarize(np.array(readings), np.array(marks), baseline_s, plan.tolerance)
        spent = len(readings) >= plan.most_rounds or clock() - start > plan.most_s
        if timing.tight or spent:
            return timing


def baseline(
    reference: Stopwatch, *, blocks: int = 20, size: int = 20, at_least_s: float = 2
) -> float:
    """Seconds of the reference when the least disturbs it: the lowest of many medians.

    A machine may be slowed for a second, so there are as many blocks as fill `at_least_s`.
    """
    _median_of(reference, size)  # warm-up
    found: list[float] = []
    while len(found) < blocks or size * sum(found) < at_least_s:
        found.append(_median_of(reference, size))
    return min(found)


def drifts(marks: Floats, baseline_s: float) -> Floats:
    """By how much the machine was slower in each round (rounds,), from marks (rounds + 1,)."""
    half = WINDOW // 2
    padded = np.pad(marks, half, mode="reflect" if len(marks) > half else "edge")
    level = np.median(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1)
    return (level[:-1] + level[1:]) / (2 * baseline_s)


def summarize(readings: Floats, marks: Floats, baseline_s: float, tolerance: float) -> Timing:
    """Timing from seconds (rounds, runs) and the reference's (rounds + 1,) around the rounds."""
    drift = drifts(marks, baseline_s)
    corrected_ms = 1e3 * readings / drift[:, None]
    low, median, high = median_interval(np.median(corrected_ms, axis=1))
    quarter, three = np.quantile(corrected_ms, (0.25, 0.75))
    return Timing(
        median_ms=median,
        low_ms=low,
        high_ms=high,
        iqr_ms=float(three - quarter),
        drift=float(np.median(drift)),
        runs=readings.size,
        tight=bool(high - low <= 2 * tolerance * median),
    )


def median_interval(values: Floats, level: float = 0.95) -> tuple[float, float, float]:
    """Lower end, median and upper end of an interval of the median that assumes no distribution.

    Order statistics k and n + 1 - k cover the median with 1 - 2 P(Binomial(n, 1/2) < k), here at
    least `level` (Conover, Practical Nonparametric Statistics, sec. 3.2). Needs 6 values for 95 %;
    rounds follow one another, so the interval is that of this session only.
    """
    n, ordered = len(values), np.sort(values)
    below, k = 0.5**n, 1
    while 1 - 2 * (below + math.comb(n, k) * 0.5**n) >= level:
        below += math.comb(n, k) * 0.5**n
        k += 1
    return float(ordered[k - 1]), float(np.median(ordered)), float(ordered[n - k])


def energy_mj(
    stopwatch: Stopwatch, meter: Meter, seconds: float, clock: Callable[[], float]
) -> float:
    """Millijoules of one run, all that the processor or card used meanwhile."""
    start, before, runs = clock(), meter(), 0
    while clock() - start < seconds:
        stopwatch()
        runs += 1
    return 1e3 * (meter() - before) / max(runs, 1)


def _median_of(stopwatch: Stopwatch, runs: int) -> float:
    return float(np.median([stopwatch() for _ in range(runs)]))


def _fitting(seconds: float, into_s: float, most: int) -> int:
    """Runs that fill a time: at least 1, at most `most`."""
    return min(most, max(1, math.ceil(into_s / max(seconds, 1e-9))))
