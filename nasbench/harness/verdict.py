"""Did the table tell the truth? The test behind `nasbench verify`.

The table's value of an architecture is the mean of r trainings, the measured one the mean of m
fresh trainings by the same recipe. If the table tells the truth, both have the same expectation and
their difference is normal with variance s^2 (1/m + 1/r). s is the standard deviation between seeds,
assumed to be the same for all k verified architectures and pooled over their fresh trainings: three
trainings of one say little about it, 3 k trainings do. That makes a two-sided t-test with k (m - 1)
degrees of freedom, with Holm's correction (1979) over the architectures: a prediction interval
turned around, in which the mean of m fresh trainings is expected.

An architecture of which a training diverged, or whose trainings scatter far more than those of the
others, breaks the assumption, and with it in the pool no lie about the others would be found. It is
left out of pool, tests and shift, and its verdict is `unstable`. What scatters too much is told by
Cochran's test of outlying variances (1941) at 1 %, repeated until it finds no more, as ISO 5725-2
does where laboratories are pooled; its critical value is Bonferroni's bound on F-tests of each
variance against the pool of the others, which is computed here and allows samples of unequal size.

Over all architectures the shift is the mean difference, and its interval a t-interval with m - 1
degrees of freedom over the seeds' own mean differences d_s, of variance var(d_s) (1/m + 1/r): all
were trained with the same m seeds, as the table trained all of them with its r, and a seed decides
the order of the examples for every architecture. On the vision task that moves all of them
together, so k architectures are far from k independent samples.

Two remarks for the reader. Winners are selected: the trainings behind the table's value were lucky
on the validation split, and as far as luck there and on the test split go together, its test value
is too high as well (the winner's curse). So a negative shift over all winners is expected of an
honest table, the larger the fewer repeats it has: -1.2 points [-3.2, 0.8] for the 27 winners of
the board's entries on `cell201/digits-on-photos`, with means over three trainings of each cell,
where ten cells drawn at random shifted by 0.5. `shift` states it. And "confirmed" means: no
difference beyond the noise of so many trainings; the interval says how large a difference could
have been missed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtrc, stdtr, stdtrit

from nasbench.harness.statistics import LEVEL, Interval, holm

Floats = NDArray[np.float64]
Verdict = Literal["confirmed", "better", "worse", "unstable"]

OUTLYING = 0.01
"""Level of Cochran's test."""
ROUNDING = 1e-9
"""Percentage points of noise that are the rounding of a mean, not noise."""
EQUAL = 1e-4
"""Percentage points that are no difference where trainings do not vary at all (float32 storage)."""


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """The table's k values against fresh trainings."""

    noise: float
    """Standard deviation between seeds, pooled over the stable architectures, or over all if none
    is stable."""
    degrees: int
    """Degrees of freedom of `noise`."""
    expected: list[Interval]
    """The table's values, and where the mean of the fresh trainings belongs, before correction."""
    p_values: Floats
    """(k,) two-sided, corrected for the number of tests; NaN for the unstable."""
    verdicts: list[Verdict]
    """`better` if fresh trainings are better than the table says."""
    shift: Interval | None
    """Mean of measured minus predicted over the stable architectures; None if there are none."""


def judge(
    predicted: ArrayLike,
    measured: Sequence[ArrayLike],
    *,
    repeats: ArrayLike,
    diverged: ArrayLike = False,
    level: float = LEVEL,
) -> Judgement:
    """Hold the table's values `predicted` (k,) against k samples of fresh trainings.

    The values are means over `repeats` trainings, a number or (k,). Each sample is in the order of
    the same seeds. `diverged`, a bool or (k,), marks architectures of which a fresh training
    diverged.

    Raises:
        ValueError: an architecture with fewer than two fresh trainings.
    """
    values = np.asarray(predicted, dtype=np.float64)
    samples = [np.asarray(sample, dtype=np.float64) for sample in measured]
    if not samples or min(map(len, samples)) < 2 or len(samples) != len(values):
        raise ValueError("expected two or more fresh trainings for each of the predicted values")
    unstable = _scattered(samples, np.broadcast_to(diverged, len(samples)))
    stable = np.flatnonzero(~unstable)
    pooled = stable if len(stable) else np.arange(len(samples))
    noise, degrees = _pool([samples[k] for k in pooled])
    sizes = np.array([len(sample) for sample in samples])
    rows = np.broadcast_to(repeats, len(samples))
    errors = noise * np.sqrt(1 / sizes + 1 / rows)
    gaps = np.array([sample.mean() for sample in samples]) - values
    reach = float(stdtrit(degrees, (1 + level) / 2))
    p_values = np.full(len(samples), np.nan)
    p_values[stable] = holm(_p_values(gaps[stable], errors[stable], degrees))
    return Judgement(
        noise=noise,
        degrees=degrees,
        expected=[
            _interval(float(value), reach * float(error), level)
            for value, error in zip(values, errors, strict=True)
        ],
        p_values=p_values,
        verdicts=[_verdict(gap, p, level) for gap, p in zip(gaps, p_values, strict=True)],
        shift=_shift(gaps[stable], [samples[k] - values[k] for k in stable], rows[stable], level),
    )


def _scattered(samples: Sequence[Floats], diverged: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`diverged` (k,), and with it the architectures whose trainings scatter too much."""
    out = diverged.copy()
    squares, degrees = np.array([_squares(sample) for sample in samples]).T
    while (kept := np.flatnonzero(~out)).size > 1:
        own, own_degrees = squares[kept], degrees[kept]
        others, other_degrees = own.sum() - own, own_degrees.sum() - own_degrees
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = (own / own_degrees) / (others / other_degrees)
        ratios[others <= ROUNDING**2] = 0.0  # the others do not vary at all, which is no measure
        chances = len(kept) * fdtrc(own_degrees, other_degrees, ratios)
        if chances.min() >= OUTLYING:
            break
        out[kept[int(chances.argmin())]] = True
    return out


def _pool(samples: Sequence[Floats]) -> tuple[float, int]:
    """Standard deviation around the samples' own means, and its degrees of freedom."""
    squares, degrees = np.array([_squares(sample) for sample in samples]).sum(axis=0).tolist()
    noise = math.sqrt(squares / degrees)
    return (noise if noise > ROUNDING else 0.0), int(degrees)


def _squares(sample: Floats) -> tuple[float, int]:
    """Sum of squares around the mean, and degrees of freedom."""
    return float(((sample - sample.mean()) ** 2).sum()), len(sample) - 1


def _shift(
    gaps: Floats, differences: Sequence[Floats], repeats: NDArray[Any], level: float
) -> Interval | None:
    """The mean of `gaps` (k,); `differences` of each architecture are by the same seeds."""
    if not len(gaps):
        return None
    m = min(map(len, differences))
    by_seed = np.mean([each[:m] for each in differences], axis=0)
    spread = float(by_seed.std(ddof=1))
    error = (spread if spread > ROUNDING else 0.0) * math.sqrt(1 / m + 1 / repeats.min())
    return _interval(float(gaps.mean()), float(stdtrit(m - 1, (1 + level) / 2)) * error, level)


def _interval(center: float, reach: float, level: float) -> Interval:
    return Interval(center, center - reach, center + reach, level)


def _p_values(gaps: Floats, errors: Floats, degrees: int) -> Floats:
    if not errors.any():
        return np.where(np.abs(gaps) <= EQUAL, 1.0, 0.0)
    return np.asarray(2 * stdtr(degrees, -np.abs(gaps) / errors), dtype=np.float64)


def _verdict(gap: float, p_value: float, level: float) -> Verdict:
    if math.isnan(p_value):
        return "unstable"
    if p_value >= 1 - level:
        return "confirmed"
    return "better" if gap > 0 else "worse"
