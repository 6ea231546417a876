"""What the comparisons of a suite say together, in numbers computed from their summaries alone.

Losses are final regrets in units of the benchmark's typical one: that of the median architecture
that meets the constraints, so 0 is the optimum and 1 what half of a table reaches. Only those with
all runs on all benchmarks are held against each other; the others are named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import RunFault
from nasbench.harness import profiles, ranks
from nasbench.harness.collection import REFERENCE
from nasbench.harness.known import typical_regret
from nasbench.harness.lookup import curve_values
from nasbench.harness.statistics import Interval
from nasbench.harness.summary import Outcome, Summary
from nasbench.harness.trajectory import Clock

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One searcher over all benchmarks."""

    searcher: str
    number: int
    """Decides its color, on every page the same: 0 is the reference, if that was run."""
    ranks: tuple[int, int]
    """Best and worst that the noise leaves possible."""
    average_rank: Interval
    iqm: Interval
    """Interquartile mean of the losses."""
    mean: Interval
    improvement: Interval | None
    """Chance that a run beats one of the reference; None for itself or without one."""
    solved: float
    """Share of runs that ended at the optimum."""
    spent_s: float
    """Mean charged seconds of a run."""
    overhead_s: float
    """Mean of the searcher's own seconds in them."""


@dataclass(frozen=True, slots=True, eq=False)
class Overall:
    """A whole suite."""

    summaries: list[Summary]
    """One a benchmark; their searchers have the numbers of the places."""
    places: list[Place]
    """The best average rank first."""
    seeds: list[int]
    losses: Floats
    """(benchmarks, searchers, seeds), searchers in the order of the places."""
    typical: Floats
    """(benchmarks,) regret that counts 1."""
    better: NDArray[np.bool_]
    """(searchers, searchers) whether the row is better beyond the noise, by ranks of pairs."""
    p_value: float
    """Friedman's, of no difference at all."""
    difference: float
    """Nemenyi's critical difference of average ranks."""
    left_out: list[str]
    """Searchers that lack runs."""

    @property
    def reference(self) -> int | None:
        """Position of the reference among the places."""
        names = [place.searcher for place in self.places]
        return names.index(REFERENCE) if REFERENCE in names else None


def combine(summaries: Sequence[Summary]) -> Overall:
    """The suite of these comparisons.

    Raises:
        RunFault: they have no searcher, or no seed, in common.
    """
    summaries = _renumbered(summaries)
    names, seeds, left_out = _complete(summaries)
    typical = np.array([_typical(summary) for summary in summaries])
    regrets = [
        [[outcome.regret for outcome in _runs(summary, name, seeds)] for name in names]
        for summary in summaries
    ]
    losses = profiles.normalized(regrets, typical)
    average = profiles.average_ranks(losses)
    order = sorted(range(len(names)), key=lambda k: (average[k].estimate, names[k]))
    losses, names = losses[:, order], [names[k] for k in order]
    blocks = ranks.blocks_of(losses)
    better = ranks.better_in_pairs(blocks)
    return Overall(
        summaries=summaries,
        places=_places(summaries, names, seeds, losses, better),
        seeds=seeds,
        losses=losses,
        typical=typical,
        better=better,
        p_value=ranks.friedman(blocks),
        difference=ranks.critical_difference(max(len(names), 2), len(blocks)),
        left_out=left_out,
    )


def losses_at(overall: Overall, grid: Floats, clock: Clock) -> Floats:
    """Losses (benchmarks, searchers, seeds, points) of the incumbents along a clock.

    Points of `seconds` are shares of what the `unit_of` each benchmark is. NaN where a searcher has
    no incumbent yet, or where all its runs have ended.
    """
    found = []
    for summary, typical in zip(overall.summaries, overall.typical, strict=True):
        points = grid * unit_of(overall, summary) if clock == "seconds" else grid
        objective, lookup = summary.objective, summary.lookup
        best, worst = summary.optimum_metrics[objective.name], summary.worst[objective.name]
        files = [
            [outcome.file for outcome in _runs(summary, place.searcher, overall.seeds)]
            for place in overall.places
        ]
        values = [
            curve_values(own, lookup, lookup.column(objective), points, clock, worst=worst)
            for own in files
        ]
        regrets = np.maximum(objective.sign * (np.array(values) - best), 0.0)
        found.append(regrets / typical)
    return np.array(found)


def unit_of(overall: Overall, summary: Summary) -> float:
    """Mean charged seconds of the reference's runs, or of the first place's without one."""
    which = overall.places[overall.reference or 0].searcher
    ended = _runs(summary, which, overall.seeds)
    return float(np.mean([outcome.spent_s for outcome in ended]))


def _renumbered(summaries: Sequence[Summary]) -> list[Summary]:
    """The same number for a searcher in all of them."""
    every = {standing.searcher for summary in summaries for standing in summary.standings}
    numbers = {name: k for k, name in enumerate(sorted(every, key=lambda n: (n != REFERENCE, n)))}
    return [
        dataclasses.replace(
            summary,
            standings=[
                dataclasses.replace(standing, number=numbers[standing.searcher])
                for standing in summary.standings
            ],
        )
        for summary in summaries
    ]


def _complete(summaries: Sequence[Summary]) -> tuple[list[str], list[int], list[str]]:
    """Searchers with every seed that all benchmarks have, these seeds, and the other searchers."""
    asked = [set(summary.collection.seeds) for summary in summaries]
    seeds = sorted(set.intersection(*asked)) if asked else []
    held = [
        {standing.searcher: _seeds(standing.outcomes) for standing in summary.standings}
        for summary in summaries
    ]
    every = sorted({name for own in held for name in own})
    whole = [n for n in every if all(set(seeds) <= own.get(n, set()) for own in held)]
    if not seeds or not whole:
        raise RunFault(
            "expected a searcher that has all seeds on all benchmarks of the suite, got none; run "
            "the same `nasbench compare --suite` again to do what is missing"
        )
    missing = {name for summary in summaries for name in summary.collection.missing}
    return whole, seeds, sorted({*every, *missing} - set(whole))


def _seeds(outcomes: Sequence[Outcome]) -> set[int]:
    return {outcome.file.run.seed for outcome in outcomes}


def _runs(summary: Summary, searcher: str, seeds: Sequence[int]) -> list[Outcome]:
    """A searcher's runs of these seeds."""
    (standing,) = [s for s in summary.standings if s.searcher == searcher]
    by_seed = {outcome.file.run.seed: outcome for outcome in standing.outcomes}
    return [by_seed[seed] for seed in seeds]


def _typical(summary: Summary) -> float:
    objective, constraints = summary.objective, summary.collection.first.constraints
    best = summary.optimum_metrics[objective.name]
    return typical_regret(summary.benchmark, objective, constraints, best)


def _places(
    summaries: Sequence[Summary],
    names: Sequence[str],
    seeds: Sequence[int],
    losses: Floats,
    better: NDArray[np.bool_],
) -> list[Place]:
    numbers = {s.searcher: s.number for summary in summaries for s in summary.standings}
    reference = names.index(REFERENCE) if REFERENCE in names else None
    chances = [] if reference is None else profiles.improvements_on(losses, reference)
    columns = zip(
        names,
        ranks.rank_ranges(better).tolist(),
        profiles.average_ranks(losses),
        profiles.interquartile_means(losses),
        profiles.means(losses),
        strict=True,
    )
    found = []
    for k, (name, (first, last), average, iqm, mean) in enumerate(columns):
        ended = [outcome for summary in summaries for outcome in _runs(summary, name, seeds)]
        found.append(
            Place(
                searcher=name,
                number=numbers[name],
                ranks=(first, last),
                average_rank=average,
                iqm=iqm,
                mean=mean,
                improvement=None if reference in (None, k) else chances[k],
                solved=float(np.mean(losses[:, k] == 0)),
                spent_s=float(np.mean([outcome.spent_s for outcome in ended])),
                overhead_s=float(np.mean([outcome.overhead_s for outcome in ended])),
            )
        )
    return found
