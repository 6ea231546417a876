"""Comparisons as users start them: in processes that are killed, crash, or run out of disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nasbench.harness.files import read_run, to_json, without_timings

pytestmark = pytest.mark.slow
LONG = 120
"""Seconds that no process of these tests should take, however busy the machine."""


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


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def contents(folder):
    """Every file but for its timings."""
    return {
        name: to_json(without_timings(read_run(folder / name)))
        if "seed-" in name
        else (folder / name).read_text()
        for name in files(folder)
    }


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


def test_a_searcher_that_ends_its_process_is_told_of(shell):
    process = shell("--searchers", "mine.py:Crashing", "--seeds", "2", "-j", "1")
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert "all 2 runs failed" in said
    assert "ended abruptly with exit code 3" in said
    assert "Traceback" not in said


def test_a_searcher_that_ends_its_process_is_named_and_takes_no_other_down(shell, tmp_path):
    names = "random-search,mine.py:Crashing,mine.py:Uniform"
    process = shell("--searchers", names, "--seeds", "2", "-j", "2", "--queries", "5", "-o", "out")
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert "2 of 6 runs failed; the others are done" in said
    assert "mine.py:Crashing with seed" in said
    assert "ended abruptly with exit code 3" in said
    done = [path.parent.name for path in (tmp_path / "out").rglob("seed-*.json")]
    assert sorted(done) == ["mine.py__Uniform"] * 2 + ["random-search"] * 2


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only Linux tells the children")
def test_a_process_killed_from_outside_costs_time_but_no_run(shell, tmp_path):
    words = ("-s", "mine.py:Sleepy", "--seeds", "3", "--queries", "100", "-j", "1", "-o", "out")
    process = shell(*words)
    deadline = time.monotonic() + LONG
    while not list((tmp_path / "out").rglob("seed-*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for pid in _workers(process.pid):
        os.kill(pid, signal.SIGKILL)
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 0, said
    assert len(list((tmp_path / "out").rglob("seed-*.json"))) == 3


def _workers(pid):
    """Children that do runs; the one that tracks resources is none."""
    found = [
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for child in task.read_text().split()
    ]
    return [c for c in found if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]


def test_a_termination_ends_the_workers_and_keeps_what_is_done(shell, tmp_path):
    words = ("-s", "mine.py:Sleepy", "--seeds", "9", "--queries", "50", "-j", "2", "-o", "out")
    process = shell(*words)
    deadline = time.monotonic() + LONG
    while not list((tmp_path / "out").rglob("seed-*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    workers = _workers(process.pid)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 143
    assert "run the same command again" in said
    assert "Traceback" not in said
    deadline = time.monotonic() + LONG
    while any(_lives(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_failing_searcher_is_shown_after_the_table_of_the_others(shell):
    names = "mine.py:Broken,random-search,mine.py:Uniform"
    process = shell("--searchers", names, "--seeds", "3", "--set", "mine.py:Uniform.epochs=4")
    shown, said = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert "3 of 9 runs failed" in said
    assert "random-search" in shown
    assert "mine.py:Uniform" in shown
    assert "test_accuracy" in shown.replace("\n", " ")


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


def test_a_full_disk_ends_a_comparison_with_whole_files_only(spawn, tmp_path):
    code = (
        "import os, resource, sys\nfrom nasbench.cli import main\n"
        "os.environ['PYTHONDONTWRITEBYTECODE'] = 'x'  # it would be cut off, too\n"
        "sys.dont_write_bytecode = True\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "main(['compare', 'toy', '-s', 'mine.py:Uniform', '--queries', sys.argv[1],\n"
        "      '--seeds', '2', '-j', '1', '--no-report', '-o', 'full'])\n"
    )
    process = spawn("-c", code, "500")
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert "cannot write" in said
    assert "Traceback" not in said
    left = {path.rpartition("/")[2] for path in files(tmp_path / "full")}
    assert left == {"compare.json", ".comparison.lock"}
