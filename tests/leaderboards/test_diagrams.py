import dataclasses
import math
import re
from xml.etree import ElementTree

from leaderboards import diagrams
from nasbench.harness.statistics import Interval


def places(svg):
    return [float(value) for value in re.findall(r'c?x\d?="([\d.]+)"', svg)]


def test_an_interval_lies_on_a_logarithmic_scale():
    found = ElementTree.fromstring(diagrams.interval(Interval(1.0, 0.1, 10.0), 0.1, 10.0))
    (dot,) = found.findall("circle")
    whisker = found.findall("line")[1]
    assert (whisker.get("x1"), dot.get("cx"), whisker.get("x2")) == ("4.0", "60.0", "116.0")


def test_what_is_beyond_the_scale_stays_at_its_edge():
    drawn = diagrams.interval(Interval(0.0, 0.0, 99.0), 0.1, 10.0)
    assert set(places(drawn)) == {4.0, 116.0}


def test_an_interval_without_bounds_is_a_dot():
    assert diagrams.interval(Interval(1.0, -math.inf, math.inf), 0.1, 10.0).count("<line") == 1


def test_average_ranks_are_drawn_in_order(table):
    drawing = ElementTree.fromstring(diagrams.critical_differences(table))
    stems = [float(p.get("d")[1:].split()[0]) for p in drawing.findall("path")]
    assert stems == sorted(stems)
    words = " ".join(text.text for text in drawing.findall("text"))
    for row in table.rows:
        assert f"({row.rank.estimate:.2f})" in words
    assert f"CD {table.difference:.2f}" in words


def test_a_crowd_is_cut_and_a_single_entry_not_drawn(table):
    many = tuple(dataclasses.replace(table.rows[0], name=f"e{k}", number=k) for k in range(99))
    drawing = diagrams.critical_differences(dataclasses.replace(table, rows=many))
    assert drawing.count("<path") == diagrams.SHOWN
    alone = dataclasses.replace(table, rows=table.rows[:1])
    assert diagrams.critical_differences(alone) == ""


def test_names_are_escaped(table):
    rows = (dataclasses.replace(table.rows[0], name="<b>&"), *table.rows[1:])
    drawing = diagrams.critical_differences(dataclasses.replace(table, rows=rows))
    assert "<b>" not in drawing
    ElementTree.fromstring(drawing)
