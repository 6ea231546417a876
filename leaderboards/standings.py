"""Who stands where on a track: losses of all entries, and what the noise lets one say about them.

Losses are those of `leaderboards.score`, on one benchmark in its own unit, over several in units
of what a single random draw loses on each. Entries are sorted by the interquartile mean of their
losses, at the end of the budget or, on an any-time track, of the area under the curve; places that
the noise leaves open are told as a range. All resampling has a fixed seed: the same runs give the
same standings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboards import score
from leaderboards.score import Ruler
from nasbench.core import Architecture, Benchmark, Budget, Constraint, Run
from nasbench.harness import profiles, ranks, statistics
from nasbench.harness.collection import REFERENCE
from nasbench.harness.statistics import Interval
from nasbench.harness.trajectory import Clock

Floats = NDArray[np.float64]

CHECKPOINTS = (0.1, 0.25, 0.5, 1.0)
"""Shares of the budget at which losses are told."""
EARLY = 0.01
"""Share of the budget at which the area under the curve begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """What all entries of a track did alike."""

    benchmarks: Mapping[str, Benchmark]
    objectives: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    budget: Budget
    seeds: tuple[int, ...]
    anytime: bool = False
    """Whether entries are sorted by the area under their curves."""

    @property
    def clock(self) -> Clock:
        """What the budget is counted in: seconds where they are limited."""
        return "evaluations" if math.isinf(self.budget.cost_s) else "seconds"

    @property
    def span(self) -> tuple[float, float]:
        """Where the area under the curve begins and ends on that clock; the end is the budget's."""
        if self.clock == "seconds":
            return EARLY * self.budget.cost_s, self.budget.cost_s
        return max(EARLY * self.budget.queries, 1.0), float(self.budget.queries)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One entry on one benchmark; all arrays are by seed."""

    runs: tuple[Run, ...]
    losses: tuple[Floats, ...]
    """Of each run, (evaluations,)."""
    checkpoints: Floats
    """Losses (seeds, checkpoints); the last is the end of the budget."""
    area: Floats
    """(seeds,)."""
    igd: Floats
    """IGD+ (seeds,); NaN for a single objective."""
    recommended: tuple[Architecture | None, ...]

    @property
    def final(self) -> Floats:
        """Losses (seeds,) at the end."""
        return self.checkpoints[:, -1]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One entry's place."""

    name: str
    searcher: str
    number: int
    """Position in the standings, from 0."""
    places: tuple[int, int]
    """Best and worst place that the noise leaves possible."""
    score: Interval
    """Interquartile mean of what the track sorts by."""
    checkpoints: tuple[Interval, ...]
    anytime: Interval
    rank: Interval
    """Average rank within a seed."""
    improvement: Interval | None
    """Chance of doing better than random search; None for itself and without it."""
    parts: Mapping[str, Part]

    @property
    def overhead_s(self) -> float:
        """The searcher's own seconds in a run, on average."""
        ends = [
            run.trajectory.overhead_s[-1]
            for part in self.parts.values()
            for run in part.runs
            if len(run.trajectory)
        ]
        return float(score.rounded(np.mean(ends))) if ends else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Standings:
    """A whole track."""

    contest: Contest
    rulers: Mapping[str, Ruler]
    rows: tuple[Row, ...]
    """The best first."""
    losses: Floats
    """What is sorted by: (benchmarks, entries, seeds), on one scale."""
    friedman: float
    """P-value of all entries being equal."""
    difference: float
    """Of average ranks that is beyond the noise by Nemenyi's test; NaN for a single entry."""
    cliques: tuple[tuple[int, ...], ...]
    """Positions of entries whose average ranks do not differ by as much."""

    @property
    def normalized(self) -> bool:
        """Whether losses are in units of a random draw's."""
        return len(self.rulers) > 1


def standings(contest: Contest, entries: Mapping[str, Sequence[Run]]) -> Standings:
    """Standings of entries by name, each with one run for every benchmark and seed.

    Raises:
        ValueError: there is no entry, or a run is missing.
        RunFault: a benchmark knows no feasible architecture.
    """
    if not entries:
        raise ValueError("standings need at least one entry")
    everything = [run for name in sorted(entries) for run in entries[name]]
    rulers = {
        name: score.ruler(
            benchmark,
            contest.objectives,
            contest.constraints,
            [run for run in everything if run.benchmark == name],
        )
        for name, benchmark in contest.benchmarks.items()
    }
    parts = {
        name: {key: _part(contest, entries[name], key, ruler) for key, ruler in rulers.items()}
        for name in sorted(entries)
    }
    names = _order(contest, rulers, parts)
    return _standings(contest, rulers, {name: parts[name] for name in names})


def _part(contest: Contest, runs: Sequence[Run], benchmark: str, ruler: Ruler) -> Part:
    mine = {run.seed: run for run in runs if run.benchmark == benchmark}
    if sorted(mine) != sorted(contest.seeds):
        raise ValueError(
            f"expected a run on {benchmark} for each of the seeds {sorted(contest.seeds)}, got "
            f"{sorted(mine)}; check the submission first"
        )
    chosen = tuple(mine[seed] for seed in contest.seeds)
    found = tuple(score.losses(run, ruler) for run in chosen)
    clocks = [score.times(run, contest.clock) for run in chosen]
    grid = np.array(CHECKPOINTS) * contest.span[1]
    steps = list(zip(clocks, found, strict=True))
    return Part(
        runs=chosen,
        losses=found,
        checkpoints=np.array([score.at(*each, grid, before=ruler.worst) for each in steps]),
        area=np.array([score.area(*each, contest.span, before=ruler.worst) for each in steps]),
        igd=np.array(
            [
                math.nan if ruler.front is None else score.inverted_generational_distance(r, ruler)
                for r in chosen
            ]
        ),
        recommended=tuple(score.recommended(run) for run in chosen),
    )


def _order(
    contest: Contest, rulers: Mapping[str, Ruler], parts: Mapping[str, Mapping[str, Part]]
) -> list[str]:
    cube = _cube(contest, rulers, parts, -1, area=contest.anytime)
    middles = [statistics.iqm(own.ravel()) for own in np.moveaxis(cube, 1, 0)]
    return [name for _, name in sorted(zip(map(float, middles), parts, strict=True))]


def _standings(
    contest: Contest, rulers: Mapping[str, Ruler], parts: Mapping[str, Mapping[str, Part]]
) -> Standings:
    cube = _cube(contest, rulers, parts, -1, area=contest.anytime)
    steps = [
        profiles.interquartile_means(_cube(contest, rulers, parts, k))
        for k in range(len(CHECKPOINTS))
    ]
    areas = profiles.interquartile_means(_cube(contest, rulers, parts, -1, area=True))
    places = ranks.rank_ranges(statistics.better_than(-cube.mean(axis=0)))
    average = profiles.average_ranks(cube)
    searchers = [next(iter(own.values())).runs[0].searcher for own in parts.values()]
    chances = _improvements(cube, list(parts))
    blocks = ranks.blocks_of(cube)
    alone = len(parts) < 2
    difference = math.nan if alone else ranks.critical_difference(len(parts), len(blocks))
    groups = [] if alone else ranks.cliques([each.estimate for each in average], difference)
    rows = tuple(
        Row(
            name=name,
            searcher=searchers[k],
            number=k,
            places=(int(places[k, 0]), int(places[k, 1])),
            score=areas[k] if contest.anytime else steps[-1][k],
            checkpoints=tuple(step[k] for step in steps),
            anytime=areas[k],
            rank=average[k],
            improvement=chances[k],
            parts=parts[name],
        )
        for k, name in enumerate(parts)
    )
    return Standings(
        contest=contest,
        rulers=rulers,
        rows=rows,
        losses=cube,
        friedman=ranks.friedman(blocks),
        difference=difference,
        cliques=tuple(tuple(group.tolist()) for group in groups),
    )


def _cube(
    contest: Contest,
    rulers: Mapping[str, Ruler],
    parts: Mapping[str, Mapping[str, Part]],
    checkpoint: int,
    *,
    area: bool = False,
) -> Floats:
    """Losses (benchmarks, entries, seeds) at a checkpoint, or the areas under the curves."""
    found = np.array(
        [
            [
                own[key].area if area else own[key].checkpoints[:, checkpoint]
                for own in parts.values()
            ]
            for key in rulers
        ]
    )
    if len(rulers) == 1:
        return found
    return score.rounded(profiles.normalized(found, [unit_of(each) for each in rulers.values()]))


def unit_of(ruler: Ruler) -> float:
    """What losses on a benchmark are divided by when several are put together."""
    return ruler.typical if ruler.typical > 0 else 1.0  # all its architectures are equally good


def _improvements(cube: Floats, names: Sequence[str]) -> list[Interval | None]:
    """Against the entry of random search, if it is there: the one of that name, which is unique."""
    if REFERENCE not in names:
        return [None] * len(names)
    reference = names.index(REFERENCE)
    found = profiles.improvements_on(cube, reference)
    return [None if k == reference else each for k, each in enumerate(found)]
