"""What is best, worst and typical among all that a benchmark knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Candidate, Constraint, Metric, SupportsRows
from nasbench.errors import RunFault
from nasbench.harness.collection import Collection
from nasbench.harness.constraints import Feasible, on_metrics, restricted
from nasbench.harness.lookup import Lookup

Floats = NDArray[np.float64]

DRAWN = 1000
"""Architectures that stand for a benchmark that cannot list them."""
PROBED = 100
"""Architectures that tell whether a table knows all of its space."""


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


def typical_regret(
    benchmark: Benchmark, objective: Metric, constraints: Sequence[Constraint], best: float
) -> float:
    """Regret of the median architecture that meets the constraints, each row of a table once.

    Of all that an exhaustive benchmark knows, else of `DRAWN` drawn with a fixed seed. That of the
    worst one where half of them are as good as the best, and 1 where all are.
    """
    if isinstance(benchmark, SupportsRows):
        genes, columns = benchmark.rows()
        holds = Feasible(benchmark, constraints, genes, columns).holds
        values = columns[objective.name][holds]
    else:
        archs = restricted(benchmark, constraints).sample(DRAWN, np.random.default_rng(0))
        results = benchmark.query([Candidate(arch) for arch in archs])
        bounds = on_metrics(benchmark, constraints)
        fit = [r for r in results if all(b.holds(r.metrics[b.metric]) for b in bounds)]
        values = np.array([result.metrics[objective.name] for result in fit])
    regrets = objective.sign * (values[np.isfinite(values)] - best)
    sizes = [*np.quantile(regrets, (0.5, 1.0)), 1.0] if len(regrets) else [1.0]
    return float(next(size for size in sizes if size > 0))


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


def knows_all(benchmark: Benchmark) -> bool:
    """Whether all of some random architectures are listed, as not by the table of a sample."""
    if not isinstance(benchmark, SupportsRows):
        return False
    known = set(map(tuple, benchmark.rows()[0].tolist()))
    probes = benchmark.space.sample(PROBED, np.random.default_rng(0))
    return all(benchmark.space.canonical(arch).genes in known for arch in probes)


def drawn(benchmark: Benchmark, n: int, rng: np.random.Generator) -> list[Architecture]:
    """Random architectures that it answers for: of the space, or of the rows of a sample."""
    if not isinstance(benchmark, SupportsRows) or knows_all(benchmark):
        return benchmark.space.sample(n, rng)
    genes = rng.permutation(benchmark.rows()[0])[:n]
    return [Architecture(benchmark.space.name, tuple(row)) for row in genes.tolist()]
