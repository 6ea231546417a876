"""Progress of long work: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

LOG_EVERY_S = 30.0
SLOW = 0.1
"""Items a second, below which the seconds of one item say more."""


class Shown(Protocol):
    """What work tells of its progress."""

    def __call__(self, done: int, total: int) -> None:
        """Show both, the rate and the time left."""

    def beat(self, evaluations: int) -> None:
        """Show that work which has not ended is under way."""


@contextlib.contextmanager
def shown(what: str, console: Console) -> Iterator[Shown]:
    """Something that is told (done, total) and shows both, the rate and the time left."""
    if not console.is_terminal:
        yield _Log(what, console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TextColumn("{task.fields[beat]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield _Bar(bar, bar.add_task(what, total=None, pace="", beat=""))


class _Bar:
    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task, self._pace = bar, task, _Pace()

    def __call__(self, done: int, total: int) -> None:
        pace = self._pace.text(done, total)
        self._bar.update(self._task, completed=done, total=total, pace=pace)

    def beat(self, evaluations: int) -> None:
        if evaluations:
            self._bar.update(self._task, beat=_counted(evaluations))


class _Log:
    def __init__(self, what: str, console: Console) -> None:
        self._what, self._console, self._pace = what, console, _Pace()
        self._last, self._done = -LOG_EVERY_S, (0, 0)

    def __call__(self, done: int, total: int) -> None:
        self._done = (done, total)
        self._print(self._pace.text(done, total), at_once=done == total)

    def beat(self, evaluations: int) -> None:
        if evaluations:
            self._print(self._pace.text(*self._done), _counted(evaluations))

    def _print(self, *texts: str, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self._last >= LOG_EVERY_S:
            self._last = time.monotonic()
            done, total = self._done
            line = ", ".join(filter(None, [f"{self._what}: {done} of {total}", *texts]))
            self._console.print(line, soft_wrap=True)


class _Pace:
    """Rate of this invocation, and what it says about the rest."""

    def __init__(self) -> None:
        self._start: tuple[float, int] | None = None

    def text(self, done: int, total: int) -> str:
        now = time.monotonic()
        self._start = self._start or (now, done)
        since, first = self._start
        if done == first:
            return ""
        rate = (done - first) / max(now - since, 1e-9)
        pace = f"{rate:.2f}/s" if rate >= SLOW else f"{duration(1 / rate)} each"
        return f"{pace}, {duration((total - done) / rate)} left"


def _counted(evaluations: int) -> str:
    return f"{evaluations:,} evaluation{'s' * (evaluations != 1)}"


def duration(seconds: float) -> str:
    """Such as 1 h 05 min, 3 min 20 s or 12 s."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole} s"
