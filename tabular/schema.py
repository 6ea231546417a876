"""The layout of a table file: what is stored where, how values are encoded, how content is hashed.

HDF5 (readable by 1.10 and later), every data set gzipped, shuffled and with Fletcher-32 sums::

    /                  attributes format, schema, sha256, and those of ATTRIBUTES
    /manifest          uint8: JSON, see below
    /genes             (rows, p) int16; a row is a class of the space, or an architecture (`per`)
    /row               (product of arity,) int32: row of the genes read as a mixed-radix number,
                       -1 for none; left out of spaces with more than MAX_CODES combinations
    /seeds             (repeats,) int64: training seed of each repeat
    /status            (rows, repeats) uint8: 0 not trained, 1 trained, 2 diverged
    /train_s           (rows, repeats) float32: seconds of training as it happened
    /cost_s            (rows,) float32: seconds of the full training; `measured` is quiet (a pass of
                       its own), busy (the median of train_s) or given (imported)
    /static/<metric>   (rows,) int64 or float64
    /curves/<metric>   (rows, repeats, epochs): one chunk an epoch, so that each is read alone
    /code              (rows,) int64: the genes as a mixed-radix number; only in tables of blocks
                       without /row, so that a row is found without reading the genes

A table of more than BLOCK_ROWS rows is one of blocks: chunks and hashes are of BLOCK_ROWS rows at
most, so that one row is read and checked without all others. The manifest then says so.

A curve's attribute `encoding` says what is stored: `count` (correct answers as uint16, of
`examples`; 65535 is missing), `rounded` (float32 with `significant_bits`, a relative error below
2 ** -significant_bits) or `exact` (float64). The chance accuracies of diverged trainings are
rounded to a count. Data sets have a unit and a description, metrics also better, split, missing.

The manifest holds the file's attributes, and of every data set the attributes, shape, dtype and
sha256 of its little-endian values (of each epoch for curves, of each block). The sha256 of the file
is that of the manifest: it depends on the content, not on HDF5, and parts are checked when read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Metric

FORMAT = "nasbench-table"
VERSION = 1
ATTRIBUTES = ("name", "space", "arity", "per", "task", "epochs", "recipe", "setting", "source")
"""Of the file: texts, or JSON of anything else."""
MAX_CODES = 1 << 20
BLOCK_ROWS = 1 << 15
MISSING = 65535
SIGNIFICANT_BITS = 13
"""Kept of a loss: a relative error below 1.3e-4, far below the noise between seeds."""
NOT_TRAINED, TRAINED, DIVERGED = 0, 1, 2
Measured = Literal["quiet", "busy", "given"]

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("train_loss", "nats", "lower", "train"),
        Metric("valid_loss", "nats", "lower", "valid"),
        Metric("test_loss", "nats", "lower", "test"),
        Metric("train_accuracy", "%", "higher", "train"),
        Metric("valid_accuracy", "%", "higher", "valid"),
        Metric("test_accuracy", "%", "higher", "test"),
        Metric("params", "parameters", "lower", "static"),
        Metric("macs", "multiply-adds", "lower", "static"),
    )
}
"""The metrics of tables by name."""
TRAINING_S = Metric("training_s", "s", "lower", "train")
"""Seconds of a training that ended after an epoch. Where a table has it, trainings of different
lengths are different trainings, and it is what each is charged; elsewhere `cost_s` is, in
proportion to the epochs."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A metric of every row."""

    metric: Metric
    values: NDArray[Any]
    """(rows, repeats, epochs), NaN where missing; (rows,) if the metric is static."""
    examples: int | None = None
    """How many examples an accuracy is a fraction of, if it is known."""
    rounded: bool = False
    """Whether `SIGNIFICANT_BITS` are enough."""


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """All that a table file holds."""

    name: str
    space: str
    arity: tuple[int, ...]
    per: Literal["class", "architecture"]
    genes: NDArray[np.int16]
    """(rows, p)."""
    row: NDArray[np.int32] | None
    """(product of arity,); see `row_of_codes`."""
    seeds: Sequence[int]
    epochs: Sequence[int]
    columns: Sequence[Column]
    status: NDArray[np.uint8]
    """(rows, repeats)."""
    train_s: NDArray[np.float32]
    """(rows, repeats)."""
    cost_s: NDArray[np.float32]
    """(rows,)."""
    measured: Measured
    """How `cost_s` was."""
    task: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    setting: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    """Where imported numbers come from, and what to know about them."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One data set as it is written."""

    values: NDArray[Any]
    attributes: Mapping[str, Any]
    planes: bool = False
    """Whether each index of the last axis is a chunk and a hash of its own."""
    by_row: bool = True
    """Whether the first axis is that of the rows."""

    @property
    def block(self) -> int | None:
        """Rows of a chunk and of a hash; None for all of them."""
        return BLOCK_ROWS if self.by_row and len(self.values) > BLOCK_ROWS else None


def datasets(content: Content) -> dict[str, Stored]:
    """Every data set of a table file but the manifest, by path."""
    made = {
        "genes": _plain(content.genes, np.int16, "", f"genes of each {content.per}"),
        "seeds": _plain(content.seeds, np.int64, "", "training seed of each repeat", by_row=False),
        "status": _plain(content.status, np.uint8, "", "0 not trained, 1 trained, 2 diverged"),
        "train_s": _plain(content.train_s, np.float32, "s", "training as it happened"),
        "cost_s": _plain(content.cost_s, np.float32, "s", "full training"),
    }
    made["cost_s"] = Stored(
        made["cost_s"].values, {**made["cost_s"].attributes, "measured": content.measured}
    )
    if content.row is not None:
        text = "row of each combination of genes, or -1"
        made["row"] = _plain(content.row, np.int32, "", text, by_row=False)
    elif made["genes"].block and has_codes(content.arity):
        found = codes(content.genes, content.arity)
        made["code"] = _plain(found, np.int64, "", "genes as a mixed-radix number")
    for column in content.columns:
        static = column.metric.split == "static"
        path = f"{'static' if static else 'curves'}/{column.metric.name}"
        diverged = content.status == DIVERGED
        made[path] = _static(column) if static else _curve(column, diverged)
    return dict(sorted(made.items()))


def attributes(content: Content) -> dict[str, Any]:
    """The file's attributes."""
    values = {name: getattr(content, name) for name in ATTRIBUTES}
    return {
        **values,
        "arity": [int(n) for n in content.arity],
        "epochs": [int(n) for n in content.epochs],
    }


def manifest(attributes: Mapping[str, Any], stored: Mapping[str, Stored]) -> bytes:
    """The JSON that vouches for everything; its sha256 is the table's."""
    parts = {
        path: {
            "attributes": dict(data.attributes),
            "shape": list(data.values.shape),
            "dtype": data.values.dtype.str,
            "sha256": digests(data.values, data.planes, data.block),
            **({"block": data.block} if data.block else {}),
        }
        for path, data in stored.items()
    }
    return json.dumps({"attributes": attributes, "datasets": parts}, sort_keys=True).encode()


def digests(values: NDArray[Any], planes: bool, block: int | None = None) -> list[str]:
    """The sha256 of each plane along the last axis or of everything, block by block."""
    rows = [slice(k, k + block) for k in range(0, len(values), block)] if block else [slice(None)]
    if not planes:
        return [digest(values[part]) for part in rows]
    return [digest(values[part, ..., k]) for k in range(values.shape[-1]) for part in rows]


def digest(values: NDArray[Any]) -> str:
    """The sha256 of an array's little-endian bytes in C order."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(np.ascontiguousarray(little).data).hexdigest()


def decode(raw: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[np.float64]:
    """Values of a metric as they were meant, NaN where missing."""
    values: NDArray[np.float64] = raw.astype(np.float64)
    if attributes.get("encoding") == "count":
        values *= 100.0
        values /= attributes["examples"]
        values[raw == MISSING] = np.nan
    return values


def metric_of(name: str, attributes: Mapping[str, Any]) -> Metric:
    """The metric that a data set's attributes describe."""
    return Metric(name, attributes["unit"], attributes["better"], attributes["split"])


def code_weights(arity: Sequence[int]) -> NDArray[np.int64]:
    """What each gene counts for in the mixed-radix number of a combination, the last one 1."""
    return np.array([math.prod(arity[k + 1 :]) for k in range(len(arity))], dtype=np.int64)


def has_codes(arity: Sequence[int]) -> bool:
    """Whether the mixed-radix numbers of the combinations fit 64 bits."""
    return math.prod(arity) < 1 << 63


def codes(genes: NDArray[Any], arity: Sequence[int]) -> NDArray[np.int64]:
    """The mixed-radix number (n,) of each row of `genes` (n, p), which are below `arity`."""
    found = np.zeros(len(genes), dtype=np.int64)
    for gene, weight in zip(genes.T, code_weights(arity), strict=True):
        found += gene * weight
    return found


def round_to_bits(values: NDArray[Any], bits: int) -> NDArray[np.float32]:
    """Values with `bits` significant bits, ties to even; what is not finite stays."""
    exact = np.asarray(values, dtype=np.float32)
    word = exact.view(np.uint32)
    drop = np.uint32(24 - bits)
    kept_odd = (word >> drop) & np.uint32(1)
    nearest = word + (np.uint32((1 << (int(drop) - 1)) - 1) + kept_odd)
    nearest &= ~np.uint32((1 << int(drop)) - 1)
    rounded = np.where(np.isfinite(exact), nearest.view(np.float32), exact)
    rounded[np.isnan(rounded)] = np.nan  # one bit pattern for all of them
    return rounded.astype(np.float32)


def _plain(values: Any, dtype: Any, unit: str, description: str, *, by_row: bool = True) -> Stored:
    attributes = {"unit": unit, "description": description}
    return Stored(np.asarray(values).astype(dtype), attributes, by_row=by_row)


def _static(column: Column) -> Stored:
    whole = np.issubdtype(column.values.dtype, np.integer)
    values = column.values.astype(np.int64 if whole else np.float64, copy=False)
    return Stored(values, _described(column, "of the architecture alone", {"encoding": "exact"}))


def _curve(column: Column, diverged: NDArray[np.bool_]) -> Stored:
    text = f"after each epoch, on the {column.metric.split} split"
    raw: NDArray[Any]
    if column.examples is not None and column.examples < MISSING:
        counts = column.values * (column.examples / 100.0)
        whole = np.rint(counts)
        if not np.any(np.abs(counts - whole)[~diverged] > 0.01):
            raw = np.where(np.isnan(whole), MISSING, whole).astype(np.uint16)
            extra = {"encoding": "count", "examples": column.examples}
            return Stored(raw, _described(column, text, extra), planes=True)
    if column.rounded:
        raw = round_to_bits(column.values, SIGNIFICANT_BITS)
        extra = {"encoding": "rounded", "significant_bits": SIGNIFICANT_BITS}
        return Stored(raw, _described(column, text, extra), planes=True)
    raw = column.values.astype(np.float64, copy=False)  # large tables are in memory once
    return Stored(raw, _described(column, text, {"encoding": "exact"}), planes=True)


def _described(column: Column, text: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    metric = column.metric
    missing = int(np.isnan(column.values.astype(np.float64, copy=False)).sum())
    return {
        "unit": metric.unit,
        "better": metric.better,
        "split": metric.split,
        "description": f"{metric.name} {text}",
        "missing": missing,
        **extra,
    }
