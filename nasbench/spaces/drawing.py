"""Pictures of cells: SVG written by hand, PNG by matplotlib, and lines of text.

The colors are legible on light and on dark pages alike, so an SVG can stand inline in any of them.
"""

from __future__ import annotations

import math
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from nasbench.core import LabeledGraph
from nasbench.spaces import layers, layout
from nasbench.spaces.layout import TIMES, Badge, Curve, Point, Scene, Wiring, display_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
GRAY = "#717b8b"
"""Of the words outside badges: as far from white as from black."""
COLORS = {
    "node": "#414c5e",
    "sum": "#717b8b",
    "skip_connect": "#667180",
    "nor_conv_1x1": "#2a72c8",
    "nor_conv_3x3": "#c04f12",
    "avg_pool_3x3": "#157f5f",
}
OTHERS = ("#7c4dbd", "#b03a72", "#8a6a12", "#0f7c8a", "#5a6f1d", "#b84a4a")
"""Of further operations, given out in the order of their names."""
FAINT = 0.5
"""Opacity of what the output does not depend on."""
TITLE = 30.0
"""Height of a title."""
NOTE = 22.0
"""Height of a note."""
ARROW = 9.0

Cell = LabeledGraph | Wiring
"""A graph of operation instances, or the wiring of a cell whose nodes are sums."""


def svg(cell: Cell, *, title: str = "", nodes: int = 4) -> str:
    """The drawing as an `<svg>` element, for a file or inline in HTML.

    `nodes` is the number of nodes of a cell given by its wiring.
    """
    scene, colors = _scene(cell, nodes), _colors(cell)
    top, bottom = _extent(scene, title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{scene.width:g}" '
        f'height="{bottom - top:g}" viewBox="0 {top:g} {scene.width:g} {bottom - top:g}" '
        f'font-family="{FONT}" text-anchor="middle" style="max-width:100%;height:auto">',
        f"<title>{escape(title or 'cell')}</title>",
    ]
    if title:
        parts.append(_svg_text(title, (scene.width / 2, top + 15), 15, GRAY))
    for faint in (True, False):  # one group, so that a faint badge still hides the line behind it
        parts.append(f'<g opacity="{FAINT if faint else 1}">')
        parts += [_svg_curve(c, colors[c.label]) for c in scene.curves if c.faint == faint]
        parts += [_svg_badge(b, colors[b.label]) for b in scene.badges if b.faint == faint]
        parts.append("</g>")
    if scene.note:
        parts.append(_svg_text(scene.note, (scene.width / 2, bottom - 15), 13, GRAY))
    return "\n".join([*parts, "</svg>", ""])


def png(cell: Cell, *, title: str = "", nodes: int = 4, scale: float = 2.0) -> bytes:
    """The same drawing as PNG on white, with `scale` pixels to the unit of the SVG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scene, colors = _scene(cell, nodes), _colors(cell)
    top, bottom = _extent(scene, title)
    figure = Figure(figsize=(scene.width / 100, (bottom - top) / 100), dpi=100 * scale)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, scene.width), ylim=(bottom, top))
    axes.set_axis_off()
    if title:
        axes.text(scene.width / 2, top + 15, title, **_font(15, GRAY))
    if scene.note:
        axes.text(scene.width / 2, bottom - 15, scene.note, **_font(13, GRAY))
    for curve in scene.curves:
        _plot_curve(axes, curve, colors[curve.label])
    for badge in scene.badges:
        _plot_badge(axes, badge, colors[badge.label])
    stream = BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(stream, format="png")
    return stream.getvalue()


def text(cell: Cell, *, nodes: int = 4, ascii_only: bool = False) -> str:
    """Lines of text: a column for each node and an arrow for each edge, or the sums of a graph."""
    drawing = _equations(cell) if isinstance(cell, LabeledGraph) else _ladder(cell, nodes)
    return drawing.translate(str.maketrans(f"│├─▶·{TIMES}", "|+->*x")) if ascii_only else drawing


def _ladder(wiring: Wiring, nodes: int) -> str:
    names = ["input", *map(str, range(1, nodes - 1)), "output"]
    columns = [4 + 19 * k for k in range(nodes)]
    rail = [" "] * (columns[-1] + 1)
    for column in columns:
        rail[column] = "│"
    lines = ["".join(f"{name:^9}".ljust(19) for name in names).rstrip(), "".join(rail)]
    for source, target, label in wiring:
        line, start, end = rail.copy(), columns[source], columns[target]
        shaft = f" {display_name(label)} ".center(end - start - 2, "─")
        line[start : end + 1] = f"├{shaft}▶│"
        lines.append("".join(line))
    return "\n".join([*lines, "".join(rail)])


def _equations(graph: LabeledGraph) -> str:
    """One line for each operation instance and the output, such as `b = conv 3x3(input + 2·a)`."""
    last = len(graph.labels) - 1
    names = ["input", *(_letters(k) for k in range(last - 1)), "output"]
    sums: list[list[str]] = [[] for _ in names]
    for source, target, multiplicity in graph.edges:
        times = f"{multiplicity}·" if multiplicity > 1 else ""
        sums[target].append(times + names[source])
    lines = [
        f"{names[k]} = {display_name(graph.labels[k])}({' + '.join(sums[k])})"
        for k in range(1, last)
    ]
    return "\n".join([*lines, f"output = {' + '.join(sums[last]) or '0'}"])


def _letters(number: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    before, letter = divmod(number, 26)
    return (_letters(before - 1) if before else "") + chr(ord("a") + letter)


def _scene(cell: Cell, nodes: int) -> Scene:
    if isinstance(cell, LabeledGraph):
        return layers.instances(cell)
    return layout.cell(cell, nodes)


def _extent(scene: Scene, title: str) -> tuple[float, float]:
    """Top and bottom of the picture; the scene itself begins at 0."""
    return -TITLE if title else 0.0, scene.height + (NOTE if scene.note else 0.0)


def _colors(cell: Cell) -> dict[str, str]:
    """Colors by label."""
    labels = cell.labels if isinstance(cell, LabeledGraph) else [label for *_, label in cell]
    unknown = sorted(set(labels) - set(COLORS))
    return COLORS | {label: OTHERS[k % len(OTHERS)] for k, label in enumerate(unknown)}


def _arrow(curve: Curve) -> tuple[list[Point], tuple[Point, ...]]:
    """The triangle at the end, and the curve's points shortened to its base."""
    (x0, y0), (x1, y1) = curve.points[-2:]
    length = math.hypot(x1 - x0, y1 - y0)
    dx, dy = ARROW * (x1 - x0) / length, ARROW * (y1 - y0) / length
    base = (x1 - dx, y1 - dy)
    corners = [(base[0] - dy / 2, base[1] + dx / 2), (base[0] + dy / 2, base[1] - dx / 2)]
    return [(x1, y1), *corners], (*curve.points[:-1], (x1 - 0.7 * dx, y1 - 0.7 * dy))


def _svg_curve(curve: Curve, color: str) -> str:
    triangle, points = _arrow(curve)
    start, *rest = (f"{x:.1f} {y:.1f}" for x, y in points)
    path = f"M{start}C{' '.join(rest)}"
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in triangle)
    dashes = ' stroke-dasharray="5 4"' if curve.faint else ""
    return (
        f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2.2"{dashes}/>'
        f'<polygon points="{head}" fill="{color}"/>'
    )


def _svg_badge(badge: Badge, color: str) -> str:
    (x, y), w, h = badge.center, badge.width, badge.height
    outline = f' stroke="{GRAY}" stroke-width="1.5"' if badge.label == "node" else ""
    return (
        f'<rect x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" '
        f'rx="{h / 2:.1f}" fill="{color}"{outline}/>'
        f"{_svg_text(badge.text, badge.center, 13, '#fff')}"
    )


def _svg_text(words: str, center: Point, size: float, color: str) -> str:
    """Words centered on a point; by a shift of the baseline, which every renderer understands."""
    return (
        f'<text x="{center[0]:.1f}" y="{center[1] + 0.36 * size:.1f}" font-size="{size:g}" '
        f'font-weight="600" fill="{color}">{escape(words)}</text>'
    )


def _font(size: float, color: str) -> dict[str, Any]:
    """Keywords of matplotlib's text; a point is 1/72 inch, the scene's unit 1/100."""
    return {
        "fontsize": 0.72 * size * 0.92,  # matplotlib's font is wider than the usual ones
        "color": color,
        "fontweight": "bold",
        "ha": "center",
        "va": "center_baseline",
        "zorder": 3,
    }


def _plot_curve(axes: Axes, curve: Curve, color: str) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    triangle, points = _arrow(curve)
    alpha = FAINT if curve.faint else 1.0
    codes = [Path.MOVETO, *[Path.CURVE4] * (len(points) - 1)]
    style = (0, (4, 3)) if curve.faint else "solid"
    path = Path(points, codes)
    axes.add_patch(PathPatch(path, fill=False, ec=color, lw=1.6, ls=style, alpha=alpha))
    axes.add_patch(Polygon(triangle, closed=True, fc=color, lw=0, alpha=alpha))


def _plot_badge(axes: Axes, badge: Badge, color: str) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    (x, y), r = badge.center, badge.height / 2
    a, b = badge.width / 2 - r, 0.5523 * r  # a circle's quarter as a Bezier curve
    right = [(a, -r), (a + b, -r), (a + r, -b), (a + r, 0), (a + r, b), (a + b, r), (a, r)]
    points = [*right, (-a, r), *((-dx, -dy) for dx, dy in right[1:]), (a, -r)]
    curves = [Path.CURVE4] * 6
    codes = [Path.MOVETO, *curves, Path.LINETO, *curves, Path.LINETO]
    shape = Path([(x + dx, y + dy) for dx, dy in points], codes)
    edge = GRAY if badge.label == "node" else "none"
    axes.add_patch(PathPatch(shape, fc="white", lw=0, zorder=2))
    alpha = FAINT if badge.faint else 1.0
    axes.add_patch(PathPatch(shape, fc=color, ec=edge, lw=1.1, alpha=alpha, zorder=2))
    axes.text(x, y, badge.text, **_font(13, "white"))
