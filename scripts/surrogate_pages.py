"""Write docs/surrogates.md from what was measured about the surrogates of the shipped tables.

    python scripts/surrogate_pages.py

Asks every shipped surrogate for the classes of its table that it was not fitted on, and fits the
baselines on the same classes as it: some two minutes of processor time. Reads
docs/surrogates/TABLE/quality.md, which `nasbench surrogate evaluate` wrote, and, where a table has
one seed, docs/surrogates/TABLE.seed1.csv of `scripts/seed_anchor.py`; TABLE is a table's name with
_ for /.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.atomic import write_text
from nasbench.core import Architecture
from surrogates import fit as fitting
from surrogates import page, quality
from surrogates.benchmark import Surrogate, surrogate

DOCS = Path(__file__).parents[1] / "docs"
TARGET = DOCS / "surrogates.md"
SHIPPED, BASELINES = ("xgb", "gnn"), ("forest", "linear")
METRIC = "valid_accuracy"
CLASSES = 1000
"""As `scripts/ship_surrogates.py` draws them."""
TUNED_ON, TUNED_SEED = "cell201/digits-on-photos", 20_000
"""As `scripts/tune_xgb.py` drew as many classes to tune `xgb`."""
HEAD = """# Surrogates

A surrogate benchmark answers by a model that was fitted on part of a table. It is named
`<table>@<model>`, such as `cell201/digits-on-photos@xgb`, and is asked like a table: every
searcher of its space runs on it unchanged, and `nasbench verify` trains its winners. Parameters and
multiply-adds are exact where the table has enough rows to determine them, as those of the shipped
ones do; accuracies, losses and seconds are predicted at every epoch.

    nasbench query cell201/digits-on-photos@xgb 9930
    nasbench surrogate fit cell201/digits-on-photos --model forest \\
        --train-classes 500 -o mine.surrogate
    nasbench compare mine.surrogate --searcher random-search \\
        --searcher regularized-evolution --out runs/mine

Without a noise seed it answers with means. A seed draws for each class an error such as the model
made on classes that it had not seen, the same for all epochs and metrics of that class. These
errors hold both what the model does not know and the luck of single trainings. From Python,
`interval` gives the range in which a trained value lies with a given probability; it is
calibrated by cross-conformal prediction (`surrogates/calibration.py`), and unbounded where the
surrogate was fitted on too few classes for so sure a statement (9 for 90 %).

| model | what it is |
|:--|:--|
| `xgb` | gradient-boosted trees, a sum of them for each principal component of all curves |
| `gnn` | ensemble of graph networks on the graph of operation instances, see [gnn.md](gnn.md) |
| `forest` | random forest, the baseline of trees that do not build on one another |
| `linear` | Bayesian ridge regression, the baseline that a model must beat |

All but `gnn` see the same features of an architecture's canonical form, which twins share: one-hot
genes, how often each operation occurs in its graph, and in how many ways the input reaches the
output along each path of operations. Test classes are never training classes, and so neither are
their twins. `xgb` was tuned once, by 40 trials (`scripts/tune_xgb.py`), and all settings are
defaults. Any other registered predictor can be fitted and measured in the same way (`nasbench
list predictors`). From Python, `xgb` and `gnn` also take `loss="ranking"`, which orders
architectures better on one table and not on another ([gnn.md](gnn.md)).

A surrogate is stored as a folder of JSON, safetensors (the weights of `gnn` among them) and
XGBoost's UBJSON, with the hash of the table that it was fitted on. Opening checks the sha256 of
every file and predicts stored references again (`surrogates/artifact.py`); of a shipped one, when
it is first asked. `@xgb` and `@gnn` of every table ship, each fitted on 1,000 classes, or on all
of a table that has fewer; `make surrogates` fits them anew. Whether they rank searchers as their
tables do: [ranks.md](surrogates/ranks.md). How well models predict what a searcher visits of which
they were not told (`nasbench surrogate leave-out`):
[mnist1d](surrogates/cell201_mnist1d/leave-out.md),
[spoken-digits](surrogates/cell201_spoken-digits/leave-out.md),
[language-names](surrogates/cell201_language-names/leave-out.md).

The space of DARTS, which NAS-Bench-301 samples (`darts-v1`), has 10^18 cells, too many for a
table. `darts/digits-on-photos` holds 350 of them, trained as the cells of the vision table were:
250 random ones, half of them uniform and half with operations of frequencies of their own, from
hardly any convolution to hardly anything else, and 100 that regularized evolution and local search
go through on a surrogate of these (`scripts/sample_darts.py`). Their mean validation accuracies are
73.9, 65.5 and 76.2 %. The table refuses other cells, and `compare` the table; its surrogates answer
for all of the space, and all searchers run on them but those that train supernets and
`hierarchical-rl`, which know cell201 only. The surrogates predict 2 principal components of the
curves where the others predict 6, so that all that ship stay within 5 MB; it costs little: with 200
of the random cells, `xgb` had a tau of 0.45 on the other 50 with 2 and of 0.46 with 6, the mean of
eight splits. So few classes say little: how good the models are, and how far two trainings of one
cell agree, is told below. In the best quarter they
rank little better than chance (`xgb` fitted on 200 classes: a tau of 0.10 among random cells, the
mean of six splits), and worse with the searched cells among them (-0.12): of these it expects 1.6
points too much, since a search on a model collects such cells.

    nasbench compare darts/digits-on-photos@gnn --searcher random-search \\
        --searcher regularized-evolution --out runs/darts
    nasbench verify runs/darts

On another benchmark's table, all 15,625 cells of NAS-Bench-201 after 12 epochs on CIFAR-10
([curves](surrogates/nasbench201-12-epochs/quality.md), `nasbench surrogate evaluate mini.h5
--components 1` on the imported file): with 500 training classes `gnn` has a tau of 0.814 and `xgb`
of 0.758, with 1,000 of 0.836 and 0.791. NAS-Bench-x11 publishes 0.842 on NAS-Bench-201 when fitted
on 90 % of it, NAS-Bench-301 0.782 (GIN) and 0.820 (XGBoost) on its own space; two trainings of the
same network agree with a tau of 0.926.
"""


def shipped() -> Iterator[str]:
    """The lines on the quality of the shipped surrogates, beside baselines on the same classes."""
    yield f"""## The shipped ones

`{METRIC}` after the full training, on the classes that they were not fitted on (1,000 were).
`forest` and `linear` are baselines, fitted on the same classes, and do not ship. Those of a sample
(`darts/digits-on-photos`) are fitted on all that it has, which leaves none to judge them by: how
good they are with fewer is told below.

| table | model | tau | tau, best quarter | MAE, points | in 50 % interval | in 90 % interval |
|:--|:--|--:|--:|--:|--:|--:|"""
    names = registry.names(registry.BENCHMARKS)
    tables = sorted({registry.table_of(name) for name in names if name.endswith(f"@{SHIPPED[0]}")})
    for name in tables:
        if len(unseen(name)):
            print(f"asking the surrogates of {name}", flush=True)
            yield from rows(name)
    yield ""
    yield tuning()
    yield from map(anchored, tables)


def rows(name: str) -> Iterator[str]:
    """A line for each model of a table."""
    table: Any = registry.benchmark(name)
    genes, columns = table.rows()
    judged_on = unseen(name)
    archs = [Architecture(table.space.name, tuple(row)) for row in genes[judged_on].tolist()]
    for model in (*SHIPPED, *BASELINES):
        config = fitting.Config(model, CLASSES)
        made: Any = None
        if model in SHIPPED:
            made = registry.benchmark(f"{name}@{model}")
            if made.parts.origin.sha256 != table.sha256:
                raise SystemExit(f"error: {made.name} is of another {name}; make surrogates")
        else:
            made = surrogate(fitting.fit(table, config))
        yield f"| {name} | `{model}` | {judged(made, archs, columns[METRIC][judged_on])} |"


def unseen(name: str) -> NDArray[np.int64]:
    """Rows of a table's classes with values that no model of the page was fitted on."""
    table: Any = registry.benchmark(name)
    truth = table.rows()[1][METRIC]
    if len(truth) <= CLASSES:
        return np.empty(0, dtype=np.int64)
    fitted_on = fitting.drawn(len(truth), fitting.Config(classes=CLASSES))
    return np.setdiff1d(np.flatnonzero(np.isfinite(truth)), fitted_on)


def tuning() -> str:
    """What tuning `xgb` saw of the classes that it is judged on, and how good it is without."""
    table: Any = registry.benchmark(TUNED_ON)
    genes, columns = table.rows()
    truth = columns[METRIC]
    tuned = np.random.default_rng(TUNED_SEED).permutation(len(genes))[:CLASSES]
    judged_on = unseen(TUNED_ON)
    rows = np.setdiff1d(judged_on, tuned)
    archs = [Architecture(table.space.name, tuple(row)) for row in genes[rows].tolist()]
    model: Any = registry.benchmark(f"{TUNED_ON}@xgb")
    tau = quality.tau(model.predict(archs, METRIC), truth[rows])
    both = len(judged_on) - len(rows)
    return f"""The settings of `xgb` were chosen on {CLASSES:,} classes of {TUNED_ON}
(`scripts/tune_xgb.py`), of which {both:,} are among the {len(judged_on):,} that it is judged on
there. On the other {len(rows):,}, which tuning did not see, its tau is {tau:.3f}.
"""


def judged(model: Surrogate, archs: list[Architecture], truth: Any) -> str:
    """The cells of one model."""
    metric = next(metric for metric in model.metrics if metric.name == METRIC)
    said = model.predict(archs, METRIC)
    intervals = [model.interval(archs, METRIC, level) for level in (0.5, 0.9)]
    found = quality.measure(said, truth, intervals, metric)
    cells = [f"{found[name]:.3f}" for name in ("tau", "tau_top")]
    cells += [f"{np.abs(said - truth).mean():.2f}"]
    cells += [f"{found[name]:.1%}" for name in ("coverage_50", "coverage_90")]
    return " | ".join(cells)


def anchored(name: str) -> str:
    """What is known of the noise of a table."""
    told = f"Noise anchor of {name}: "
    found = quality.anchor(registry.benchmark(name), METRIC)
    if found is not None:
        return (
            f"{told}two seeds have a tau of {found[0]:.3f}, and of {found[1]:.3f} in the quarter "
            "that the first ranks best.\n"
        )
    again = page.retrained(DOCS / "surrogates" / f"{name.replace('/', '_')}.seed1.csv")
    if again is None:
        return f"{told}unknown, as its table has one training of each class.\n"
    return (
        f"{told}{again[0]} classes trained once more have a tau of {again[1]:.3f} to the table, "
        f"and of {again[2]:.3f} in its best quarter (see below).\n"
    )


def section(folder: Path) -> str:
    """What is known about the surrogates of one table."""
    text = (folder / page.PAGE).read_text()
    text = text.replace(f"]({page.PLOT})", f"]({folder.relative_to(DOCS)}/{page.PLOT})")
    again = page.retrained(folder.with_name(f"{folder.name}.seed1.csv"))
    if again is None:
        return f"#{text}"
    count, tau, top = again
    error = math.sqrt(2 * (2 * count + 5) / (9 * count * (count - 1)))  # of tau without a relation
    return f"""#{text}
**Trained again:** {count} random classes, once more with another seed (`scripts/seed_anchor.py`).
Between both trainings, tau is {tau:.3f}, and {top:.3f} among the quarter that the table ranks best;
with so few classes these are uncertain by about {error:.2f} and {2 * error:.2f}.
"""


def main() -> None:
    found = sorted(file.parent for file in (DOCS / "surrogates").glob(f"*/{page.PAGE}"))
    write_text(TARGET, "\n".join([HEAD, *shipped(), *map(section, found)]))
    print(f"wrote {TARGET.name}")


if __name__ == "__main__":
    main()
