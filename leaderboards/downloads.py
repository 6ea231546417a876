"""The scores of a track as files to work with: JSON with everything, CSV by entry and by run."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from typing import Any

from leaderboards.cards import TrackPage
from leaderboards.standings import CHECKPOINTS, Row
from leaderboards.submission import LEVELS
from nasbench.harness.statistics import Interval

DIGITS = 8
"""Of a number; the last ones are not the same on every machine."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First letters that make a spreadsheet take text for a formula."""


def as_json(track: TrackPage) -> str:
    """Setting, rulers, and every entry's scores with the losses of all its runs."""
    table, contest = track.standings, track.standings.contest
    document = {
        "track": track.slug,
        "version": track.version,
        "benchmarks": {
            name: {
                "sha256": track.hashes.get(name),
                "targets": [target.name for target in ruler.targets],
                "loss_of_validation_optimum": ruler.chosen,
                "loss_of_random_draw": ruler.typical,
            }
            for name, ruler in table.rulers.items()
        },
        "objectives": list(contest.objectives),
        "budget": {"queries": contest.budget.queries, "cost_s": contest.budget.cost_s},
        "seeds": list(contest.seeds),
        "checkpoints": list(CHECKPOINTS),
        "normalized": table.normalized,
        "friedman_p": table.friedman,
        "critical_difference": table.difference,
        "entries": [_entry(row, track) for row in table.rows],
    }
    return json.dumps(_plain(document), indent=1, allow_nan=False) + "\n"


def standings_csv(track: TrackPage) -> str:
    """A line for each entry, the best first."""
    shares = [f"loss_at_{share:g}" for share in CHECKPOINTS]
    head = ["entry", "name", "best_place", "worst_place", "score", "low", "high", *shares]
    head += ["anytime", "average_rank", "beats_random_search", "own_s", "evidence"]
    return _csv(head, (_line(row, track) for row in track.standings.rows))


def runs_csv(track: TrackPage) -> str:
    """A line for each run: losses at the checkpoints in the benchmark's own unit."""
    shares = [f"loss_at_{share:g}" for share in CHECKPOINTS]
    head = ["entry", "benchmark", "seed", "evaluations", "spent_s", *shares, "anytime"]
    lines = (
        [
            *(row.name, name, run.seed, len(run.trajectory), _last(run.trajectory.spent_s)),
            *(*part.checkpoints[k].tolist(), float(part.area[k])),
        ]
        for row in track.standings.rows
        for name, part in row.parts.items()
        for k, run in enumerate(part.runs)
    )
    return _csv(head, lines)


def _entry(row: Row, track: TrackPage) -> dict[str, Any]:
    card = track.cards[row.name]
    return {
        "entry": row.name,
        "name": card.name,
        "authors": list(card.authors),
        "searcher": row.searcher,
        "places": list(row.places),
        "score": _interval(row.score),
        "checkpoints": [_interval(each) for each in row.checkpoints],
        "anytime": _interval(row.anytime),
        "average_rank": _interval(row.rank),
        "beats_random_search": None if row.improvement is None else _interval(row.improvement),
        "own_s": row.overhead_s,
        "evidence": LEVELS[card.level],
        "flags": list(card.flags),
        "losses": {name: part.checkpoints.tolist() for name, part in row.parts.items()},
        "areas": {name: part.area.tolist() for name, part in row.parts.items()},
    }


def _line(row: Row, track: TrackPage) -> list[Any]:
    card, score = track.cards[row.name], row.score
    return [
        *(row.name, card.name, *row.places),
        *_interval(score),
        *(each.estimate for each in row.checkpoints),
        row.anytime.estimate,
        row.rank.estimate,
        None if row.improvement is None else row.improvement.estimate,
        row.overhead_s,
        LEVELS[card.level],
    ]


def _csv(head: list[str], lines: Iterable[list[Any]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in line] for line in lines)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    risky = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if risky else _plain(value)


def _interval(bounds: Interval) -> list[float]:
    return [bounds.estimate, bounds.low, bounds.high]


def _plain(value: Any) -> Any:
    """Numbers at `DIGITS`, and None for what is none, wherever they are."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def _last(seconds: Any) -> float:
    return float(seconds[-1]) if len(seconds) else 0.0
