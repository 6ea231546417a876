"""A benchmark of zero-cost proxies: a search on it trains nothing.

`nasbench proxy rank TABLE --all -o mine.proxies` scores every architecture of a table, and
`nasbench.load("mine.proxies")`, as every command that takes a benchmark, opens the folder:

- each proxy is a metric, such as `proxy[synflow]`, and can be an objective or have a bound;
- an evaluation costs the seconds that were measured while its architecture was scored, by all
  proxies of the folder;
- the table's test metrics are there to judge by, after the full training, and what is counted, such
  as `params`; its valid metrics, which only a training could tell, are not.

A proxy that did not score every trained architecture is left out.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Candidate, Result, SupportsRows
from nasbench.errors import InvalidConfig, RunFault, TableFault, UnknownSchedule
from nasbench.harness.derived import Derived, Genes, base_of
from nasbench.harness.proxy_files import SCORES, About, Key, Score, read_about, read_scores

SUFFIX = ".proxies"
ACCURACIES = ("valid_accuracy", "test_accuracy")
"""What scores are correlated with."""
Said = tuple[dict[str, float], float]
"""Values by metric, and the seconds of all proxies together."""


class ScoredBenchmark(Derived):
    """What zero-cost proxies say of a table's architectures."""

    def __init__(self, base: Benchmark, about: About, scores: Mapping[Key, Score]) -> None:
        super().__init__(base)
        self.about, self._scores = about, scores
        self.name = f"{base.name}@proxies"
        self.epochs = (base.epochs[-1],)
        trained = _trained(base)
        offered = [
            metric
            for metric in about.metrics
            if all((metric.name, index) in scores for index in trained.values())
        ]
        if not offered:
            raise RunFault(
                f"no proxy scored all of the {len(trained):,} architectures of {base.name}; run "
                f"`nasbench proxy rank {about.benchmark} --all` with this folder as --out"
            )
        kept = [metric for metric in base.metrics if metric.split in ("static", "test")]
        self.metrics = (*(replace(m, name=metric_name(m.name)) for m in offered), *kept)
        self._proxies, self._kept = [m.name for m in offered], [m.name for m in kept]
        self._known = {
            genes: _said([(name, scores[name, index]) for name in self._proxies])
            for genes, index in trained.items()
        }
        self._unknown = (dict.fromkeys(map(metric_name, self._proxies), math.nan), 0.0)
        self.sha256 = _hash(about, self._known)
        """Hash over the table's hash and the scores."""

    def query(
        self, candidates: Sequence[Candidate], *, noise_seed: int | None = None
    ) -> list[Result]:
        """Scores, which neither epochs nor noise change, and what the table tests and counts.

        Raises:
            WrongSpace: a candidate of another space.
            UnknownSchedule: a number of epochs other than that of the full training.
        """
        for candidate in candidates:
            if candidate.epochs not in (None, *self.epochs):
                raise UnknownSchedule(
                    f"{self.name} trains nothing, so it has no {candidate.epochs}-epoch results; "
                    f"ask without epochs"
                )
        whole = [Candidate(candidate.arch) for candidate in candidates]
        results = []
        for candidate, there in zip(
            candidates, self.base.query(whole, noise_seed=noise_seed), strict=True
        ):
            scores, cost_s = self._known.get(self.class_of(candidate.arch), self._unknown)
            kept = {name: there.metrics[name] for name in self._kept}
            results.append(Result({**scores, **kept}, cost_s))
        return results

    def rows(self) -> tuple[NDArray[np.int16], Mapping[str, NDArray[np.float64]]]:
        """The base's rows with a column (rows,) for each proxy, and without its valid metrics."""
        genes, columns = self.base.rows()  # type: ignore[attr-defined]
        archs = [Architecture(self.space.name, tuple(row)) for row in genes.tolist()]
        known = [self._known.get(self.class_of(arch), self._unknown)[0] for arch in archs]
        added = {
            name: np.array([scores[name] for scores in known])
            for name in map(metric_name, self._proxies)
        }
        return genes, {**added, **{name: columns[name] for name in self._kept}}

    def __reduce__(self) -> tuple[Any, ...]:
        return ScoredBenchmark, (self.base, self.about, self._scores)

    def __repr__(self) -> str:
        return f"<ScoredBenchmark {self.name} by {', '.join(self._proxies)}>"


def open_scored(path: str | Path) -> ScoredBenchmark:
    """The benchmark of a folder that `nasbench proxy rank` filled.

    Raises:
        RunFault: the folder is malformed, or no proxy scored every architecture.
        UnknownBenchmark: its table is neither registered nor where it was.
        TableFault: the table is another one than what was scored.
    """
    folder = Path(path)
    about = read_about(folder)
    base = base_of(
        folder,
        name=about.benchmark,
        space=about.space,
        table_file=about.table_file,
        suffix=SUFFIX,
    )
    now = str(getattr(base, "sha256", None) or "")
    if now != about.table_sha256:
        raise TableFault(
            f"{folder} has scores for table {about.table_sha256[:12]}, got {now[:12]} as "
            f"{base.name}; score this one, into another folder"
        )
    if not isinstance(base, SupportsRows):
        raise InvalidConfig(f"{base.name} cannot list its architectures; score a table")
    if not (folder / SCORES).is_file():
        raise RunFault(f"{folder} has no {SCORES}; run `nasbench proxy rank` again")
    return ScoredBenchmark(base, about, read_scores(folder, about.setting))


def metric_name(proxy: str) -> str:
    """Name of the metric of a proxy: `proxy[synflow]`."""
    return f"proxy[{proxy}]"


def trained_rows(columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.intp]:
    """Where (n,) a table has all `ACCURACIES`."""
    return np.flatnonzero(np.isfinite([columns[name] for name in ACCURACIES]).all(axis=0))


def _trained(base: Benchmark) -> dict[Genes, int]:
    """Indices of the architectures that a complete scoring has scored, by canonical genes."""
    genes, columns = base.rows()  # type: ignore[attr-defined]
    rows = genes[trained_rows(columns)].tolist()
    archs = [Architecture(base.space.name, tuple(row)) for row in rows]
    return {base.space.canonical(arch).genes: base.space.index(arch) for arch in archs}


def _said(scores: Sequence[tuple[str, Score]]) -> Said:
    values = {metric_name(proxy): score.value for proxy, score in scores}
    return values, math.fsum(score.cost_s for _, score in scores)


def _hash(about: About, known: Mapping[Genes, Said]) -> str:
    said = sorted(
        (genes, sorted(values.items()), cost_s) for genes, (values, cost_s) in known.items()
    )
    text = json.dumps([asdict(about) | {"table_file": ""}, said], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
