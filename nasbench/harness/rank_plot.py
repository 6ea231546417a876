"""Critical-difference diagrams (Demsar, JMLR 7, 2006, fig. 1) in the style of `plots`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.plots import INK, RULE, color_of, drawing, inline, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH_IN, _LINE_IN = 7.4, 0.19
_BAR = 0.55
"""Distance of two bars, in lines of labels."""


def critical_differences(
    names: Sequence[str],
    numbers: Sequence[int],
    average_ranks: NDArray[np.float64],
    groups: Sequence[NDArray[np.intp]],
    difference: float,
    *,
    key: str,
    title: str,
) -> str:
    """Average ranks on an axis, best on the left; bars join the groups that are not told apart.

    Names, numbers and ranks are (searchers,); groups hold positions in them.
    """
    order = np.argsort(average_ranks, kind="stable")
    half, size = (len(order) + 1) // 2, len(order)
    top, bottom = 3.2, _BAR * (len(groups) + 1) + half + 0.5
    with drawing(_WIDTH_IN, _LINE_IN * (top + bottom)) as (figure, axes):
        _axis(axes, size, top, bottom)
        axes.plot([1, min(1 + difference, size)], [-2.2, -2.2], "|-", color=INK, lw=1.2, ms=5)
        axes.text(1, -2.45, f"critical difference {difference:.2f}", ha="left", va="bottom")
        for row, group in enumerate(groups):
            ends = average_ranks[group[[0, -1]]] + np.array([-0.06, 0.06])
            axes.plot(ends, [_BAR * (row + 1)] * 2, color=INK, lw=2.6, solid_capstyle="butt")
        for place, which in enumerate(order):
            left = place < half
            line = _BAR * (len(groups) + 1) + (place if left else size - 1 - place) + 0.5
            label = f"{short(names[which])}  {average_ranks[which]:.2f}"
            _label(axes, average_ranks[which], line, label, numbers[which], size, left=left)
        return inline(figure, key, title)


def _axis(axes: Axes, size: int, top: float, bottom: float) -> None:
    margin = 0.34 * max(size - 1, 1)
    axes.set_axis_off()
    axes.set_xlim(1 - margin, size + margin)
    axes.set_ylim(bottom, -top)
    axes.plot([1, size], [0, 0], color=INK, lw=0.9)
    step = 1 if size <= 12 else 2
    for rank in range(1, size + 1, step):
        axes.plot([rank, rank], [-0.3, 0], color=INK, lw=0.9)
        axes.text(rank, -0.45, str(rank), ha="center", va="bottom")


def _label(
    axes: Axes, rank: float, line: float, label: str, number: int, size: int, *, left: bool
) -> None:
    """A name beside the axis and the line that leads from it to the searcher's rank."""
    reach = 0.04 * max(size - 1, 1)
    end = 1 - reach if left else size + reach
    axes.plot([rank, rank, end], [0, line, line], color=RULE, lw=0.9)
    axes.plot([rank], [0], "o", color=color_of(number), ms=4.5, mew=0, clip_on=False)
    space = -0.3 * reach if left else 0.3 * reach
    side = "right" if left else "left"
    axes.text(end + space, line, label, ha=side, va="center")
