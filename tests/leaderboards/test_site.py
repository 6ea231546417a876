import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from leaderboards import score, site
from leaderboards.cards import Card, TrackPage
from leaderboards.serve import server
from leaderboards.standings import standings
from nasbench.errors import InvalidConfig
from nasbench.harness import ranks, statistics

EPSILON = float(np.finfo(np.float64).eps)


@pytest.fixture
def built(tracks, tmp_path):
    site.write(tracks, tmp_path / "site")
    return tmp_path / "site"


def test_building_twice_gives_the_same_bytes(tracks, built, tmp_path):
    count = site.write(tracks, tmp_path / "again")
    files = {p.relative_to(built): p.read_bytes() for p in built.rglob("*") if p.is_file()}
    again = tmp_path / "again"
    assert files == {p.relative_to(again): p.read_bytes() for p in again.rglob("*") if p.is_file()}
    assert len(files) == count


@pytest.mark.parametrize("objectives", [("valid_accuracy",), ("valid_accuracy", "params")])
def test_a_processor_that_differs_in_the_last_bits_gives_the_same_bytes(
    objectives, contest, runs, monkeypatch
):
    names = ("random-search", "regularized-evolution")
    entries = {name: runs(name, objectives=objectives) for name in names}

    def files():
        table = standings(contest(objectives=objectives), entries)
        cards = {name: Card(name, name) for name in names}
        return dict(site.files([TrackPage("toy", 1, "Toy", "Accuracy.", table, cards)]))

    def off(function):
        return lambda *args, **options: np.multiply(function(*args, **options), 1 + EPSILON)

    before, rounded = files(), score.rounded
    monkeypatch.setattr(score, "rounded", lambda values: rounded(np.multiply(values, 1 + EPSILON)))
    for module, name in [
        *((score, "_looked_up"), (score.Front, "share"), (score.moocore, "igd_plus")),
        *((statistics, "bootstrap_band"), (ranks, "friedman")),
    ]:
        monkeypatch.setattr(module, name, off(getattr(module, name)))
    assert files() == before


def test_sums_of_losses_are_the_same_in_every_order():
    rng = np.random.default_rng(0)
    losses = score.rounded(rng.uniform(0, 100, (40, 500)))
    expected = statistics.iqm(losses)
    for _ in range(5):
        assert (statistics.iqm(rng.permuted(losses, axis=1)) == expected).all()
    assert (np.abs(losses - score.rounded(losses + 1e-13)) == 0).all()


def test_a_board_is_what_its_entries_give(tracks, built):
    assert site.differences(tracks, built) == []


def test_changed_missing_and_other_files_are_told(tracks, built):
    (built / "toy/v1/index.html").write_text("better")
    (built / "toy/v2/standings.csv").unlink()
    (built / "mine.html").touch()
    assert site.differences(tracks, built) == [
        "toy/v2/standings.csv: missing",
        "toy/v1/index.html: differs from what the entries give",
        "mine.html: is not part of the board",
    ]


def test_a_board_is_replaced_as_a_whole(tracks, built):
    (built / "old.html").touch()
    site.write(tracks, built)
    assert site.differences(tracks, built) == []
    assert [path.name for path in built.parent.iterdir()] == ["site"]


def test_an_interruption_puts_the_old_board_back(tracks, built, monkeypatch):
    before = {p: p.read_bytes() for p in built.rglob("*") if p.is_file()}

    def interrupted(self, target, rename=Path.rename):
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        site.write(tracks, built)
    assert {p: p.read_bytes() for p in built.parent.rglob("*") if p.is_file()} == before


def test_a_folder_that_is_no_board_is_left_alone(tracks, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InvalidConfig, match="is not a board"):
        site.write(tracks, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_a_failure_leaves_the_old_board(tracks, built, monkeypatch):
    before = {p: p.read_bytes() for p in built.rglob("*") if p.is_file()}
    monkeypatch.setattr(site.page, "entry_page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        site.write(tracks, built)
    assert {p: p.read_bytes() for p in built.parent.rglob("*") if p.is_file()} == before


def test_a_board_is_served_to_this_machine_alone(built):
    with server(built, 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        host, port = running.server_address
        with urllib.request.urlopen(f"http://{host}:{port}/toy/v2/") as answer:
            text = answer.read()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://{host}:{port}/../../etc/passwd")
        running.shutdown()
        thread.join()
    assert host == "127.0.0.1"
    assert text == (built / "toy/v2/index.html").read_bytes()


def test_a_browser_that_leaves_amid_a_download_is_nothing_to_tell_of(built, capsys):
    with server(built, 0) as running:
        for fault in (BrokenPipeError(), ConnectionResetError(), ValueError("a fault of ours")):
            try:
                raise fault
            except Exception:
                running.handle_error(None, ("127.0.0.1", 1))
    said = capsys.readouterr().err
    assert "a fault of ours" in said
    assert said.count("Traceback") == 1


def test_no_board_is_not_served(tmp_path):
    with pytest.raises(InvalidConfig, match="holds no board"):
        server(tmp_path, 0)
