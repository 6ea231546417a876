"""`nasbench table`: build, measure, inspect and check tables, and what `importing`, `exporting` and
`card` add.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Annotated

import typer

from nasbench.commands.query import query
from nasbench.core import Architecture, Space
from nasbench.errors import InvalidArchitecture, InvalidConfig, WrongSpace
from tabular.arguments import File, opened
from tabular.exporting import card, export
from tabular.importing import ImportCommand, import_

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,  # help needs no rich
    help="Build, inspect, check, query, import and export tables of trained networks.",
)
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes [default: cores].", show_default=False)
]
Device = Annotated[
    str | None, typer.Option(help="cpu or cuda [default: what is there].", show_default=False)
]
SameDevice = Annotated[
    str | None, typer.Option(help="cpu or cuda [default: the table's].", show_default=False)
]


@app.command()
def build(
    space: Annotated[str, typer.Argument(help="Such as cell201-v1.")],
    task: Annotated[str, typer.Argument(help="Such as digits-on-photos.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table file to write or extend.")],
    seeds: Annotated[str, typer.Option(help="Training seeds, comma-separated.")] = "0",
    workers: Workers = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Only so many classes, a random sample; 0 packs what is there."),
    ] = None,
    archs: Annotated[
        str | None,
        typer.Option(
            help="Architectures to train: a table, or a text file, one a line, # before remarks."
        ),
    ] = None,
    dask: Annotated[str | None, typer.Option(help="Scheduler, such as tcp://host:8786.")] = None,
    device: Device = None,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="Continue trainings of other code or libraries.")
    ] = False,
) -> None:
    """Train every class of a space on a task; run again, it continues where it stopped."""
    from rich.console import Console

    from nasbench import registry
    from nasbench.commands.progress import shown
    from tabular import build as building

    console = Console(stderr=True)
    wanted = _numbers(seeds)
    try:
        with _executor(workers, dask) as (executor, slots), shown(task, console) as progress:
            building.build(
                registry.space(space),
                registry.task(task),
                output,
                seeds=wanted,
                limit=limit,
                archs=None if archs is None else _listed(archs, space),
                device=_device(device),
                executor=executor,
                in_flight=2 * slots,
                trust_code=trust_code,
                progress=progress,
                warn=lambda text: console.print(f"Warning: {text}.", soft_wrap=True, markup=False),
            )
    except KeyboardInterrupt:
        console.print(
            f"Stopped. Finished trainings are in {building.parts_folder(output)}; "
            "run the same command again to continue.",
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    console.print(f"Wrote {output}.", soft_wrap=True)


@app.command()
def cost(
    file: Annotated[Path, typer.Argument(help="A table file that `table build` wrote.")],
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many classes, a random sample.")
    ] = None,
    device: SameDevice = None,
) -> None:
    """Measure cost_s in a pass of its own, on a machine that does nothing else; resumable."""
    from rich.console import Console

    from nasbench.commands.progress import shown
    from tabular.cost import load_per_core, measure_costs

    console = Console(stderr=True)
    if load_per_core() > 0.5:
        console.print("Warning: this machine is busy, so the seconds will be too many.")
    with shown("cost_s", console) as progress:
        measure_costs(file, limit=limit, device=device, progress=progress)
    console.print(f"Wrote {file}.", soft_wrap=True)


@app.command()
def inspect(file: File) -> None:
    """Show what a table is."""
    from rich.console import Console

    from tabular.inspection import summary

    console = Console()
    for part in summary(opened(file)):
        console.print(part)


@app.command()
def check(
    file: File,
    retrain: Annotated[
        int, typer.Option(min=0, help="Also train so many random trainings again.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Decides which are trained again.")] = 0,
    tolerance: Annotated[
        float,
        typer.Option(
            min=0,
            help="Percentage points that final accuracies may differ by in the mean; 0 demands "
            "equality, to be expected where processor, code and libraries are those of the table.",
        ),
    ] = 0.0,
    workers: Workers = None,
    device: SameDevice = None,
) -> None:
    """Verify everything about a table; exit code 1 if a check fails."""
    from rich.console import Console
    from rich.markup import escape

    from tabular import checks
    from tabular.retraining import retrain as train_again

    console = Console()
    table = opened(file)
    failed = 0

    def show(finding: checks.Finding) -> None:
        nonlocal failed
        failed += not finding.passed
        mark = "[green]ok[/]    " if finding.passed else "[red]FAILED[/]"
        text = f"{finding.what}: {finding.detail}"
        console.print(f"{mark} {escape(text)}", highlight=False, soft_wrap=True)

    for finding in checks.check(table):
        show(finding)
    if retrain:
        with _executor(workers, None) as (executor, _):
            found = train_again(
                table, retrain, seed, tolerance=tolerance, executor=executor, device=device
            )
            show(found)
    if failed:
        raise typer.Exit(1)


app.command()(query)
app.command("import", cls=ImportCommand)(import_)
app.command()(export)
app.command()(card)


def _listed(source: str, space: str) -> list[Architecture]:
    """The architectures of a text file, or of a table by its name or file.

    Raises:
        InvalidConfig: it cannot be read, or holds none.
        InvalidArchitecture: a line is none of the space; it says which.
        WrongSpace: the table is of another space.
    """
    from nasbench import registry

    found = registry.space(space)
    if source not in registry.names(registry.BENCHMARKS) and Path(source).suffix != ".h5":
        return _parsed(Path(source), found)
    table = opened(source)
    if table.space.name != found.name:
        raise WrongSpace(f"expected a table of {found.name}, got {source} of {table.space.name}")
    return [Architecture(found.name, tuple(row)) for row in table.genes.tolist()]


def _parsed(path: Path, space: Space) -> list[Architecture]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidConfig(
            f"expected a table or a text file of architectures, but {path} is no registered table "
            f"and cannot be read as text: {fault}"
        ) from fault
    archs = []
    for number, line in enumerate(lines, 1):
        if text := line.partition("#")[0].strip():
            try:
                archs.append(space.parse(text))
            except InvalidArchitecture as fault:
                raise InvalidArchitecture(f"{path}, line {number}: {fault}") from fault
    if not archs:
        raise InvalidConfig(f"{path} holds no architecture; expected one a line")
    return archs


def _device(name: str | None) -> str:
    from nasbench.training.train import pick_device

    return pick_device(name)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"expected whole numbers joined by commas, such as 0,1,2; got {text!r}",
            param_hint="--seeds",
        ) from None


@contextlib.contextmanager
def _executor(workers: int | None, dask: str | None) -> Iterator[tuple[Executor, int]]:
    from nasbench.harness import processes

    if dask is not None:
        with processes.cluster(dask) as found:
            yield found
        return
    count = workers or processes.cores()
    with processes.pool(count) as executor:
        yield executor, count
