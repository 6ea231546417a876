"""`nasbench table`: build, inspect, check, query and export table files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Build, inspect, check, query and export tables of trained networks."
)
File = Annotated[str, typer.Argument(help="A table file, or the name of a registered table.")]


@app.command()
def build(
    space: Annotated[str, typer.Argument(help="Such as cell201-v1.")],
    task: Annotated[str, typer.Argument(help="Such as digits-on-photos.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table file to write or extend.")],
    seeds: Annotated[str, typer.Option(help="Training seeds, comma-separated.")] = "0",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes [default: cores].")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Only so many classes, a random sample; 0 packs what is there."),
    ] = None,
    dask: Annotated[str | None, typer.Option(help="Scheduler, such as tcp://host:8786.")] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda [default: what is there].")
    ] = None,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="Continue trainings of other code or libraries.")
    ] = False,
) -> None:
    """Train every class of a space on a task; run again, it continues where it stopped."""
    from rich.console import Console

    from nasbench import registry
    from tabular import build as building
    from tabular.progress import shown

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
                device=_device(device, limit),
                executor=executor,
                in_flight=2 * slots,
                trust_code=trust_code,
                progress=progress,
            )
    except KeyboardInterrupt:
        console.print(
            f"Stopped. Finished trainings are in {building.parts_folder(output)}; "
            "run the same command again to continue.",
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    console.print(f"Wrote {output}.", soft_wrap=True)


def _device(name: str | None, limit: int | None) -> str:
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
    import os

    from tabular import workers as processes

    if dask is not None:
        with processes.cluster(dask) as found:
            yield found
        return
    count = workers or len(os.sched_getaffinity(0))
    with processes.pool(count) as executor:
        yield executor, count
