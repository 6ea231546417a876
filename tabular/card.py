"""`nasbench table card`: what a table is and how far it can be trusted, as a page made from it.

The page is Markdown, its pictures lie in a folder of the same name beside it. It is made from the
table, the tables it is compared with and, for the look of cells, the space: the same input gives
the same bytes (of one version of matplotlib). What the table does not tell is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from nasbench.atomic import write_together
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig
from nasbench.spaces import drawing
from tabular import agreement, card_facts, card_plots
from tabular.agreement import Floats, tau
from tabular.card_facts import amount, decimal, grid, percent

if TYPE_CHECKING:
    from tabular.table import Table

QUANTILES = {
    "worst": 0.0,
    "5 %": 0.05,
    "25 %": 0.25,
    "median": 0.5,
    "75 %": 0.75,
    "95 %": 0.95,
    "best": 1.0,
}
DRAWN = 3
"""Of the best cells, and of the worst."""
LENGTHS = 6
"""Training lengths, at most, whose ranking is compared with the final one."""


def write(table: Table, others: Sequence[Table], path: Path) -> None:
    """Writes the card of a table to `path` and its pictures, all of it or nothing.

    Raises:
        TableFault: the table has no accuracy.
        InvalidConfig: one of the others is of another space.
        OutputFault: the place cannot be written or is full.
    """
    text, images = page(table, others, path.stem)
    pictures = {path.parent / name: data for name, data in images.items()}
    write_together({**pictures, path: text.encode()})


def page(table: Table, others: Sequence[Table], folder: str) -> tuple[str, dict[str, bytes]]:
    """The page, and its pictures by their paths from it; raises as `write` does."""
    for other in others:
        if other.space.name != table.space.name:
            raise InvalidConfig(
                f"{other.name} is of the space {other.space.name}, {table.name} of "
                f"{table.space.name}; rankings are compared within a space"
            )
    made = _Card(table, folder)
    sections = (
        card_facts.opening(table),
        made.accuracies(),
        made.curves(),
        made.cells(),
        made.splits(),
        made.seeds(),
        made.sizes(),
        made.tables(others),
        card_facts.rebuilding(table),
    )
    lines = [line for section in sections for line in (*section, "")]
    return "\n".join(lines), made.images


class _Card:
    """The sections about numbers, and the pictures that they show."""

    def __init__(self, table: Table, folder: str) -> None:
        self.table = table
        self.folder = folder
        self.images: dict[str, bytes] = {}
        self.metric = agreement.headline(table)
        self.names = agreement.scores(table)
        self.split = "valid" if "valid" in self.names else "test"
        self.values = table.values(self.metric)
        self.scores = {split: table.values(name) for split, name in self.names.items()}

    def accuracies(self) -> Iterator[str]:
        yield "## Accuracies"
        yield ""
        picture = card_plots.distribution(self.scores)
        yield self._image("accuracies", picture, "Histogram of accuracies")
        yield ""
        over = "" if self.table.repeats == 1 else f", means over {card_facts.seeds(self.table)}"
        yield f"After the full training{over}; a row of the table is one {self.table.per}."
        yield ""
        yield from grid(
            ("accuracy (%)", *QUANTILES),
            [
                (split, *(decimal(q) for q in np.nanquantile(values, list(QUANTILES.values()))))
                for split, values in self.scores.items()
            ],
        )
        yield ""
        yield self._ties()

    def _ties(self) -> str:
        final = agreement.trained_values(self.table, self.metric)
        shares = [agreement.tied_pairs(column) for column in final.T]
        text = (
            f"Of all pairs of rows, {percent(float(np.mean(shares)))} have the same {self.metric}"
        )
        if self.table.repeats > 1:
            mean = percent(agreement.tied_pairs(self.values))
            text += f" in one seed on average, {mean} in the mean over seeds"
        return f"{text}. {card_facts.sampling_error(self.table, self.metric, self.values)}".strip()

    def curves(self) -> Iterator[str]:
        yield "## Learning curves"
        yield ""
        everything = [self.table.values(self.metric, epochs=n) for n in self.table.epochs]
        known = [k for k, values in enumerate(everything) if np.isfinite(values).any()]
        epochs = [self.table.epochs[k] for k in known]
        if len(epochs) == 1:
            yield f"The table holds {self.metric} after {epochs[0]} epochs only."
            return
        means = np.stack([everything[k] for k in known], axis=-1)
        picture = card_plots.learning_curves(epochs, means, self.split)
        yield self._image("curves", picture, "Quantiles of the learning curves")
        yield ""
        yield "Kendall's tau of the ranking after fewer epochs with the final one:"
        yield ""
        at = np.unique(np.linspace(0, len(epochs) - 1, LENGTHS).round().astype(int))[:-1]
        yield from grid(
            ("epochs", *(str(epochs[k]) for k in at)),
            [(f"tau of {self.metric}", *(decimal(tau(means[:, k], self.values), 3) for k in at))],
        )

    def cells(self) -> Iterator[str]:
        yield "## Best and worst cells"
        yield ""
        known = np.flatnonzero(np.isfinite(self.values))
        order = known[np.argsort(-self.values[known], kind="stable")]
        drawn = min(DRAWN, len(order) // 2 or 1)
        ends = {"best": order[:drawn].tolist(), "worst": order[::-1][:drawn].tolist()}
        for end, rows in ends.items():
            yield from grid(
                [f"{k}. {end}" for k in range(1, len(rows) + 1)],
                [
                    [self._drawn(row, f"{end}-{k}") for k, row in enumerate(rows, 1)],
                    [self._scores(row) for row in rows],
                ],
                align=":-:",
            )
            yield ""
        space, best = self.table.space, self._arch(int(order[0]))
        yield f"The best by {self.metric} is `{space.format(best)}`."

    def splits(self) -> Iterator[str]:
        yield "## Does validation rank as test does?"
        yield ""
        if not {"valid", "test"} <= self.scores.keys():
            yield (
                "It cannot be known from this table: it does not hold the accuracy of the same "
                "networks on both a validation and a test split."
            )
            return
        names = self.names["valid"], self.names["test"]
        valid, test = (agreement.trained_values(self.table, name) for name in names)
        pairs = list(zip(valid.T, test.T, strict=True))
        found = {
            f"seed {seed}": _overall_and_top(*pair)
            for seed, pair in zip(self.table.seeds, pairs, strict=True)
        }
        if len(found) > 1:
            found["mean of these"] = np.mean(list(found.values()), axis=0)
            means = _overall_and_top(self.scores["valid"], self.scores["test"])
            found["of the means over seeds"] = means
        yield f"Kendall's tau of {names[0]} with {names[1]} after the full training:"
        yield ""
        yield from grid(
            ("", "all", "best quarter by validation"),
            [(label, *(decimal(value, 3) for value in row)) for label, row in found.items()],
        )

    def seeds(self) -> Iterator[str]:
        yield "## Noise between seeds"
        yield ""
        values = agreement.trained_values(self.table, self.metric)
        found = agreement.noise(values)
        if found is None:
            yield (
                "The table has one seed, so how far two trainings of one architecture differ "
                "cannot be known from it, nor how well any predictor could rank. A small lead in "
                "it may be luck."
            )
            return
        yield from grid(
            (f"{self.metric}, {self.table.repeats} seeds", "all", "best quarter"),
            [
                (
                    "standard deviation between seeds (points)",
                    decimal(found.deviation),
                    decimal(found.deviation_top),
                ),
                (
                    "Kendall's tau between two seeds",
                    decimal(found.tau, 3),
                    decimal(found.tau_top, 3),
                ),
            ],
        )
        yield ""
        yield from card_facts.ceilings(found, values)

    def sizes(self) -> Iterator[str]:
        yield "## Size and cost"
        yield ""
        columns = {
            m.name: self.table.values(m.name) for m in self.table.metrics if m.split == "static"
        }
        if np.isfinite(self.table.cost_s()).any():
            columns["cost_s"] = self.table.cost_s()
        yield f"Kendall's tau with {self.metric}:"
        yield ""
        yield from grid(
            ("", "least", "median", "most", "tau"),
            [
                (
                    name,
                    *(amount(float(f(values))) for f in (np.nanmin, np.nanmedian, np.nanmax)),
                    decimal(tau(values, self.values), 3),
                )
                for name, values in columns.items()
                if np.isfinite(values).any()
            ],
        )

    def tables(self, others: Sequence[Table]) -> Iterator[str]:
        yield "## Agreement with other tables"
        yield ""
        if not others:
            yield f"No other table of {self.table.space.name} was given to compare with."
            return
        everyone = [self.table, *others]
        found = {
            frozenset((i, j)): agreement.transfer(everyone[i], everyone[j])
            for i, j in combinations(range(len(everyone)), 2)
        }
        yield (
            f"Kendall's tau between tables of {self.table.space.name}: how far what ranks high in "
            "one ranks high in another. Noise of either table lowers it. In brackets, on how many "
            "architectures that both have."
        )
        yield ""
        rows = []
        for i, one in enumerate(everyone):
            pairs = [found.get(frozenset((i, j))) for j in range(len(everyone))]
            cells = [
                "-" if pair is None else f"{decimal(pair[0], 3)} ({pair[1]:,})" for pair in pairs
            ]
            rows.append((f"{one.name}, {agreement.headline(one)}", *cells))
        yield from grid(("tau", *(other.name for other in everyone)), rows)
        yield ""
        yield f"Compared: {', '.join(f'{t.name} (sha256 `{t.sha256[:12]}`)' for t in others)}."

    def _image(self, name: str, data: bytes, words: str) -> str:
        path = f"{self.folder}/{name}.png"
        self.images[path] = data
        return f"![{words}]({quote(path)})"

    def _arch(self, row: int) -> Architecture:
        return Architecture(self.table.space.name, tuple(self.table.genes[row].tolist()))

    def _drawn(self, row: int, name: str) -> str:
        space: Any = self.table.space
        arch = self._arch(row)
        cell = space.wiring(arch) if hasattr(space, "wiring") else space.graph(arch)
        return self._image(name, drawing.png(cell, scale=1.0), name)

    def _scores(self, row: int) -> str:
        shown = {split: values[row] for split, values in self.scores.items() if split != "train"}
        return ", ".join(f"{split} {decimal(value)}" for split, value in shown.items())


def _overall_and_top(valid: Floats, test: Floats) -> Floats:
    """Tau of validation with test accuracy over all rows, and over the best quarter."""
    best = agreement.top(valid)
    return np.array([tau(valid, test), tau(valid[best], test[best])])
