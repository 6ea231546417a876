"""Where the parts of a drawn cell go: a `Scene` of badges and curves, in pixels from top left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]
Wiring = Sequence[tuple[int, int, str]]
"""(source node, target node, operation) of each edge of a cell whose nodes are sums."""

SPACING = 200.0
"""Between the nodes of a cell."""
MARGIN = 16.0
BADGE_HEIGHT = 26.0
NODE_HEIGHT = 36.0
TIMES = "\N{MULTIPLICATION SIGN}"
_NAMES = {
    "nor_conv_1x1": f"conv 1{TIMES}1",
    "nor_conv_3x3": f"conv 3{TIMES}3",
    "avg_pool_3x3": f"avg pool 3{TIMES}3",
    "skip_connect": "skip",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """A rounded box with a word in it."""

    center: Point
    text: str
    label: str
    """The operation, which decides the color; `node` for the input, the output and sums."""
    height: float = BADGE_HEIGHT
    faint: bool = False
    """Whether the output does not depend on it."""

    @property
    def width(self) -> float:
        """As wide as the text, and never narrower than high."""
        return max(self.height, 7.7 * len(self.text) + 20) if len(self.text) > 1 else self.height


@dataclass(frozen=True, slots=True)
class Curve:
    """Bezier curves end to end, with an arrow at the end."""

    points: tuple[Point, ...]
    """A start, and for each curve two control points and an end."""
    label: str
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything to draw, first curves and then badges."""

    width: float
    height: float
    curves: list[Curve] = field(default_factory=list)
    badges: list[Badge] = field(default_factory=list)
    note: str = ""
    """A sentence to write below it."""


def display_name(label: str) -> str:
    """An operation in words short enough for a drawing."""
    return _NAMES.get(label, label.replace("_", " "))


def cell(wiring: Wiring, nodes: int) -> Scene:
    """A cell whose `nodes` sums stand in a row, with an arc for every edge that skips some."""
    useful = _reachable(wiring, nodes)
    note = "" if (0, nodes - 1) in useful else "No path from the input to the output."
    left, y = MARGIN + NODE_HEIGHT, MARGIN + _apex(nodes - 1) + BADGE_HEIGHT / 2
    height = y + _apex(nodes - 2) + BADGE_HEIGHT / 2 + MARGIN
    scene = Scene(2 * left + SPACING * (nodes - 1), height, note=note)
    names = ["input", *map(str, range(1, nodes - 1)), "output"]
    centers = [(left + SPACING * k, y) for k in range(nodes)]
    ends = [
        Badge(center, name, "node", NODE_HEIGHT)
        for center, name in zip(centers, names, strict=True)
    ]
    for source, target, label in wiring:
        faint = not {(0, source), (target, nodes - 1)} <= useful
        curve, middle = _arc(ends[source], ends[target], target - source, below=source % 2 == 1)
        scene.curves.append(Curve(curve, label, faint))
        scene.badges.append(Badge(middle, display_name(label), label, faint=faint))
    scene.badges.extend(ends)
    return scene


def _arc(
    source: Badge, target: Badge, span: int, *, below: bool
) -> tuple[tuple[Point, ...], Point]:
    """A line between neighbors, an arc above or below otherwise; and its middle."""
    (x0, y), (x1, _) = source.center, target.center
    if span == 1:
        x0, x1 = x0 + source.width / 2, x1 - target.width / 2
        return _line((x0, y), (x1, y)), ((x0 + x1) / 2 - 3, y)
    side = 1.0 if below else -1.0
    apart = max(8 * (2.5 - span), -9.0)  # so that arcs from one node do not begin on one another
    x0, x1, start = x0 + apart, x1 - apart, y + side * (NODE_HEIGHT / 2 - 1)
    rise = (_apex(span) - NODE_HEIGHT / 2) / 0.75  # a cubic's middle is at 3/4 of its controls
    control = start + side * rise
    lean = 0.16 * (x1 - x0)
    points = ((x0, start), (x0 + lean, control), (x1 - lean, control), (x1, start))
    return points, ((x0 + x1) / 2, y + side * _apex(span))


def _apex(span: int) -> float:
    """Height of an arc over `span` nodes."""
    return 62.0 * (span - 1) + 16 if span > 1 else NODE_HEIGHT / 2


def _line(a: Point, b: Point) -> tuple[Point, ...]:
    third = ((b[0] - a[0]) / 3, (b[1] - a[1]) / 3)
    return a, (a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b


def _reachable(wiring: Wiring, nodes: int) -> set[tuple[int, int]]:
    """All (earlier, later) pairs of nodes with a path between them, and each node with itself."""
    pairs = {(k, k) for k in range(nodes)}
    for source, target, _ in sorted(wiring, key=lambda edge: edge[1]):
        pairs |= {(a, target) for a, b in pairs if b == source}
    return pairs
