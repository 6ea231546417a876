"""NAS-Bench-101 (Ying et al., ICML 2019): 423,624 cells, each trained three times for four lengths.

The file, `nasbench_full.tfrecord` or `nasbench_only108.tfrecord`, has a record for each training: a
JSON list of the cell's hash, the epochs, the matrix, the operations, and in base64 the protocol
buffer `ModelMetrics`. The hash is computed again from matrix and operations, so rows or columns in
another order are noticed.

What the table holds: a training of 4, 12, 36 or 108 epochs is one of its own, with its own learning
rate schedule, not the beginning of a longer one. `<split>_accuracy` and `training_s` are those at
its end, `halfway_<split>_accuracy` and `halfway_training_s` after half of its epochs. The file
numbers no repeats: 0, 1 and 2 are in its order. Accuracies are fractions of 9,984 images (39
batches of 256 out of 10,000), which the file holds with errors of up to 2e-7 (float32); the table
has the numbers of images. Should a value be no such fraction, its column is kept as it is.
"""

from __future__ import annotations

import binascii
import json
import math
import operator
import struct
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Metric
from nasbench.errors import TableFault
from nasbench.spaces import cell101
from nasbench.spaces import modules101 as modules
from tabular import schema
from tabular.importers import protobuf
from tabular.importers.tfrecord import records

BUDGETS = (4, 12, 36, 108)
REPEATS = 3
CELLS = 423_624
"""Unique cells of the space."""
EXAMPLES = 9_984
"""Images that an accuracy is a fraction of."""
_FINAL = tuple(schema.METRICS[f"{split}_accuracy"] for split in ("train", "valid", "test"))
METRICS = (
    Metric("halfway_training_s", "s", "lower", "train"),
    *(Metric(f"halfway_{m.name}", m.unit, m.better, m.split) for m in _FINAL),
    schema.TRAINING_S,
    *_FINAL,
)
"""In the order in which a record has them."""
_SPACE = cell101.Cell101()
_SOURCE = (
    "NAS-Bench-101 (google-research/nasbench), CIFAR-10: trained on 40,000 images; valid are "
    "10,000 held out, test is the test set, train is measured on 10,000 of the training images; "
    "each number of epochs is a training of its own; seconds are those of training on a TPU"
)
_OTHER = "Get the file again, or name nasbench_full.tfrecord or nasbench_only108.tfrecord"


def read(
    source: Path, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> schema.Content:
    """NAS-Bench-101 from its TFRecord file, all training lengths, and halfway values.

    Raises:
        TableFault: the file is damaged or another one; the record is named.
        MissingExtra: google-crc32c is not installed.
    """
    total = source.stat().st_size if source.is_file() else 0
    found = Trainings()
    done = number = 0
    for number, record in enumerate(records(source), 1):
        try:
            found.add(record)
        except (ValueError, RecursionError) as fault:  # of json, base64, protobuf and our own
            told = str(fault)[:400]  # it may quote the record
            raise TableFault(f"{source}, record {number}: {told}. {_OTHER}") from fault
        done += len(record) + 16
        if number % 50_000 == 0:
            progress(done, total)
    if not number:
        raise TableFault(f"{source} is empty. {_OTHER}")
    progress(total, total)
    return found.content()


class Trainings:
    """What the records of a file say, gathered one by one."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._codes = array("q")
        self._params = array("q")
        self._counts = bytearray(CELLS * len(BUDGETS))
        # memory is taken only for the part that is written
        self._values = np.empty((CELLS, REPEATS, len(BUDGETS), len(METRICS)))
        self._matrices = _Matrices()
        self._operations = _Operations()

    def add(self, record: bytes) -> None:
        """Takes in a record.

        Raises:
            ValueError: it is none, or does not go with the earlier ones.
        """
        fields = json.loads(record.decode())
        if type(fields) is not list or [type(x) for x in fields] != [str, int, str, str, str]:
            raise ValueError("it is no list of hash, epochs, matrix, operations and metrics")
        name, epochs, digits, ops, encoded = fields
        if epochs not in BUDGETS:
            raise ValueError(f"it is of {epochs} epochs, expected {', '.join(map(str, BUDGETS))}")
        params, values = metrics_of(encoded)
        row = self._row(name, digits, ops, params)
        budget = BUDGETS.index(epochs)
        repeat = self._counts[row * len(BUDGETS) + budget]
        if repeat == REPEATS:
            raise ValueError(f"the cell {name} has {REPEATS} trainings of {epochs} epochs already")
        self._counts[row * len(BUDGETS) + budget] += 1
        self._values[row, repeat, budget] = values

    def content(self) -> schema.Content:
        """The table of all trainings; takes the arrays with it."""
        n = len(self._rows)
        given = modules.genes_of(np.array(self._codes)).astype(np.int64)
        codes = modules.canonical_codes(modules.read(given.T))
        order = np.argsort(codes)
        counts = np.frombuffer(self._counts, np.uint8).reshape(CELLS, -1)[order]
        budgets = np.flatnonzero(counts.any(axis=0))
        columns = [self._column(k, order, budgets) for k in range(len(METRICS))]
        train_s = columns[METRICS.index(schema.TRAINING_S)].values[..., -1]
        gaps = _gaps(n, n * REPEATS * len(budgets) - int(counts.sum()))
        params = np.array(self._params)[order]
        return schema.Content(
            name="nb101",
            space=cell101.NAME,
            arity=modules.ARITY,
            per="class",
            genes=modules.genes_of(codes[order]),
            row=None,
            seeds=range(REPEATS),
            epochs=[BUDGETS[k] for k in budgets],
            columns=[*columns, schema.Column(schema.METRICS["params"], params)],
            status=(np.arange(REPEATS) < counts.max(axis=1)[:, None]).astype(np.uint8),
            train_s=train_s.astype(np.float32),
            cost_s=_means(train_s).astype(np.float32),
            measured="given",
            source="; ".join([_SOURCE, *gaps]),
        )

    def _row(self, name: str, digits: str, ops: str, params: int) -> int:
        """The row of a cell, after checking that its records agree."""
        (edges, sources), (inner, labels) = self._matrices[digits], self._operations[ops]
        if len(sources) != len(labels):
            raise ValueError(f"the matrix {digits} does not go with the operations {ops}")
        row, code = self._rows.get(name), edges + inner
        if row is None or self._codes[row] != code:
            expected = modules.module_hash(sources, labels)
            if name != expected:
                raise ValueError(
                    f"its hash {name} is not that of its matrix and operations, {expected}: "
                    "the vertices may be in another order"
                )
        if row is None:
            row = self._rows[name] = len(self._rows)
            self._codes.append(code)
            self._params.append(params)
            self._values[row] = np.nan
        if self._params[row] != params:
            raise ValueError(
                f"it has {params} parameters, an earlier record of the cell {self._params[row]}"
            )
        return row

    def _column(
        self, at: int, order: NDArray[np.int64], budgets: NDArray[np.int64]
    ) -> schema.Column:
        """A metric with its rows in order, in place: a file's worth of copies would not fit."""
        values = self._values[: len(order), :, :, at]
        values[...] = values[order]
        if METRICS[at].unit == "%":
            values *= 100
        known = values if len(budgets) == len(BUDGETS) else values[..., budgets]
        return schema.Column(METRICS[at], known, EXAMPLES if METRICS[at].unit == "%" else None)


def metrics_of(encoded: str) -> tuple[int, list[float]]:
    """Parameters and values, in the order of `METRICS`, of a `ModelMetrics` in base64.

    Accuracies are still fractions; what the message leaves out is NaN.

    Raises:
        ValueError: it is none.
    """
    data = binascii.a2b_base64(encoded.replace("\n", ""), strict_mode=True)
    evaluations: list[tuple[float, ...]] = []
    if len(data) > _THREE.size and _tags(data) == _TAGS:  # nearly every record, so it is quick
        doubles = _THREE.unpack_from(data)
        evaluations = [doubles[:5], doubles[5:10], doubles[10:]]
        data = data[_THREE.size :]
    params = -1
    for number, kind, value in protobuf.fields(data):
        if number == 1 and kind == protobuf.LEN:
            evaluations.append(_evaluation(value))  # type: ignore[arg-type]
        elif number == 2 and kind == protobuf.VARINT:
            params = int(value)
    if not (len(evaluations) == 3 and 0 <= params < 1 << 31):
        raise ValueError(
            "its metrics are not those of start, middle and end of a training and the parameters"
        )
    return params, [*_checked(evaluations[1]), *_checked(evaluations[2])]


_ONE = bytes([1 << 3 | protobuf.LEN, 45, *(k << 3 | protobuf.I64 for k in range(1, 6))])
"""What stands before the five doubles of an `EvaluationData`: its tag and size, and their tags."""
_THREE = struct.Struct("<" + ("2x" + "xd" * 5) * 3)
_TAGS = tuple(_ONE * 3)
_tags = operator.itemgetter(*(47 * k + at for k in range(3) for at in (0, 1, *range(2, 47, 9))))
_DOUBLE = struct.Struct("<d")


def _evaluation(data: bytes) -> tuple[float, ...]:
    """Start, seconds, and fractions right in train, valid and test of an `EvaluationData`."""
    values = [math.nan] * 5
    for number, kind, value in protobuf.fields(data):
        if number <= len(values):
            if kind != protobuf.I64 or number == 0:
                raise ValueError(f"field {number} of its metrics is no double")
            (values[number - 1],) = _DOUBLE.unpack(value)  # type: ignore[arg-type]
    return tuple(values)


def _checked(evaluation: tuple[float, ...]) -> tuple[float, ...]:
    """All but the start, with which nothing is done."""
    _, seconds, train, valid, test = evaluation
    wrong = seconds < 0 or train < 0 or valid < 0 or test < 0  # NaN is none of these
    if wrong or seconds == math.inf or train > 1 or valid > 1 or test > 1:
        raise ValueError(f"its seconds and fractions are {evaluation[1:]}")
    return evaluation[1:]


class _Matrices(dict[str, tuple[int, list[list[int]]]]):
    """Code of the edges and sources of each vertex, by the digits of a matrix.

    A file has thousands of cells with one matrix, so that each is checked once.
    """

    def __missing__(self, digits: str) -> tuple[int, list[list[int]]]:
        vertices = math.isqrt(len(digits))
        ops = [cell101.INPUT, *[modules.OPS[0]] * (vertices - 2), cell101.OUTPUT]
        arch = _SPACE.parse(f"{digits} {','.join(ops)}")
        if int(modules.read(arch.genes).live()).bit_count() != vertices - 2:
            raise ValueError(f"the matrix {digits} has vertices on no path from input to output")
        columns = (digits[k::vertices] for k in range(vertices))
        sources = [[k for k, edge in enumerate(column) if edge == "1"] for column in columns]
        self[digits] = found = sum(map(operator.mul, arch.genes, modules.WEIGHTS)), sources
        return found


class _Operations(dict[str, tuple[int, list[int]]]):
    """Code of the operations and labels of the vertices, by the names joined by commas."""

    def __missing__(self, names: str) -> tuple[int, list[int]]:
        first, *inner, last = names.split(",") if "," in names else ("", "")
        known = len(inner) <= modules.INNER and set(inner) <= set(modules.OPS)
        if not known or (first, last) != (cell101.INPUT, cell101.OUTPUT):
            raise ValueError(f"{names[:200]!r} are no operations of a cell")
        numbers = [modules.OPS.index(name) for name in inner]
        code = sum(map(operator.mul, numbers, modules.WEIGHTS[-modules.INNER :]))
        self[names] = found = code, [-1, *numbers, -2]
        return found


def _gaps(cells: int, missing: int) -> Iterator[str]:
    """What a file lacks of the published one: cells, and trainings of those that it has."""
    if cells < CELLS:
        yield f"{cells:,} of the {CELLS:,} cells"
    if missing:
        yield f"{missing:,} of their trainings are missing"


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean (n,) over the known ones of values (n, repeats), NaN where none is."""
    known = np.isfinite(values)
    total, count = np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1)
    means = np.full(len(values), np.nan)
    np.divide(total, count, out=means, where=count > 0)
    return means
