"""Incumbents of trajectories: what the search had in hand after so much work.

The incumbent is the feasible evaluation with the lowest first objective so far, the earlier one in
a tie; before the first feasible evaluation there is none. It is chosen by what the searcher was
told. All values here are signed, lower being better.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench.core import Architecture, Candidate, Run, Trajectory

Clock = Literal["evaluations", "seconds"]


def incumbents(trajectory: Trajectory) -> NDArray[np.float64]:
    """First objective of the incumbent after each evaluation, (n,); `inf` while there is none."""
    return np.minimum.accumulate(_feasible_values(trajectory))


def incumbent_positions(trajectory: Trajectory) -> NDArray[np.intp]:
    """Position of the incumbent after each evaluation, (n,); -1 while there is none."""
    values = _feasible_values(trajectory)
    before = np.concatenate(([np.inf], np.minimum.accumulate(values)[:-1]))[: len(values)]
    first = np.cumsum(trajectory.feasible) == 1  # a first one of value inf improves on nothing
    better = (values < before) | (first & trajectory.feasible)
    return np.maximum.accumulate(np.where(better, np.arange(len(values)), -1))


def final_incumbent(run: Run) -> Candidate | None:
    """What the run would recommend; None if nothing feasible was evaluated."""
    positions = incumbent_positions(run.trajectory)
    if not len(positions) or positions[-1] < 0:
        return None
    return candidate_at(run, int(positions[-1]))


def candidate_at(run: Run, position: int) -> Candidate:
    """The candidate of one evaluation."""
    genes = tuple(run.trajectory.genes[position].tolist())
    return Candidate(Architecture(run.space, genes), int(run.trajectory.epochs[position]))


def steps_at(trajectory: Trajectory, grid: ArrayLike, clock: Clock) -> NDArray[np.intp]:
    """Number of evaluations that are complete at each point of `grid` (m,), the point included."""
    points = np.asarray(grid, dtype=np.float64)
    if clock == "evaluations":
        return np.clip(np.floor(points), 0, len(trajectory)).astype(np.intp)
    return np.searchsorted(trajectory.spent_s, points, side="right")


def regret(values: ArrayLike, best: float) -> NDArray[np.float64]:
    """Distance of signed incumbents, of any shape, from the signed `best`, in the metric's unit.

    Raises:
        ValueError: some value is below `best`, so `best` is not the space's optimum.
    """
    values = np.asarray(values, dtype=np.float64)
    if np.isnan(best) or np.isnan(values).any():
        raise ValueError("regret needs numbers, got NaN")
    if (values < best).any():
        raise ValueError(
            f"expected no value below the best, {best!r}, got {values.min()!r}; "
            f"pass the optimum of the same metric, signed and with the same noise"
        )
    return values - best


def _feasible_values(trajectory: Trajectory) -> NDArray[np.float64]:
    return np.where(trajectory.feasible, trajectory.values[:, 0], np.inf)
