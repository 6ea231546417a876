"""What the rows, facts and sentences of the board's pages say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from leaderboards import charts, diagrams, score
from leaderboards.cards import TrackPage
from leaderboards.standings import Row, Standings
from leaderboards.submission import LEVELS
from nasbench.harness import statistics
from nasbench.harness.statistics import Interval
from nasbench.harness.wording import format_ranks

PLOTTED = 3
"""Entries that are drawn in color at first, besides random search."""


def entry_row(row: Row, track: TrackPage) -> dict[str, Any]:
    """What a line of the standings shows of an entry."""
    table, card = track.standings, track.cards[row.name]
    text = " ".join([card.name, row.searcher, *card.authors, LEVELS[card.level], *card.flags])
    return {
        "row": row,
        "card": card,
        "href": f"entries/{row.name}.html",
        "words": text.lower(),
        "picked": row.number < PLOTTED or row.improvement is None,
        "score": _number(row.score.estimate, table),
        "bounds": _bounds(row.score, table),
        "drawn": _drawn(row, table),
        "checkpoints": [(c.estimate, _number(c.estimate, table)) for c in row.checkpoints],
        "anytime": _number(row.anytime.estimate, table),
        "value": _target_value(row, table),
        "improvement": None if row.improvement is None else row.improvement.estimate,
        "igd": _igd(row),
    }


def run_rows(row: Row, name: str) -> list[dict[str, Any]]:
    """What an entry's page shows of its runs on one benchmark."""
    part = row.parts[name]
    return [
        {
            "benchmark": name,
            "seed": run.seed,
            "evaluations": len(run.trajectory),
            "spent_s": float(run.trajectory.spent_s[-1]) if len(run.trajectory) else 0.0,
            "overhead_s": float(run.trajectory.overhead_s[-1]) if len(run.trajectory) else 0.0,
            "loss": float(part.final[k]),
            "area": float(part.area[k]),
        }
        for k, run in enumerate(part.runs)
    ]


def podium(row: Row, track: TrackPage) -> dict[str, Any]:
    """What the page of all tracks shows of one of the first entries."""
    return {
        "places": format_ranks(row.places),
        "name": track.cards[row.name].name,
        "href": f"{track.folder}/entries/{row.name}.html",
        "score": _number(row.score.estimate, track.standings),
        "drawn": _drawn(row, track.standings),
    }


def ruler_facts(name: str, track: TrackPage) -> dict[str, Any]:
    """What the losses on a benchmark are measured by."""
    ruler = track.standings.rulers[name]
    target = ruler.targets[0]
    return {
        "name": name,
        "hash": track.hashes.get(name, ""),
        "best": f"{target.sign * float(score.rounded(ruler.best)):.4g} {target.unit}",
        "chosen": f"{ruler.chosen:.3g}",
        "typical": f"{ruler.typical:.3g}",
        "label": charts.loss_label(ruler),
        "exact": ruler.exact,
        "front": 0 if ruler.front is None else len(ruler.front.values),
    }


def finding(track: TrackPage) -> str:
    """The one result that a reader should take away."""
    rows = track.standings.rows
    first, *others = [(track.cards[row.name].name, row) for row in rows]
    if not others:
        return f"{first[0]} is the only entry."
    if first[1].places == (1, 1):
        return f"{first[0]} is better than every other entry beyond the noise of its seeds."
    tied = [name for name, row in others if row.places[0] == 1]
    lowest = first[1].score.estimate < others[0][1].score.estimate
    lead = f"{first[0]} {'has the lowest loss' if lowest else 'stands first'}"
    if not tied:
        return f"{lead}, though not beyond the noise of the seeds."
    listed = f"{len(tied)} others" if len(tied) > 3 else _listed(tied)
    return f"{lead}; the noise of the seeds leaves the first place open to {listed}."


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def single_target(table: Standings) -> bool:
    """Whether a test metric itself can be told: one benchmark, one objective."""
    return len(table.rulers) == 1 and next(iter(table.rulers.values())).front is None


def _target_value(row: Row, table: Standings) -> float | None:
    """The test metric that belongs to the interquartile mean of final losses."""
    if not single_target(table):
        return None
    ruler = next(iter(table.rulers.values()))
    value = score.rounded(ruler.best + row.checkpoints[-1].estimate)
    return ruler.targets[0].sign * float(value)


def _igd(row: Row) -> float | None:
    values = np.concatenate([part.igd for part in row.parts.values()])
    return None if np.isnan(values).any() else float(statistics.iqm(values))


def _drawn(row: Row, table: Standings) -> Markup:
    """The score on a logarithmic scale that all entries of the track share."""
    scores = [each.score for each in table.rows]
    least = min((s.estimate for s in scores if s.estimate > 0), default=1.0) / 2
    most = max(s.high if math.isfinite(s.high) else s.estimate for s in scores)
    return Markup(diagrams.interval(row.score, least, max(most, least)))


def _number(value: float, table: Standings) -> str:
    ruler = next(iter(table.rulers.values()))
    plain = table.normalized or ruler.front is not None or ruler.targets[0].unit != "%"
    return f"{value:.3f}" if plain else f"{value:.2f}"


def _bounds(bounds: Interval, table: Standings) -> str:
    if not math.isfinite(bounds.low) or not math.isfinite(bounds.high):
        return ""
    return f"[{_number(bounds.low, table)}, {_number(bounds.high, table)}]"
