"""Drawings: complete, legible, nothing on top of anything else."""

import itertools
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from nasbench.core import LabeledGraph
from nasbench.spaces import drawing, layers, layout
from nasbench.spaces.cell201 import EDGES, OPS, Cell201

SVG = "{http://www.w3.org/2000/svg}"
FULL = [(*edge, "avg_pool_3x3") for edge in EDGES]
"""The widest labels on every edge."""


@pytest.fixture(scope="module")
def space():
    return Cell201()


@pytest.fixture(scope="module")
def graphs(space):
    return [space.graph(arch) for arch in space.sample(150, np.random.default_rng(0))]


def words(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def luminance(color):
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    """Of WCAG 2, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def overlap(a, b, gap=0.0):
    (x, y), (u, v) = a.center, b.center
    return (
        abs(x - u) < (a.width + b.width) / 2 + gap and abs(y - v) < (a.height + b.height) / 2 + gap
    )


def on_curve(points):
    """Points along a chain of Bezier curves."""
    for k in range(0, len(points) - 1, 3):
        p = np.array(points[k : k + 4])
        for t in np.linspace(0, 1, 25):
            yield ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3) @ p


def test_a_wiring_is_drawn_with_every_edge_but_none(space):
    for arch in space.sample(20, np.random.default_rng(1)):
        drawn = words(drawing.svg(space.wiring(arch)))
        names = [layout.display_name(OPS[gene]) for gene in arch.genes if gene]
        assert sorted(name for name in drawn if name in names) == sorted(names)
        assert {"input", "1", "2", "output"} <= set(drawn)


def test_a_graph_is_drawn_with_every_instance_and_multiplicity():
    labels = ("input", "nor_conv_3x3", "nor_conv_1x1", "output")
    graph = LabeledGraph(labels, ((0, 1, 2), (0, 3, 1), (1, 2, 1), (2, 3, 3)))
    times = layout.TIMES
    expected = [f"conv 3{times}3", f"conv 1{times}1", "input", "output", f"{times}2", f"{times}3"]
    svg = drawing.svg(graph)
    assert sorted(words(svg)) == sorted(expected)
    assert len(list(ElementTree.fromstring(svg).iter(f"{SVG}path"))) == 4


def test_no_two_badges_of_a_cell_touch_and_all_are_inside():
    for nodes in (2, 3, 4, 5):
        edges = [(a, b, "avg_pool_3x3") for a, b in itertools.combinations(range(nodes), 2)]
        scene = layout.cell(edges, nodes)
        assert len(scene.badges) == len(edges) + nodes
        for one, other in itertools.combinations(scene.badges, 2):
            assert not overlap(one, other, gap=4), (nodes, one, other)
        for badge in scene.badges:
            assert badge.width / 2 < badge.center[0] < scene.width - badge.width / 2
            assert badge.height / 2 < badge.center[1] < scene.height - badge.height / 2


def test_no_two_badges_of_a_graph_touch(graphs):
    for graph in graphs:
        scene = layers.instances(graph)
        for one, other in itertools.combinations(scene.badges, 2):
            assert not overlap(one, other), graph


def test_no_edge_runs_behind_a_badge_that_is_not_its_own(graphs):
    for graph in graphs[:40]:
        scene = layers.instances(graph)
        badges = {badge.center: badge for badge in scene.badges if badge.label != "sum"}
        for curve in scene.curves:
            for x, y in on_curve(curve.points):
                for (u, v), badge in badges.items():
                    inside = abs(x - u) < badge.width / 2 - 1 and abs(y - v) < badge.height / 2 - 1
                    assert not inside, (graph, curve, badge)


def test_every_edge_of_a_graph_points_right(graphs):
    for graph in graphs:
        for curve in layers.instances(graph).curves:
            xs = [x for x, _ in curve.points]
            assert xs == sorted(xs)
            assert xs[0] < xs[-1]


def test_words_are_legible_on_their_badges_and_drawings_on_any_page():
    for color in (*drawing.COLORS.values(), *drawing.OTHERS):
        if color != drawing.COLORS["sum"]:
            assert contrast("#ffffff", color) >= 4.5, color
    for page in ("#ffffff", "#14171c"):
        assert contrast(page, drawing.GRAY) >= 4
    lines = {label: color for label, color in drawing.COLORS.items() if label != "node"}
    for color in (*lines.values(), *drawing.OTHERS):
        assert contrast("#ffffff", color) >= 3
        assert contrast("#14171c", color) >= 3, color


def test_what_the_output_does_not_depend_on_is_faint():
    dead = [(0, 1, "nor_conv_3x3"), (0, 3, "skip_connect"), (2, 3, "nor_conv_1x1")]
    scene = layout.cell(dead, 4)
    assert [curve.faint for curve in scene.curves] == [True, False, True]
    assert not any(curve.faint for curve in layout.cell(FULL, 4).curves)


def test_a_cell_without_a_path_says_so(space):
    lost = space.parse("|none~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|")
    assert "No path from the input to the output." in words(drawing.svg(space.wiring(lost)))
    assert "No path from the input to the output." not in words(drawing.svg(FULL))


def test_a_title_is_escaped():
    svg = drawing.svg(FULL, title='<script>alert("x")</script> & more')
    assert "<script>" not in svg
    assert '<script>alert("x")</script> & more' in words(svg)


def test_an_unknown_operation_is_drawn_under_its_name_in_a_color_of_its_own():
    svg = drawing.svg([(0, 1, "dil_conv_5x5"), (1, 2, "sep_conv"), (2, 3, "max_pool")])
    assert {"dil conv 5x5", "sep conv", "max pool"} <= set(words(svg))
    fills = set(re.findall(r'<rect[^>]*fill="(#\w+)"', svg))
    assert len(fills) == 4


def test_svg_needs_no_ids_so_that_many_fit_one_page():
    assert " id=" not in drawing.svg(FULL)
    assert drawing.svg(FULL) == drawing.svg(FULL)


def test_svg_does_not_load_matplotlib():
    code = (
        "import sys; from nasbench.spaces import drawing; drawing.svg([(0, 1, 'x')]);"
        "assert not {'matplotlib', 'networkx', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_png_has_the_size_of_the_svg_times_the_scale():
    root = ElementTree.fromstring(drawing.svg(FULL, title="cell"))
    png = drawing.png(FULL, title="cell", scale=1.5)
    assert png.startswith(b"\x89PNG")
    width, height = (int.from_bytes(png[k : k + 4], "big") for k in (16, 20))
    assert width == pytest.approx(1.5 * float(root.attrib["width"]), abs=1)
    assert height == pytest.approx(1.5 * float(root.attrib["height"]), abs=1)


def test_text_of_a_cell_has_an_arrow_for_each_edge(space):
    resnet = space.parse(
        "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
    )
    assert drawing.text(space.wiring(resnet), ascii_only=True).split("\n") == [
        "  input                1                  2               output",
        "    |                  |                  |                  |",
        "    +---- conv 3x3 --->|                  |                  |",
        "    |                  +---- conv 3x3 --->|                  |",
        "    +------------------------- skip ------------------------>|",
        "    |                  |                  +------ skip ----->|",
        "    |                  |                  |                  |",
    ]


def test_text_of_a_graph_is_its_sums():
    labels = ("input", "nor_conv_3x3", "avg_pool_3x3", "output")
    graph = LabeledGraph(labels, ((0, 1, 1), (0, 2, 2), (1, 2, 1), (2, 3, 1)))
    assert drawing.text(graph, ascii_only=True).split("\n") == [
        "a = conv 3x3(input)",
        "b = avg pool 3x3(2*input + a)",
        "output = b",
    ]
    assert drawing.text(LabeledGraph(("input", "output"), ())) == "output = 0"


@pytest.mark.parametrize("ascii_only", [True, False])
def test_text_is_ascii_when_asked_for(space, ascii_only):
    arch = space.arch(9930)
    for cell in (space.wiring(arch), space.graph(arch)):
        assert drawing.text(cell, ascii_only=ascii_only).isascii() == ascii_only
