"""`nasbench explain`: which genes and sub-graphs a benchmark's values depend on, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def explain(
    benchmark: Annotated[
        str, typer.Argument(help="Name or file, such as cell201/digits-on-photos.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")] = Path(
        "explain.html"
    ),
    metric: Annotated[str, typer.Option(help="What is explained.")] = "valid_accuracy",
) -> None:
    """Show which edges, operations and sub-graphs a benchmark's values depend on."""
    import numpy as np

    from nasbench import atomic, registry
    from surrogates.explain import explain as explained
    from surrogates.explain_page import render

    of = registry.benchmark(benchmark)
    found = explained(of, metric)
    atomic.write_text(output, render(found, of.space))
    main, pairs = found.effects.main_shares(), found.effects.pair_shares()
    for name, share in zip(found.genes, main, strict=True):
        typer.echo(f"{name:<10}{100 * share:5.1f} % of the variance of {metric}")
    typer.echo(f"{'pairs':<10}{100 * np.triu(pairs).sum():5.1f} %")
    typer.echo(f"{'more':<10}{100 * (1 - main.sum() - np.triu(pairs).sum()):5.1f} %")
    typer.echo(f"wrote {output}")
