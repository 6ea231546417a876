"""Layout of a graph of operation instances in layers from left to right (Sugiyama et al., 1981).

Layers are those of the longest paths from the input. An edge that crosses layers takes a place of
its own in each of them, so it never runs behind a badge.
"""

from __future__ import annotations

from itertools import pairwise

from nasbench.core import LabeledGraph
from nasbench.spaces.layout import (
    MARGIN,
    NODE_HEIGHT,
    TIMES,
    Badge,
    Curve,
    Point,
    Scene,
    display_name,
)

Item = tuple[int, int, int]
"""(node, node, layer) of a badge, (source, target, layer) where an edge crosses a layer."""
ROW = 54.0
GAP = 76.0
SWEEPS = 4


def instances(graph: LabeledGraph) -> Scene:
    """A graph in layers; multiplicities above 1 are written on the edges."""
    routes = _routes(graph)
    layers = _ordered(routes, len(graph.labels))
    height = 2 * MARGIN + NODE_HEIGHT + ROW * (max(map(len, layers)) - 1)
    places: dict[Item, Badge] = {}
    x = MARGIN
    for layer in layers:
        width = max(_badge(graph, a, (0, 0)).width for a, b, _ in layer if a == b)
        for row, item in enumerate(layer):
            center = (x + width / 2, height / 2 + ROW * (row - (len(layer) - 1) / 2))
            badge = _badge(graph, item[0], center)
            places[item] = badge if item[0] == item[1] else Badge(center, "", "sum", width)
        x += width + GAP
    scene = Scene(x - GAP + MARGIN, height)
    for source, target, multiplicity in graph.edges:
        curve = _curve([places[item] for item in routes[source, target]])
        scene.curves.append(Curve(curve, "sum"))
        if multiplicity > 1:
            (x0, y0), (x1, y1) = curve[-4], curve[-1]
            middle = ((x0 + x1) / 2, (y0 + y1) / 2)
            scene.badges.append(Badge(middle, f"{TIMES}{multiplicity}", "sum", 22))
    scene.badges.extend(badge for (a, b, _), badge in places.items() if a == b)
    return scene


def _badge(graph: LabeledGraph, node: int, center: Point) -> Badge:
    label = graph.labels[node]
    if node in (0, len(graph.labels) - 1):
        return Badge(center, label, "node", NODE_HEIGHT)
    return Badge(center, display_name(label), label)


def _routes(graph: LabeledGraph) -> dict[tuple[int, int], list[Item]]:
    """The items that each edge passes; (k, k) is the route of a node to itself."""
    last = len(graph.labels) - 1
    depth = [0] * (last + 1)
    for source, target, _ in graph.edges:  # sorted, so a source's depth is final when it is used
        depth[target] = max(depth[target], depth[source] + 1)
    depth[last] = max(depth[last], 1 + max(depth[:last]))
    routes = {(k, k): [(k, k, depth[k])] for k in range(last + 1)}
    for s, t, _ in graph.edges:
        between = [(s, t, layer) for layer in range(depth[s] + 1, depth[t])]
        routes[s, t] = [*routes[s, s], *between, *routes[t, t]]
    return routes


def _ordered(routes: dict[tuple[int, int], list[Item]], nodes: int) -> list[list[Item]]:
    """Items of each layer from top to bottom, near the mean of their neighbors to cross little."""
    layers: list[list[Item]] = [[] for _ in range(1 + routes[nodes - 1, nodes - 1][0][2])]
    for item in dict.fromkeys(item for route in routes.values() for item in route):
        layers[item[2]].append(item)
    links = [pair for route in routes.values() for pair in pairwise(route)]
    for sweep in range(2 * SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else layers[::-1]:
            place = {
                item: row - (len(row_items) - 1) / 2
                for row_items in layers
                for row, item in enumerate(row_items)
            }
            mean = {}
            for item in layer:
                near = [
                    place[a if forward else b] for a, b in links if (b if forward else a) == item
                ]
                mean[item] = sum(near) / len(near) if near else place[item]
            layer.sort(key=mean.__getitem__)
    return layers


def _curve(places: list[Badge]) -> tuple[Point, ...]:
    """From the right of the first place to the left of the last, straight across those between."""
    points: list[Point] = [_side(places[0], 1)]
    for place in places[1:]:
        (x0, y0), (x1, y1) = points[-1], _side(place, -1)
        points += [((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1)]
        if place is not places[-1]:
            points += [(x1, y1), _side(place, 1), _side(place, 1)]
    return tuple(points)


def _side(place: Badge, way: int) -> Point:
    """The middle of the right (1) or left (-1) end."""
    return place.center[0] + way * place.width / 2, place.center[1]
