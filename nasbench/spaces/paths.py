"""Path encoding: which sequences of operations lead from the input of a cell to its output.

White, Neiswanger & Savani, "BANANAS", AAAI 2021, sec. 4: one binary feature for each possible path,
truncated to the likely ones. A path is read off `Space.graph`, so twins have the same paths, skips
have no place in them, and unconnected operations none at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from nasbench.core import LabeledGraph

Path = tuple[str, ...]
"""Labels between input and output."""


def paths(graph: LabeledGraph) -> frozenset[Path]:
    """The labels along every way from the input to the output; equal ones are one path."""
    last = len(graph.labels) - 1
    arriving: list[set[Path]] = [set() for _ in graph.labels]
    arriving[0].add(())
    for source, target, _ in graph.edges:  # sorted, so all that arrives at the source is known
        label = () if target == last else (graph.labels[target],)
        arriving[target] |= {path + label for path in arriving[source]}
    return frozenset(arriving[last])


def likely(found: Sequence[frozenset[Path]], most: int) -> list[Path]:
    """At most `most` of the paths in `found`, the frequent ones first, then the short ones."""
    counts = Counter(chain.from_iterable(found))
    return sorted(counts, key=lambda path: (-counts[path], len(path), path))[:most]


def encode(found: Sequence[frozenset[Path]], columns: Sequence[Path]) -> NDArray[np.float32]:
    """Which of the paths `columns` (d,) each of `found` (n,) has, as 0 or 1 (n, d)."""
    place = {path: k for k, path in enumerate(columns)}
    encoded = np.zeros((len(found), len(columns)), dtype=np.float32)
    for row, own in zip(encoded, found, strict=True):
        row[[place[path] for path in own if path in place]] = 1
    return encoded
