"""Pools whose processes end with the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, CancelledError, ThreadPoolExecutor

import pytest
from threadpoolctl import threadpool_info

from nasbench.errors import InvalidConfig, MissingExtra
from nasbench.harness.processes import Counter, cluster, cores, count, executor, is_loss, pool

PARENT = """
import sys, time
from nasbench.harness.processes import executor

if __name__ == "__main__":
    with executor(None, 2, 2) as pool:
        for _ in range(2):
            pool.submit(time.sleep, 120)
        print(*pool._processes, flush=True)
        if sys.argv[1] == "raise":
            raise KeyboardInterrupt
        time.sleep(120)
"""

HALF_SENT = """
import os, struct, sys, time
from pathlib import Path
from nasbench.harness.processes import pool


def begin(path):
    pipe = sys._getframe(1).f_locals["result_queue"]._writer
    os.write(pipe.fileno(), struct.pack("!i", 100))  # announces 100 bytes, of which none come
    path.touch()
    time.sleep(120)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    with pool(1) as made:
        made.submit(begin, path)
        while not path.exists():
            time.sleep(0.01)
        time.sleep(0.2)  # for the pool to begin to read
        raise KeyboardInterrupt
"""


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_executor_that_was_given_is_left_open():
    with ThreadPoolExecutor(1) as given:
        with executor(given, None, 5) as pool:
            assert pool is given
        assert given.submit(int, "7").result() == 7


def test_no_processes_are_refused():
    with pytest.raises(InvalidConfig, match="got 0"), executor(None, 0, 5):
        pass


def test_cores_are_counted_where_the_system_does_not_tell_which_are_ours(monkeypatch):
    assert 1 <= cores() <= os.cpu_count()
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    assert cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


def test_without_distributed_a_cluster_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r"nasbench-lab\[dask\]"), cluster("tcp://x:1"):
        pass


def test_a_lost_worker_is_told_from_what_a_job_raised():
    assert is_loss(BrokenExecutor())
    assert is_loss(CancelledError())
    assert not is_loss(OSError())
    assert not is_loss(ZeroDivisionError())
    distributed = pytest.importorskip("distributed")
    assert issubclass(distributed.KilledWorker, Exception)
    assert is_loss(distributed.KilledWorker.__new__(distributed.KilledWorker))


@pytest.mark.slow
def test_a_pool_has_finished_its_jobs_when_it_is_left():
    with pool(1) as made:
        futures = [made.submit(time.sleep, 0.05) for _ in range(3)]
    assert all(future.done() and not future.cancelled() for future in futures)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["kill", "raise"])
def test_no_process_outlives_the_one_that_started_it(tmp_path, end):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), end]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        if end == "kill":
            os.kill(parent.pid, signal.SIGKILL)
        parent.wait(timeout=60)
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in pids if alive(pid)]


@pytest.mark.slow
def test_a_result_that_is_half_sent_does_not_hold_up_the_end(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(HALF_SENT)
    command = [sys.executable, str(script), str(tmp_path / "begun")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "KeyboardInterrupt" in done.stderr


def test_a_counter_that_gets_no_memory_stays_at_0(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("multiprocessing.context.BaseContext.RawValue", full)
    assert Counter().value == 0


@pytest.mark.slow
def test_what_processes_count_is_read_here():
    counter = Counter()
    with pool(1, counter) as made:
        for number in (2, 3):
            made.submit(count, number).result()
        assert counter.value == 5
    count(7)  # not a process of a pool
    assert counter.value == 5


def test_a_process_of_a_pool_computes_on_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pool(1) as made:
        made.submit(exec, "import numpy, scipy.linalg").result()  # each loads a BLAS of its own
        found = made.submit(threadpool_info).result()
    assert len(found) >= 2
    assert {library["num_threads"] for library in found} == {1}
