"""Incumbents of trajectories: what the search had in hand after so much work.

The incumbent is chosen by what the searcher was told. Of all evaluations so far it is, in this
order: a feasible one (before the first there is no incumbent); one whose training succeeded; one
of the longest trainings; the one with the lowest first objective; the earliest. Values of shorter
trainings are another quantity than those of longer ones, so the two are never compared: a short
training is the incumbent only as long as nothing was trained for longer. All values here are
signed, lower being better.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench.core import Architecture, Candidate, Run, Trajectory

Clock = Literal["evaluations", "seconds"]


def incumbents(trajectory: Trajectory) -> NDArray[np.float64]:
    """First objective of the incumbent after each evaluation, (n,); `inf` while there is none.

    As it was told, at the incumbent's own epochs: it may rise when longer trainings begin.
    """
    positions = incumbent_positions(trajectory)
    return np.where(positions >= 0, trajectory.values[positions, 0], np.inf)


def incumbent_positions(trajectory: Trajectory) -> NDArray[np.intp]:
    """Position of the incumbent after each evaluation, (n,); -1 while there is none."""
    values, feasible = trajectory.values[:, 0], trajectory.feasible
    order = np.lexsort((values, -trajectory.epochs, values == np.inf, ~feasible))  # stable
    places = np.argsort(order)  # of each evaluation among all, 0 the best
    positions = order[np.minimum.accumulate(places)]
    return np.where(np.logical_or.accumulate(feasible), positions, -1)


def final_position(trajectory: Trajectory) -> int:
    """Position of the evaluation that the run recommends; -1 if nothing feasible was evaluated."""
    return int(incumbent_positions(trajectory)[-1]) if len(trajectory) else -1


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
