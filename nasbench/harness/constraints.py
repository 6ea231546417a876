"""Bounds of a search: on metrics, which are observed, and on structure, which cut the space.

A searcher is given a space in which nothing is out of the bounds on structure, so it cannot propose
otherwise; whether the bounds on metrics hold it is told with each observation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Architecture, Benchmark, Constraint, Space, SupportsRows
from nasbench.errors import InvalidConfig, TestMetricRefused, UnknownMetric
from nasbench.spaces import structure
from nasbench.spaces.restricted import MAX_LISTED, Restricted


def on_metrics(benchmark: Benchmark, constraints: Sequence[Constraint]) -> tuple[Constraint, ...]:
    """The bounds on metrics of the benchmark.

    Raises:
        UnknownMetric: a bound on nothing that the benchmark or the structure of its cells has.
        TestMetricRefused: one on a metric of the test split.
        InvalidConfig: one that is infinite.
    """
    splits = {metric.name: metric.split for metric in benchmark.metrics}
    for bound in constraints:
        name = bound.metric
        if any(b is not None and math.isinf(b) for b in (bound.upper, bound.lower)):
            raise InvalidConfig(
                f"the constraint on {name} has an infinite bound; leave that bound out"
            )
        if name not in splits and not structure.is_about_structure(name):
            known = [*splits, "depth", "operations"]
            raise registry.unknown(UnknownMetric, f"metric of {benchmark.name}", name, known)
        if splits.get(name) == "test":
            fit = [metric for metric, split in splits.items() if split != "test"]
            raise TestMetricRefused(
                f"{name} is measured on the test split, so it cannot be a constraint; "
                f"expected one of {', '.join(fit)}. Reports look test metrics up afterwards."
            )
    return tuple(bound for bound in constraints if bound.metric in splits)


def restricted(benchmark: Benchmark, constraints: Sequence[Constraint]) -> Space:
    """The benchmark's space within the bounds on structure.

    Raises:
        UnknownMetric: a bound on something that the structure does not have.
        InvalidConfig: nothing is within the bounds.
    """
    known = {metric.name for metric in benchmark.metrics}
    bounds = [bound for bound in constraints if bound.metric not in known]
    return Restricted(benchmark.space, bounds) if bounds else benchmark.space


def check_met(benchmark: Benchmark, constraints: Sequence[Constraint]) -> None:
    """Refuse bounds that nothing is within which an exhaustive benchmark knows, free of noise.

    Raises:
        InvalidConfig: there is nothing; the message tells the ranges of the bounded metrics.
    """
    if not constraints or not isinstance(benchmark, SupportsRows):
        return
    genes, columns = benchmark.rows()
    if Feasible(benchmark, constraints, genes, columns).holds.any():
        return
    known = []
    for name in dict.fromkeys(bound.metric for bound in on_metrics(benchmark, constraints)):
        values = columns[name][np.isfinite(columns[name])]
        span = f"from {values.min():,.6g} to {values.max():,.6g}" if len(values) else "not known"
        known.append(f"{name} is {span}")
    raise InvalidConfig(
        f"no architecture of {benchmark.name} meets the constraints; weaken them"
        + (f". There {' and '.join(known)}." if known else ".")
    )


class Feasible:
    """What of an exhaustive benchmark's rows is within the bounds, free of noise."""

    def __init__(
        self,
        benchmark: Benchmark,
        constraints: Sequence[Constraint],
        genes: NDArray[np.int16],
        columns: Mapping[str, NDArray[np.float64]],
    ) -> None:
        self._name = benchmark.space.name
        self._genes = genes
        self.holds: NDArray[np.bool_] = np.ones(len(genes), dtype=np.bool_)
        """Whether a row (rows,) stands for an architecture within all bounds."""
        for bound in on_metrics(benchmark, constraints):
            self.holds &= [bound.holds(float(value)) for value in columns[bound.metric]]
        space = restricted(benchmark, constraints)
        self._members: dict[tuple[int, ...], Architecture] | None = None
        if space is not benchmark.space:
            by_class = len(genes) < len(benchmark.space)
            self._members = _members(space, genes, by_class)
            self.holds &= [tuple(row) in self._members for row in genes.tolist()]

    def arch(self, row: int) -> Architecture:
        """An architecture within the bounds that the row stands for."""
        genes = tuple(self._genes[row].tolist())
        return self._members[genes] if self._members else Architecture(self._name, genes)


def _members(
    space: Space, genes: NDArray[np.int16], by_class: bool
) -> dict[tuple[int, ...], Architecture]:
    """Genes of rows, and the first architecture inside the space that each stands for."""
    if len(space) > MAX_LISTED:
        archs = [Architecture(space.name, tuple(row)) for row in genes.tolist()]
        return {arch.genes: arch for arch in archs if space.is_valid(arch)}
    inside = [space.arch(index) for index in range(len(space))]
    members: dict[tuple[int, ...], Architecture] = {}
    if by_class:
        for arch in inside:
            members.setdefault(space.canonical(arch).genes, arch)
    return members | {arch.genes: arch for arch in inside}
