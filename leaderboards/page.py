"""The pages of the board as text: one for all tracks, one for each track, one for each entry.

A page stands alone: styles, scripts and data are inside it, and its policy (CSP) lets nothing else
in. All that a submission says is escaped by the templates, links lead to http and https only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from leaderboards import charts, diagrams
from leaderboards.cells import cells
from leaderboards.standings import CHECKPOINTS, Row, Standings
from leaderboards.submission import LEVELS
from nasbench.harness import statistics
from nasbench.harness.statistics import Interval
from nasbench.harness.wording import (
    describe_budget,
    describe_constraints,
    describe_seeds,
    format_p,
    format_ranks,
    format_seconds,
)

PLOTTED = 3
"""Entries that are drawn in color at first, besides random search."""

GOAL = " The dashed line is what perfect knowledge of the validation metric would get."


@dataclass(frozen=True, slots=True)
class Card:
    """What the pages tell about an entry besides its runs; all of it is text from outside."""

    slug: str
    """Name of its file and key in the standings."""
    name: str
    authors: tuple[str, ...] = ()
    description: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """(what, address): paper, code."""
    facts: tuple[tuple[str, str], ...] = ()
    """(what, text): licence, tuning cost, environment."""
    level: int = 1
    """Position in `LEVELS`."""
    evidence: tuple[str, ...] = ()
    """What was checked, in sentences."""
    flags: tuple[str, ...] = ()
    """What a reader should be wary of."""
    commands: str = ""
    """How to reproduce it."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackPage:
    """One version of a track with its standings; the folder of its pages is `slug/vN`."""

    slug: str
    version: int
    title: str
    description: str
    standings: Standings
    cards: Mapping[str, Card]
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Content hash of each benchmark."""
    tags: tuple[str, ...] = ()
    """Such as closed, any-time, table."""

    @property
    def folder(self) -> str:
        return f"{self.slug}/v{self.version}"


def index(tracks: Sequence[TrackPage]) -> str:
    """The page of all tracks, current versions first."""
    current = newest(tracks)
    shown = [
        {
            **_track(track),
            "top": [_podium(row, track) for row in track.standings.rows[:3]],
            "older": [_link(old) for old in tracks if old.slug == track.slug and old != track],
        }
        for track in current
    ]
    return _render("index.html", "", {"tracks": shown})


def newest(tracks: Sequence[TrackPage]) -> list[TrackPage]:
    """The latest version of every track, in the order given."""
    latest = {track.slug: 0 for track in tracks}
    for track in tracks:
        latest[track.slug] = max(latest[track.slug], track.version)
    return [track for track in tracks if track.version == latest[track.slug]]


def track_page(track: TrackPage, tracks: Sequence[TrackPage]) -> str:
    """The page of one track among all of them."""
    table = track.standings
    views = {"regret": charts.regrets(table), "profile": charts.profile(table)}
    if fronts := charts.fronts(table):
        views["front"] = fronts
    names = [track.cards[row.name].name for row in table.rows]
    others = [other for other in newest(tracks) if other.slug != track.slug]
    versions = [each for each in tracks if each.slug == track.slug and each is not track]
    context = {
        **_track(track),
        "rows": [_row(row, track) for row in table.rows],
        "checkpoints": [f"{100 * share:.0f}\N{NO-BREAK SPACE}%" for share in CHECKPOINTS[:-1]],
        "finding": _finding(track),
        "diagram": Markup(diagrams.critical_differences(table)),
        "diagram_limit": diagrams.SHOWN,
        "friedman": format_p(table.friedman),
        "views": list(views),
        "rulers": [_ruler(name, track) for name in table.rulers],
        "others": [_link(other) for other in others],
        "versions": [_link(each) for each in versions],
        "outdated": track not in newest(tracks),
    }
    return _render("track.html", "../../", context, {"names": names, **views})


def entry_page(row: Row, track: TrackPage) -> str:
    """The page of one entry."""
    card = track.cards[row.name]
    seeds = [f"seed {seed}" for seed in track.standings.contest.seeds]
    context = {
        **_track(track),
        "entry": _row(row, track),
        "card": card,
        "links": [(what, address) for what, address in card.links if _is_web(address)],
        "runs": [run for name in row.parts for run in _runs(row, name, track)],
        "cells": cells(row, track.standings),
        "level_names": LEVELS,
    }
    return _render(
        "entry.html",
        "../../",
        context,
        {"names": seeds, "regret": charts.seeds(row, track.standings)},
    )


def _render(
    name: str, root: str, context: Mapping[str, Any], data: Mapping[str, Any] | None = None
) -> str:
    """The page's text; `root` leads from its folder to that of the board."""
    styles, theme, script = (_asset(file) for file in ("board.css", "theme.js", "board.js"))
    policy = (
        f"default-src 'none'; script-src {_sha256(theme)} {_sha256(script)}; "
        f"style-src {_sha256(styles)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    page = _environment().get_template(name)
    shared = {
        "root": root,
        "policy": policy,
        "styles": Markup(styles),
        "theme": Markup(theme),
        "script": Markup(script),
        "data": None if data is None else htmlsafe_json_dumps(data, dumps=_compact),
        "levels": LEVELS,
        "level": round(100 * statistics.LEVEL),
    }
    return page.render(**shared, **context) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leaderboards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(ranks=format_ranks, seconds=format_seconds)
    return environment


@cache
def _asset(name: str) -> str:
    return (resources.files("leaderboards") / "assets" / name).read_text(encoding="utf-8")


def _sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _compact(value: Any, **_: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _track(track: TrackPage) -> dict[str, Any]:
    table, contest = track.standings, track.standings.contest
    ruler = next(iter(table.rulers.values()))
    return {
        "track": track,
        "link": _link(track),
        "benchmarks": list(table.rulers),
        "budget": describe_budget(contest.budget),
        "seeds": describe_seeds(contest.seeds),
        "objectives": ", ".join(contest.objectives),
        "constraints": describe_constraints(contest.constraints) or "none",
        "count": len(table.rows),
        "normalized": table.normalized,
        "several": ruler.front is not None,
        "anytime": contest.anytime,
        "clock": contest.clock,
        "loss": charts.RELATIVE if table.normalized else charts.loss_label(ruler),
        "target": ruler.targets[0],
        "spot": _single_target(table),
        "goal_note": GOAL if any(each.chosen > 0 for each in table.rulers.values()) else "",
    }


def _link(track: TrackPage) -> dict[str, str]:
    return {
        "href": f"{track.folder}/index.html",
        "title": track.title,
        "version": f"version {track.version}",
    }


def _podium(row: Row, track: TrackPage) -> dict[str, Any]:
    return {
        "places": format_ranks(row.places),
        "name": track.cards[row.name].name,
        "href": f"{track.folder}/{row.name}.html",
        "score": _number(row.score.estimate, track.standings),
        "drawn": _drawn(row, track.standings),
    }


def _row(row: Row, track: TrackPage) -> dict[str, Any]:
    table, card = track.standings, track.cards[row.name]
    text = " ".join([card.name, row.searcher, *card.authors, LEVELS[card.level], *card.flags])
    return {
        "row": row,
        "card": card,
        "href": f"{row.name}.html",
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


def _drawn(row: Row, table: Standings) -> Markup:
    """The score on a logarithmic scale that all entries of the track share."""
    scores = [each.score for each in table.rows]
    least = min((s.estimate for s in scores if s.estimate > 0), default=1.0) / 2
    most = max(s.high if math.isfinite(s.high) else s.estimate for s in scores)
    return Markup(diagrams.interval(row.score, least, max(most, least)))


def _igd(row: Row) -> float | None:
    values = np.concatenate([part.igd for part in row.parts.values()])
    return None if np.isnan(values).any() else float(statistics.iqm(values))


def _single_target(table: Standings) -> bool:
    """Whether a test metric itself can be told: one benchmark, one objective."""
    return len(table.rulers) == 1 and next(iter(table.rulers.values())).front is None


def _target_value(row: Row, table: Standings) -> float | None:
    """The test metric that belongs to the interquartile mean of final losses."""
    if not _single_target(table):
        return None
    ruler = next(iter(table.rulers.values()))
    return ruler.targets[0].sign * (ruler.best + row.checkpoints[-1].estimate)


def _ruler(name: str, track: TrackPage) -> dict[str, Any]:
    ruler = track.standings.rulers[name]
    target = ruler.targets[0]
    return {
        "name": name,
        "hash": track.hashes.get(name, ""),
        "best": f"{target.sign * ruler.best:.4g} {target.unit}",
        "chosen": f"{ruler.chosen:.3g}",
        "typical": f"{ruler.typical:.3g}",
        "label": charts.loss_label(ruler),
        "exact": ruler.exact,
        "front": 0 if ruler.front is None else len(ruler.front.values),
    }


def _runs(row: Row, name: str, track: TrackPage) -> list[dict[str, Any]]:
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


def _finding(track: TrackPage) -> str:
    """The one result that a reader should take away."""
    rows = track.standings.rows
    first, names = rows[0], [track.cards[row.name].name for row in rows]
    if len(rows) == 1:
        return f"{names[0]} is the only entry."
    tied = [name for name, row in zip(names[1:], rows[1:], strict=True) if row.places[0] == 1]
    if not tied:
        return f"{names[0]} is better than every other entry beyond the noise of its seeds."
    if len(tied) > 3:
        others = f"{len(tied)} others"
    else:
        others = " and ".join([", ".join(tied[:-1])] * bool(tied[:-1]) + tied[-1:])
    lead = (
        "has the lowest loss" if first.score.estimate < rows[1].score.estimate else "stands first"
    )
    return f"{names[0]} {lead}; the noise of the seeds does not tell it from {others}."


def _number(value: float, table: Standings) -> str:
    ruler = next(iter(table.rulers.values()))
    plain = table.normalized or ruler.front is not None or ruler.targets[0].unit != "%"
    return f"{value:.3f}" if plain else f"{value:.2f}"


def _bounds(bounds: Interval, table: Standings) -> str:
    if not math.isfinite(bounds.low) or not math.isfinite(bounds.high):
        return ""
    return f"[{_number(bounds.low, table)}, {_number(bounds.high, table)}]"


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
