"""`nasbench proxy`: zero-cost proxies, and how well they rank."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench import registry

if TYPE_CHECKING:
    from rich.console import Console

    from nasbench.harness.proxies import Correlation
    from nasbench.harness.statistics import Interval

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,  # help needs no rich
    help="Score architectures without training them.",
)


@app.callback()
def _group() -> None:
    """Keeps `rank` a word of its own while it is the only command."""


@app.command()
def rank(
    benchmark: Annotated[str, typer.Argument(help="Name or file of a table trained here.")],
    proxies: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy",
            "-p",
            help="Names separated by commas or one an option [default: all].",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[int, typer.Option(min=2, help="Classes to score.")] = 300,
    everything: Annotated[bool, typer.Option("--all", help="Score all classes.")] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Draws classes, minibatch and initial weights.")
    ] = 0,
    batch_size: Annotated[int, typer.Option(min=2, help="Examples in the minibatch.")] = 64,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder; default runs/BENCHMARK.proxies."),
    ] = None,
) -> None:
    """Correlate zero-cost proxies with a table's accuracies.

    Run again, it scores only what is missing. Writes OUT/scores.csv and OUT/correlations.csv. With
    --all, an OUT that ends in .proxies opens as a benchmark, on which `compare` trains nothing.
    """
    from rich.console import Console

    from nasbench.commands.progress import shown
    from nasbench.harness.proxies import Sample, rank_proxies

    found = registry.benchmark(benchmark)
    named = [name for text in proxies or () for name in text.split(",") if name]
    chosen = list(dict.fromkeys(named)) or registry.names(registry.PROXIES)
    folder = out or Path("runs") / f"{found.name.replace('/', '-')}.proxies"
    size = len(found.space) if everything else sample
    setting = Sample(seed=seed, size=size, batch_size=batch_size)
    with shown("scores", Console(stderr=True)) as on_done:
        correlations = rank_proxies(found, chosen, folder, setting, on_done)
    _show(Console(), found.name, correlations)
    typer.echo(f"scores: {folder}")


def _show(console: Console, name: str, correlations: Sequence[Correlation]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(
        title=f"Rank correlations on {name}, {correlations[0].n} architectures",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for head in ("proxy", "accuracy"):
        table.add_column(head, no_wrap=True)
    for head in ("Kendall", "Spearman", "ms a score"):
        table.add_column(head, justify="right", no_wrap=True)
    for found in sorted(correlations, key=lambda c: (c.metric != "valid_accuracy", c.proxy)):
        words = (_text(found.kendall), _text(found.spearman), f"{1e3 * found.cost_s:.3g}")
        table.add_row(found.proxy, found.metric.removesuffix("_accuracy"), *words)
    console.print(table)
    console.print(
        "Brackets: 95 % bootstrap intervals over architectures. The luck of the trainings is in "
        "the accuracies, and lowers what any proxy can reach.",
        style="dim",
        highlight=False,
    )


def _text(found: Interval) -> str:
    return f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]"
