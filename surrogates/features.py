"""The columns that models of tables learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Space
from nasbench.spaces import paths as ways
from surrogates import encodings

MOST_PATHS = 128
"""Paths that have a column; of more, the frequent and then the short ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """One-hot genes, counts of operations and counts of paths; rows of classes are remembered."""

    space: Space
    labels: tuple[str, ...]
    """Operations that are counted."""
    paths: tuple[ways.Path, ...]
    """Paths that are counted."""
    _rows: dict[tuple[int, ...], NDArray[np.float32]] = field(default_factory=dict, repr=False)

    @classmethod
    def learn(cls, space: Space, archs: Sequence[Architecture]) -> Self:
        """The columns that architectures to be trained on have."""
        graphs = encodings.graphs(space, archs)
        found = ways.likely([ways.paths(graph) for graph in graphs], MOST_PATHS)
        return cls(space, encodings.vocabulary(graphs), tuple(found))

    @classmethod
    def restore(cls, space: Space, state: Mapping[str, Any]) -> Self:
        """The columns that `state` tells of."""
        return cls(space, tuple(state["labels"]), tuple(map(tuple, state["paths"])))

    def state(self) -> dict[str, Any]:
        """Labels and paths as JSON holds them."""
        return {"labels": list(self.labels), "paths": [list(path) for path in self.paths]}

    @property
    def names(self) -> list[str]:
        """What each column is, such as `gene 2 = 3`, `nor_conv_3x3` or `input > ... > output`."""
        genes = [f"gene {k} = {c}" for k, n in enumerate(self.space.arity) for c in range(n)]
        along = [" > ".join(("input", *path, "output")) for path in self.paths]
        return [*genes, *(f"count of {label}" for label in self.labels), *along]

    def __call__(self, archs: Sequence[Architecture]) -> NDArray[np.float32]:
        """Values (n, d) of architectures.

        Raises:
            WrongSpace: one is of another space.
        """
        forms = encodings.canonical(self.space, archs)
        new = [form for form in dict.fromkeys(forms) if form.genes not in self._rows]
        if new:
            rows = self._encoded(new)
            self._rows.update((form.genes, row) for form, row in zip(new, rows, strict=True))
        found = [self._rows[form.genes] for form in forms]
        return np.concatenate(found).reshape(len(forms), -1) if found else self._encoded([])

    def _encoded(self, forms: Sequence[Architecture]) -> NDArray[np.float32]:
        graphs = encodings.graphs(self.space, forms)
        parts = (
            encodings.one_hot(self.space, forms),
            encodings.label_counts(graphs, self.labels),
            encodings.path_counts(graphs, self.paths),
        )
        return np.concatenate(parts, axis=1)
