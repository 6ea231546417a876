"""Figures of the report as inline SVG: drawn by matplotlib, colored by the page.

Every color is a CSS variable of the page (`--s0`.. for the searchers, `--ink`, `--rule`), so one
drawing serves light and dark; text stays text. The same numbers always give the same bytes.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

COLORS = 8
"""Colors of the page's palette; further searchers take the next dash pattern."""
DASHES = ("", "5 2", "1.5 1.5", "7 2 1.5 2")
"""SVG dash patterns, in widths of the line."""

_WIDTH_IN = 4.4
INK, RULE = "#010101", "#020202"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nasbench",
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.edgecolor": RULE,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a searcher's name is text, dollar signs included
}


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Mean and bounds (points,) over the runs of the searcher of a number."""

    searcher: int
    x: Floats
    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Scores (n,) of one row of a strip chart; `span` is a shaded interval behind them."""

    label: str
    searcher: int
    scores: Floats
    center: float
    low: float
    high: float
    span: tuple[float, float] | None = None
    mark: float | None = None
    """A value to mark with a vertical stroke."""


def dash(searcher: int) -> str:
    """Dash pattern of the searcher of a number."""
    return DASHES[searcher // COLORS % len(DASHES)]


def curves(
    series: Sequence[Curve],
    *,
    key: str,
    title: str,
    x_label: str,
    y_label: str,
    log_x: bool = True,
    log_y: bool = False,
) -> str:
    """Lines with interval bands; `key` makes the ids unique on a page."""
    with drawing(_WIDTH_IN, 3.1) as (figure, axes):
        floor = _floor(series) if log_y else -np.inf
        for curve in series:
            color, shown = color_of(curve.searcher), np.isfinite(curve.mean)
            x, low, high = curve.x[shown], curve.low[shown], curve.high[shown]
            low, high = np.maximum(low, floor), np.maximum(high, floor)
            band = axes.fill_between(x, low, high, step="post", color=color, alpha=0.15, lw=0)
            band.set_gid(f"series-{curve.searcher}-band")
            mean = np.maximum(curve.mean[shown], floor)
            (line,) = axes.step(x, mean, where="post", color=color, lw=1.6, ls=_line(curve))
            line.set_gid(f"series-{curve.searcher}-line")
        axes.set_xscale("log" if log_x else "linear")
        axes.set_yscale("log" if log_y else "linear")
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        _plain_ticks([*([axes.xaxis] if log_x else []), *([axes.yaxis] if log_y else [])])
        return inline(figure, key, title)


def strips(rows: Sequence[Strip], *, key: str, title: str, x_label: str) -> str:
    """One row of dots for each strip, with its quartiles as a box and its mean and interval."""
    height = 0.34 if len(rows) <= 12 else 0.22
    with drawing(_WIDTH_IN, 0.75 + height * len(rows)) as (figure, axes):
        for y, row in enumerate(rows):
            _strip(axes, y, row)
        axes.set_yticks(range(len(rows)), [short(row.label) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.use_sticky_edges = False  # bars would end the axis where they end
        axes.margins(x=0.04)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(x_label)
        return inline(figure, key, title)


def _strip(axes: Axes, y: int, row: Strip) -> None:
    color = color_of(row.searcher)
    if row.span is not None:
        axes.barh(y, row.span[1] - row.span[0], left=row.span[0], height=0.7, color=RULE, lw=0)
    elif len(row.scores) > 3:
        low, middle, high = np.quantile(row.scores, (0.25, 0.5, 0.75))
        axes.barh(y, high - low, left=low, height=0.56, color=color, alpha=0.18, lw=0)
        axes.vlines(middle, y - 0.28, y + 0.28, color=color, lw=1.2)
    if row.mark is not None:
        axes.vlines(row.mark, y - 0.35, y + 0.35, color=INK, lw=1.2)
    offsets = 0.36 * ((np.arange(len(row.scores)) * 0.618034) % 1 - 0.5)  # spread, not random
    axes.plot(np.sort(row.scores), y + offsets, ".", color=color, ms=4.5, alpha=0.75, mew=0)
    if np.isfinite([row.low, row.high]).all():
        axes.hlines(y, row.low, row.high, color=INK, lw=1.1)
    axes.plot([row.center], [y], "D", color=INK, ms=3.6, mew=0)


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure of its own with our style; pyplot, which keeps state, is not used."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # the reader's matplotlibrc must not show
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        axes.margins(x=0.02)
        yield figure, axes


def _plain_ticks(logarithmic: Sequence[Axis]) -> None:
    """1, 2, 5, 10 rather than powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    for axis in logarithmic:
        low, high = axis.get_view_interval()
        decades = np.log10(high / low) if low > 0 else 9
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.6 else (1,), numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())


def _floor(series: Sequence[Curve]) -> float:
    """Where a logarithmic axis ends: half of the smallest positive mean."""
    means = np.concatenate([np.zeros(0), *(curve.mean for curve in series)])
    positive = means[np.isfinite(means) & (means > 0)]
    return float(positive.min()) / 2 if len(positive) else 1e-3


def color_of(searcher: int) -> str:
    """Stands for the color of the searcher of a number until `inline` puts in the page's."""
    return f"#00a0{searcher % COLORS:02x}"


def _line(curve: Curve) -> str | tuple[float, tuple[float, ...]]:
    pattern = dash(curve.searcher)
    return (0.0, tuple(float(part) for part in pattern.split())) if pattern else "-"


def short(label: str, length: int = 26) -> str:
    """The end of a label that is too long."""
    return label if len(label) <= length else f"…{label[1 - length :]}"


def _lay_out(figure: Figure) -> None:
    """Place the axes now: `savefig` would draw all of a figure only to have this done."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def inline(figure: Figure, key: str, title: str) -> str:
    """The figure as an `<svg>` element that can stand in a page beside others."""
    buffer = io.StringIO()
    _lay_out(figure)
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().replace("xlink:href", "href")
    box = re.search(r'viewBox="([^"]+)"', text)
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", body, flags=re.S)
    body = re.sub(r'id="series-(\d+)-(line|band)"', r'class="series \2 s\1"', body)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{key}-", body)
    body = re.sub(r" font-family: [^;\"]+;", "", body)  # the page's font
    body = re.sub(r' d="[^"]+"', lambda m: re.sub(r"(\.\d\d)\d+", r"\1", m[0]), body)
    body = body.replace(INK, "var(--ink)").replace(RULE, "var(--rule)")
    body = re.sub(r"#00a0([0-9a-f]{2})", lambda m: f"var(--s{int(m[1], 16)})", body)
    body = re.sub(r"\n\s*", "\n", body).strip()
    head = f'<svg class="plot" role="img" viewBox="{box[1] if box else ""}">'
    return f"{head}<title>{html.escape(title)}</title>\n{body}</svg>"
