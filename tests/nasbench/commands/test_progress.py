"""What long work says of its progress where there is no terminal."""

from __future__ import annotations

import io
import types

import pytest
from rich.console import Console

from nasbench.commands import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [100.0]
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def log():
    return Console(file=io.StringIO(), width=80)


def lines(console):
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("each_s", "said"),
    [
        (0.5, "2.00/s, 4 s left"),
        (40.0, "40 s each, 5 min 20 s left"),
        (4000.0, "1 h 06 min each, 8 h 53 min left"),
    ],
)
def test_the_time_left_follows_from_what_was_done_here(clock, log, monkeypatch, each_s, said):
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.0)
    with progress.shown("runs", log) as show:
        show(2, 12)  # done before: says nothing of the pace
        clock[0] += 2 * each_s
        show(4, 12)
    assert lines(log) == ["runs: 2 of 12", f"runs: 4 of 12, {said}"]


def test_evaluations_of_a_run_under_way_are_counted(clock, log):
    with progress.shown("runs", log) as show:
        show(0, 2)
        for count in (0, 1, 1200):
            clock[0] += progress.LOG_EVERY_S
            show.beat(count)
    assert lines(log)[1:] == ["runs: 0 of 2, 1 evaluation", "runs: 0 of 2, 1,200 evaluations"]


def test_a_log_tells_the_time_left_beside_what_is_under_way(clock, log):
    with progress.shown("runs", log) as show:
        show(0, 4)
        show(2, 4)
        clock[0] += progress.LOG_EVERY_S
        show.beat(7)
    assert lines(log)[1:] == ["runs: 2 of 4, 15 s each, 30 s left, 7 evaluations"]


def test_a_log_gets_a_line_now_and_then_and_the_last(clock, log):
    with progress.shown("runs", log) as show:
        for done in range(101):
            clock[0] += 1
            show(done, 100)
    shown = [int(line.split()[1]) for line in lines(log)]
    assert shown == [0, 30, 60, 90, 100]
