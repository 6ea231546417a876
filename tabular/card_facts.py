"""What a table's card says in words: what the table is, its noise, how to rebuild it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench import registry
from nasbench.core import InputSpec
from nasbench.harness.known import knows_all
from tabular import schema
from tabular.agreement import Floats, Noise, ceiling, ceiling_top
from tabular.records import UNKNOWN

if TYPE_CHECKING:
    from tabular.setting import Setting
    from tabular.table import Table


def grid(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, align: str = "--:"
) -> Iterator[str]:
    """The lines of a Markdown table; `align` is of every column but the first."""
    first = ":--" if align == "--:" else align
    yield f"| {' | '.join(head)} |"
    yield f"|{first}|{f'{align}|' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def decimal(value: float, digits: int = 2) -> str:
    """A number with so many decimals; `-` if it is not known."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def amount(value: float) -> str:
    """A number of any size: whole with its thousands in groups, or four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.2f} %" if math.isfinite(share) else "an unknown share"


def opening(table: Table) -> Iterator[str]:
    """Title, and what the table is."""
    yield f"# {table.name}"
    yield ""
    yield "This page was made from the table by `nasbench table card`; edit nothing here."
    yield ""
    yield from grid(("", ""), list(_about(table)), align=":--")


def _about(table: Table) -> Iterator[tuple[str, str]]:
    done = table.status != schema.NOT_TRAINED
    diverged = int((table.status == schema.DIVERGED).sum())
    epochs = table.epochs
    yield "sha256", f"`{table.sha256}`"
    yield "space", f"`{table.space.name}`, {len(table.space):,} architectures"
    sample = "" if knows_all(table) else ", a sample of the space"
    yield "rows", f"{len(table.genes):,}, one for each {table.per}{sample}"
    if table.setting is not None:
        yield from _training(table.setting)
    else:
        yield "training", "not by this project; " + (table.source.attributes["source"] or UNKNOWN)
    yield "seeds", ", ".join(map(str, table.seeds))
    recorded = f"{epochs[0]} to {epochs[-1]}, {len(epochs)} recorded"
    yield "epochs", recorded if len(epochs) > 1 else str(epochs[0])
    yield "trained", f"{int(done.sum()):,} of {done.size:,}, {diverged:,} diverged"
    missing = dict(_missing(table))
    if missing:
        yield "missing values", ", ".join(f"{name} {count:,}" for name, count in missing.items())


def _training(setting: Setting) -> Iterator[tuple[str, str]]:
    sizes = ", ".join(f"{setting.examples[s]:,} {s}" for s in ("train", "valid", "test"))
    yield "task", f"`{setting.task}`: {_input(setting.input)}, {setting.classes} classes"
    yield "examples", sizes
    recipe = setting.to_json()["recipe"]
    yield "recipe", ", ".join(f"{name} {value}" for name, value in recipe.items())


def _input(spec: InputSpec) -> str:
    if spec.kind == "tokens":
        return f"{spec.width} tokens of a vocabulary of {spec.vocabulary}"
    return f"images of {spec.channels} x {spec.height} x {spec.width}"


def _missing(table: Table) -> Iterator[tuple[str, int]]:
    for metric in table.metrics:
        place = "static" if metric.split == "static" else "curves"
        count = table.source.datasets[f"{place}/{metric.name}"]["attributes"]["missing"]
        if count:
            yield metric.name, count


def sampling_error(table: Table, metric: str, values: Floats) -> str:
    """How exactly a split of finite size measures an accuracy, if its size is known."""
    attributes: dict[str, Any] = table.source.datasets[f"curves/{metric}"]["attributes"]
    split, examples = attributes["split"], attributes.get("examples")
    if examples is None:
        return ""
    share = float(np.nanmedian(values)) / 100
    error = 100 * math.sqrt(share * (1 - share) / examples)
    return (
        f"An accuracy of {100 * share:.1f} % on {examples:,} {split} examples has a standard error "
        f"of {error:.2f} points as a measurement of what other examples would show."
    )


def ceilings(found: Noise, values: Floats) -> Iterator[str]:
    """What the noise of a metric (rows, repeats) means for whoever predicts the table."""
    repeats = values.shape[1]
    yield (
        f"Over {found.architectures:,} architectures with every seed; their means have a standard "
        f"deviation of {found.spread:.2f} points, {found.spread / found.deviation:.1f} times that "
        "between seeds."
        if found.deviation
        else f"Over {found.architectures:,} architectures; their seeds do not differ."
    )
    yield ""
    yield (
        "Training once more predicts another seed with the tau of the table above. Were quality "
        "and noise normal, a predictor that knew every architecture's expectation would reach "
        f"{decimal(ceiling(found.tau), 3)} where the values are of one seed and "
        f"{decimal(ceiling(found.tau, repeats), 3)} where they are means of all {repeats}: more "
        "than that cannot be asked of any. Among the best quarter by these means it would reach "
        f"{decimal(ceiling_top(values), 3)} at most (simulated, with the noise that good "
        "architectures have)."
    )
    yield ""
    chosen = "the mean of the other seeds" if repeats > 2 else "one of the two, in turn"
    yield f"The best quarter for the tau between two seeds is chosen by {chosen}."


def seeds(table: Table) -> str:
    """How many a row has, as `3 seeds` or `1 to 3 seeds`."""
    counts = (table.status != schema.NOT_TRAINED).sum(axis=1)
    counts = counts[counts > 0]
    if not len(counts) or counts.min() == counts.max():
        return f"{table.repeats if not len(counts) else counts.max()} seeds"
    return (
        f"{counts.min()} to {counts.max()} seeds ({int((counts == counts.max()).sum()):,} of "
        f"{len(counts):,} rows have them all)"
    )


def rebuilding(table: Table) -> Iterator[str]:
    """How long it took, and what it takes to have it again."""
    yield "## Rebuilding"
    yield ""
    setting = table.setting
    if setting is None:
        yield (
            "The table was imported, so what training it took is not known here, and this project "
            f"cannot train it again. {_given(table)}"
        )
        return
    where = "CPU" if setting.device == "cpu" else setting.device
    happened, costs = np.nansum(table.train_s()) / 3600, table.cost_s()
    how = {
        "quiet": "measured in a pass of its own on a machine that did nothing else",
        "busy": "the median of the trainings as they happened",
    }.get(table.cost_measured, "as given")
    yield (
        f"Its {int((table.status != schema.NOT_TRAINED).sum()):,} trainings took {happened:.1f} "
        f"{where}-hours as they happened, evaluation not counted. `cost_s`, {how}, has a median of "
        f"{np.nanmedian(costs):.2f} s and adds up to {np.nansum(costs) / 3600:.1f} {where}-hours "
        "for one seed."
    )
    yield ""
    yield "```sh"
    yield from _commands(table, setting)
    yield "```"
    yield ""
    yield f"Made by {'; '.join(map(str, setting.makers))}."
    yield f"Made on {setting.device}: {'; '.join(setting.processors) or UNKNOWN}."


def _given(table: Table) -> str:
    costs = table.cost_s()
    if not np.isfinite(costs).any():
        return "It has no `cost_s`."
    return f"Its `cost_s` has a median of {amount(float(np.nanmedian(costs)))} s, as given."


def _commands(table: Table, setting: Setting) -> Iterator[str]:
    words = ["nasbench", "table", "build", setting.space, setting.task]
    if knows_all(table):
        file = f"{table.name.replace('/', '_')}.h5"
    else:
        known = table.name in registry.names(registry.BENCHMARKS)
        words += ["--archs", table.name if known else table.source.path.name]
        file = "again.h5"
    yield shlex.join([*words, "-o", file, "--seeds", ",".join(map(str, table.seeds))])
    if table.cost_measured == "quiet":
        yield shlex.join(["nasbench", "table", "cost", file])
    yield shlex.join(["nasbench", "table", "check", file])
