"""Progress of long work: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LOG_EVERY_S = 30.0


@contextlib.contextmanager
def shown(what: str, console: Console) -> Iterator[Callable[[int, int], None]]:
    """A function that is told (done, total) and shows both, the rate and the time left."""
    pace = _Pace()
    if not console.is_terminal:
        yield _logger(what, pace, console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=None, pace="")

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, pace=pace.text(done, total))

        yield show


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
        return f"{rate:.2f}/s, {duration((total - done) / rate)} left"


def duration(seconds: float) -> str:
    """Such as 1 h 05 min, 3 min 20 s or 12 s."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole} s"


def _logger(what: str, pace: _Pace, console: Console) -> Callable[[int, int], None]:
    last = -LOG_EVERY_S

    def log(done: int, total: int) -> None:
        nonlocal last
        text = pace.text(done, total)
        if done == total or time.monotonic() - last >= LOG_EVERY_S:
            last = time.monotonic()
            console.print(f"{what}: {done} of {total}{', ' if text else ''}{text}", soft_wrap=True)

    return log
