"""Building a board of many entries: every run is read, replayed, scored and drawn.

The figure is processor time, so that other work on the machine counts little.

OMP_NUM_THREADS=1 pytest benchmarks/test_board_speed.py -s
"""

from __future__ import annotations

import json
import time

import pytest

from leaderboards import site
from leaderboards.board import read_board
from leaderboards.documents import to_json
from leaderboards.submission import FILE, run_files
from leaderboards.track import freeze
from nasbench import registry
from nasbench.core import Budget
from nasbench.harness.files import to_json as run_json
from nasbench.harness.run import run

BENCHMARK = "cell201/mnist1d"
ENTRIES, SEEDS, EVALUATIONS = 200, 10, 500
SEARCHERS = ("random-search", "regularized-evolution", "genetic", "asha")
TRACK = freeze(
    *("many", [BENCHMARK]),
    version=1,
    title="Many",
    description="As many entries as a board should bear.",
    kind="single-objective",
    access="closed",
    objectives=["valid_accuracy"],
    constraints=[],
    budget=Budget(EVALUATIONS),
    seeds=range(SEEDS),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tracks and entries; entries of a searcher are copies of one another but for their names."""
    root = tmp_path_factory.mktemp("many")
    (root / "tracks").mkdir()
    (root / "tracks" / f"{TRACK.slug}.json").write_text(to_json(TRACK))
    table = registry.benchmark(BENCHMARK)
    for number, searcher in enumerate(SEARCHERS):
        made = {
            path: run_json(run(table, searcher, seed, budget=TRACK.run_budget))
            for path, (_, seed) in run_files(TRACK).items()
        }
        for k in range(number, ENTRIES, len(SEARCHERS)):
            write(root / "entries" / TRACK.slug / f"{searcher}-{k}", searcher, made)
    return root / "tracks", root / "entries"


def write(folder, searcher, files):
    submission = {
        "schema_version": 1,
        "name": folder.name,
        "authors": ["Ada"],
        "description": "A copy.",
        "licence": "CC-BY-4.0",
        "track": {"name": TRACK.name, "version": TRACK.version},
        "searcher": searcher,
        "environment": {},
    }
    for path, text in {**files, FILE: json.dumps(submission)}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def test_a_board_of_200_entries_takes_less_than_a_minute(folders, tmp_path, benchmark):
    before = time.process_time()
    benchmark.pedantic(lambda: site.write(read_board(*folders), tmp_path / "site"), rounds=1)
    took_s = time.process_time() - before
    weight = (tmp_path / "site" / TRACK.name / "v1" / "index.html").stat().st_size
    benchmark.extra_info |= {"cpu_s": round(took_s, 1), "page_bytes": weight}
    print(f"\n{took_s:.1f} s of processor time; the track's page has {weight:,} bytes")
    assert took_s < 60
    assert weight < 3e6
