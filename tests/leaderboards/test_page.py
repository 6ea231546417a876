import base64
import csv
import dataclasses
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from leaderboards import charts, downloads, page, site
from leaderboards.cards import Card, TrackPage
from leaderboards.standings import standings
from nasbench.core import Candidate, Trajectory

FIELDS = dataclasses.fields(Trajectory)
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'`${alert(1)}{{7*7}}\u2028"
)


class Reader(HTMLParser):
    """Elements, attributes, and the text of scripts and styles of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self._open = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag in ("script", "style"):
            self._open = (tag, dict(attrs).get("type"))

    def handle_data(self, data):
        if self._open:
            self.texts.append((*self._open, data))

    def handle_endtag(self, tag):
        self._open = None


@pytest.fixture(scope="module")
def files(tracks):
    return dict(site.files(tracks))


@pytest.fixture(scope="module")
def pages(files):
    return {name: text for name, text in files.items() if name.endswith(".html")}


def policy(text):
    found = [
        value for tag, name, value in Reader(text).attributes if (tag, name) == ("meta", "content")
    ]
    return next(value for value in found if "default-src" in value)


def hashes(text, kind, data=None):
    digests = [
        base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        for tag, type_, content in Reader(text).texts
        if tag == kind and type_ == data
    ]
    return {f"'sha256-{digest}'" for digest in digests}


def test_there_is_a_page_for_each_track_version_and_entry(pages):
    entries = ["local-search", "random-search", "regularized-evolution"]
    expected = {"index.html"}
    for folder, names in (("toy/v1", entries), ("toy/v2", entries), ("trade-off/v1", entries[1:])):
        expected |= {f"{folder}/index.html", *(f"{folder}/entries/{name}.html" for name in names)}
    assert set(pages) == expected


def test_every_link_within_the_board_leads_to_a_file(files, pages):
    for name, text in pages.items():
        folder = name.rpartition("/")[0]
        for _, attribute, value in Reader(text).attributes:
            if attribute == "href" and not value.startswith(("#", "data:", "https://")):
                parts = [*folder.split("/"), *value.split("/")] if folder else value.split("/")
                path = []
                for part in parts:
                    path = path[:-1] if part == ".." else [*path, part]
                assert "/".join(path) in files


def test_nothing_is_loaded_from_elsewhere(pages):
    for text in pages.values():
        reader = Reader(text)
        assert not {"iframe", "object", "embed", "base", "form", "audio", "video"} & set(
            reader.tags
        )
        loads = [
            (tag, value) for tag, name, value in reader.attributes if name in ("src", "srcset")
        ]
        loads += [(t, v) for t, name, v in reader.attributes if t == "link" and name == "href"]
        assert all(value.startswith("data:") for _, value in loads)
        assert "url(" not in "".join(content for tag, _, content in reader.texts if tag == "style")


def test_the_policy_lets_in_these_scripts_and_styles_only(pages):
    for text in pages.values():
        directives = dict(part.strip().split(" ", 1) for part in policy(text).split(";"))
        assert directives["default-src"] == "'none'"
        assert hashes(text, "script") <= set(directives["script-src"].split())
        assert hashes(text, "style") == set(directives["style-src"].split())
        assert "unsafe" not in policy(text)
        names = {name for _, name, _ in Reader(text).attributes}
        assert not {name for name in names if name == "style" or name.startswith("on")}


def test_the_data_of_a_page_is_strict_json(pages):
    for text in pages.values():
        for tag, kind, content in Reader(text).texts:
            if tag == "script" and kind == "application/json":
                json.loads(content, parse_constant=pytest.fail)


def test_hostile_text_stays_text(table):
    names = [row.name for row in table.rows]
    bad = {
        name: Card(
            name,
            HOSTILE,
            authors=(HOSTILE,),
            description=HOSTILE,
            links=((HOSTILE, "javascript:alert(1)"), ("Code", f"https://example.org/{HOSTILE}")),
            facts=((HOSTILE, HOSTILE),),
            evidence=(HOSTILE,),
            flags=(HOSTILE,),
            commands=HOSTILE,
        )
        for name in names
    }
    good = {name: Card(name, name, authors=("a",), flags=("f",), commands="c") for name in names}
    sites = [
        dict(site.files([TrackPage("toy", 1, HOSTILE if c is bad else "t", "d", table, c)]))
        for c in (bad, good)
    ]
    for name, text in sites[0].items():
        if name.endswith(".html"):
            bad_reader, good_reader = Reader(text), Reader(sites[1][name])
            assert bad_reader.tags.count("script") == good_reader.tags.count("script")
            assert "img" not in bad_reader.tags
            assert not [n for _, n, _ in bad_reader.attributes if n.startswith("on")]
            targets = [v for _, n, v in bad_reader.attributes if n in ("href", "src")]
            assert not [v for v in targets if v.lower().lstrip().startswith("javascript")]
            assert "49" not in re.findall(r"alert\(1\)}(\d+)", text)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "https://",
        "ftp://a/b",
        "http://[x",
    ],
)
def test_only_addresses_of_the_web_are_linked(address, tracks, table):
    card = Card(table.rows[0].name, "a", links=(("Code", address),))
    track = dataclasses.replace(tracks[0], cards=tracks[0].cards | {card.slug: card})
    assert address not in [
        value for _, name, value in Reader(page.entry_page(table.rows[0], track)).attributes
    ]


def test_the_same_entries_give_the_same_bytes_in_any_order(tracks, contest, table, files):
    entries = {
        row.name: [run for part in row.parts.values() for run in reversed(part.runs)]
        for row in reversed(table.rows)
    }
    again = [dataclasses.replace(t, standings=standings(contest(), entries)) for t in tracks[:2]]
    assert dict(site.files([*again, tracks[2]])) == files


def test_an_older_version_says_so_and_stays_linked(pages):
    assert "newer version" in pages["toy/v1/index.html"]
    assert "newer version" not in pages["toy/v2/index.html"]
    assert "toy/v1/index.html" in pages["index.html"]
    assert "../../toy/v1/index.html" in pages["toy/v2/index.html"]


def test_cells_are_drawn_with_what_the_benchmark_knows(pages, table, toy):
    row = table.rows[0]
    archs = [toy.space.canonical(arch) for arch in row.parts[toy.name].recommended]
    results = [result.metrics["valid_accuracy"] for result in toy.query(map(Candidate, archs))]
    text = pages[f"toy/v2/entries/{row.name}.html"]
    assert toy.space.format(archs[results.index(max(results))]) in text
    assert f"{max(results):,.6g}" in text
    assert "<svg" in text


def test_numbers_on_a_page_are_short(table):
    (view,) = charts.regrets(table)
    numbers = [x for line in view["clocks"]["seconds"]["mean"] for x in line if x is not None]
    assert max(len(str(number).replace(".", "").lstrip("0")) for number in numbers) <= 5


def test_a_curve_ends_at_the_mean_of_the_final_losses(table, toy):
    (view,) = charts.regrets(table)
    for row, line in zip(table.rows, view["clocks"]["evaluations"]["mean"], strict=True):
        assert line[-1] == pytest.approx(row.parts[toy.name].final.mean(), rel=0.005, abs=1e-9)


def test_a_profile_tells_the_share_of_runs(table):
    (view,) = charts.profile(table)
    clock = view["clocks"]["loss"]
    for row, line in zip(table.rows, clock["mean"], strict=True):
        finals = table.losses[0, row.number]
        for limit, share in zip(clock["x"], line, strict=True):
            if not np.isclose(finals, limit, rtol=1e-3).any():  # limits are rounded
                assert share == pytest.approx((finals <= limit).mean())
        assert line[-1] == 1


# ---- downloads


def test_json_and_csv_hold_the_same_scores(tracks):
    document = json.loads(downloads.as_json(tracks[0]))
    lines = list(csv.DictReader(io.StringIO(downloads.standings_csv(tracks[0]))))
    assert [entry["entry"] for entry in document["entries"]] == [line["entry"] for line in lines]
    for entry, line in zip(document["entries"], lines, strict=True):
        assert float(line["score"]) == entry["score"][0]


def test_every_run_has_a_line(tracks, table):
    lines = list(csv.DictReader(io.StringIO(downloads.runs_csv(tracks[0]))))
    assert len(lines) == len(table.rows) * 4
    first = next(iter(table.rows[0].parts.values()))
    assert float(lines[0]["loss_at_1"]) == pytest.approx(first.final[0], rel=1e-7)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_text_is_no_formula_in_a_spreadsheet(name, tracks, table):
    card = Card(table.rows[0].name, name)
    track = dataclasses.replace(tracks[0], cards=tracks[0].cards | {card.slug: card})
    line = next(csv.DictReader(io.StringIO(downloads.standings_csv(track))))
    assert line["name"] == f"'{name}"


def test_a_run_that_evaluated_nothing_is_shown_as_the_worst(contest, runs, toy):
    found = runs("random-search")
    empty = [
        dataclasses.replace(
            each,
            trajectory=type(each.trajectory)(
                **{f.name: getattr(each.trajectory, f.name)[:0] for f in FIELDS}
            ),
        )
        for each in found
    ]
    table = standings(contest(), {"a": found, "b": empty, "index": [*found[:2], *empty[2:]]})
    cards = {name: Card(name, name) for name in ("a", "b", "index")}
    pages = dict(site.files([TrackPage("toy", 1, "t", "d", table, cards)]))
    assert table.rows[-1].score.estimate == table.rulers[toy.name].worst
    assert "Nothing feasible was evaluated" in pages["toy/v1/entries/b.html"]
    assert "Standings" in pages["toy/v1/index.html"]  # an entry of that name is another file
