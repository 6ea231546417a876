"""What a run is worth: how far from the best of its benchmark it was at every moment.

This is the only reader of test metrics. What a run has in hand is chosen by what its searcher was
told (`nasbench.harness.trajectory`); then it is looked up at the full training, free of noise, by
the test metric. Of one objective the loss is the *test regret*, the distance from the best test
metric of any feasible architecture. Choosing by validation cannot be expected to get to 0, so a
ruler also knows the regret of the validation's optimum. Of several objectives the loss is the part
of the exact front's hypervolume that is missing, test metrics standing for validation metrics.

Losses are whole multiples of `STEP`, so ties are ties and every machine scores a run alike.
"""

from __future__ import annotations

import math
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
    Metric,
    Run,
    SupportsRows,
    Trajectory,
)
from nasbench.errors import RunFault
from nasbench.harness.constraints import Feasible
from nasbench.harness.pareto import Front, pareto_front, told_front
from nasbench.harness.problem import find_objectives
from nasbench.harness.summary import target_of
from nasbench.harness.trajectory import Clock, candidate_at, final_position, incumbent_positions

Floats = NDArray[np.float64]

STEP = 2.0**-30
"""About 1e-9. Powers, logarithms and sums differ between processors in the last bits; multiples of
a power of two do not, and their sums are exact in whatever order they are taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """What the runs on one benchmark are measured by; values are signed, lower being better."""

    benchmark: Benchmark
    objectives: tuple[Metric, ...]
    targets: tuple[Metric, ...]
    """The test metric that stands for each objective, or the objective where there is none."""
    best: float
    """First target of the best feasible architecture."""
    optimum: float
    """First objective of the best feasible architecture by it."""
    chosen: float
    """Loss of that architecture: what perfect knowledge of the validation metric would get."""
    typical: float
    """Loss of an architecture on average: what one random draw would get."""
    worst: float
    """Loss of a run that has nothing in hand."""
    front: Front | None
    """Of the targets; None for a single objective."""
    exact: bool
    """Whether it covers all architectures, not only those that the runs asked for."""


def rounded(values: ArrayLike) -> Floats:
    """The closest multiples of `STEP`, and 0 for -0."""
    return np.asarray(np.rint(np.asarray(values, dtype=np.float64) / STEP) * STEP + 0.0)


def ruler(
    benchmark: Benchmark,
    objectives: Sequence[str],
    constraints: Sequence[Constraint] = (),
    runs: Sequence[Run] = (),
) -> Ruler:
    """The ruler of a benchmark; where it cannot list its architectures, of what `runs` found.

    Raises:
        RunFault: no feasible architecture is known.
        UnknownMetric, TestMetricRefused: a wrong objective.
    """
    metrics = find_objectives(benchmark, objectives)
    targets = tuple(target_of(benchmark, metric) for metric in metrics)
    genes, values = _known(benchmark, constraints, runs, (*metrics, *targets))
    told, final = values[:, : len(metrics)], values[:, len(metrics) :]
    rows = np.flatnonzero(np.isfinite(values).all(axis=1))
    if not rows.size:
        raise RunFault(
            f"{benchmark.name} has no feasible architecture with {', '.join(objectives)} and their "
            f"test metrics; weaken the track's constraints or train its table first"
        )
    exact = isinstance(benchmark, SupportsRows) and _complete(benchmark)
    front = None
    if len(metrics) > 1:
        best = rows[pareto_front(final[rows])]
        front = Front(genes[best], final[best], exact)
        losses = rounded([1 - front.share(final[[row]]) for row in rows])
        reachable = float(rounded(1 - front.share(final[rows[pareto_front(told[rows])]])))
        worst = 1.0
    else:
        losses = rounded(final[rows, 0] - final[rows, 0].min())
        reachable = float(losses[told[rows, 0].argmin()])
        worst = float(losses.max())
    return Ruler(
        benchmark=benchmark,
        objectives=metrics,
        targets=targets,
        best=float(final[rows, 0].min()),
        optimum=float(told[rows, 0].min()),
        chosen=reachable,
        typical=float(rounded(losses.mean())),
        worst=worst,
        front=front,
        exact=exact,
    )


def losses(run: Run, ruler: Ruler) -> Floats:
    """What is missing to the best (n,) after each evaluation; `worst` while nothing is in hand."""
    if ruler.front is None:
        positions = incumbent_positions(run.trajectory)
        known, which = np.unique(positions, return_inverse=True)
        values = _regrets(tested(run, ruler, known[known >= 0])[:, 0], ruler)
        return np.append(np.full(int((known < 0).sum()), ruler.worst), values)[which]
    steps = _changes(run.trajectory)
    fronts = [told_front(run.trajectory, int(step)) for step in steps + 1]
    found = [1 - ruler.front.share(tested(run, ruler, positions)) for positions in fronts]
    places = np.searchsorted(steps, np.arange(len(run.trajectory)), side="right")
    return rounded(np.maximum(np.append(ruler.worst, found)[places], 0.0))


def times(run: Run, clock: Clock) -> Floats:
    """When each evaluation (n,) was complete: their numbers from 1, or charged seconds."""
    if clock == "seconds":
        return np.asarray(run.trajectory.spent_s, dtype=np.float64)
    return np.arange(1, len(run.trajectory) + 1, dtype=np.float64)


def at(times: Floats, losses: Floats, grid: ArrayLike, *, before: float) -> Floats:
    """The loss (m,) at each point of `grid`: of the last evaluation complete by then."""
    done = np.searchsorted(times, np.asarray(grid, dtype=np.float64), side="right")
    return np.asarray(np.append(before, losses)[done], dtype=np.float64)


def area(times: Floats, losses: Floats, span: tuple[float, float], *, before: float) -> float:
    """Mean loss over a `span` of time in which every doubling weighs the same.

    The area under the curve of losses over a logarithmic axis, divided by its width; exact, as the
    curve is one of steps. After the last evaluation the run keeps what it has.
    """
    start, end = span
    inside = (times > start) & (times < end)
    edges = np.concatenate([[start], times[inside], [end]])
    heights = at(times, losses, edges[:-1], before=before)
    return float(rounded(np.diff(np.log(edges)) @ heights / math.log(end / start)))


def inverted_generational_distance(run: Run, ruler: Ruler) -> float:
    """IGD+ of what a run with several objectives recommends, on axes from the front's best to the
    reference point (Ishibuchi et al., "Modified Distance Calculation in Generational Distance and
    Inverted Generational Distance", EMO 2015); the distance of the reference point if nothing.
    """
    front = ruler.front
    if front is None:
        raise ValueError("IGD+ is a distance from a front; the ruler has a single objective")
    values = tested(run, ruler, told_front(run.trajectory, len(run.trajectory)))
    low, high = front.values.min(axis=0), front.reference
    points, span = values if len(values) else high[None], high - low
    distance = moocore.igd_plus((points - low) / span, ref=(front.values - low) / span)
    return float(rounded(distance))


def tested(run: Run, ruler: Ruler, positions: NDArray[np.intp]) -> Floats:
    """Signed targets (m, k) of evaluations, fully trained and free of noise."""
    archs = [candidate_at(run, int(position)).arch for position in positions]
    return _looked_up(ruler.benchmark, archs, ruler.targets)


def recommended(run: Run) -> Architecture | None:
    """What a run recommends in the end, as it was proposed; None if nothing is feasible."""
    position = final_position(run.trajectory)
    return None if position < 0 else candidate_at(run, position).arch


def _regrets(tested: Floats, ruler: Ruler) -> Floats:
    """Distance from the best; an architecture that was never tested counts as the worst.

    What noise let in although it is outside the bounds may be better than all inside: that is 0.
    """
    losses = np.where(np.isfinite(tested), np.maximum(tested - ruler.best, 0.0), ruler.worst)
    return rounded(losses)


def _looked_up(
    benchmark: Benchmark, archs: Sequence[Architecture], metrics: Sequence[Metric]
) -> Floats:
    results = benchmark.query([Candidate(arch) for arch in archs])
    rows = [[m.sign * result.metrics[m.name] for m in metrics] for result in results]
    return np.array(rows, dtype=np.float64).reshape(len(archs), len(metrics))


def _known(
    benchmark: Benchmark,
    constraints: Sequence[Constraint],
    runs: Sequence[Run],
    metrics: Sequence[Metric],
) -> tuple[NDArray[np.int16], Floats]:
    """Genes and signed metrics of all that is known; NaN where the bounds do not hold."""
    if isinstance(benchmark, SupportsRows):
        genes, columns = benchmark.rows()
        holds = Feasible(benchmark, constraints, genes, columns).holds
        values = np.stack([metric.sign * columns[metric.name] for metric in metrics], axis=1)
        return genes, np.where(holds[:, None], values, np.nan)
    archs: dict[Architecture, None] = {}
    for run in runs:
        trajectory = run.trajectory
        positions = np.unique(incumbent_positions(trajectory))
        fronts = told_front(trajectory, len(trajectory))
        for position in {*positions.tolist(), *fronts.tolist()} - {-1}:
            archs[candidate_at(run, position).arch] = None
    found = sorted(archs, key=lambda arch: arch.genes)
    genes = np.array([arch.genes for arch in found], dtype=np.int16)
    return genes, _looked_up(benchmark, found, metrics)


def _complete(benchmark: Benchmark) -> bool:
    done, total = getattr(benchmark, "trained", (0, 0))
    return bool(done == total)


def _changes(trajectory: Trajectory) -> NDArray[np.intp]:
    """Positions of the evaluations after which the recommended front may be another one."""
    values, epochs = trajectory.values, trajectory.epochs
    fit = trajectory.feasible & np.isfinite(values).all(axis=1)
    longest = np.maximum.accumulate(np.where(fit, epochs, 0))
    counts = fit & (epochs == longest)
    earlier = np.tri(len(values), k=-1, dtype=np.bool_) & counts
    earlier &= epochs == epochs[:, None]
    covered = (values[None] <= values[:, None]).all(axis=2) & earlier
    return np.flatnonzero(counts & ~covered.any(axis=1))
