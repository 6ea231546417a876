"""Small drawings of the board as inline SVG, styled by `assets/board.css`; no style attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from leaderboards.standings import Row, Standings
from nasbench.harness.statistics import Interval

SHOWN = 24
"""Entries of a critical-difference diagram at most."""
_WIDTH, _SIDE, _LINE = 640.0, 196.0, 20.0


def interval(bounds: Interval, least: float, most: float) -> str:
    """An estimate as a dot and its bounds as a line, on one logarithmic scale for many rows."""
    width = math.log(most / least) or 1.0

    def place(value: float) -> float:
        share = math.log(max(value, least) / least) / width
        return round(4 + 112 * min(share, 1.0), 1)

    whisker = ""
    if math.isfinite(bounds.low) and math.isfinite(bounds.high):
        whisker = f'<line x1="{place(bounds.low)}" x2="{place(bounds.high)}" y1="8" y2="8"/>'
    return (
        '<svg class="range" viewBox="0 0 120 16" aria-hidden="true">'
        f'<line class="base" x1="4" x2="116" y1="8" y2="8"/>{whisker}'
        f'<circle cx="{place(bounds.estimate)}" cy="8" r="4"/></svg>'
    )


def critical_differences(table: Standings) -> str:
    """Average ranks on a line; bars join entries closer than the critical difference.

    The diagram of Demsar (JMLR 7, 2006, fig. 1); of more than `SHOWN` entries the best are drawn.
    """
    rows = sorted(table.rows, key=lambda row: (row.rank.estimate, row.number))[:SHOWN]
    if len(rows) < 2:
        return ""
    low, high = 1.0, max(math.ceil(rows[-1].rank.estimate), 2)
    scale = [_SIDE + (_WIDTH - 2 * _SIDE) * (r.rank.estimate - low) / (high - low) for r in rows]
    place = {row.number: x for row, x in zip(rows, scale, strict=True)}
    bars = [[place[k] for k in group if k in place] for group in table.cliques]
    bars = [bar for bar in bars if len(bar) > 1]
    top = 46.0 + 7 * len(bars)
    half = (len(rows) + 1) // 2
    height = top + _LINE * half + 10
    parts = [*_axis(low, high, table.difference), *_bars(bars)]
    for k, (row, x) in enumerate(zip(rows, scale, strict=True)):
        left = k < half
        y = top + _LINE * (k if left else len(rows) - 1 - k) + 6
        parts.append(_stem(row, x, y, left=left))
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-labelledby="cd-title">'
        f'<title id="cd-title">{escape(_words(rows, table))}</title>{"".join(parts)}</svg>'
    )


def _axis(low: float, high: float, difference: float) -> list[str]:
    start, end = _SIDE, _WIDTH - _SIDE
    step = max(1, round((high - low) / 8))
    unit = (end - start) / (high - low)
    parts = [f'<line class="axis" x1="{start:g}" x2="{end:g}" y1="34" y2="34"/>']
    for tick in range(int(low), int(high) + 1, step):
        x = start + unit * (tick - low)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="29" y2="34"/>')
        parts.append(f'<text x="{x:.1f}" y="25" text-anchor="middle">{tick}</text>')
    parts.append(f'<text x="{start - 10:g}" y="11" text-anchor="end">CD {difference:.2f}</text>')
    if (reach := unit * difference) < _WIDTH - start:  # a longer one would be out of scale
        parts.append(f'<line class="bar" x1="{start:g}" x2="{start + reach:.1f}" y1="7" y2="7"/>')
    return parts


def _bars(bars: Sequence[Sequence[float]]) -> list[str]:
    return [
        f'<line class="bar" x1="{min(bar) - 3:.1f}" x2="{max(bar) + 3:.1f}" '
        f'y1="{43 + 7 * k}" y2="{43 + 7 * k}"/>'
        for k, bar in enumerate(bars)
    ]


def _stem(row: Row, x: float, y: float, *, left: bool) -> str:
    edge = _SIDE - 12 if left else _WIDTH - _SIDE + 12
    words, anchor = escape(short(row.name)), "end" if left else "start"
    gap = -5 if left else 5
    return (
        f'<path class="stem" d="M{x:.1f} 34V{y:.1f}H{edge:g}"/>'
        f'<text class="who" x="{edge + gap:g}" y="{y + 4:.1f}" text-anchor="{anchor}">{words} '
        f"({row.rank.estimate:.2f})</text>"
    )


def _words(rows: Sequence[Row], table: Standings) -> str:
    listed = ", ".join(f"{row.name} {row.rank.estimate:.2f}" for row in rows)
    return f"Average ranks: {listed}. Critical difference {table.difference:.2f}."


def short(name: str, length: int = 20) -> str:
    """A name cut to so many letters."""
    return name if len(name) <= length else f"{name[: length - 1]}…"
