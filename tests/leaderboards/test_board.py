import json
import shutil
from pathlib import Path

import pytest

from leaderboards import page
from leaderboards.board import read_board
from leaderboards.documents import to_json
from leaderboards.track import freeze
from nasbench import registry
from nasbench.cli import main
from nasbench.core import Budget
from nasbench.errors import InvalidConfig
from nasbench.harness.files import file_name, write_run
from nasbench.harness.run import run

BENCHMARK = "cell201/digits-on-photos"
TRACK = freeze(
    "tiny",
    [BENCHMARK],
    version=1,
    title="Tiny",
    description="Eight evaluations.",
    kind="single-objective",
    access="closed",
    objectives=["valid_accuracy"],
    constraints=[],
    budget=Budget(8),
    seeds=[0, 1],
)


@pytest.fixture
def folders(tmp_path):
    """A folder of one track and one of two entries."""
    tracks, entries = tmp_path / "tracks", tmp_path / "entries"
    tracks.mkdir()
    (tracks / f"{TRACK.slug}.json").write_text(to_json(TRACK))
    table = registry.benchmark(BENCHMARK)
    for name in ("random-search", "genetic"):
        folder = entries / TRACK.slug / name
        for seed in TRACK.seeds:
            found = run(table, name, seed, budget=TRACK.run_budget)
            write_run(found, folder / file_name(BENCHMARK) / f"seed-{seed}.json")
        submission = {
            "schema_version": 1,
            "name": name,
            "authors": ["Ada"],
            "description": "A searcher.",
            "licence": "CC-BY-4.0",
            "track": {"name": "tiny", "version": 1},
            "searcher": name,
            "environment": {"python": "3"},
        }
        (folder / "submission.json").write_text(json.dumps(submission))
    return tracks, entries


def build(folders, *options):
    tracks, entries = folders
    with pytest.raises(SystemExit) as ended:
        main(["leaderboard", "build", "--tracks", f"{tracks}", "--entries", f"{entries}", *options])
    return ended.value.code


def test_entries_are_replayed_and_shown(folders):
    (track,) = read_board(*folders)
    assert track.folder == "tiny/v1"
    assert sorted(row.name for row in track.standings.rows) == ["genetic", "random-search"]
    assert {card.level for card in track.cards.values()} == {1}
    assert "All 16 evaluations of 2 runs" in track.cards["genetic"].evidence[0]
    assert track.tags == ("single-objective", "closed", "table")


def test_the_command_builds_and_checks_a_board(folders, tmp_path, capsys):
    site = tmp_path / "site"
    assert build(folders, "-o", f"{site}") == 0
    assert "tiny/v1/index.html" in (site / "index.html").read_text()
    assert build(folders, "-o", f"{site}", "--check") == 0
    (site / "index.html").write_text("mine")
    assert build(folders, "-o", f"{site}", "--check") == 1
    assert "index.html: differs" in capsys.readouterr().err


def test_an_entry_that_is_not_what_the_table_answers_stops_the_build(folders, tmp_path, capsys):
    path = folders[1] / TRACK.slug / "genetic" / file_name(BENCHMARK) / "seed-0.json"
    document = json.loads(path.read_text())
    document["trajectory"]["values"][3][0] -= 1
    path.write_text(json.dumps(document))
    assert build(folders, "-o", f"{tmp_path / 'site'}") == 1
    assert "cannot be shown" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_an_entry_in_a_folder_of_another_name_is_refused(folders):
    entry = folders[1] / TRACK.slug / "genetic"
    entry.rename(entry.with_name("better"))
    with pytest.raises(InvalidConfig, match="expected the name better"):
        read_board(*folders)


@pytest.fixture
def replaced(folders, tmp_path):
    """A board, and then the table of its track becomes another one."""
    site = tmp_path / "site"
    assert build(folders, "-o", f"{site}") == 0
    path = folders[0] / f"{TRACK.slug}.json"
    path.write_text(path.read_text().replace(TRACK.benchmarks[0].sha256, "0" * 64))
    return site


def test_a_retired_version_keeps_its_pages_and_says_so(folders, replaced, capsys):
    before = {p: p.read_text() for p in (replaced / "tiny").rglob("*") if p.is_file()}
    assert build(folders, "-o", f"{replaced}", "--check") == 1
    assert build(folders, "-o", f"{replaced}") == 0
    assert "tiny-v1 is retired" in capsys.readouterr().err
    assert 'href="tiny/v1/index.html"' in (replaced / "index.html").read_text()
    assert before.keys() == {p for p in (replaced / "tiny").rglob("*") if p.is_file()}
    for path, text in before.items():
        noted = path.read_text()
        assert noted == text.replace(page.PLACE, page.RETIRED)
        assert (page.RETIRED in noted) == (path.suffix == ".html")
    assert build(folders, "-o", f"{replaced}", "--check") == 0
    assert build(folders, "-o", f"{replaced}") == 0
    assert {path.read_text().count(page.RETIRED) for path in before} == {0, 1}


def test_a_new_folder_says_that_it_lacks_the_pages_of_a_retired_version(folders, replaced):
    fresh = replaced.with_name("fresh")
    assert build(folders, "-o", f"{fresh}") == 0
    assert (
        "Tiny, version 1 (its pages are not in this folder)" in (fresh / "index.html").read_text()
    )
    assert not (fresh / "tiny").exists()
    assert json.loads((fresh / "leaderboard.json").read_text())["retired"][0]["kept"] == 0


def test_entries_of_no_track_are_refused(folders):
    (folders[1] / "tiny-v2").mkdir()
    with pytest.raises(InvalidConfig, match="expected the name of a track"):
        read_board(*folders)


def test_a_track_without_entries_has_no_page(folders):
    shutil.rmtree(folders[1] / TRACK.slug)
    assert read_board(*folders) == []


def test_a_folder_that_is_not_there_is_told(folders, tmp_path):
    with pytest.raises(InvalidConfig, match="is no folder"):
        read_board(folders[0], tmp_path / "elsewhere")


def test_of_the_committed_board_those_are_flagged_that_begin_with_knowledge():
    """Of other tables, or by training a supernet before the first question.

    That the numbers are right is shown by building the board again: `build --check`, in .ci/run.
    """
    found = sorted((Path(__file__).parents[2] / "board").glob("*/v*/standings.json"))
    assert len(found) >= 6
    flagged = [
        (path.parts[-3], each["entry"])
        for path in found
        for each in json.loads(path.read_text())["entries"]
        if each["flags"]
    ]
    inside = ("bananas", "genetic", "gp-wl", "random-search", "regularized-evolution")
    warm = [("digits-on-photos-open", f"warm-start-{name}") for name in inside]
    assert sorted(flagged) == [*warm, ("digits-on-photos-xgb", "drnas")]


def test_serving_needs_a_board(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["leaderboard", "serve", f"{tmp_path}"])
    assert ended.value.code == 1
    assert "holds no board" in capsys.readouterr().err
