"""`nasbench leaderboard`: build the board's pages from tracks and entries, and look at them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasbench.errors import InvalidConfig

app = typer.Typer(
    help="Build the leaderboards' pages from tracks and entries, and look at them.",
    no_args_is_help=True,
)


@app.command()
def build(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the board; replaced as a whole.")
    ] = Path("site"),
    tracks: Annotated[
        Path | None, typer.Option(help="Folder of tracks; default the project's own.")
    ] = None,
    entries: Annotated[
        Path | None,
        typer.Option(help="Folder of entries, ENTRIES/TRACK/ENTRY; default the project's own."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 1 if another board is there."),
    ] = False,
) -> None:
    """Replay all entries and write the board: index.html, a page for each track and entry."""
    from leaderboards import site
    from leaderboards.board import read_board, read_retired
    from leaderboards.track import ENTRIES, TRACKS

    places = tracks or TRACKS, entries or ENTRIES
    board, retired = read_board(*places), read_retired(*places)
    for each in retired:
        typer.echo(f"{each.slug}-v{each.version} is retired: its table was replaced", err=True)
    if not check:
        site.write(board, output, retired)
        typer.echo(output / "index.html")
        return
    wrong = site.differences(board, output, retired)
    if wrong:
        more = f" ({len(wrong) - 10} more)" if wrong[10:] else ""
        raise InvalidConfig(
            f"{output} is not the board of these entries: {'; '.join(wrong[:10])}{more}. "
            f"Build it again: nasbench leaderboard build -o {output}"
        )
    typer.echo(f"{output} is the board of these entries")


@app.command()
def serve(
    board: Annotated[Path, typer.Argument(help="Folder that `build` wrote.")] = Path("site"),
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8000,
) -> None:
    """Show a board at an address that this machine alone can reach, until ctrl-C."""
    from leaderboards.serve import server

    with server(board, port) as running:
        typer.echo(f"http://127.0.0.1:{running.server_address[1]}/ (ctrl-C ends it)")
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            typer.echo("ended")
