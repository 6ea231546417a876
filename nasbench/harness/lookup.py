"""Incumbents as everyone sees them afterwards: fully trained, free of noise, on any clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Candidate, Metric
from nasbench.harness.collection import Collection, RunFile
from nasbench.harness.trajectory import Clock, candidate_at, incumbent_positions, steps_at

Floats = NDArray[np.float64]

GRID_POINTS = 120


class Lookup:
    """Metrics of every architecture that ever was an incumbent: full training, free of noise."""

    def __init__(self, benchmark: Benchmark, collection: Collection) -> None:
        self._numbers: dict[Architecture, int] = {}
        self.positions: dict[RunFile, NDArray[np.intp]] = {}
        """Incumbent's position after 0, 1, 2, ... evaluations; -1 while there is none."""
        self.incumbents: dict[RunFile, NDArray[np.intp]] = {}
        """Number of the incumbent's architecture after 0, 1, 2, ... evaluations, or -1."""
        for file in collection.files:
            positions = np.append(-1, incumbent_positions(file.run.trajectory))
            known, which = np.unique(positions, return_inverse=True)
            numbers = [
                self._number(candidate_at(file.run, k).arch) if k >= 0 else -1 for k in known
            ]
            self.positions[file] = positions
            self.incumbents[file] = np.array(numbers, dtype=np.intp)[which]
        self.archs = list(self._numbers)
        results = benchmark.query([Candidate(arch) for arch in self.archs])
        self.metrics: list[Mapping[str, float]] = [result.metrics for result in results]

    def column(self, metric: Metric) -> Floats:
        """A metric (architectures + 1,), NaN last, so that number -1 means none."""
        return np.array([*(row[metric.name] for row in self.metrics), np.nan])

    def _number(self, arch: Architecture) -> int:
        return self._numbers.setdefault(arch, len(self._numbers))


def curve_values(
    files: Sequence[RunFile],
    lookup: Lookup,
    column: Floats,
    grid: Floats,
    clock: Clock,
    *,
    worst: float = np.nan,
) -> Floats:
    """A metric (runs, points) of each run's incumbent at the points of a grid.

    A run that never has an incumbent counts `worst` all along, and so does an incumbent without
    this metric. NaN before the first incumbent of any other run, and beyond the end of the longest.
    """
    column = np.append(np.where(np.isfinite(column[:-1]), column[:-1], worst), np.nan)
    values, end = np.full((len(files), len(grid)), worst), 0.0
    for row, file in zip(values, files, strict=True):
        trajectory = file.run.trajectory
        if lookup.positions[file][-1] >= 0:
            row[:] = column[lookup.incumbents[file][steps_at(trajectory, grid, clock)]]
        if len(trajectory):
            end = max(end, len(trajectory) if clock == "evaluations" else trajectory.spent_s[-1])
    return np.where(grid <= end, values, np.nan)


def grid_of(files: Sequence[RunFile], clock: Clock) -> Floats:
    """Points (m,) of a logarithmic axis from the first evaluation to the end of the longest run."""
    trajectories = [file.run.trajectory for file in files if len(file.run.trajectory)]
    if not trajectories:
        return np.zeros(0)
    if clock == "evaluations":
        most = max(len(trajectory) for trajectory in trajectories)
        return np.unique(np.geomspace(1, most, GRID_POINTS).round())
    first = min(trajectory.spent_s[0] for trajectory in trajectories)
    last = max(trajectory.spent_s[-1] for trajectory in trajectories)
    grid = np.geomspace(max(first, last / 1e5), last, GRID_POINTS)
    return np.append(grid[:-1], last)  # the end exactly, which rounding may miss
