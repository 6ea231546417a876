"""The pages of the board as text: one for all tracks, one for each track, one for each entry.

A page stands alone: styles, scripts and data are inside it, and its policy (CSP) lets nothing else
in. All that a submission says is escaped by the templates, links lead to http and https only.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from leaderboards import charts, diagrams
from leaderboards.cards import Retired, TrackPage
from leaderboards.cells import cells
from leaderboards.standings import CHECKPOINTS, Row
from leaderboards.submission import LEVELS
from leaderboards.wording import entry_row, finding, podium, ruler_facts, run_rows, single_target
from nasbench.harness import statistics
from nasbench.harness.wording import (
    describe_budget,
    describe_constraints,
    describe_seeds,
    format_p,
    format_ranks,
    format_seconds,
)

PLACE = "<!-- retired? -->"
"""Where every page of a track takes the note that it is retired."""
RETIRED = (
    '<p><span class="tag warn">retired</span> The table of this version was replaced, so its runs '
    "are not asked again any more; this page is as it was last built.</p>"
)
GOAL = " The dashed line is what perfect knowledge of the validation metric would get."


def index(tracks: Sequence[TrackPage], retired: Sequence[Retired] = ()) -> str:
    """The page of all tracks, current versions first."""
    current = newest(tracks)
    shown = [
        {
            **_track(track),
            "top": [podium(row, track) for row in track.standings.rows[:3]],
            "older": [_link(old) for old in tracks if old.slug == track.slug and old != track],
        }
        for track in current
    ]
    gone = [_link(each) | {"kept": bool(each.pages)} for each in retired]
    return _render("index.html", "", {"tracks": shown, "retired": gone})


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
        "rows": [entry_row(row, track) for row in table.rows],
        "checkpoints": [f"{100 * share:.0f}\N{NO-BREAK SPACE}%" for share in CHECKPOINTS[:-1]],
        "finding": finding(track),
        "diagram": Markup(diagrams.critical_differences(table)),
        "diagram_limit": diagrams.SHOWN,
        "friedman": format_p(table.friedman),
        "views": list(views),
        "rulers": [ruler_facts(name, track) for name in table.rulers],
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
        "entry": entry_row(row, track),
        "card": card,
        "links": [(what, address) for what, address in card.links if _is_web(address)],
        "runs": [run for name in row.parts for run in run_rows(row, name)],
        "cells": cells(row, track.standings),
        "level_names": LEVELS,
    }
    return _render(
        "entry.html",
        "../../../",
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
        "place": Markup(PLACE),
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
        "spot": single_target(table),
        "goal_note": GOAL if any(each.chosen > 0 for each in table.rulers.values()) else "",
    }


def _link(track: TrackPage | Retired) -> dict[str, Any]:
    return {
        "href": f"{track.folder}/index.html",
        "title": track.title,
        "version": f"version {track.version}",
    }


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
