"""`nasbench verify`: a comparison's winners, trained again for real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nasbench.harness.verification import Measurement, Remeasurement, Verification

LEGEND = (
    "Brackets: where the mean of the fresh trainings is expected, and its 95 % interval. "
    "Verdict: fresh trainings compared with the table, t-test with the noise, assumed to be the "
    "same, pooled over all stable winners; unstable: a training diverged, or they scatter far more "
    "than those of the others; random: compared with random search's winner, Welch's test; both "
    "with Holm's correction."
)


def verify(
    runs: Annotated[Path, typer.Argument(help="Folder that `nasbench compare` wrote to.")],
    seeds: Annotated[int, typer.Option(min=3, help="Fresh trainings of each winner.")] = 3,
    top: Annotated[int, typer.Option(min=1, help="Winners of each searcher.")] = 1,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda or cuda:N; default CUDA if there is one.")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", "-j", min=1, help="Processes that train; default one a core."),
    ] = None,
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="Name or file of the benchmark, if the runs' own name is not registered."
        ),
    ] = None,
) -> None:
    """Train the winners with fresh seeds, and say whether the table told the truth.

    Latencies that the search minimized or bounded are measured again on their device. Started
    again, it goes on where it stopped. Writes RUNS/verify.json, which the report shows.
    """
    from rich.console import Console

    from nasbench.commands.progress import shown
    from nasbench.harness.verify import verify as verify_winners

    with shown("trainings", Console(stderr=True)) as on_done:
        found = verify_winners(
            runs,
            seeds=seeds,
            top=top,
            device=device,
            benchmark=benchmark,
            processes=processes,
            on_done=on_done,
        )
    _show(Console(), found)


def _show(console: Console, found: Verification) -> None:
    console.print(_trained_again(found))
    for again in found.remeasured:
        if again.readings:
            console.print(_measured_again(found, again))
        console.print(again.sentence, markup=False, highlight=False)
    for note in _notes(found):
        console.print(note, markup=False, highlight=False)
    console.print(LEGEND, style="dim", highlight=False)


def _trained_again(found: Verification) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from nasbench.harness.wording import format_interval, format_p

    table = Table(
        title=escape(f"Winners on {found.benchmark}, trained on {found.where}: {found.metric} (%)"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("winner of", no_wrap=True)
    for head in ("table says", "measured"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("verdict", "random"):
        table.add_column(head, no_wrap=True)
    for part in found.measurements:
        against = part.against_reference
        table.add_row(
            _finders(part),
            format_interval(part.predicted).replace(" ", "\n", 1),
            format_interval(part.measured).replace(" ", "\n", 1),
            part.verdict + ("" if part.p_value is None else f"\np {format_p(part.p_value)}"),
            "" if against is None else f"{against.verdict}\np {format_p(against.p_value)}",
        )
    return table


def _notes(found: Verification) -> Iterator[str]:
    """What the table does not say, and what it comes to."""
    from nasbench.harness.wording import shift_sentence, verification_sentence

    if found.maker_note:
        yield found.maker_note
    for left in found.skipped:
        names = ", ".join(source.searcher for source in left.found_by)
        yield (
            f"Not trained, as {found.benchmark} has no {found.metric} of it: {left.text}, a winner "
            f"of {names}."
        )
    yield f"{shift_sentence(found)} {verification_sentence(found)}"


def _finders(part: Measurement) -> str:
    from rich.markup import escape

    return escape("\n".join(source.searcher for source in part.found_by))


def _measured_again(found: Verification, again: Remeasurement) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from nasbench.harness.wording import format_interval

    table = Table(
        title=escape(f"The same cells, {again.metric} ({again.unit}) measured again"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("winner of", no_wrap=True)
    for head in ("stored", "measured", "ratio"):
        table.add_column(head, justify="right")
    table.add_column("bound", no_wrap=True)
    for part, reading in zip(found.measurements, again.readings, strict=True):
        stored, measured = (
            "" if bounds is None else format_interval(bounds, again.digits).replace(" ", "\n", 1)
            for bounds in (reading.stored, reading.measured)
        )
        table.add_row(
            _finders(part),
            stored,
            measured or escape(reading.gap),
            "" if reading.ratio is None else f"{reading.ratio:.3f}",
            reading.bound or "",
        )
    return table
