"""A small track on the embedded table, and an honest submission to it by a searcher in a file."""

import json
import shutil
from pathlib import Path

import pytest

from leaderboards.check import check
from leaderboards.documents import to_json
from leaderboards.pack import pack
from leaderboards.track import freeze
from nasbench import registry
from nasbench.core import Budget
from nasbench.harness.files import run_path, write_run
from nasbench.harness.run import run

TABLE = "cell201/digits-on-photos"
FOLDER = "cell201__digits-on-photos"
SEEDS = range(3)
QUERIES = 25

ABOUT = {
    "name": "mine",
    "authors": ["Ada Müller", "李雷"],
    "description": "Uniform draws.\nNothing else.",
    "licence": "CC-BY-4.0",
}

MINE = '''
from dataclasses import dataclass

from nasbench.core import Candidate


@dataclass(frozen=True, slots=True)
class Config:
    """Nothing to set."""


class Mine:
    Config = Config

    def __init__(self, problem, rng, config=Config()):
        self.space, self.rng = problem.space, rng

    def ask(self, n=1):
        return [Candidate(arch) for arch in self.space.sample(n, self.rng)]

    def tell(self, observations):
        pass
'''


@pytest.fixture(scope="session")
def table():
    return registry.benchmark(TABLE)


@pytest.fixture(scope="session")
def frozen():
    """Freezes a small track, with a test's changes to it."""

    def make(**changes):
        setting = {
            "version": 1,
            "title": "A small track",
            "description": "For tests.",
            "kind": "single-objective",
            "access": "closed",
            "objectives": ["valid_accuracy"],
            "constraints": (),
            "budget": Budget(QUERIES),
            "seeds": SEEDS,
        }
        benchmarks = changes.pop("benchmarks", [TABLE])
        return freeze(changes.pop("name", "small"), benchmarks, **(setting | changes))

    return make


@pytest.fixture(scope="session")
def track(frozen):
    return frozen()


@pytest.fixture(scope="session")
def tracks(track, tmp_path_factory):
    """Folder of the small track."""
    folder = tmp_path_factory.mktemp("tracks")
    (folder / f"{track.slug}.json").write_text(to_json(track))
    return folder


@pytest.fixture(scope="session")
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture(scope="session")
def compared(table, mine, tmp_path_factory):
    """Folder as `nasbench compare` writes it, with one seed more than the track has."""
    folder = tmp_path_factory.mktemp("runs")
    name = f"{mine}:Mine"
    for seed in range(len(SEEDS) + 1):
        done = run(table, name, seed, budget=Budget(QUERIES))
        write_run(done, run_path(folder, TABLE, name, seed))
    return folder


@pytest.fixture(scope="session")
def packed(compared, track, tracks, tmp_path_factory):
    out = tmp_path_factory.mktemp("packed") / "mine"
    pack([compared], out, track, about=ABOUT, tracks=tracks)
    return out


class Entry:
    """A copy of the submission that a test spoils, and how it is checked."""

    def __init__(self, folder: Path, tracks: Path) -> None:
        self.folder, self.tracks = folder, tracks

    def run(self, seed: int = 0) -> Path:
        return self.folder / FOLDER / f"seed-{seed}.json"

    def edit(self, path: Path | str, change) -> None:
        """Let `change` alter a JSON document of the submission in place."""
        path = self.folder / path
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    def check(self, **options):
        return check(self.folder, **({"tracks": self.tracks, "entries": None} | options))

    def complaints(self, **options) -> str:
        """All of them in lines, after a look that checking changed nothing on the disk."""
        before = self._state()
        report = self.check(**options)
        assert self._state() == before
        assert not report.accepted()
        assert report.level == "self-reported"
        return "\n".join(map(str, report.complaints))

    def _state(self):
        inside = self.folder.parent.rglob("*")
        return sorted((p, p.lstat().st_size, p.lstat().st_mtime_ns) for p in inside)


@pytest.fixture
def entry(packed, tracks, tmp_path):
    shutil.copytree(packed, tmp_path / "mine")
    return Entry(tmp_path / "mine", tracks)
