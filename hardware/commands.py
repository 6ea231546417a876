"""`nasbench hardware`: devices, measuring latencies, predicting them, and checking both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.errors import InvalidConfig

if TYPE_CHECKING:
    from rich.console import Console

    from hardware.columns import Column

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,  # help needs no rich
    help="Measure the latency of networks on real runtimes, predict it, and check both.",
)
File = Annotated[
    str,
    typer.Argument(help="A file that `hardware measure` wrote, or a benchmark that has one."),
]
MODELS = "lookup,macs,linear,xgb"


@app.command("list")
def list_() -> None:
    """List the devices, and say of each whether it can be used here."""
    from rich.console import Console
    from rich.markup import escape

    from hardware.device import availability, device

    console = Console()
    for name, fault in availability().items():
        if fault:
            console.print(f"[yellow]absent[/]  {name}: {escape(fault)}", soft_wrap=True)
            continue
        told = ", ".join(f"{key} {value}" for key, value in device(name).conditions().items())
        console.print(f"[green]here[/]    {name}: {escape(told)}", highlight=False, soft_wrap=True)


@app.command()
def measure(
    device: Annotated[list[str], typer.Option(help="Such as torch-cpu-1; may be repeated.")],
    benchmark: Annotated[str, typer.Option(help="Name of a benchmark, or a table file.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write or extend, such as mine.latency.")
    ],
    size: Annotated[
        str, typer.Option(help="table: the networks it trained; full: the published ones.")
    ] = "table",
    batch: Annotated[int, typer.Option(min=1, help="Inputs at once.")] = 1,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many classes, a random sample.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Half-width of the 95 % interval that is tight enough.")
    ] = 0.08,
) -> None:
    """Measure the classes of a benchmark, on a machine that does nothing else; resumable."""
    from rich.console import Console

    from hardware import device as devices
    from hardware.columns import BUSY, SUFFIX
    from hardware.measure import load_per_core
    from hardware.measure import measure as measure_on
    from hardware.timing import Plan
    from hardware.workload import workload_of
    from nasbench import registry
    from nasbench.commands.progress import shown

    if output.suffix != SUFFIX:
        raise InvalidConfig(f"expected an output that ends in {SUFFIX}, got {output}")
    console = Console(stderr=True)
    found = registry.benchmark(benchmark)
    workload, plan = workload_of(found, size=size, batch=batch), Plan(tolerance=tolerance)
    there = [devices.device(name) for name in device]  # before any of them is measured
    load = load_per_core()  # of others: later it is that of measuring, too
    if load > BUSY:
        console.print("Warning: this machine is busy; the file will say so.")
    try:
        for each in there:
            with shown(workload.label(each.name), console) as progress:
                column = measure_on(
                    *(output, found, each, workload),
                    limit=limit,
                    plan=plan,
                    load=load,
                    progress=progress,
                )
            _summarize(console, column)
    except KeyboardInterrupt:
        told = f"Stopped. What was measured is kept for {output}; run the same command to go on."
        console.print(told, soft_wrap=True)
        raise typer.Exit(130) from None
    console.print(f"Wrote {output}.", soft_wrap=True)


@app.command()
def predict(
    file: File,
    label: Annotated[str, typer.Argument(help="Column to predict, such as torch-cpu-1.")],
    archs: Annotated[
        list[str] | None, typer.Argument(help="Architectures to predict [default: none].")
    ] = None,
    models: Annotated[
        str, typer.Option(help="Comma-separated: lookup, macs, linear, xgb, gnn (slow), few-shot.")
    ] = MODELS,
    train: Annotated[
        int, typer.Option(min=1, help="Measured classes to learn from when models are compared.")
    ] = 200,
    known: Annotated[
        str | None, typer.Option(help="Column of a known device that few-shot starts from.")
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Add a column <label>@<model> with every class.")
    ] = False,
) -> None:
    """Compare models of a column on held-out classes, or predict architectures with one of them."""
    from rich.console import Console

    from hardware.benchmark import file_of, open_measured
    from hardware.showing import predictions, qualities
    from nasbench.spaces import notation

    console, path = Console(), file_of(file)
    if save and path != Path(file):
        raise InvalidConfig(f"--save adds to a file of your own; copy that of {file} first: {path}")
    benchmark = open_measured(path)
    column = benchmark.document.column(label)
    start = None if known is None else benchmark.document.column(known)
    names = [name.strip() for name in models.split(",") if name.strip()]
    if not (archs or save):
        console.print(qualities(names, benchmark.space, column, train, start))
        return
    if len(names) != 1 and models != MODELS:
        raise typer.BadParameter("expected one model to predict with", param_hint="--models")
    name = "xgb" if models == MODELS else names[0]
    if archs:
        asked = [notation.read(benchmark.space, text) for text in archs]
        console.print(predictions(name, benchmark.space, column, asked, start))
    if save:
        from hardware.filling import save_predictions

        made = save_predictions(path, benchmark, column, name, known=start)
        console.print(f"Added {made.about.label} to {file}.", soft_wrap=True)


@app.command()
def check(
    file: File,
    remeasure: Annotated[
        int, typer.Option(min=0, help="Also measure so many classes of every column again.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Decides which.")] = 0,
    tau: Annotated[
        float, typer.Option(help="Agreement of ranks that a second measurement must reach.")
    ] = 0.9,
) -> None:
    """Verify a file of latencies; exit code 1 if a check fails."""
    from rich.console import Console
    from rich.markup import escape

    from hardware.benchmark import file_of
    from hardware.checks import checks

    console = Console()
    failed = 0
    for passed, text in checks(file_of(file), again=remeasure, seed=seed, tau=tau):
        failed += not passed
        mark = "[green]ok[/]    " if passed else "[red]FAILED[/]"
        console.print(f"{mark} {escape(text)}", highlight=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def _summarize(console: Console, column: Column) -> None:
    from hardware.checks import describe

    console.print(describe(column), markup=False, highlight=False, soft_wrap=True)
