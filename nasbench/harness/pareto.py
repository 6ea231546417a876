"""Pareto fronts and hypervolumes: how much of what is possible a run with several objectives found.

As everywhere in the harness, what a run recommends is chosen by what its searcher was told: of the
evaluations that are feasible and did not fail, the longest trainings, and of these the ones that
none of the others dominates. Only then are they looked up at the full training, free of noise, and
the hypervolume of these values is what counts.

The reference point is fixed by the benchmark, not by the runs: 10 % of the exact front's range
beyond its worst value in each objective (Ishibuchi et al., "How to Specify a Reference Point in
Hypervolume Calculation for Fair Performance Comparison", Evolutionary Computation 26(3), 2018,
discuss the choice), so that the ends of the front count, too. All values here are signed, lower
being better. The geometry is `moocore`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench.core import (
    Architecture,
    Benchmark,
    Candidate,
    Constraint,
    Run,
    SupportsRows,
    Trajectory,
)
from nasbench.errors import InvalidConfig, RunFault
from nasbench.harness.constraints import Feasible
from nasbench.harness.problem import find_metric
from nasbench.harness.trajectory import candidate_at

Floats = NDArray[np.float64]

MARGIN = 0.1
"""Of the front's range, between its worst values and the reference point."""


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """The architectures that no other one dominates, and the box that hypervolumes are measured in.

    The best first objective comes first; of architectures with equal values one is listed.
    """

    genes: NDArray[np.int16]
    """(m, p)."""
    values: Floats
    """(m, k)."""
    exact: bool
    """Whether it is the front of a whole benchmark, not only of what is known."""

    @property
    def reference(self) -> Floats:
        """The reference point (k,)."""
        worst, span = self.values.max(axis=0), np.ptp(self.values, axis=0)
        # an objective in which all of the front agrees has no range to go by
        margin = MARGIN * np.where(span > 0, span, np.maximum(np.abs(worst), 1.0))
        return np.asarray(worst + margin)

    def share(self, values: ArrayLike) -> float:
        """Hypervolume of points (n, k) relative to this front's: 1 if they are as good, 0 if none.

        More than 1 is possible only where the front is not exact.
        """
        reference, low = self.reference, self.values.min(axis=0)
        scale = reference - low  # keeps the products near 1
        own = hypervolume((self.values - low) / scale, np.ones(len(scale)))
        return hypervolume((np.asarray(values) - low) / scale, np.ones(len(scale))) / own


def pareto_front(values: ArrayLike) -> NDArray[np.intp]:
    """Positions (m,) of the rows of `values` (n, k) that no other row dominates.

    Sorted by the first objective; of equal rows the earliest is listed. A row with NaN or infinity
    is none.
    """
    points = np.asarray(values, dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(points).all(axis=1))
    points = points[rows]
    if points.shape[1] == 1:
        points = np.repeat(points, 2, axis=1)  # moocore needs two columns
    rows = rows[moocore.is_nondominated(points)] if len(points) else rows
    found = np.asarray(values, dtype=np.float64)[rows]
    return np.asarray(rows[np.lexsort(found.T[::-1])], dtype=np.intp)


def hypervolume(values: ArrayLike, reference: ArrayLike) -> float:
    """Measure of what the points (n, k) dominate inside of the reference point (k,)."""
    points, corner = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    if points.shape[1] == 1:
        return float(np.max(corner - points, initial=0.0))
    return float(moocore.hypervolume(points, ref=corner))


def exact_front(
    benchmark: Benchmark, objectives: Sequence[str], constraints: Sequence[Constraint] = ()
) -> Front:
    """The front of all that an exhaustive benchmark knows, fully trained and free of noise.

    It is `exact` if everything in the benchmark was trained.

    Raises:
        InvalidConfig: the benchmark cannot list its architectures.
        UnknownMetric, TestMetricRefused: a wrong objective.
        RunFault: nothing in it is feasible.
    """
    if not isinstance(benchmark, SupportsRows):
        raise InvalidConfig(
            f"{benchmark.name} cannot list its architectures, so their front is not known; "
            f"expected an exhaustive benchmark, such as a table"
        )
    metrics = [find_metric(benchmark, name, "objective") for name in objectives]
    genes, columns = benchmark.rows()
    values = np.stack([metric.sign * columns[metric.name] for metric in metrics], axis=1)
    holds = Feasible(benchmark, constraints, genes, columns).holds
    values = np.where(holds[:, None], values, np.nan)
    best = pareto_front(values)
    if not len(best):
        raise RunFault(
            f"{benchmark.name} has no architecture with {', '.join(objectives)} that meets the "
            f"constraints; weaken them"
        )
    done, total = getattr(benchmark, "trained", (len(genes), len(genes)))
    return Front(genes[best], values[best], exact=bool(done == total))


def known_front(benchmark: Benchmark, runs: Sequence[Run]) -> Front:
    """The exact front if the benchmark can list it, else that of all that these runs recommend.

    Raises:
        RunFault: there is nothing feasible in either.
    """
    first = runs[0]
    if isinstance(benchmark, SupportsRows):
        return exact_front(benchmark, first.objectives, first.constraints)
    archs = {
        candidate_at(run, int(k)).arch: None
        for run in runs
        for k in told_front(run.trajectory, len(run.trajectory))
    }
    values = _looked_up(benchmark, first.objectives, list(archs))
    best = pareto_front(values)
    if not len(best):
        raise RunFault("expected a run with a feasible evaluation that did not fail, got none")
    genes = np.array([arch.genes for arch in archs], dtype=np.int16)
    return Front(genes[best], values[best], exact=False)


def told_front(trajectory: Trajectory, step: int) -> NDArray[np.intp]:
    """Positions of the recommended evaluations after `step` of them, as the searcher was told."""
    values, epochs = trajectory.values[:step], trajectory.epochs[:step]
    fit = trajectory.feasible[:step] & np.isfinite(values).all(axis=1)
    fit &= epochs == np.max(epochs[fit], initial=0)
    return pareto_front(np.where(fit[:, None], values, np.nan))


def shares(run: Run, benchmark: Benchmark, front: Front, steps: ArrayLike) -> Floats:
    """Share of the front's hypervolume (m,) that a run holds after each number of `steps` (m,).

    It can fall where the searcher was told a lucky value.
    """
    numbers, where = np.unique(np.asarray(steps, dtype=np.intp), return_inverse=True)
    fronts = [told_front(run.trajectory, int(step)) for step in numbers]
    positions = np.unique(np.concatenate([np.zeros(0, np.intp), *fronts]))
    archs = [candidate_at(run, int(position)).arch for position in positions]
    values = _looked_up(benchmark, run.objectives, archs)
    found = [front.share(values[np.searchsorted(positions, chosen)]) for chosen in fronts]
    return np.array(found)[where]


def _looked_up(
    benchmark: Benchmark, objectives: Sequence[str], archs: Sequence[Architecture]
) -> Floats:
    """Signed objectives (n, k) at the full training, free of noise."""
    metrics = [find_metric(benchmark, name, "objective") for name in objectives]
    results = benchmark.query([Candidate(arch) for arch in archs])
    rows = [[metric.sign * result.metrics[metric.name] for metric in metrics] for result in results]
    return np.array(rows, dtype=np.float64).reshape(len(archs), len(metrics))
