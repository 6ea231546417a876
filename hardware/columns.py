"""Files of measured latencies: one JSON document for a benchmark, a column for each device.

Layout: `{"format": "nasbench latency 1", "benchmark", "table_sha256", "space", "table_file",
"columns": [...], "sha256"}`; the hash is that of all else, as compact JSON with sorted keys. A
column's rows are classes, by the genes of their canonical architecture. Files are replaced whole;
what is not written into one yet is in its journal (`hardware.journal`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from hardware.timing import Timing
from hardware.workload import Workload, is_label
from nasbench import registry
from nasbench.atomic import write_text
from nasbench.errors import InvalidConfig, TableCorrupt, TableVersion, UnknownMetric

FORMAT = "nasbench latency 1"
SUFFIX = ".latency"
MOST_BYTES = 1 << 28
Genes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One class on one device; milliseconds for the whole batch, NaN where it is a gap."""

    genes: Genes
    median_ms: float = math.nan
    low_ms: float = math.nan
    high_ms: float = math.nan
    """Ends of the 95 % interval: of the median, or of a prediction."""
    iqr_ms: float = math.nan
    drift: float = math.nan
    runs: int = 0
    """0 where nothing was measured."""
    tight: bool = False
    energy_mj: float = math.nan
    """NaN where no meter could be read."""
    gap: str = ""
    """Why there is no latency; empty where there is one."""
    peak_memory_mb: float = math.nan
    """Of the network's tensors in PyTorch, see `hardware.memory`; it does not depend on the device.
    NaN where nothing was measured, or before it was recorded."""

    @classmethod
    def of(cls, genes: Genes, timing: Timing, energy_mj: float = math.nan) -> Row:
        """The row of a timed network."""
        plain = {each.name: getattr(timing, each.name) for each in fields(Timing)}
        return cls(genes, **plain, energy_mj=energy_mj)


NUMBERS = ("median_ms", "low_ms", "high_ms", "iqr_ms", "drift", "energy_mj", "peak_memory_mb")


@dataclass(frozen=True, slots=True)
class About:
    """What a column is, and under what conditions it was measured."""

    label: str
    device: str
    workload: Workload
    conditions: Mapping[str, str]
    reference: Genes
    baseline_s: float
    """Seconds of the reference network when the least disturbed it."""
    tolerance: float
    model: str = ""
    """What predicted the column; empty if it was measured."""

    def __post_init__(self) -> None:
        if not is_label(self.label):
            raise InvalidConfig(
                f"a column's label has letters, digits and . @ + / - _ only, got {self.label!r:.60}"
            )


@dataclass(frozen=True, slots=True)
class Column:
    """Latencies on one device."""

    about: About
    rows: Mapping[Genes, Row] = field(default_factory=dict)
    sessions: tuple[Mapping[str, Any], ...] = ()
    """Date, load per core and number of classes of every session, in order."""
    parts_ms: Mapping[str, float] = field(default_factory=dict)
    """Latencies of the parts of networks, see `hardware.lookup`."""

    @property
    def measured(self) -> dict[Genes, Row]:
        """Rows that are no gaps."""
        return {genes: row for genes, row in self.rows.items() if not row.gap}

    @property
    def quiet(self) -> bool:
        """Whether nothing else kept the machine busy in any session."""
        return all(session.get("load", math.inf) <= BUSY for session in self.sessions)


BUSY = 0.5
"""Processes waiting per core, above which a machine is busy."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file of latencies."""

    benchmark: str
    table_sha256: str | None
    """Of the table when the file was begun, for the reader: latencies do not depend on it."""
    space: str
    columns: tuple[Column, ...] = ()
    table_file: str = ""
    """Where the table lies, seen from the file's folder; empty for registered benchmarks."""

    def column(self, label: str) -> Column:
        """The column of a label.

        Raises:
            UnknownMetric: there is none.
        """
        for column in self.columns:
            if column.about.label == label:
                return column
        known = [column.about.label for column in self.columns]
        raise registry.unknown(UnknownMetric, "column of latencies", label, known)

    def having(self, column: Column) -> Document:
        """The document with this column in the place of the one of its label, or at the end."""
        labels = [each.about.label for each in self.columns]
        if column.about.label not in labels:
            return replace(self, columns=(*self.columns, column))
        at = labels.index(column.about.label)
        return replace(self, columns=(*self.columns[:at], column, *self.columns[at + 1 :]))

    @property
    def sha256(self) -> str:
        """Hash of the content."""
        return _hash(document_to_json(self))


def write_document(document: Document, path: Path) -> None:
    """Replaces the file, all of it or nothing."""
    plain = document_to_json(document)
    write_text(path, json.dumps({**plain, "sha256": _hash(plain)}, separators=(",", ":")) + "\n")


def read_document(path: Path) -> Document:
    """The document of a file.

    Raises:
        TableCorrupt: it is missing, damaged, or not a file of latencies.
        TableVersion: it has another version of the layout.
    """
    try:
        if path.exists() and not path.is_file():
            raise TableCorrupt(f"{path} is no file; name one that `hardware measure` wrote")
        if path.stat().st_size > MOST_BYTES:
            raise TableCorrupt(f"{path} has more than {MOST_BYTES:,} bytes, which no column needs")
        plain: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as fault:
        raise TableCorrupt(
            f"{path} cannot be read as latencies: {str(fault)[:200]}. "
            "Get a fresh copy, or measure again with `nasbench hardware measure`."
        ) from fault
    found = plain.get("format") if isinstance(plain, dict) else None
    if found != FORMAT:
        kind = TableVersion if str(found).startswith("nasbench latency ") else TableCorrupt
        raise kind(f"{path} is of the format {found!r:.60}, expected {FORMAT!r}")
    stored = plain.pop("sha256", None)
    try:
        if stored != _hash(plain):
            raise ValueError("its sha256 is not that of its content")
        return document_from_json(plain)
    except (ValueError, TypeError, KeyError, AttributeError) as fault:  # ours are ValueErrors, too
        raise TableCorrupt(
            f"{path} is damaged: {str(fault)[:200]}. Get a fresh copy, or measure again."
        ) from fault


def document_to_json(document: Document) -> dict[str, Any]:
    """Plain data, the same for equal documents."""
    return {
        "format": FORMAT,
        "benchmark": document.benchmark,
        "table_sha256": document.table_sha256,
        "space": document.space,
        "table_file": document.table_file,
        "columns": [_column_to_json(column) for column in document.columns],
    }


def document_from_json(plain: Mapping[str, Any]) -> Document:
    """The document of plain data; raises built-in errors where it is malformed."""
    columns = tuple(_column_from_json(each) for each in plain["columns"])
    if len({column.about.label for column in columns}) != len(columns):
        raise ValueError("two columns have one label")
    sha256 = plain["table_sha256"]
    return Document(
        benchmark=str(plain["benchmark"]),
        table_sha256=None if sha256 is None else str(sha256),
        space=str(plain["space"]),
        columns=columns,
        table_file=str(plain["table_file"]),
    )


def about_to_json(about: About) -> dict[str, Any]:
    """Plain data."""
    plain = {each.name: getattr(about, each.name) for each in fields(About)}
    return plain | {
        "workload": about.workload.to_json(),
        "conditions": dict(about.conditions),
        "reference": list(about.reference),
    }


def about_from_json(plain: Mapping[str, Any]) -> About:
    """What `about_to_json` wrote; raises built-in errors where it is malformed."""
    about = About(
        **{
            **plain,
            "workload": Workload.from_json(plain["workload"]),
            "conditions": {str(key): str(value) for key, value in plain["conditions"].items()},
            "reference": tuple(map(int, plain["reference"])),
        }
    )
    if not (math.isfinite(about.baseline_s) and about.baseline_s >= 0):
        raise ValueError(f"baseline_s is {about.baseline_s}")
    return about


def row_from_json(plain: Mapping[str, Any]) -> Row:
    """A checked row; raises built-in errors where it is malformed."""
    numbers = {
        name: math.nan if plain.get(name) is None else float(plain[name]) for name in NUMBERS
    }
    row = Row(
        tuple(map(int, plain["genes"])),
        **numbers,
        runs=int(plain.get("runs", 0)),
        tight=bool(plain.get("tight", False)),
        gap=str(plain.get("gap", "")),
    )
    if not row.gap and not 0 < row.low_ms <= row.median_ms <= row.high_ms < math.inf:
        raise ValueError(f"the latency of {row.genes} is not positive and inside its interval")
    return row


def row_to_json(row: Row) -> dict[str, Any]:
    """Plain data; five significant digits, null for NaN."""
    plain = {each.name: getattr(row, each.name) for each in fields(Row)}
    numbers = {name: _rounded(plain[name]) for name in NUMBERS}
    return plain | numbers | {"genes": list(row.genes)}


def _column_to_json(column: Column) -> dict[str, Any]:
    """Rows as lists by field, which is a third of the bytes."""
    rows = [row_to_json(row) for row in column.rows.values()]
    measured = [row for row in rows if not row["gap"]]
    names = [each.name for each in fields(Row) if each.name != "gap"]
    by_field = {name: [row[name] for row in measured] for name in names}
    return {
        "about": about_to_json(column.about),
        "sessions": [dict(session) for session in column.sessions],
        "parts_ms": {name: _rounded(value) for name, value in column.parts_ms.items()},
        "rows": by_field,
        "gaps": [[row["genes"], row["gap"]] for row in rows if row["gap"]],
    }


def _column_from_json(plain: Mapping[str, Any]) -> Column:
    by_field = plain["rows"]
    rows = [
        row_from_json(dict(zip(by_field, values, strict=True)))
        for values in zip(*by_field.values(), strict=True)
    ]
    rows += [Row(tuple(map(int, genes)), gap=str(gap)) for genes, gap in plain["gaps"]]
    return Column(
        about_from_json(plain["about"]),
        {row.genes: row for row in rows},
        tuple(dict(session) for session in plain["sessions"]),
        {str(name): float(value) for name, value in plain["parts_ms"].items()},
    )


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _hash(plain: Mapping[str, Any]) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
