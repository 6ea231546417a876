"""What is best, worst and typical among all that a benchmark knows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Candidate, Metric, SupportsRows
from nasbench.errors import RunFault
from nasbench.harness.collection import Collection
from nasbench.harness.constraints import Feasible
from nasbench.harness.lookup import Lookup

Floats = NDArray[np.float64]


def optimum(
    benchmark: Benchmark, objective: Metric, collection: Collection, lookup: Lookup
) -> tuple[Architecture, Mapping[str, float]]:
    """The best architecture that is known, and its metrics.

    Raises:
        RunFault: nothing trained meets the constraints.
    """
    if not isinstance(benchmark, SupportsRows):
        found = _best(lookup.column(objective)[:-1], objective)
        if found is None:
            raise RunFault(
                f"expected a run with a feasible evaluation that has a {objective.name}, got none "
                f"in {collection.folder}; give the searchers a larger budget or weaker constraints"
            )
        return lookup.archs[found], lookup.metrics[found]
    genes, columns = benchmark.rows()
    if _best(columns[objective.name], objective) is None:
        raise RunFault(
            f"{benchmark.name} has no {objective.name} of any architecture; train its table first"
        )
    feasible = Feasible(benchmark, collection.first.constraints, genes, columns)
    found = _best(np.where(feasible.holds, columns[objective.name], np.nan), objective)
    if found is None:
        raise RunFault(
            f"no architecture of {benchmark.name} meets the constraints of the runs in "
            f"{collection.folder}; there is nothing to report"
        )
    arch = feasible.arch(found)
    return arch, benchmark.query([Candidate(arch)])[0].metrics


def _best(column: Floats, metric: Metric) -> int | None:
    """Where a metric is best; None if it is nowhere finite."""
    signed = metric.sign * np.where(np.isfinite(column), column, np.nan)
    return None if np.isnan(signed).all() else int(np.nanargmin(signed))


def trained(benchmark: Benchmark) -> tuple[int, int] | None:
    """How many architectures of how many it knows; None if it cannot list them.

    A training that diverged counts: it has accuracies, though no losses.
    """
    told: tuple[int, int] | None = getattr(benchmark, "trained", None)
    if told is not None or not isinstance(benchmark, SupportsRows):
        return told
    genes, columns = benchmark.rows()
    measured = [columns[metric.name] for metric in benchmark.metrics if metric.split != "static"]
    known = np.isfinite(measured).any(axis=0) if measured else np.ones(len(genes), np.bool_)
    return int(known.sum()), len(genes)


def worst_of(benchmark: Benchmark, target: Metric, lookup: Lookup) -> float:
    """The worst value of a metric that is known."""
    known = lookup.column(target)[:-1]
    if isinstance(benchmark, SupportsRows):
        known = np.append(known, benchmark.rows()[1][target.name])
    known = target.sign * known[np.isfinite(known)]
    if not len(known):
        raise RunFault(
            f"{benchmark.name} has no {target.name} of any architecture in these runs, so there is "
            f"nothing to score them by; train its table first"
        )
    return target.sign * float(known.max())
