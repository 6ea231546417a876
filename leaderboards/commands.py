"""`nasbench submit`: pack runs for a leaderboard, check a submission, run it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nasbench.errors import InvalidConfig

if TYPE_CHECKING:
    from leaderboards.check import Report

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,  # help needs no rich
    help="Pack runs for a leaderboard, check a submission, run its searcher again.",
)
Folder = Annotated[Path, typer.Argument(help="Folder of a submission.")]


@app.command()
def tracks() -> None:
    """List the tracks that can be entered, and the command that makes the runs of each."""
    from leaderboards.pack import command
    from leaderboards.track import read_tracks

    for track in read_tracks():
        if not track.retired:
            typer.echo(f"{track.slug}: {track.title} ({track.kind}, {track.access})")
            typer.echo(f"  {command(track, 'SEARCHER')}")


@app.command()
def pack(
    runs: Annotated[
        list[Path], typer.Argument(help="Folder that `nasbench compare` wrote to; repeatable.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write; a new one.")],
    track: Annotated[str, typer.Option(help="Such as digits-on-photos; see `submit tracks`.")],
    name: Annotated[str, typer.Option(help="Of the entry: lower-case letters, digits, hyphens.")],
    author: Annotated[list[str], typer.Option(help="Repeatable.")],
    description: Annotated[str, typer.Option(help="The method in a few sentences.")],
    searcher: Annotated[
        str | None, typer.Option("--searcher", "-s", help="Whose runs, if there are several.")
    ] = None,
    paper: Annotated[str | None, typer.Option(help="Its address.")] = None,
    code: Annotated[str | None, typer.Option(help="Address of the source.")] = None,
    commit: Annotated[str | None, typer.Option(help="Version of that source.")] = None,
    licence: Annotated[str, typer.Option(help="Of the runs and the description.")] = "CC-BY-4.0",
    access: Annotated[
        Literal["closed", "open"],
        typer.Option(help="open: the method looked at other tables or surrogates."),
    ] = "closed",
    looked_at: Annotated[
        list[str] | None, typer.Option(help="A table that it looked at; repeatable.")
    ] = None,
    tuning_evaluations: Annotated[
        int, typer.Option(help="Spent on these benchmarks before, to choose settings.")
    ] = 0,
    tuning_seconds: Annotated[float, typer.Option(help="Charged seconds of them.")] = 0.0,
    tuning: Annotated[str, typer.Option(help="What was tuned, and on what.")] = "",
) -> None:
    """Write a searcher's runs on a track as a submission, and check it."""
    from leaderboards.pack import pack as pack_runs
    from leaderboards.track import ENTRIES, find_track

    spent = {
        "evaluations": tuning_evaluations,
        "cost_s": tuning_seconds,
        "description": tuning,
    }
    about = {
        "name": name,
        "authors": author,
        "description": description,
        "paper": paper,
        "code": code,
        "commit": commit,
        "licence": licence,
        "access": access,
        "looked_at": looked_at or [],
        "tuning": spent,
    }
    report = pack_runs(
        *(runs, output, find_track(track)), searcher=searcher, about=about, entries=ENTRIES
    )
    _tell(report, strict=False)


@app.command()
def check(
    folder: Folder,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse what is only suspicious, too.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write the findings as JSON.")
    ] = None,
    entries: Annotated[
        Path | None, typer.Option(help="Folder of the board's entries, whose names are taken.")
    ] = None,
) -> None:
    """Ask the benchmark everything again; exit with 1 if something does not agree.

    Nothing of the submission is executed.
    """
    from leaderboards.check import check as check_folder
    from leaderboards.track import ENTRIES
    from nasbench.atomic import write_text

    if entries is not None and not entries.is_dir():
        raise InvalidConfig(f"expected a folder of entries (--entries), got {entries}")
    report = check_folder(folder, entries=entries or ENTRIES)
    if output is not None:
        write_text(output, report.to_json(strict=strict))
    _tell(report, strict=strict)
    if not report.accepted(strict=strict):
        raise typer.Exit(1)


@app.command()
def rerun(
    folder: Folder,
    searcher: Annotated[
        str | None,
        typer.Option(
            "--searcher", "-s", help="Where it is; default the folder's source, or its name."
        ),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write rerun.json into the folder if all agrees.")
    ] = False,
) -> None:
    """Run the searcher with the same seeds; exit with 1 if they give other trajectories.

    This executes the submission's code.
    """
    from rich.console import Console

    from leaderboards.rerun import rerun as run_again
    from nasbench.commands.progress import shown

    with shown("runs", Console(stderr=True)) as on_done:
        found = run_again(folder, searcher=searcher, record=record, on_done=on_done)
    for complaint in found.complaints:
        typer.echo(f"refused: {complaint}")
    typer.echo(
        f"{found.runs} runs done again, {found.evaluations:,} evaluations compared: "
        f"{'not the same' if found.complaints else 'the same'}"
    )
    if found.complaints:
        raise typer.Exit(1)


def _tell(report: Report, *, strict: bool) -> None:
    for complaint in report.complaints:
        typer.echo(f"refused: {complaint}")
    for flag in report.flags:
        typer.echo(f"{'refused' if strict else 'suspicious'}: {flag}")
    count = sum(len(run.trajectory) for run in report.runs.values())
    what = report.level if report.accepted(strict=strict) else "refused"
    typer.echo(f"{report.folder}: {what}; {len(report.runs)} runs, {count:,} evaluations agree")
