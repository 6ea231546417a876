"""Did the table tell the truth? The test behind `nasbench verify`.

The table's value of an architecture is the mean of r trainings, the measured one the mean of m
fresh trainings by the same recipe. If the table tells the truth, both have the same expectation and
their difference is normal with variance s^2 (1/m + 1/r). s is the standard deviation between seeds,
pooled over the fresh trainings of all k verified architectures: three trainings of one say little
about it, 3 k trainings do. That makes a two-sided t-test with k (m - 1) degrees of freedom, with
Holm's correction (1979) over the architectures: a prediction interval turned around, in which the
mean of m fresh trainings is expected.

Two remarks for the reader. Winners are selected: the trainings behind the table's value were lucky
on the validation split, and as far as luck there and on the test split go together, its test value
is too high as well (the winner's curse). So a small negative shift over all winners is expected of
an honest table; `shift` states it. And "confirmed" means: no difference beyond the noise of so many
trainings; the interval says how large a difference could have been missed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nasbench.harness.statistics import LEVEL, Interval, holm

Floats = NDArray[np.float64]
Verdict = Literal["confirmed", "better", "worse"]

ROUNDING = 1e-9
"""Percentage points of noise that are the rounding of a mean, not noise."""
EQUAL = 1e-4
"""Percentage points that are no difference where trainings do not vary at all (float32 storage)."""


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """The table's k values against fresh trainings."""

    noise: float
    """Standard deviation between seeds, pooled over the architectures."""
    degrees: int
    """Degrees of freedom of `noise`."""
    expected: list[Interval]
    """The table's values, and where the mean of the fresh trainings belongs, before correction."""
    p_values: Floats
    """(k,) two-sided, corrected for k tests."""
    verdicts: list[Verdict]
    """`better` if fresh trainings are better than the table says."""
    shift: Interval
    """Mean of measured minus predicted over the architectures."""


def judge(
    predicted: Sequence[float],
    measured: Sequence[Sequence[float]],
    *,
    repeats: int,
    level: float = LEVEL,
) -> Judgement:
    """Hold `predicted` (k,), means over `repeats` trainings, against k samples of fresh trainings.

    Raises:
        ValueError: an architecture with fewer than two fresh trainings.
    """
    samples = [np.asarray(sample, dtype=np.float64) for sample in measured]
    if not samples or min(map(len, samples)) < 2 or len(samples) != len(predicted):
        raise ValueError("expected two or more fresh trainings for each of the predicted values")
    sizes = np.array([len(sample) for sample in samples])
    degrees = int((sizes - 1).sum())
    squares = sum(float(((sample - sample.mean()) ** 2).sum()) for sample in samples)
    noise = math.sqrt(squares / degrees)
    noise = noise if noise > ROUNDING else 0.0
    gaps = np.array([sample.mean() for sample in samples]) - np.asarray(predicted, dtype=np.float64)
    errors = noise * np.sqrt(1 / sizes + 1 / repeats)
    p_values = holm(_p_values(gaps, errors, degrees))
    reach = float(stats.t.ppf((1 + level) / 2, degrees))
    center, error = float(gaps.mean()), float(np.sqrt((errors**2).sum())) / len(samples)
    return Judgement(
        noise=noise,
        degrees=degrees,
        expected=[
            Interval(value, value - reach * error, value + reach * error, level)
            for value, error in zip(map(float, predicted), map(float, errors), strict=True)
        ],
        p_values=p_values,
        verdicts=[_verdict(gap, p, level) for gap, p in zip(gaps, p_values, strict=True)],
        shift=Interval(center, center - reach * error, center + reach * error, level),
    )


def _p_values(gaps: Floats, errors: Floats, degrees: int) -> Floats:
    if not errors.any():
        return np.where(np.abs(gaps) <= EQUAL, 1.0, 0.0)
    return np.asarray(2 * stats.t.sf(np.abs(gaps) / errors, degrees), dtype=np.float64)


def _verdict(gap: float, p_value: float, level: float) -> Verdict:
    if p_value >= 1 - level:
        return "confirmed"
    return "better" if gap > 0 else "worse"
