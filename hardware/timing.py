"""From stopwatch readings on a noisy machine to one latency and how sure it is. NumPy only.

A network is timed in visits, seconds apart, of a few rounds each; before the first and after every
round a reference network is. Its seconds, divided by what it takes when nothing disturbs it, are
the drift of the machine, by which the round is divided. What that does not correct is alike within
a visit and not between them, so it is visits that the interval counts, and the median of their
medians is the latency.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.device import Meter, Stopwatch
from nasbench.errors import InvalidConfig

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long networks are timed."""

    together: int = 64
    """Networks that are visited in turn, so that the visits to one are seconds apart."""
    warm_up: int = 3
    """Runs before the first visit that do not count; before each later one there is one."""
    round_s: float = 0.0005
    """Seconds of a round, of at least one run and at most `MOST_RUNS`: the shorter, the nearer in
    time is the reference, and the better its drift is the network's."""
    rounds: int = 3
    """Least rounds of a visit."""
    most_rounds: int = 8
    visit_s: float = 0.06
    """Seconds of a visit after which it has no more than its least rounds."""
    visits: int = 9
    """Visits after which the interval is looked at, and again after as many more. With 9 it leaves
    out the lowest and the highest, with 8 none."""
    most_visits: int = 45
    most_s: float = 3.0
    """Seconds of its own visits after which a network is not visited again."""
    tolerance: float = 0.08
    """Half-width of the 95 % interval of the median, relative to it, that is tight enough."""
    baseline_s: float = 20.0
    """Seconds in which the baseline of the reference is looked for."""
    energy_s: float = 0.5
    """Seconds that the network runs for its energy, where a meter can be read."""

    def __post_init__(self) -> None:
        if self.visits < LEAST_VISITS or self.most_visits < self.visits:
            raise InvalidConfig(
                f"an interval of the median needs at least {LEAST_VISITS} visits, and most_visits "
                f"no fewer, got {self.visits} and {self.most_visits}"
            )
        if not (self.together > 0 and self.most_rounds >= self.rounds > 0 and self.warm_up >= 0):
            raise InvalidConfig(f"a plan's numbers of networks and rounds are positive, got {self}")
        seconds = self.round_s, self.visit_s, self.most_s, self.baseline_s
        if not (min(seconds) > 0 and self.tolerance > 0):
            raise InvalidConfig(f"a plan's seconds and tolerance are positive, got {self}")


LEAST_VISITS = 6
"""For a 95 % interval of the median."""
TIMING = "timing"
"""Condition of a column: how its networks were visited."""
MOST_RUNS = 64
MOST_REFERENCE_RUNS = 3
"""Of the reference between two rounds."""


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


class Series:
    """The visits to one network."""

    def __init__(
        self,
        stopwatch: Stopwatch,
        reference: Stopwatch,
        baseline_s: float,
        *,
        plan: Plan,
        clock: Callable[[], float],
    ) -> None:
        self.stopwatch = stopwatch
        self._reference, self._baseline_s = reference, baseline_s
        self._reference_runs = _fitting(baseline_s, plan.round_s, MOST_REFERENCE_RUNS)
        self._plan, self._clock = plan, clock
        self._spent_s = 0.0
        self._corrected: list[Floats] = []
        self._drifts: list[float] = []

    def visit(self) -> Timing | None:
        """Times a few rounds; the timing once it is tight or a limit of the plan is reached."""
        begun, plan = self._clock(), self._plan
        warm = [self.stopwatch() for _ in range(1 if self._drifts else plan.warm_up + 1)]
        runs = _fitting(warm[-1], plan.round_s, MOST_RUNS)
        readings, marks = list[list[float]](), [self._mark()]
        while len(readings) < plan.rounds or (
            len(readings) < plan.most_rounds and self._clock() - begun < plan.visit_s
        ):
            readings.append([self.stopwatch() for _ in range(runs)])
            marks.append(self._mark())
        drifts = (np.array(marks[:-1]) + marks[1:]) / 2 / self._baseline_s
        self._corrected.append((1e3 * np.array(readings) / drifts[:, None]).ravel())
        self._drifts.append(float(np.median(drifts)))
        self._spent_s += self._clock() - begun
        if len(self._drifts) % plan.visits:
            return None
        timing = summarize(self._corrected, self._drifts, plan.tolerance)
        spent = len(self._drifts) >= plan.most_visits or self._spent_s > plan.most_s
        return timing if timing.tight or spent else None

    def so_far(self) -> Timing | None:
        """The timing of the visits that there were, None if there were too few."""
        if len(self._drifts) < LEAST_VISITS:
            return None
        return summarize(self._corrected, self._drifts, self._plan.tolerance)

    def _mark(self) -> float:
        return _median_of(self._reference, self._reference_runs)


def baseline(reference: Stopwatch, *, seconds: float, blocks: int = 20, size: int = 20) -> float:
    """Seconds of the reference when the least disturbs it: the lowest of many medians.

    A machine may be slowed for seconds, so there are as many blocks as fill `seconds`.
    """
    _median_of(reference, size)  # warm-up
    found: list[float] = []
    while len(found) < blocks or size * sum(found) < seconds:
        found.append(_median_of(reference, size))
    return min(found)


def summarize(corrected: Sequence[Floats], drifts: Sequence[float], tolerance: float) -> Timing:
    """Timing from the milliseconds (runs,) of each visit, corrected for drift, and its drift."""
    low, median, high = median_interval(np.array([np.median(runs) for runs in corrected]))
    single = np.concatenate(corrected)
    quarter, three = np.quantile(single, (0.25, 0.75))
    return Timing(
        median_ms=median,
        low_ms=low,
        high_ms=high,
        iqr_ms=float(three - quarter),
        drift=float(np.median(drifts)),
        runs=len(single),
        tight=bool(high - low <= 2 * tolerance * median),
    )


def median_interval(values: Floats, level: float = 0.95) -> tuple[float, float, float]:
    """Lower end, median and upper end of an interval of the median that assumes no distribution.

    Order statistics k and n + 1 - k cover the median with 1 - 2 P(Binomial(n, 1/2) < k), here at
    least `level` (Conover, Practical Nonparametric Statistics, sec. 3.2). For 95 % it needs
    `LEAST_VISITS` values.
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
