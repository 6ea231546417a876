"""Pictures of an explanation as inline SVG, by matplotlib; the same numbers, the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasbench.spaces.layout import display_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nasbench",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
}
_BARS = ("#2a72c8", "#c04f12")


def shares(genes: Sequence[str], main: Floats, pairs: Floats) -> str:
    """Main shares (p,) on the diagonal of the pairs' shares (p, p), in percent."""
    table = 100 * (np.tril(pairs) + np.diag(main))
    table[np.triu_indices(len(table), 1)] = np.nan
    return _heat(table, genes, genes, "%.1f", (4.4, 3.4), diverging=False)


def effects(genes: Sequence[str], choices: Sequence[Sequence[str]], rows: Sequence[Floats]) -> str:
    """Effects of each gene's choices, as a table of genes by choices."""
    most = max(map(len, choices))
    table = np.array([np.append(row, [np.nan] * (most - len(row))) for row in rows])
    return _heat(table, genes, _shared(choices), "%+.1f", (5.4, 3.4))


def pair(genes: Sequence[str], choices: Sequence[Sequence[str]], effect: Floats) -> str:
    """One interaction: choices of the first gene by those of the second."""
    rows, columns = (list(map(display_name, names)) for names in choices)
    return _heat(effect, rows, columns, "%+.1f", (5.4, 3.4), labels=genes)


def importances(genes: Sequence[str], shap: Floats, main: Floats, unit: str) -> str:
    """Mean absolute SHAP values beside the mean absolute main effects."""
    figure, axes = _figure((5.4, 3.0))
    at = np.arange(len(genes))
    for shift, values, color, name in (
        (-0.2, shap, _BARS[0], "mean |SHAP value|"),
        (0.2, main, _BARS[1], "mean |main effect|"),
    ):
        axes.bar(at + shift, values, 0.38, color=color, label=name)
    axes.set_xticks(at, genes)
    axes.set_ylabel(unit)
    axes.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return _svg(figure)


def _shared(choices: Sequence[Sequence[str]]) -> list[str]:
    """Names of the columns of choices."""
    longest = max(choices, key=len)
    return [display_name(name) for name in longest]


def _heat(
    table: Floats,
    rows: Sequence[str],
    columns: Sequence[str],
    form: str,
    size: tuple[float, float],
    *,
    diverging: bool = True,
    labels: Sequence[str] = (),
) -> str:
    """Numbers on colored ground; NaN is left blank."""
    figure, axes = _figure(size)
    top = float(np.nanmax(np.abs(table))) or 1.0
    low, colors = (-top, "RdBu") if diverging else (0.0, "Blues")
    axes.imshow(table, vmin=low, vmax=top, cmap=colors, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            ink = "white" if abs(value) > 0.6 * top else "#1c2430"
            axes.text(column, row, form % value, ha="center", va="center", color=ink)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if labels:
        axes.set_ylabel(labels[0])
        axes.set_xlabel(labels[1])
    return _svg(figure)


def _figure(size: tuple[float, float]) -> tuple[Figure, Axes]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        return figure, figure.add_subplot()


def _svg(figure: Figure) -> str:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.StringIO()
    with rc_context(_STYLE):
        FigureCanvasSVG(figure)
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
