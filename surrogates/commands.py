"""`nasbench surrogate`: fit surrogate benchmarks, and measure how good they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,  # help needs no rich
    help="Fit surrogate benchmarks, which predict, and measure how good they are.",
)
Benchmark = Annotated[str, typer.Argument(help="Name of a benchmark, or a table file.")]
Components = Annotated[int, typer.Option(min=1, help="Principal components of all curves.")]
Folds = Annotated[int, typer.Option(min=2, help="Parts of the classes, to calibrate.")]


@app.command()
def fit(
    benchmark: Benchmark,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write; its name ends in .surrogate.")
    ],
    model: Annotated[str, typer.Option(help="See `nasbench list predictors`.")] = "xgb",
    train_classes: Annotated[
        int | None,
        typer.Option(
            min=1, help="Classes to fit on, at random [default: all].", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the classes and the fit.")] = 0,
    members: Annotated[int, typer.Option(min=1, help="Models whose mean predicts.")] = 1,
    components: Components = 6,
    folds: Folds = 5,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a surrogate that is there.")
    ] = False,
) -> None:
    """Fit a surrogate on what a benchmark knows, and store it."""
    from rich.console import Console

    from nasbench import registry
    from surrogates import artifact
    from surrogates import fit as fitting

    artifact.refuse(output, overwrite=overwrite)
    config = fitting.Config(
        model=model,
        classes=train_classes,
        seed=seed,
        components=components,
        members=members,
        folds=folds,
    )
    console = Console(stderr=True)
    parts = fitting.fit(registry.benchmark(benchmark), config)
    artifact.write(parts, output, overwrite=overwrite)
    if parts.origin.left_out:
        console.print(
            f"Left out {parts.origin.left_out} classes without a value for every target.",
            highlight=False,
        )
    if gaps := parts.layout.told_gaps():
        told = f"Not predicted, as no class has a value: {'; '.join(gaps)}."
        console.print(told, soft_wrap=True, markup=False, highlight=False)
    told = f"Wrote {output}: {parts.name}, fitted on {parts.origin.classes} classes."
    console.print(told, soft_wrap=True, markup=False, highlight=False)


@app.command()
def evaluate(
    benchmark: Benchmark,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the CSV, the plot and the page.")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="May be repeated [default: xgb, forest, linear].", show_default=False),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="Training classes, comma-separated "
            "[default: those of 50,100,250,500,1000 that leave some to judge on].",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Random draws of the training classes.")] = 3,
    metric: Annotated[str, typer.Option(help="What is judged.")] = "valid_accuracy",
    components: Components = 6,
    folds: Folds = 5,
) -> None:
    """Measure surrogates on classes that they have not seen; run again, it goes on."""
    from rich.console import Console

    from nasbench import registry
    from nasbench.commands.progress import shown
    from surrogates import quality
    from surrogates.page import CSV, write

    console = Console(stderr=True)
    found = registry.benchmark(benchmark)
    plan = quality.Plan(
        models=tuple(model or ("xgb", "forest", "linear")),
        classes=quality.sizes_of(found) if classes is None else _numbers(classes),
        seeds=seeds,
        metric=metric,
        components=components,
        folds=folds,
    )
    with shown(f"{found.name} surrogates", console) as progress:
        scores = quality.evaluate(found, plan, output / CSV, progress=progress)
    write(found, plan, scores, output)
    console.print(f"Wrote {output}.", soft_wrap=True, highlight=False)


@app.command("leave-out")
def leave_out(
    benchmark: Benchmark,
    runs: Annotated[
        Path, typer.Argument(help="Folder of a comparison of several searchers on it.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the CSV and the page.")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="May be repeated [default: xgb, forest, linear].", show_default=False),
    ] = None,
    metric: Annotated[str, typer.Option(help="What is judged.")] = "valid_accuracy",
    components: Components = 6,
    folds: Folds = 5,
) -> None:
    """Measure surrogates on what one searcher visited, fitted on what the others did."""
    from rich.console import Console

    from nasbench import registry
    from nasbench.commands.progress import shown
    from nasbench.harness.collection import collect
    from surrogates import leave_out, quality

    console = Console(stderr=True)
    models = tuple(model or ("xgb", "forest", "linear"))
    plan = quality.Plan(models, metric=metric, components=components, folds=folds)
    found = registry.benchmark(benchmark)
    collection = collect(runs)
    visits = leave_out.visited(found, (file.run for file in collection.files))
    with shown(f"{found.name} surrogates", console) as progress:
        scores = leave_out.evaluate(found, visits, plan, output / leave_out.CSV, progress=progress)
    leave_out.write(found, plan, scores, collection, output)
    console.print(f"Wrote {output}.", soft_wrap=True, highlight=False)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"expected whole numbers joined by commas, such as 50,100; got {text!r}",
            param_hint="--classes",
        ) from None
