"""Files of scores: CSV with a column for each field of a dataclass."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import Field, asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from nasbench.atomic import write_text
from nasbench.errors import SurrogateFault


class Row(Protocol):
    """A dataclass of texts and numbers, a line of a file of scores."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Kind = TypeVar("Kind", bound=Row)


def read(file: Path, kind: type[Kind]) -> list[Kind]:
    """The scores of a file; none if there is no file.

    Raises:
        SurrogateFault: it holds something else.
    """
    if not file.exists():
        return []
    try:
        with file.open(newline="") as stream:
            return [_parsed(row, kind) for row in csv.DictReader(stream)]
    except (TypeError, ValueError, KeyError) as fault:
        raise SurrogateFault(
            f"{file} is not a file of scores ({fault}); delete it, or choose another output"
        ) from fault


def save(file: Path, scores: Sequence[Row]) -> None:
    """Replace `file` by these scores, one at least."""
    names = [field.name for field in fields(scores[0])]
    lines = [",".join(names)]
    lines += [",".join(_cell(asdict(score)[name]) for name in names) for score in scores]
    write_text(file, "\n".join(lines) + "\n")


def _parsed(row: dict[str, str], kind: type[Kind]) -> Kind:
    kinds = {"str": str, "int": int, "float": float}
    return kind(**{field.name: kinds[str(field.type)](row[field.name]) for field in fields(kind)})


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
