"""What a benchmark's values depend on: exact effects, attributions and motifs, as one object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Candidate, Metric, Space
from nasbench.errors import InvalidConfig, UnknownMetric
from nasbench.registry import unknown
from nasbench.spaces import cell201
from surrogates.anova import Decomposition, decompose
from surrogates.motifs import Motif, enriched
from surrogates.shapley import Attribution, attribute

Floats = NDArray[np.float64]

MOST = 1 << 16
"""Architectures of a space that is explained by asking for all of them."""
BEST = 0.01
"""Share of the classes that motifs are sought among; equally good ones are all taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Of one metric of one benchmark, at the full training."""

    benchmark: str
    metric: Metric
    genes: tuple[str, ...]
    """Names of the genes, such as `0 → 1` for an edge."""
    choices: tuple[tuple[str, ...], ...]
    """Names of each gene's choices, such as operations."""
    effects: Decomposition
    attribution: Attribution
    motifs: Sequence[Motif]
    """All that were tested, the most surprising first."""
    architectures: int
    classes: int
    best: int
    """Classes that count as the best."""
    threshold: float
    """Value that they reach."""
    leaders: Sequence[tuple[Architecture, float]]
    """An architecture of each of the best classes and its value, the best one first."""


def explain(benchmark: Benchmark, metric: str, *, leaders: int = 3) -> Explanation:
    """Effects over all architectures, attributions and motifs of a metric.

    Raises:
        UnknownMetric: the benchmark does not have it.
        InvalidConfig: the space is too large, does not hold every combination of genes, or an
            architecture was not measured.
    """
    chosen, space = _metric(benchmark, metric), benchmark.space
    archs = _everything(benchmark)
    values = _values(benchmark, archs, metric)
    genes = np.array([arch.genes for arch in archs], dtype=np.int64)
    forms, quality, first = _by_class(space, archs, chosen.sign * values)
    threshold = np.sort(quality)[max(1, round(BEST * len(forms))) - 1]
    best = quality <= threshold
    names, choices = _names(space.name, space.arity)
    return Explanation(
        benchmark=benchmark.name,
        metric=chosen,
        genes=names,
        choices=choices,
        effects=decompose(values.reshape(space.arity)),
        attribution=attribute(genes, values, space.arity),
        motifs=enriched([space.graph(form) for form in forms], best),
        architectures=len(archs),
        classes=len(forms),
        best=int(best.sum()),
        threshold=float(chosen.sign * threshold),
        leaders=[
            (archs[first[k]], float(values[first[k]]))
            for k in np.argsort(chosen.sign * values[first], kind="stable")[:leaders].tolist()
        ],
    )


def _by_class(
    space: Space, archs: Sequence[Architecture], quality: Floats
) -> tuple[list[Architecture], Floats, list[int]]:
    """Canonical forms, their members' median quality, low for good, and where the best member is.

    Members differ where twins were measured one by one; equal ones are told by the canonical form.
    """
    members: dict[Architecture, list[int]] = {}
    for k, arch in enumerate(archs):
        members.setdefault(space.canonical(arch), []).append(k)
    middle = np.array([np.median(quality[own]) for own in members.values()])
    best = [min(own, key=lambda k: (quality[k], archs[k] != form)) for form, own in members.items()]
    return list(members), middle, best


def _metric(benchmark: Benchmark, name: str) -> Metric:
    found = {metric.name: metric for metric in benchmark.metrics}
    if name not in found:
        raise unknown(UnknownMetric, "metric", name, list(found))
    return found[name]


def _everything(benchmark: Benchmark) -> list[Architecture]:
    """All combinations of genes, the last gene running fastest."""
    space = benchmark.space
    size = math.prod(space.arity)
    if size > MOST or size != len(space):
        raise InvalidConfig(
            f"explain asks for every combination of genes, at most {MOST:,}; {space.name} has "
            f"{len(space):,} architectures of {size:,} combinations. Choose a benchmark on a space "
            "such as cell201-v1"
        )
    rows = np.indices(space.arity).reshape(len(space.arity), -1).T.tolist()
    return [Architecture(space.name, tuple(row)) for row in rows]


def _values(
    benchmark: Benchmark, archs: Sequence[Architecture], metric: str
) -> NDArray[np.float64]:
    results = benchmark.query([Candidate(arch) for arch in archs])
    values = np.array([result.metrics[metric] for result in results], dtype=np.float64)
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise InvalidConfig(
            f"explain needs {metric} of every architecture; {benchmark.name} lacks {missing:,} of "
            f"{len(values):,}. Finish the table, or explain a surrogate fitted on it"
        )
    return values


def _names(space: str, arity: Sequence[int]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    if space == cell201.NAME:
        edges = tuple(f"{source} → {target}" for source, target in cell201.EDGES)
        return edges, (cell201.OPS,) * len(edges)
    return (
        tuple(f"gene {k}" for k in range(len(arity))),
        tuple(tuple(map(str, range(a))) for a in arity),
    )
