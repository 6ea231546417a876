"""`nasbench list`: everything that can be named, from this project and from plug-ins."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasbench import registry
from nasbench.commands.query import trained

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, Any]
DISTRIBUTION = "nasbench-lab"
DIGITS = 8
"""Of a sha256, in the table; `--json` shows all."""


class Kind(StrEnum):
    """What can be listed: the last part of an entry point group."""

    BENCHMARKS = "benchmarks"
    SEARCHERS = "searchers"
    SPACES = "spaces"
    TASKS = "tasks"
    PREDICTORS = "predictors"
    DEVICES = "devices"
    FORMATS = "formats"
    IMPORTERS = "importers"
    COMMANDS = "commands"


def list_(
    kind: Annotated[Kind | None, typer.Argument(help="List only these.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """List benchmarks, searchers, spaces, tasks and whatever else is installed."""
    kinds = [each for each in Kind if _names(each)] if kind is None else [kind]
    catalog = {each: rows(each) for each in kinds}
    if as_json:
        typer.echo(json.dumps(catalog, indent=2))
        return
    from rich.console import Console

    console = Console()
    for each, found in catalog.items():
        console.print(_table(each, found))
        for row in (row for row in found if "error" in row):
            console.print(f"{row['name']}: {row['error']}", style="red", markup=False)


def rows(kind: Kind) -> list[Row]:
    """What is known about every name of a kind; of one that does not load, its `error`."""
    return [_row(kind, name) for name in _names(kind)]


def _row(kind: Kind, name: str) -> Row:
    try:
        facts = _DESCRIBERS.get(kind, _entry(kind))(name)
    except Exception as fault:  # whatever a plug-in raises belongs in its line
        facts = {"error": f"{type(fault).__name__}: {fault}"}
    return {"name": name, **facts, "from": registry.provider(_group(kind), name)}


def _benchmark(name: str) -> Row:
    found = registry.benchmark(name)
    known = trained(found) if hasattr(found, "trained") else None
    return {
        "space": found.space.name,
        "task": getattr(found, "task", None),
        "classes": known and known[1],
        "repeats": getattr(found, "repeats", None),
        "trained": known and list(known),
        "epochs": list(found.epochs),
        "metrics": [metric.name for metric in found.metrics],
        "sha256": getattr(found, "sha256", None),
    }


def _searcher(name: str) -> Row:
    factory: Any = registry.searcher(name)
    config = getattr(factory, "Config", None)
    settings = dataclasses.fields(config) if dataclasses.is_dataclass(config) else ()
    return {
        "about": _first_line(inspect.getmodule(factory)) or _first_line(factory),
        "settings": {field.name: _plain(field.default) for field in settings},
    }


def _space(name: str) -> Row:
    space = registry.space(name)
    return {
        "architectures": len(space),
        "choices": list(space.arity),
        "about": _first_line(type(space)),
    }


def _task(name: str) -> Row:
    task = registry.task(name)
    return {
        "domain": task.domain,
        "recipe": dataclasses.asdict(task.recipe),
        "about": _first_line(type(task)),
    }


def _entry(kind: Kind) -> Callable[[str], Row]:
    return lambda name: {"about": _about(registry.resolve(_group(kind), name))}


_DESCRIBERS: dict[Kind, Callable[[str], Row]] = {
    Kind.BENCHMARKS: _benchmark,
    Kind.SEARCHERS: _searcher,
    Kind.SPACES: _space,
    Kind.TASKS: _task,
}


_NOT_IN_TABLE = frozenset({"error", "metrics", "recipe"})
"""Too wide for a terminal's columns; errors follow below."""
_WIDE = frozenset({"about", "choices", "settings", "task"})
"""May be broken into lines."""


def _table(kind: Kind, found: Sequence[Row]) -> Table:
    """The rows as text; never as markup, which brackets in a name or an error could break."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=kind.value,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    known = dict.fromkeys(key for row in found for key in row if key not in _NOT_IN_TABLE)
    columns = [key for key in known if key != "from"]
    if all(str(row.get("task")) in row["name"] for row in found) and "task" in columns:
        columns.remove("task")
    if all(done == total for done, total in (row.get("trained") or (0, 0) for row in found)):
        columns = [key for key in columns if key != "trained"]
    if any(row["from"] != DISTRIBUTION for row in found):
        columns.append("from")
    for column in columns:
        head = "done" if column == "trained" else column  # shorter, to fit into 80 columns
        table.add_column(head, overflow="fold", no_wrap=column not in _WIDE)
    for row in found:
        cells = [Text(_cell(column, row.get(column))) for column in columns]
        table.add_row(*cells, style="red" if "error" in row else "")
    return table


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column == "sha256":
        return str(value)[:DIGITS]
    if column == "epochs":
        return _range(value)
    if column == "trained":
        return f"{100 * value[0] // max(1, value[1])} %"
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={each}" for key, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _range(epochs: list[int]) -> str:
    whole = len(epochs) > 2 and epochs == list(range(epochs[0], epochs[-1] + 1))
    return f"{epochs[0]}..{epochs[-1]}" if whole else " ".join(map(str, epochs))


def _group(kind: Kind) -> str:
    return f"nasbench.{kind.value}"


def _names(kind: Kind) -> list[str]:
    return registry.names(_group(kind))


def _about(described: object) -> str:
    if isinstance(described, typer.Typer):  # a group of commands
        described = described.info.help
        return described.partition("\n")[0] if isinstance(described, str) else ""
    return _first_line(described)


def _first_line(described: object) -> str:
    return (inspect.getdoc(described) or "").partition("\n")[0]


def _plain(value: Any) -> Any:
    """A default as JSON can hold it."""
    return value if isinstance(value, (int, float, str, type(None))) else str(value)
