"""How good surrogates are where a searcher goes whose visits they have not seen.

Leave one optimizer out (Siems et al., "NAS-Bench-301", arXiv 2008.09777, 2020): a surrogate is
fitted on what the other searchers visited and judged on what this one did. It is judged likewise
after a fit on as many random classes, which tells what following searchers changes; in neither is
a class judged on that was fitted on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.atomic import write_text
from nasbench.core import Architecture, Benchmark, Run
from nasbench.errors import InvalidConfig, RunFault, WrongSpace
from nasbench.harness.collection import Collection
from nasbench.harness.wording import describe_budget, describe_seeds
from surrogates import fit as fitting
from surrogates import quality
from surrogates.benchmark import Surrogate
from surrogates.scores import read, save

CSV, PAGE = "leave-out.csv", "leave-out.md"
OTHERS, RANDOM = "others", "random"
_FIGURES = ("tau", "spearman", "r2", "rmse", "coverage_50", "coverage_90")
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """One model, fitted without the visits of one searcher and judged on them."""

    content: str
    """Hash of the table and of the classes fitted and judged on."""
    metric: str
    model: str
    searcher: str
    """The one that was left out."""
    fitted_on: str
    """`others`: what the other searchers visited; `random`: as many random classes."""
    classes: int
    """Fitted on."""
    judged: int
    """Judged on."""
    tau: float
    spearman: float
    r2: float
    rmse: float
    coverage_50: float
    coverage_90: float
    components: int
    """Of the curves that the model predicts."""
    folds: int
    """Of the calibration."""


def visited(benchmark: Benchmark, runs: Iterable[Run]) -> dict[str, Rows]:
    """Rows of the classes that each searcher evaluated, as `fit.listed` numbers them.

    Raises:
        InvalidConfig: the benchmark cannot list its classes.
        WrongSpace: a run is of another space.
        RunFault: a run is of another benchmark, such as another data set.
    """
    space, row_of = benchmark.space, dict[Architecture, int]()
    genes, _ = fitting.listed(benchmark)
    for row, own in enumerate(genes.tolist()):
        row_of[space.canonical(Architecture(space.name, tuple(own)))] = row
    names = _names(benchmark)
    found: dict[str, set[int]] = {}
    for run in runs:
        if run.space != space.name:
            raise WrongSpace(
                f"{benchmark.name} is of {space.name}, and a run of {run.searcher} is of "
                f"{run.space}; pass runs of the same space"
            )
        if run.benchmark not in names:
            raise RunFault(
                f"a run of {run.searcher} is on {run.benchmark}, which tells nothing about what "
                f"searchers visit on another benchmark; pass runs on {' or '.join(names)}"
            )
        rows = found.setdefault(run.searcher, set())
        for own in np.unique(run.trajectory.genes, axis=0).tolist():
            arch = space.canonical(Architecture(space.name, tuple(own)))
            if arch in row_of:  # a table of a sample knows few
                rows.add(row_of[arch])
    return {searcher: np.array(sorted(rows), dtype=np.int64) for searcher, rows in found.items()}


def evaluate(
    benchmark: Benchmark,
    visits: Mapping[str, Rows],
    plan: quality.Plan,
    file: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Score]:
    """Two scores for each model and searcher; those that `file` holds already are not made again.

    Raises:
        InvalidConfig: a single searcher, or too few classes to fit or to judge on.
        UnknownMetric: the benchmark does not have the metric, or computes it without a model.
        SurrogateFault: `file` is not a file of scores.
    """
    metric = quality.metric_of(benchmark, plan.metric)
    genes, columns = fitting.listed(benchmark)
    truth = columns[metric.name]
    splits = list(_splits(visits, np.flatnonzero(np.isfinite(truth)), plan.folds))
    known = {(s.content, s.metric, s.model, s.components, s.folds): s for s in read(file, Score)}
    jobs, found = list(product(splits, plan.models)), list[Score]()
    for done, ((searcher, fitted_on, rows, unseen), model) in enumerate(jobs):
        progress(done, len(jobs))
        content = _hash(getattr(benchmark, "sha256", None) or "", fitted_on, rows, unseen)
        key = (content, metric.name, model, plan.components, plan.folds)
        if key not in known:
            config = fitting.Config(model, components=plan.components, folds=plan.folds)
            parts = fitting.fit(benchmark, config, rows=rows)
            figures = quality.judge(parts, metric, genes[unseen], truth[unseen])
            known[key] = Score(
                content=content,
                metric=metric.name,
                model=model,
                searcher=searcher,
                fitted_on=fitted_on,
                classes=parts.origin.classes,
                judged=len(unseen),
                components=plan.components,
                folds=plan.folds,
                **{name: figures[name] for name in _FIGURES},
            )
            save(file, list(known.values()))
        found.append(known[key])
    progress(len(jobs), len(jobs))
    return found


def page(
    benchmark: Benchmark, plan: quality.Plan, scores: Sequence[Score], runs: Collection
) -> str:
    """The scores as a page in Markdown; `runs` are the ones that were visited in."""
    first = runs.first
    table = f" (table `{first.table_sha256[:12]}`)" if first.table_sha256 else ""
    lines = [
        f"# Surrogates of {benchmark.name} on searchers that they have not seen",
        "",
        f"Each searcher ran for {describe_budget(first.budget)} with the seeds "
        f"{describe_seeds(runs.seeds)} on `{first.benchmark}`{table}.",
        f"Predictions of `{plan.metric}` on the classes that one searcher visited, by models "
        "fitted on what the *others* visited and not it, and by models fitted on as many *random* "
        "classes.",
        "",
        "| left out | judged on | fitted on | model | " + " | ".join(_FIGURES) + " |",
        "|:--|--:|--:|:--|" + "--:|" * len(_FIGURES),
    ]
    for score in scores:
        figures = [f"{getattr(score, name):.3f}" for name in _FIGURES]
        fitted_on = f"{score.classes:,} {score.fitted_on}"
        cells = [score.searcher, f"{score.judged:,}", fitted_on, score.model, *figures]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def write(
    benchmark: Benchmark,
    plan: quality.Plan,
    scores: Sequence[Score],
    runs: Collection,
    folder: Path,
) -> None:
    """Replace the page in `folder`; the CSV is there already.

    Raises:
        OutputFault: the folder cannot be written.
    """
    write_text(folder / PAGE, page(benchmark, plan, scores, runs))


def _names(benchmark: Benchmark) -> list[str]:
    """The benchmark's own, and of a surrogate that of the table which it stands for."""
    table = [benchmark.parts.origin.benchmark] if isinstance(benchmark, Surrogate) else []
    return [benchmark.name, *table]


def _splits(
    visits: Mapping[str, Rows], known: Rows, folds: int
) -> Iterable[tuple[str, str, Rows, Rows]]:
    """Who is left out, what is fitted on, the rows of that, and the rows to judge on."""
    if len(visits) < 2:
        raise InvalidConfig(
            f"leaving a searcher out takes runs of two at least, got {', '.join(visits) or 'none'}"
        )
    rng = np.random.default_rng(0)
    for searcher, own in visits.items():
        unseen = np.intersect1d(own, known)
        everyone = np.concatenate([rows for name, rows in visits.items() if name != searcher])
        others = np.setdiff1d(np.intersect1d(everyone, known), unseen)
        if len(unseen) < quality.FEWEST or len(others) < folds:
            raise InvalidConfig(
                f"{searcher} visited {len(unseen)} classes and the others {len(others)} more; "
                f"expected {quality.FEWEST} to judge on and {folds} to fit on: pass more or longer "
                "runs"
            )
        rest = np.setdiff1d(known, unseen)
        yield searcher, OTHERS, others, unseen
        yield searcher, RANDOM, rng.permutation(rest)[: len(others)], unseen


def _hash(table: str, fitted_on: str, rows: Rows, unseen: Rows) -> str:
    text = f"{table} {fitted_on} {sorted(rows.tolist())} {unseen.tolist()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
