"""Whether a file of latencies is what it says, and says enough."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hardware.benchmark import MeasuredBenchmark, open_measured
from hardware.columns import Column
from hardware.device import device
from hardware.journal import journal_path
from hardware.remeasure import again as measure_again
from hardware.remeasure import rank_agreement, refuse_other_conditions
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig, MissingExtra, UnknownDevice, UnknownName

Finding = tuple[bool, str]
"""Whether a check passed, and what it found."""


def checks(path: Path, *, again: int = 0, seed: int = 0, tau: float = 0.9) -> Iterator[Finding]:
    """All checks of a file in turn; with `again`, so many classes of each column are re-measured.

    Raises:
        TableFault: the file cannot be read at all.
    """
    benchmark = open_measured(path)
    yield True, f"content: sha256 {benchmark.document.sha256} holds"
    yield True, f"table: {benchmark.name} is the one that was measured"
    waiting = journal_path(path).exists()
    killed = "a session was killed; `hardware measure` takes in what it measured, run it again"
    yield not waiting, f"journal: {killed if waiting else 'nothing is waiting'}"
    for column in benchmark.document.columns:
        yield _classes(benchmark, column)
        yield True, describe(column)
        if again and not column.about.model:
            yield _second_session(benchmark, column, again, seed, tau)


def describe(column: Column) -> str:
    """What a column holds, in one sentence."""
    rows = list(column.measured.values())
    gaps = len(column.rows) - len(rows)
    if column.about.model:
        return f"{column.about.label}: {len(rows):,} classes predicted by {column.about.model}"
    if not rows:
        return f"{column.about.label}: nothing measured, {gaps} gaps"
    tolerance = column.about.tolerance  # row.tight is by that of a row's own session
    low, median, high = np.array([(row.low_ms, row.median_ms, row.high_ms) for row in rows]).T
    tight = np.mean(high - low <= 2 * tolerance * median)
    drift = np.quantile([row.drift for row in rows], (0.05, 0.5, 0.95))
    state = "quiet" if column.quiet else "BUSY"
    return (
        f"{column.about.label}: {len(rows):,} classes measured on a {state} machine, {gaps} gaps, "
        f"{tight:.0%} with an interval within {tolerance:.0%}, drift "
        f"{drift[1]:.2f} ({drift[0]:.2f} to {drift[2]:.2f})"
    )


def _classes(benchmark: MeasuredBenchmark, column: Column) -> Finding:
    """Whether every row is a canonical architecture of the space."""
    space = benchmark.space
    wrong = [
        genes
        for genes in column.rows
        if not space.is_valid(arch := Architecture(space.name, genes))
        or space.canonical(arch) != arch
    ]
    label = column.about.label
    if wrong:
        told = f"{len(wrong)} rows are no classes of {space.name}, such as {wrong[0]}"
        return False, f"{label}: {told}"
    return True, f"{label}: every row is a class of {space.name}"


def _second_session(
    benchmark: MeasuredBenchmark, column: Column, count: int, seed: int, least: float
) -> Finding:
    label, known = column.about.label, list(column.measured)
    try:
        here = device(column.about.device)
        refuse_other_conditions(column, here)
        drawn = np.random.default_rng(seed).permutation(len(known))[:count]
        archs = [Architecture(benchmark.space.name, known[k]) for k in drawn]
        found = measure_again(column, here, archs)
    except (UnknownName, MissingExtra, UnknownDevice, InvalidConfig) as fault:
        return False, f"{label}: cannot be measured again: {fault}"
    ratios = [each.ratio for each in found if not each.gap]
    if not ratios:
        return False, f"{label}: none of {len(found)} classes could be measured again"
    tau = rank_agreement(found)
    text = (
        f"{label}: {len(ratios)} of {len(found)} classes measured again, median ratio "
        f"{np.median(ratios):.3f}, tau {tau:.3f} (at least {least:g} is expected)"
    )
    return not math.isnan(tau) and tau >= least, text
