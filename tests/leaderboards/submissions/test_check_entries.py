"""What the workflow of a pull request lets pass; the checker of an entry is a stand-in here."""

import os
import subprocess
from pathlib import Path

import pytest

from leaderboards.board import read_board
from leaderboards.track import TRACKS
from nasbench.errors import InvalidConfig

SCRIPT = Path(__file__).parents[3] / "scripts" / "check_entries"
TRACK = "leaderboards/entries/digits-v1"


class Checkout:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "a@b.c")
        self.git("config", "user.name", "a")

    def git(self, *words):
        done = subprocess.run(
            ["git", "-C", self.folder, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, **files):
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self.commit()

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path):
    made = Checkout(tmp_path / "checkout")
    made.write(**{"README.md": "x", f"{TRACK}/theirs/submission.json": "{}"})
    made.git("switch", "-q", "-c", "enter")
    return made


@pytest.fixture
def judge(checkout, tmp_path):
    """Runs the script against a base; its `nasbench` tells what it is asked, and what is there."""
    tools = tmp_path / "tools"
    tools.mkdir()
    tool = tools / "nasbench"
    tool.write_text('#!/bin/sh\necho "asked: $1 $2 $(basename $3) $4"; ls "$6"/digits-v1\n')
    tool.chmod(0o755)

    def run(base="main"):
        return subprocess.run(
            [SCRIPT, checkout.folder, checkout.git("rev-parse", base)],
            env={**os.environ, "PATH_OF_TOOLS": str(tools)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_new_entry_is_checked_beside_those_of_the_base(checkout, judge):
    checkout.write(**{f"{TRACK}/mine/submission.json": "{}", f"{TRACK}/verify/mine.py": ""})
    checkout.git("switch", "-q", "main")
    checkout.write(**{f"{TRACK}/m1ne/submission.json": "{}"})
    checkout.git("switch", "-q", "enter")
    done = judge()
    names = "m1ne\nmine\ntheirs\nverify\n"
    asked = "asked: submit check {} --strict\n".format
    expected = "".join(asked(name) + names for name in ("mine", "verify"))
    assert (done.returncode, done.stdout) == (0, expected)
    assert not (checkout.folder / TRACK / "m1ne").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("README.md", "entries only"),
        ("leaderboards/tracks/x.json", "nothing else of the boards"),
        (f"{TRACK}/theirs/submission.json", "new files only"),
        (f"{TRACK}/mine/rerun.json", "no record"),
        (f"{TRACK}/mine/table/verify.json", "no record"),
        (f"{TRACK}/mine/table/verify/0.json", "no record"),
        (f"{TRACK}/Mine/submission.json", "a-z, 0-9 and hyphens"),
    ],
)
def test_other_changes_are_refused(checkout, judge, path, message):
    checkout.write(**{path: "changed"})
    done = judge()
    assert done.returncode == 1
    assert message in done.stdout


def test_the_entry_of_another_is_not_removed(checkout, judge):
    (checkout.folder / TRACK / "theirs/submission.json").unlink()
    checkout.write(**{f"{TRACK}/mine/submission.json": "{}"})
    done = judge()
    assert done.returncode == 1
    assert "theirs/submission.json: expected new files only" in done.stdout


def test_a_name_that_was_taken_meanwhile_is_refused(checkout, judge):
    checkout.write(**{f"{TRACK}/mine/submission.json": "{}"})
    checkout.git("switch", "-q", "main")
    checkout.write(**{f"{TRACK}/mine/submission.json": "[]"})
    checkout.git("switch", "-q", "enter")
    done = judge()
    assert done.returncode == 1
    assert "conflict" in done.stdout


def test_links_and_other_repositories_are_refused(checkout, judge):
    checkout.write(**{f"{TRACK}/mine/submission.json": "{}"})
    (checkout.folder / TRACK / "mine/run.json").symlink_to("submission.json")
    checkout.commit()
    assert "expected plain files" in judge().stdout
    checkout.git("rm", "-q", f"{TRACK}/mine/run.json")
    cache = f"160000,{checkout.git('rev-parse', 'HEAD')},{TRACK}/mine/sub"
    checkout.git("update-index", "--add", "--cacheinfo", cache)
    checkout.git("commit", "-q", "-m", "x")
    done = judge()
    assert (done.returncode, "expected plain files" in done.stdout) == (1, True)


def test_a_base_that_is_not_there_is_an_error(checkout, tmp_path):
    done = subprocess.run(
        [SCRIPT, checkout.folder, "0" * 40], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no commit" in done.stderr


def test_a_board_with_names_that_look_alike_is_not_built(tmp_path):
    slug = sorted(path.stem for path in TRACKS.glob("*.json"))[0]
    for name in ("dart", "clart"):
        (tmp_path / slug / name).mkdir(parents=True)
    with pytest.raises(InvalidConfig, match="looks like"):
        read_board(entries=tmp_path)
