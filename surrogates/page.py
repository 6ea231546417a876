"""What `nasbench surrogate evaluate` writes: scores as CSV, a plot and a page in Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nasbench.atomic import write_together
from nasbench.core import Benchmark
from surrogates import quality
from surrogates.quality import Plan, Score

CSV, PLOT, PAGE = "quality.csv", "quality.png", "quality.md"
_FIGURES = ("tau", "tau_top", "spearman", "r2", "rmse", "precision", "coverage_50", "coverage_90")
_SHOWN = (
    ("tau", "Kendall's tau"),
    ("tau_top", "Kendall's tau, best quarter"),
    ("coverage_90", "coverage of 90 % intervals"),
)
Anchor = tuple[float, float]


def write(benchmark: Benchmark, plan: Plan, scores: Sequence[Score], folder: Path) -> None:
    """Replace plot and page in `folder`; the CSV is there already.

    Raises:
        OutputFault: the folder cannot be written.
    """
    anchor = quality.anchor(benchmark, plan.metric)
    text, picture = page(benchmark, plan, scores, anchor), plot(plan, scores, anchor)
    write_together({folder / PLOT: picture, folder / PAGE: text.encode()})


def page(benchmark: Benchmark, plan: Plan, scores: Sequence[Score], anchor: Anchor | None) -> str:
    """The page: means over seeds of every figure, and what they mean."""
    table = getattr(benchmark, "sha256", None)
    heads = ("model", "classes", *_FIGURES, "fit_s")
    lines = [
        f"# Surrogates of {benchmark.name}",
        "",
        f"Predictions of `{plan.metric}` after the full training"
        + (f", table `{table[:12]}`" if table else "")
        + f"; means over {plan.seeds} draws of the training classes. Judged on all other classes.",
        "",
        f"![tau by number of training classes]({PLOT})",
        "",
        f"| {' | '.join(heads)} |",
        "|:--|" + "--:|" * (len(heads) - 1),
    ]
    for model in plan.models:
        for size in plan.classes:
            own = [s for s in scores if (s.model, s.classes) == (model, size)]
            means = [float(np.mean([getattr(s, name) for s in own])) for name in _FIGURES]
            seconds = float(np.mean([s.fit_s for s in own]))
            figures = ("-" if np.isnan(mean) else f"{mean:.3f}" for mean in means)
            cells = [model, f"{size:,}", *figures, f"{seconds:.1f}"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_legend(benchmark, plan, anchor), ""])


def _legend(benchmark: Benchmark, plan: Plan, anchor: Anchor | None) -> list[str]:
    if anchor is None:
        noise = (
            f"**Noise anchor: unknown.** {benchmark.name} has one training of each class, so how "
            "well two trainings with different seeds agree cannot be told from it. Every figure "
            "here is against values that hold the luck of that one training."
        )
    else:
        noise = (
            f"**Noise anchor:** two trainings of each class with different seeds have a tau of "
            f"{anchor[0]:.3f}, and of {anchor[1]:.3f} among the quarter that the first ranks best."
        )
    figures = (
        "`tau_top`: among the best quarter by their true values. `precision`: share of the "
        f"predicted best {quality.K} that are among the true best {quality.K}. `rmse` in the unit "
        "of the metric. `coverage`: share of the true values inside of 50 % and 90 % intervals. "
        "`fit_s`: seconds of processor time, calibration included."
    )
    return [noise, "", figures]


def plot(plan: Plan, scores: Sequence[Score], anchor: Anchor | None) -> bytes:
    """Tau, tau of the best quarter and coverage by number of training classes, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.7), layout="constrained")
    panels = figure.subplots(1, len(_SHOWN))
    for axes, (name, title) in zip(panels, _SHOWN, strict=True):
        for model in plan.models:
            values = np.array(
                [
                    [getattr(s, name) for s in scores if (s.model, s.classes) == (model, size)]
                    for size in plan.classes
                ]
            )
            mean, low, high = values.mean(axis=1), values.min(axis=1), values.max(axis=1)
            errors = np.stack([mean - low, high - mean])
            axes.errorbar(plan.classes, mean, errors, marker="o", capsize=3, label=model)
        if anchor is not None and name.startswith("tau"):
            level = anchor[name == "tau_top"]
            axes.axhline(level, color="black", linestyle=":", label="two seeds")
        if name == "coverage_90":
            axes.axhspan(0.85, 0.95, color="0.9")
            axes.set_ylim(0.7, 1)
        axes.set(xscale="log", title=title, xlabel="training classes")
        axes.set_xticks(plan.classes, map(str, plan.classes))
        axes.minorticks_off()
    told = panels[0].get_legend_handles_labels()
    figure.legend(*told, loc="outside lower center", ncols=len(told[1]), frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110, metadata={"Software": None})
    return image.getvalue()


def retrained(file: Path) -> tuple[int, float, float] | None:
    """Classes trained again by `scripts/seed_anchor.py`, and the taus of both trainings.

    The second is that of the best quarter by the table's values. None if there is no file.
    """
    if not file.exists():
        return None
    with file.open(newline="") as stream:
        pairs = [(float(row["table"]), float(row["again"])) for row in csv.DictReader(stream)]
    first, again = np.array(pairs).T
    top = first >= np.quantile(first, 1 - quality.TOP)
    return len(pairs), quality.tau(first, again), quality.tau(first[top], again[top])
