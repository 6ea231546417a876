"""What a suite shows, in sentences: each is computed from its numbers, and left out where they say
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import scipy  # its parts load when first used, and `scipy.stats` takes a second
from numpy.typing import ArrayLike, NDArray

from nasbench.harness import ranks
from nasbench.harness.collection import REFERENCE
from nasbench.harness.evidence import once
from nasbench.harness.overall import Overall, losses_at
from nasbench.harness.statistics import LEVEL, holm
from nasbench.harness.wording import (
    format_interval,
    format_p,
    format_ranks,
    format_seconds,
    listed,
)

EARLY = 0.1
"""Share of the evaluations after which the searchers are looked at once more."""
OWN_SHARE = 0.1
"""Of the charged seconds, from which a searcher's own time is worth a sentence."""
ENOUGH = 4
"""Searchers from which rankings are correlated between benchmarks."""


def findings(overall: Overall) -> list[str]:
    """All sentences, the most important first."""
    return [
        *_difference(overall),
        *_first(overall),
        *_reference(overall),
        *_everywhere(overall),
        *_early(overall),
        *_agreement(overall),
        *_solved(overall),
        *_own_time(overall),
    ]


def cautions(overall: Overall) -> list[str]:
    """What makes the numbers less than they seem."""
    found = []
    if overall.left_out:
        found.append(
            f"Left out of everything that is said of all tables, as they lack runs: "
            f"{listed(overall.left_out)}."
        )
    count = len(overall.summaries)
    found.append(
        f"Tests and intervals are over seeds on {_these(count)}: they say nothing of other tasks, "
        f"of which {count} would be a small sample."
    )
    if count > 1:
        found.append(
            "A seed draws the same first architectures on every table of a space, so its runs are "
            "no independent blocks: where tables order architectures nearly alike, as those of one "
            "task's variants do, differences look surer than they are."
        )
    lucky = [s.benchmark.name for s in overall.summaries if once(s.benchmark)]
    if lucky:
        found.append(
            f"{listed(lucky)} {'holds' if len(lucky) == 1 else 'hold'} one training of each "
            f"architecture: the luck of that training is in every value there."
        )
    return found


def _difference(overall: Overall) -> Iterator[str]:
    if len(overall.places) < 2:
        return
    p = f"Friedman's test over {_blocks(overall)}, p {_p(overall.p_value)}"
    if overall.p_value < 1 - LEVEL:
        yield f"The {len(overall.places)} searchers are not all alike ({p})."
    else:
        yield f"That all {len(overall.places)} searchers are alike cannot be ruled out ({p})."


def _first(overall: Overall) -> Iterator[str]:
    first, others = overall.places[0], overall.places[1:]
    if not others:
        return
    beaten = [p.searcher for p, won in zip(others, overall.better[0][1:], strict=True) if won]
    tied = [place.searcher for place in others if place.searcher not in beaten]
    text = (
        f"{first.searcher} has the best average rank, {format_interval(first.average_rank, 1)}, "
        f"and the noise leaves it {_ranks_text(first.ranks)}"
    )
    if not tied:
        yield f"{text}: it is better than every other one."
    else:
        yield f"{text}: nothing here tells it from {listed(tied)}."


def _reference(overall: Overall) -> Iterator[str]:
    k = overall.reference
    if k is None or len(overall.places) < 2:
        return
    names = [place.searcher for place in overall.places]
    above = _where(overall.better[:, k], names)
    below = _where(overall.better[k], names)
    level = [n for n in names if n not in (*above, *below, REFERENCE)]
    if above:
        chances = [p.improvement for p in overall.places if p.searcher in above]
        low, high = (f(c.estimate for c in chances if c is not None) for f in (min, max))
        span = f"{low:.2f}" if len(above) == 1 else f"{low:.2f} to {high:.2f}"
        yield (
            f"Over all tables {_be(above)} better than {REFERENCE} beyond the noise: "
            f"{listed(above)} (chance that a run beats one of {REFERENCE}: {span})."
        )
    if below:
        yield f"Worse than {REFERENCE} beyond the noise: {listed(below)}."
    if level:
        yield f"Not to be told from {REFERENCE}: {listed(level)}."


def _everywhere(overall: Overall) -> Iterator[str]:
    """Searchers that beat the reference on every table alone, or on some and lose on others."""
    if overall.reference is None or len(overall.summaries) < 2:
        return
    wins, losses = _by_table(overall)
    names = [place.searcher for place in overall.places]
    always = _where(np.all(wins, axis=0), names)
    mixed = _where(np.any(wins, axis=0) & np.any(losses, axis=0), names)
    if always:
        yield (
            f"On each table alone, too, {_be(always)} better than {REFERENCE} in the test score: "
            f"{listed(always)}."
        )
    for name in mixed:
        k = names.index(name)
        tables = [summary.benchmark.name for summary in overall.summaries]
        better, worse = listed(_where(wins[:, k], tables)), listed(_where(losses[:, k], tables))
        yield f"In the test score {name} is better than {REFERENCE} on {better}, worse on {worse}."


def _early(overall: Overall) -> Iterator[str]:
    """Who is ahead of the reference early, and who ahead at the end only."""
    k, queries = overall.reference, overall.summaries[0].collection.first.budget.queries
    steps = int(EARLY * queries)
    if k is None or steps < 1:
        return
    losses = losses_at(overall, np.array([float(steps)]), "evaluations")[..., 0]
    names = [place.searcher for place in overall.places]
    if np.isnan(losses).any():
        return
    early = _where(ranks.better_in_pairs(ranks.blocks_of(losses))[:, k], names)
    late = _where(overall.better[:, k], names)
    if early:
        yield (
            f"After {steps} of {queries:,} evaluations {_be(early)} already better than "
            f"{REFERENCE}: {listed(early)}."
        )
    elif late:
        yield f"After {steps} of {queries:,} evaluations none is better than {REFERENCE} yet."


def _agreement(overall: Overall) -> Iterator[str]:
    """Whether the tables rank the searchers alike."""
    means = overall.losses.mean(axis=2)
    if len(means) < 2 or means.shape[1] < ENOUGH:
        return
    pairs = [scipy.stats.kendalltau(a, b) for a, b in combinations(means, 2)]
    taus = np.array([float(pair.statistic) for pair in pairs])
    if np.isnan(taus).any():
        return
    alike = int(np.sum((holm([float(pair.pvalue) for pair in pairs]) < 1 - LEVEL) & (taus > 0)))
    span = f"{taus[0]:.2f}" if len(taus) == 1 else f"{taus.min():.2f} to {taus.max():.2f}"
    yield (
        f"The rankings of the searchers by mean regret on two tables correlate with Kendall's tau "
        f"{span}; in {alike} of {len(pairs)} pairs of tables that is more than chance."
    )


def _solved(overall: Overall) -> Iterator[str]:
    best = max(place.solved for place in overall.places)
    if best > 0:
        names = [place.searcher for place in overall.places if place.solved == best]
        runs = len(overall.summaries) * len(overall.seeds)
        found = f"in {round(best * runs)} of {runs} runs"
        known = all(summary.exhaustive for summary in overall.summaries)
        what = "The optimum" if known else "The best that is known"
        yield f"{what} is found most often by {listed(names)}: {found}."


def _own_time(overall: Overall) -> Iterator[str]:
    heavy = [p for p in overall.places if p.overhead_s > OWN_SHARE * p.spent_s > 0]
    if heavy:
        told = [
            f"{p.searcher} {format_seconds(p.overhead_s)} ({p.overhead_s / p.spent_s:.0%})"
            for p in sorted(heavy, key=lambda p: -p.overhead_s / p.spent_s)
        ]
        yield (
            f"Own time a run and its share of what is charged, where that is more than "
            f"{OWN_SHARE:.0%}: {listed(told)}. It is measured, so it depends on the machine."
        )


def _by_table(overall: Overall) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(benchmarks, searchers): better, and worse, than the reference by that table's own test."""
    wins, losses = [], []
    for summary in overall.summaries:
        names = [standing.searcher for standing in summary.standings]
        rows = [names.index(place.searcher) for place in overall.places]
        k = names.index(REFERENCE)
        wins.append(summary.better[rows, k])
        losses.append(summary.better[k, rows])
    return np.array(wins), np.array(losses)


def _where(chosen: ArrayLike, names: Sequence[str]) -> list[str]:
    return [name for name, yes in zip(names, np.asarray(chosen), strict=True) if yes]


def _be(names: Sequence[str]) -> str:
    return "one is" if len(names) == 1 else f"{len(names)} are"


def _ranks_text(span: tuple[int, int]) -> str:
    return f"rank{'s' if span[0] != span[1] else ''} {format_ranks(span)}"


def _these(count: int) -> str:
    return "this table" if count == 1 else f"these {count} tables"


def _blocks(overall: Overall) -> str:
    tables, seeds = len(overall.summaries), len(overall.seeds)
    return f"{tables} tables x {seeds} seeds" if tables > 1 else f"{seeds} seeds"


def _p(value: float) -> str:
    text = format_p(value)
    return text if text.startswith("<") else f"= {text}"
