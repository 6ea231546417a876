from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from nasbench import registry
from nasbench.core import Budget, Constraint
from nasbench.errors import InvalidConfig, RunFault, SearcherFault, TestMetricRefused
from nasbench.harness import compare as module
from nasbench.harness.compare import compare
from nasbench.harness.files import read_run, to_json, without_timings
from nasbench.harness.run import run
from nasbench.testing.toy import ToyBenchmark

LONG = 120
"""Seconds that no process of these tests should take, however busy the machine."""
SEARCHERS = """
from __future__ import annotations
import os, time
from dataclasses import dataclass
from nasbench.core import Candidate

@dataclass(frozen=True, slots=True)
class Config:
    "What can be set."
    epochs: int | None = None
    "Of every candidate."

class Uniform:
    Config = Config

    def __init__(self, problem, rng, config=Config()):
        self.problem, self.rng, self.config = problem, rng, config

    def ask(self, n=1):
        archs = self.problem.space.sample(n, self.rng)
        return [Candidate(arch, self.config.epochs) for arch in archs]

    def tell(self, observations):
        pass

class Sleepy(Uniform):
    def ask(self, n=1):
        time.sleep(0.01)
        return super().ask(n)

class Broken(Uniform):
    def ask(self, n=1):
        raise ZeroDivisionError("of a searcher")

class Crashing(Uniform):
    def ask(self, n=1):
        os._exit(3)
"""


class Inline(Executor):
    """Does the work at once, in this process, and counts it."""

    def __init__(self):
        self.count = 0

    def submit(self, function, /, *args, **kwargs):
        self.count += 1
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        raise AssertionError("an executor that was given stays open")


@pytest.fixture
def registered(monkeypatch):
    """The toy benchmark, found under the name toy."""
    module._benchmark.cache_clear()
    toy = ToyBenchmark()
    monkeypatch.setattr(registry, "benchmark", {"toy": toy}.__getitem__)
    yield toy
    module._benchmark.cache_clear()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SEARCHERS)
    return path


@pytest.fixture
def start(registered, file, tmp_path):
    """Calls compare with the test's changes to a small setting."""

    def call(**changes):
        setting = {
            "searchers": [f"{file}:Uniform"],
            "seeds": range(3),
            "budget": Budget(6),
            "out": tmp_path / "out",
            "executor": Inline(),
        }
        return compare("toy", **(setting | changes))

    return call


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_every_run_is_what_run_gives_and_lies_in_its_file(start, registered, file, tmp_path):
    options = {"objectives": ("valid_loss",), "constraints": [Constraint("params", upper=400.0)]}
    done = start(**options, workers=2, settings={f"{file}:Uniform": {"epochs": 4}})
    for seed, found in enumerate(done):
        alone = run(
            registered,
            f"{file}:Uniform",
            seed,
            budget=Budget(6),
            workers=2,
            config={"epochs": 4},
            **options,
        )
        folder = tmp_path / "out" / "toy__toy-2x3x4x5-v1" / f"{file}:Uniform".replace("/", "__")
        path = folder.with_name(folder.name.replace(":", "__")) / f"seed-{seed}.json"
        assert to_json(without_timings(alone)) == to_json(without_timings(found))
        assert to_json(without_timings(read_run(path))) == to_json(without_timings(found))


def test_runs_come_by_searcher_and_seed_as_they_were_asked_for(start, file):
    names = [f"{file}:{name}" for name in ("Uniform", "Sleepy")]
    done = start(searchers=names, seeds=[4, 1])
    assert [(r.searcher, r.seed) for r in done] == [(n, s) for n in names for s in (4, 1)]


def test_runs_that_are_there_are_kept(start, tmp_path):
    start(seeds=range(2))
    before = {path: path.read_bytes() for path in tmp_path.rglob("seed-*.json")}
    again, counted = Inline(), []
    done = start(executor=again, on_done=lambda *numbers: counted.append(numbers))
    assert again.count == 1
    assert counted == [(2, 3), (3, 3)]
    assert [found.seed for found in done] == [0, 1, 2]
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"budget": Budget(7)}, "budget"),
        ({"budget": Budget(6, cost_s=1e6)}, "budget"),
        ({"objectives": ("valid_loss",)}, "objectives"),
        ({"constraints": [Constraint("params", upper=1.0)]}, "constraints"),
        ({"workers": 2}, "workers"),
        ({"config": 4}, "config"),
        ({"sha256": "0" * 64}, "table_sha256"),
        ({"repeats": 3}, "noise_seed"),
    ],
)
def test_a_run_of_another_setting_is_refused_and_stays(
    start, registered, file, tmp_path, changes, field
):
    start()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    for attribute in {"sha256", "repeats"} & set(changes):
        setattr(registered, attribute, changes.pop(attribute))
    if "config" in changes:
        changes["settings"] = {f"{file}:Uniform": {"epochs": changes.pop("config")}}
    again = Inline()
    with pytest.raises(RunFault, match=rf"expected {field} .*--out.*--overwrite"):
        start(executor=again, **changes)
    assert again.count == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before
    assert len(start(overwrite=True, **changes)) == 3


def test_a_malformed_file_is_refused(start, tmp_path):
    start()
    next(tmp_path.rglob("seed-1.json")).write_text("{")
    with pytest.raises(RunFault, match=r"seed-1\.json: expected JSON"):
        start()


def test_a_failing_run_does_not_lose_the_others(start, file, tmp_path):
    names = [f"{file}:{name}" for name in ("Broken", "Uniform")]
    with pytest.raises(SearcherFault, match=r"3 of 6 runs failed.*ZeroDivisionError"):
        start(searchers=names)
    assert len(list(tmp_path.rglob("seed-*.json"))) == 3
    notes = sorted(tmp_path.rglob("*.traceback.txt"))
    assert [note.name for note in notes] == [f"seed-{k}.traceback.txt" for k in range(3)]
    assert "ZeroDivisionError: of a searcher" in notes[0].read_text()


def test_a_run_to_be_overwritten_goes_even_if_the_new_one_fails(start, file, tmp_path):
    start()
    file.write_text(SEARCHERS.replace("archs = self", "raise ZeroDivisionError  # self"))
    with pytest.raises(SearcherFault):
        start(overwrite=True)
    assert not list(tmp_path.rglob("seed-*.json"))


def test_a_traceback_goes_when_the_run_is_done(start, file, tmp_path):
    names = [f"{file}:Broken"]
    with pytest.raises(SearcherFault):
        start(searchers=names)
    file.write_text(SEARCHERS.replace("raise ZeroDivisionError", "return super().ask(n) #"))
    start(searchers=names)
    assert not list(tmp_path.rglob("*.traceback.txt"))


def test_what_a_killed_comparison_left_of_a_file_goes(start, tmp_path):
    start()
    part = next(tmp_path.rglob("seed-1.json")).with_name(".seed-1.json.abcdef.part")
    part.write_text("half a ru")
    start()
    assert not part.exists()


def test_a_table_of_several_repeats_is_asked_with_the_runs_seed(start, registered):
    registered.repeats = 3
    assert [found.noise_seed for found in start()] == [0, 1, 2]
    registered.repeats = 1
    assert [found.noise_seed for found in start(overwrite=True)] == [None] * 3


def test_the_folder_tells_how_it_was_made(start, file, tmp_path):
    start(budget=Budget(6, cost_s=500.0))
    setting = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert setting["searchers"] == {f"{file}:Uniform": {"epochs": None}}
    assert (setting["seeds"], setting["queries"], setting["cost_s"]) == ([0, 1, 2], 6, 500.0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"searchers": []}, InvalidConfig),
        ({"seeds": [1, 1]}, InvalidConfig),
        ({"settings": {"other": {}}}, InvalidConfig),
        ({"objectives": ("test_loss",)}, TestMetricRefused),
        ({"executor": None, "processes": 0}, InvalidConfig),
    ],
)
def test_a_wrong_setting_is_refused_before_any_run(start, tmp_path, changes, error):
    with pytest.raises(error):
        start(**changes)
    assert not list(tmp_path.rglob("seed-*"))


@pytest.fixture
def spawn(tmp_path, file):
    """Starts a Python process in which `toy` is a benchmark that an installed plug-in provides."""
    about = tmp_path / "site" / "toys-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[nasbench.benchmarks]\ntoy = nasbench.testing.toy:ToyBenchmark\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "COLUMNS": "200"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = []

    def call(*words):
        process = subprocess.Popen([sys.executable, *words], env=environment, cwd=tmp_path, **pipes)
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def shell(spawn):
    """Starts `nasbench compare toy`."""
    return lambda *words: spawn("-m", "nasbench", "compare", "toy", "--no-report", *words)


@pytest.fixture
def script(spawn, tmp_path):
    """Starts a comparison of 8 runs in two processes into a folder."""
    path = tmp_path / "script.py"
    path.write_text(
        "import sys\nfrom pathlib import Path\n"
        "from nasbench.core import Budget\nfrom nasbench.harness.compare import compare\n"
        "if __name__ == '__main__':\n"
        "    compare('toy', ['mine.py:Sleepy'], range(8), budget=Budget(30),\n"
        "            out=Path(sys.argv[1]), processes=2)\n"
    )
    return lambda folder: spawn(str(path), folder)


def contents(folder):
    """Every file but for its timings."""
    return {
        name: to_json(without_timings(read_run(folder / name)))
        if "seed-" in name
        else (folder / name).read_text()
        for name in files(folder)
    }


@pytest.mark.slow
def test_a_comparison_killed_and_resumed_has_the_files_of_one_left_alone(script, tmp_path):
    alone = script("alone")
    assert alone.wait(LONG) == 0, alone.stderr.read()
    killed = script("killed")
    deadline = time.monotonic() + LONG
    while len(list((tmp_path / "killed").rglob("seed-*.json"))) < 3:
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    children = [
        int(pid)
        for task in Path(f"/proc/{killed.pid}/task").glob("*/children")
        for pid in task.read_text().split()
    ]
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    deadline = time.monotonic() + LONG
    while any(_lives(pid) for pid in children):
        assert time.monotonic() < deadline, "worker processes outlived their parent"
        time.sleep(0.05)
    assert files(tmp_path / "killed") != files(tmp_path / "alone")
    resumed = script("killed")
    assert resumed.wait(LONG) == 0, resumed.stderr.read()
    assert contents(tmp_path / "killed") == contents(tmp_path / "alone")


def _lives(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.slow
def test_a_searcher_that_ends_its_process_is_told_of(shell):
    process = shell("--searchers", "mine.py:Crashing", "--seeds", "2", "-j", "1")
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert "a worker process ended abruptly" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_failing_searcher_is_shown_after_the_table_of_the_others(shell):
    names = "mine.py:Broken,random-search,mine.py:Uniform"
    process = shell("--searchers", names, "--seeds", "3", "--set", "mine.py:Uniform.epochs=4")
    shown, said = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert "3 of 9 runs failed" in said
    assert "random-search" in shown
    assert "mine.py:Uniform" in shown
    assert "test_accuracy" in shown.replace("\n", " ")


@pytest.mark.slow
def test_a_cluster_gives_the_same_runs(start, spawn, tmp_path):
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    code = (
        "from pathlib import Path\nfrom distributed import Client\n"
        "from nasbench.core import Budget\nfrom nasbench.harness.compare import compare\n"
        "with Client(processes=False, dashboard_address=None) as client:\n"
        "    compare('toy', ['mine.py:Uniform'], range(3), budget=Budget(6),\n"
        "            out=Path('cluster'), executor=client.get_executor())\n"
    )
    cluster = spawn("-c", code)
    assert cluster.wait(LONG) == 0, cluster.stderr.read()
    paths = sorted((tmp_path / "cluster").rglob("seed-*.json"))
    for path, here in zip(paths, start(), strict=True):
        assert read_run(path).trajectory.genes.tolist() == here.trajectory.genes.tolist()


@pytest.mark.slow
def test_a_full_disk_ends_a_comparison_with_whole_files_only(spawn, tmp_path):
    code = (
        "import resource, sys\nfrom nasbench.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "main(['compare', 'toy', '-s', 'mine.py:Uniform', '--queries', sys.argv[1],\n"
        "      '--seeds', '2', '-j', '1', '--no-report', '-o', 'full'])\n"
    )
    process = spawn("-c", code, "500")
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert "cannot write" in said
    assert "Traceback" not in said
    assert {path.rpartition("/")[2] for path in files(tmp_path / "full")} == {"compare.json"}


def test_a_worker_with_another_table_is_refused(start, registered, tmp_path):
    class Elsewhere(Inline):
        def submit(self, function, /, *args, **kwargs):
            registered.sha256 = "1" * 64
            future = super().submit(function, *args, **kwargs)
            registered.sha256 = "0" * 64
            return future

    registered.sha256 = "0" * 64
    with pytest.raises(RunFault, match="same version everywhere"):
        start(executor=Elsewhere())
    assert not list(tmp_path.rglob("seed-*"))
