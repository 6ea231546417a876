"""`nasbench query`: what a benchmark knows about one architecture."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasbench import registry
from nasbench.core import Architecture, Benchmark, Candidate, Result
from nasbench.spaces import notation

if TYPE_CHECKING:
    from rich.table import Table


def query(
    benchmark: Annotated[str, typer.Argument(help="Name of a benchmark, or a table file.")],
    arch: Annotated[
        str, typer.Argument(help="An architecture: its string, index, or genes with commas.")
    ],
    epochs: Annotated[
        int | None, typer.Option(help="Length of the training [default: full].", show_default=False)
    ] = None,
    noise_seed: Annotated[
        int | None,
        typer.Option(help="Draws a repeat [default: the mean of all].", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Show every metric of one architecture."""
    found = registry.benchmark(benchmark)
    asked = notation.read(found.space, arch)
    result = found.query([Candidate(asked, epochs)], noise_seed=noise_seed)[0]
    if as_json:
        typer.echo(json.dumps(facts(found, asked, epochs, noise_seed, result), indent=2))
        return
    from rich.console import Console

    console = Console()
    console.print(found.space.format(asked), markup=False, highlight=False, soft_wrap=True)
    console.print(_table(found, epochs, result))
    done, total = trained(found)
    if done < total:
        told = f"{done:,} of {total:,} architectures of this table are trained."
        console.print(told, highlight=False)


def trained(benchmark: Benchmark) -> tuple[int, int]:
    """How many architectures of how many a table knows; equal for other benchmarks."""
    done, total = getattr(benchmark, "trained", (0, 0))
    return done, total


def facts(
    benchmark: Benchmark,
    arch: Architecture,
    epochs: int | None,
    noise_seed: int | None,
    result: Result,
) -> dict[str, Any]:
    """The answer as JSON holds it; null where nothing was measured."""
    numbers = {"cost_s": result.cost_s, **result.metrics}
    return {
        "benchmark": benchmark.name,
        "table_sha256": getattr(benchmark, "sha256", None),
        "space": arch.space,
        "architecture": benchmark.space.format(arch),
        "genes": list(arch.genes),
        "canonical": benchmark.space.format(benchmark.space.canonical(arch)),
        "epochs": benchmark.epochs[-1] if epochs is None else epochs,
        "noise_seed": noise_seed,
        **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
    }


def _table(benchmark: Benchmark, epochs: int | None, result: Result) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    shown = benchmark.epochs[-1] if epochs is None else epochs
    table = Table(
        title=f"{benchmark.name}, {shown} epochs", title_justify="left", box=box.SIMPLE_HEAD
    )
    for name, side in (("metric", "left"), ("value", "right"), ("unit", "left"), ("split", "left")):
        table.add_column(name, justify="right" if side == "right" else "left")
    curves = [metric.name for metric in benchmark.metrics if metric.split != "static"]
    done, total = trained(benchmark)
    lacking = done < total and all(math.isnan(result.metrics[name]) for name in curves)
    for metric in benchmark.metrics:
        unknown = lacking and metric.name in curves
        value = "not trained yet" if unknown else number(result.metrics[metric.name])
        table.add_row(escape(metric.name), value, metric.unit, metric.split)
    table.add_row("cost_s", number(result.cost_s), "s", "")
    return table


def number(value: float) -> str:
    """A number for people: grouped if whole, six digits otherwise, `-` if there is none."""
    if not math.isfinite(value):
        return "-"
    return f"{int(value):,}" if value == int(value) and abs(value) >= 1000 else f"{value:.6g}"
