"""Numbers and findings as a report words them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from nasbench.core import Budget, Constraint
from nasbench.harness.collection import Collection
from nasbench.harness.evidence import looked_up
from nasbench.harness.problem import find_objectives
from nasbench.harness.summary import Summary
from nasbench.harness.verification import Verification


class _Bounds(Protocol):
    @property
    def estimate(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def format_number(value: float, digits: int = 2) -> str:
    """`12.30`, thousands in groups; `none` where it is not a number."""
    return f"{value:,.{digits}f}" if math.isfinite(value) else "none"


def format_interval(bounds: _Bounds, digits: int = 2, signed: bool = False) -> str:
    """`76.3 [75.1, 77.4]`; the estimate alone where the bounds say nothing."""
    sign = "+" if signed else ""
    text = f"{bounds.estimate:{sign}.{digits}f}"
    if not math.isfinite(bounds.low) or not math.isfinite(bounds.high):
        return text
    return f"{text} [{bounds.low:{sign}.{digits}f}, {bounds.high:{sign}.{digits}f}]"


def format_seconds(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 0.0995:
        return f"{1000 * seconds:.1f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def format_p(p_value: float) -> str:
    """Two digits, or an upper bound for tiny ones."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


def format_ranks(ranks: Sequence[int]) -> str:
    """`3`, or `1-5` with an en dash where the noise leaves several ranks possible."""
    best, worst = ranks
    return f"{best}" if best == worst else f"{best}\N{EN DASH}{worst}"


def describe_seeds(seeds: Sequence[int]) -> str:
    """`0..9`, or a list with gaps."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}..{seeds[-1]}"
    return ", ".join(map(str, seeds))


def describe_budget(budget: Budget) -> str:
    """Its limits in words."""
    limit = "" if math.isinf(budget.cost_s) else f" or {format_seconds(budget.cost_s)} charged"
    return f"{budget.queries:,} evaluations{limit}"


def describe_constraints(constraints: Sequence[Constraint]) -> str:
    """`params <= 50000`, one after the other."""
    return ", ".join(text.replace("<=", " ≤ ").replace(">=", " ≥ ") for text in terms(constraints))


def find_sentence(summary: Summary) -> str:
    """The one result that a reader should take away."""
    first, name = summary.standings[0], summary.target.name
    unit = " %" if summary.target.unit == "%" else f" {summary.target.unit}"
    opening = (
        f"{first.searcher} has the best mean {name}: "
        f"{format_interval(first.mean, 2 if unit == ' %' else 4)}{unit}."
    )
    others = [standing.searcher for standing in summary.standings[1:]]
    beaten = [name for name, won in zip(others, summary.better[0][1:], strict=True) if won]
    tied = [name for name in others if name not in beaten]
    if not others:
        return opening
    if not beaten:
        return f"{opening} No other searcher differs from it beyond the noise of these runs."
    rest = f", and tied with {listed(tied)}" if tied else ""
    return f"{opening} It is better beyond the noise than {listed(beaten)}{rest}."


def coverage_sentence(summary: Summary) -> str:
    """How much of the table is trained; empty if all of it is, or if it is no table."""
    if summary.trained is None or summary.exhaustive:
        return ""
    done, total = summary.trained
    return (
        f"Only {done:,} of {total:,} architectures of the table are trained: its best may be among "
        f"the others, and every number here may change."
    )


def failure_sentences(summary: Summary) -> list[str]:
    """For each searcher, how many of its runs count as the worst, and why."""
    found = []
    for standing in summary.standings:
        ended, name = standing.outcomes, standing.searcher
        none = sum(not len(outcome.file.run.trajectory) for outcome in ended)
        empty = sum(outcome.arch is None for outcome in ended) - none
        lost = sum(outcome.failed for outcome in ended) - empty - none
        reasons = (
            (none, "ended before an evaluation was complete"),
            (empty, "found nothing feasible"),
            (lost, "ended with a failed training"),
        )
        found += [
            f"{number} of {len(ended)} runs of {name} {what}; they count as the worst "
            f"architecture known."
            for number, what in reasons
            if number
        ]
    return found


def short_sentences(summary: Summary) -> list[str]:
    """For each searcher, how many of its runs never trained their incumbent in full."""
    full, found = summary.benchmark.epochs[-1], []
    for standing in summary.standings:
        ended = standing.outcomes
        short = sum(0 < outcome.epochs < full for outcome in ended)
        if short:
            found.append(
                f"{short} of {len(ended)} runs of {standing.searcher} recommend an architecture "
                f"that they trained for less than {full} epochs: the values that they were told do "
                f"not compare with those of a full training."
            )
    return found


def missing_sentences(collection: Collection) -> list[str]:
    """For each searcher that lacks runs, which ones."""
    total = len(collection.seeds)
    return [
        f"{name} has {total - len(seeds)} of {total} runs, none of seed {describe_seeds(seeds)}: "
        f"they failed, or are still to be done, and its numbers leave them out."
        for name, seeds in collection.missing.items()
    ]


def again_sentence(budget: Budget) -> str:
    """What making the runs again gives."""
    if math.isinf(budget.cost_s):
        return "Seeds decide every run; only the searchers' own seconds differ between machines."
    return (
        "Seeds decide what a run evaluates, but not how much of it: the searchers' own seconds "
        "differ between machines, and with them the number of evaluations that the budget's "
        "seconds allow."
    )


def optimum_sentence(summary: Summary) -> str:
    """What the best possible score is."""
    objective, target = summary.objective, summary.target
    digits = 2 if objective.unit == "%" else 4
    what = "The best architecture that any run found"
    if summary.trained is not None:
        what = "The table's best" if summary.exhaustive else "The best architecture trained so far"
    best = summary.optimum_metrics
    text = f"{what} by {objective.name} has {best[objective.name]:.{digits}f}"
    if target != objective:
        text += f", and {target.name} {best[target.name]:.{digits}f}"
    return f"{text}."


def regret_sentence(summary: Summary) -> str:
    """How the regret on the page is defined."""
    name = summary.objective.name
    feasible = " that meets the constraints" if summary.collection.first.constraints else ""
    best = "the best that any of these runs found, as the benchmark cannot list all architectures"
    if summary.trained is not None:
        which = "all" if summary.exhaustive else f"the {summary.trained[0]:,} trained"
        best = f"the best of {which} architectures{feasible} in the table"
    return (
        f"Distance of the incumbent's {name} from {best}; both {looked_up(summary.benchmark)}. The "
        f"incumbent was chosen on the value the searcher was told, among its longest trainings, so "
        f"the regret can rise where the searcher was misled by noise or begins to train longer."
    )


def hypervolume_sentence(summary: Summary) -> str:
    """What the hypervolume on the page is a share of; empty for a single objective."""
    if summary.front is None:
        return ""
    known = "what is trained" if summary.trained else "what these runs recommend"
    whose = "all architectures in the table" if summary.front.exact else known
    metrics = find_objectives(summary.benchmark, summary.collection.first.objectives)
    pairs = zip(metrics, summary.front.reference, strict=True)
    corner = ", ".join(f"{metric.name} {metric.sign * value:,.5g}" for metric, value in pairs)
    return (
        f"Of the evaluations that no other dominates, as the searcher was told, looked up "
        f"({looked_up(summary.benchmark)}), as a share of that of the Pareto front of {whose}. "
        f"Reference point, 10 % of the front's range beyond its worst values: {corner}."
    )


def verification_sentence(verification: Verification) -> str:
    """What training the winners has shown of each, and of none of the methods that found them."""
    measurements = verification.measurements
    counts = Counter(m.verdict for m in measurements)
    text = (
        f"Of {len(measurements)} winning cells, trained again with {len(verification.seeds)} fresh "
        f"seeds each, {counts['confirmed']} agree with the table within the noise "
        f"({verification.noise:.2f} points between seeds)"
    )
    for verdict in ("better", "worse", "unstable"):
        number = counts[verdict]
        text += f", {number} {'is' if number == 1 else 'are'} {verdict}" if number else ""
    against = [m.against_reference for m in measurements if m.against_reference is not None]
    if against:
        won = sum(part.verdict == "better" for part in against)
        text += (
            f"; {won} of {len(against)} beat random search's winner beyond the noise, which says "
            f"something of these cells and little of the methods"
        )
    return f"{text}."


def shift_sentence(verification: Verification) -> str:
    """How far fresh trainings are from the table on average, which takes fewer of them to see."""
    shift = verification.shift
    if shift is None:
        return "No cell trained stably, so there is nothing to compare with the table."
    told = f"{format_interval(shift, 2, True)} percentage points"
    if shift.high < 0:
        return (
            f"All together the table promised too much of them: fresh trainings differ by {told}, "
            f"as is expected of winners chosen by {verification.table_trainings} each."
        )
    if shift.low > 0:
        return (
            f"All together they are better than the table says: fresh trainings differ by {told}."
        )
    return f"All together fresh trainings differ from the table by {told}: within the noise."


def terms(constraints: Sequence[Constraint]) -> list[str]:
    """Bounds as `--constraint` takes them."""
    found = []
    for constraint in constraints:
        if constraint.upper is not None:
            found.append(f"{constraint.metric}<={exact(constraint.upper)}")
        if constraint.lower is not None:
            found.append(f"{constraint.metric}>={exact(constraint.lower)}")
    return found


def exact(value: float) -> str:
    """All digits, so that reading it gives the same number; whole numbers without a point."""
    whole = float(value).is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else repr(float(value))


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
