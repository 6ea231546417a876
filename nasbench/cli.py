"""The command line: every entry point of `nasbench.commands` is a command.

Exit codes: 0; 1 for wrong input or a failed check; 2 for wrong usage; 130 when interrupted,
143 when terminated.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from nasbench import registry
from nasbench.errors import BrokenPlugin, NasbenchError

INTERRUPTED = 130
"""128 + SIGINT, what shells report for ctrl-C."""
TERMINATED = 143
"""128 + SIGTERM, what batch systems send before they kill."""

_GO_ON = "interrupted; run the same command again; what it finished and kept is not repeated"
_NEGATIVE = re.compile(r"-\d.*")


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command line, `sys.argv` by default, and exit with its code."""
    words = list(sys.argv[1:] if argv is None else argv)
    signals: list[int] = []
    try:
        with _terminating(signals):
            try:
                compose(words)(args=words, prog_name="nasbench")
            finally:
                if sys.stdout is not None:  # which is how Python starts if it is closed
                    sys.stdout.flush()  # here, where its failure can be told
    except SystemExit as stop:
        if signals and stop.code == INTERRUPTED:
            sys.exit(TERMINATED)
        raise
    except NasbenchError as fault:
        _fail(f"error: {_message(fault)}", 1)
    except KeyboardInterrupt:
        _fail(_GO_ON, TERMINATED if signals else INTERRUPTED)
    except OSError as fault:
        if fault.filename is not None or fault.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left cannot be written either
        _fail(f"error: cannot write to standard output: {fault.strerror}", 1)


def compose(words: Sequence[str]) -> typer.Typer:
    """The application for one command line; of the commands, only those it needs are imported."""
    app = typer.Typer(
        name="nasbench",
        cls=_Commands,
        help="Compare architecture searchers on tables of really trained networks.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # brackets in help texts are brackets; and help needs no rich
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_root)
    known = registry.names(registry.COMMANDS)
    wanted = next((word for word in words if not word.startswith("-")), None)
    for name in [wanted] if wanted in known else known:
        _add(app, str(name))
    return app


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """As ever, but ctrl-C says how to go on, unless the command itself has said it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail(_GO_ON, INTERRUPTED)
        except Exception as fault:
            if _NEGATIVE.fullmatch(getattr(fault, "option_name", "")):  # of wrong usage
                fault.message += ". Put -- before an argument that begins with a dash."  # type: ignore[attr-defined]
            raise


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=lambda v: _version(v)
        ),
    ] = False,
) -> None:
    pass


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"nasbench-lab {metadata.version('nasbench-lab')}")
        raise typer.Exit


def _add(app: typer.Typer, name: str) -> None:
    try:
        command = registry.resolve(registry.COMMANDS, name)
        _attach(typer.Typer(), name, command, check=True)
    except Exception as fault:  # a plug-in may fail in any way, and the other commands go on
        anything = {"allow_extra_args": True, "ignore_unknown_options": True}
        app.command(name, context_settings=anything)(_unavailable(name, fault))
    else:
        _attach(app, name, command)


def _attach(app: typer.Typer, name: str, command: Any, *, check: bool = False) -> None:
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)
    if check:
        typer.main.get_command(app)  # raises for annotations that typer does not take


def _unavailable(name: str, fault: Exception) -> Callable[[], NoReturn]:
    reason = _message(fault) or type(fault).__name__

    def unavailable() -> NoReturn:
        raise BrokenPlugin(f"the command {name} is unavailable: {reason}")

    unavailable.__doc__ = f"(unavailable: {reason})"
    return unavailable


def _message(fault: Exception) -> str:
    """What the error says, without the number that an `OSError` puts before it."""
    return (isinstance(fault, OSError) and fault.strerror) or str(fault)


@contextmanager
def _terminating(signals: list[int]) -> Iterator[None]:
    """SIGTERM ends what is inside as ctrl-C does, so that pools end and finished work is kept."""

    def terminate(number: int, _: object) -> NoReturn:
        signals.append(number)
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, terminate)
    except ValueError:  # not the main thread, whose business signals are
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(code)
