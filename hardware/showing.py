"""Tables of predictions and of how good they are, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from hardware.columns import Column
from hardware.predict import LEVEL, fitted, model, samples
from hardware.quality import evaluate
from nasbench.core import Architecture, Space


def qualities(
    names: Sequence[str], space: Space, column: Column, train: int, known: Column | None
) -> Table:
    """How well models predict classes that they did not see; raises as `evaluate` does."""
    found = evaluate(names, space, column, train=train, known=known)
    title = f"{column.about.label}: {train} classes to learn from, {found[0].test} held out"
    heads = ("within 10 %", "median error", "tau", f"{LEVEL:.0%} interval holds")
    table = _table(title, "model", *heads)
    for each in found:
        table.add_row(
            each.model,
            f"{each.within_10:.1%}",
            f"{each.error:.1%}",
            f"{each.tau:.3f}",
            f"{each.coverage:.1%}",
        )
    return table


def predictions(
    name: str, space: Space, column: Column, archs: Sequence[Architecture], known: Column | None
) -> Table:
    """Milliseconds of architectures by a model of all measured classes, and what was measured."""
    made = fitted(model(name, space, column, known), *samples(space, column))
    low, ms, high = made.predict([space.canonical(arch) for arch in archs])
    table = _table(
        f"{column.about.label} by {name}", "architecture", "ms", f"{LEVEL:.0%} interval", "measured"
    )
    for k, arch in enumerate(archs):
        row = column.rows.get(space.canonical(arch).genes)
        measured = "-" if row is None else row.gap or f"{row.median_ms:.4g}"
        interval = f"{low[k]:.4g} to {high[k]:.4g}"
        table.add_row(space.format(arch), f"{ms[k]:.4g}", interval, measured)
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
