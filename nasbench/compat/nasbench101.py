"""The interface of google-research/nasbench on a table, for code written for NAS-Bench-101.

    from nasbench.compat import nasbench101 as api

    nasbench = api.NASBench("nb101.h5")
    spec = api.ModelSpec(matrix, ops)
    data = nasbench.query(spec, epochs=108)

Methods, arguments and keys of the answers are those of its `api.py`; fractions and seconds too.
What differs: repeats are drawn from a generator of this object (`seed`, by default 0), never from
the global one; `module_adjacency` is the canonical form of the cell, which may be a relabeling of
the one in the file; accuracies are exact shares of 9,984 images, which the file has in single
precision; errors are this project's, and `except api.OutOfDomainError` catches them. There is no
`evaluate`, which would train with TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench import registry
from nasbench.core import Architecture, Benchmark, Candidate, Metric, Result
from nasbench.errors import (
    InvalidArchitecture,
    InvalidConfig,
    UnknownMetric,
    UnknownName,
    UnknownSchedule,
    WrongSpace,
)
from nasbench.spaces import modules101
from nasbench.spaces.cell101 import NAME, Cell101

OutOfDomainError = (InvalidArchitecture, UnknownSchedule)
"""What is raised for cells and epochs that are not in the data set."""
_SPACE = Cell101()
_METRICS = {
    "training_time": "training_s",
    "train_accuracy": "train_accuracy",
    "validation_accuracy": "valid_accuracy",
    "test_accuracy": "test_accuracy",
}
"""Metrics of the table by the keys of the answers."""
_HALVES = ("halfway", "final")


class ModelSpec:
    """A cell, and what is left of it after pruning.

    Args:
        matrix: upper triangular (v, v).
        ops: v names, the first and last being `input` and `output`.
        data_format: kept for code that reads it.

    Raises:
        InvalidArchitecture: (a ValueError) the matrix is not square or upper triangular, or does
            not go with the operations.
    """

    def __init__(
        self, matrix: ArrayLike, ops: Sequence[str], data_format: str = "channels_last"
    ) -> None:
        self.original_matrix: NDArray[Any] = np.array(matrix)
        self.original_ops = list(ops)
        self.data_format = data_format
        shape = self.original_matrix.shape
        if shape != (len(ops), len(ops)) or not len(ops):
            raise InvalidArchitecture(
                f"expected a square matrix and as many operations, got {shape} and {len(ops)}"
            )
        if np.tril(self.original_matrix).any():
            raise InvalidArchitecture("expected an upper triangular matrix; order its vertices")
        kept = _on_a_path(self.original_matrix != 0)
        self.valid_spec = len(kept) > 0
        """Whether input and output are connected."""
        self.matrix: NDArray[Any] | None = None
        self.ops: list[str] | None = None
        if self.valid_spec:
            self.matrix = self.original_matrix[np.ix_(kept, kept)]
            self.ops = [self.original_ops[v] for v in kept]

    def hash_spec(self, canonical_ops: Sequence[str] = modules101.OPS) -> str:
        """The MD5 that isomorphic cells share.

        Raises:
            InvalidArchitecture: input and output are not connected, or an operation is unknown.
        """
        if self.matrix is None or self.ops is None:
            raise InvalidArchitecture("input and output of the cell are not connected")
        unknown = set(self.ops[1:-1]) - set(canonical_ops)
        if unknown:
            raise InvalidArchitecture(f"unknown operations {sorted(unknown)}")
        sources = [np.flatnonzero(column).tolist() for column in self.matrix.T]
        labels = [canonical_ops.index(op) for op in self.ops[1:-1]]
        return modules101.module_hash(sources, [-1, *labels, -2])


@runtime_checkable
class Trained(Protocol):
    """A table of cells that tells its trainings apart."""

    name: str
    metrics: tuple[Metric, ...]
    epochs: tuple[int, ...]

    @property
    def genes(self) -> NDArray[np.int16]: ...

    def query(
        self, candidates: Sequence[Candidate], *, noise_seed: int | None = None
    ) -> list[Result]: ...

    def rows_of(self, genes: ArrayLike) -> NDArray[np.int64]: ...

    def values(self, metric: str) -> NDArray[np.float64]: ...

    def trainings(self, metric: str, *, epochs: int) -> NDArray[np.float64]: ...


class NASBench:
    """A table that `nasbench table import nasbench101` wrote, or any other of its metrics.

    Args:
        dataset_file: the table, its path or its name.
        seed: decides, or a generator that does, which repeat a query answers with.

    Raises:
        UnknownBenchmark: there is no such table.
        WrongSpace: it is of another space.
        UnknownMetric: it has other metrics.
    """

    def __init__(
        self, dataset_file: str | Path | Benchmark, seed: int | np.random.Generator = 0
    ) -> None:
        table: Any = dataset_file
        if isinstance(dataset_file, (str, Path)):
            table = registry.benchmark(dataset_file)
        if table.space.name != NAME:
            raise WrongSpace(f"{table.name} is of {table.space.name}, expected a table of {NAME}")
        if not isinstance(table, Trained):
            raise InvalidConfig(f"{table.name} has no trainings of its own; name a table file")
        wanted = {"params", *(_column(half, key) for half in _HALVES for key in _METRICS)}
        lacking = sorted(wanted - {metric.name for metric in table.metrics})
        if lacking:
            raise UnknownMetric(f"{table.name} lacks {', '.join(lacking)}; import it again")
        self.table: Trained = table
        self.rng = np.random.default_rng(seed)
        self.valid_epochs = set(table.epochs)
        self.training_time_spent = 0.0
        self.total_epochs_spent = 0
        self._hashes: list[str] = []
        self._rows: dict[str, int] = {}

    def query(
        self, model_spec: ModelSpec, epochs: int = 108, stop_halfway: bool = False
    ) -> dict[str, Any]:
        """One training of the cell, drawn at random, which the budget counters take in.

        Raises:
            OutOfDomainError: the cell or the epochs are not in the table.
        """
        arch = _arch(model_spec)
        noise_seed = int(self.rng.integers(1 << 63))
        (result,) = self.table.query([Candidate(arch, epochs)], noise_seed=noise_seed)
        half = _HALVES[not stop_halfway]
        said = {key: _unit(key, result.metrics[_column(half, key)]) for key in _METRICS}
        if math.isnan(said["training_time"]):  # the repeat that was drawn is missing
            there = self._trainings(int(self.table.rows_of([arch.genes])[0]), epochs)
            if not there:
                raise UnknownSchedule(
                    f"{self.table.name} lacks this cell's trainings of {epochs} epochs"
                )
            drawn = there[int(self.rng.integers(len(there)))]
            said = {key: drawn[f"{half}_{key}"] for key in _METRICS}
        self.training_time_spent += said["training_time"]
        self.total_epochs_spent += epochs // 2 if stop_halfway else epochs
        return {**_fixed(arch, result.metrics["params"]), **said}

    def is_valid(self, model_spec: ModelSpec) -> bool:
        """Whether the space contains the cell."""
        try:
            _arch(model_spec)
        except InvalidArchitecture:
            return False
        return True

    def get_budget_counters(self) -> tuple[float, int]:
        """Seconds and epochs of all queries so far."""
        return self.training_time_spent, self.total_epochs_spent

    def reset_budget_counters(self) -> None:
        """Sets both to zero."""
        self.training_time_spent, self.total_epochs_spent = 0.0, 0

    def hash_iterator(self) -> Iterator[str]:
        """The hash of every cell of the table; each is computed when it is its turn."""
        for row in range(len(self.table.genes)):
            yield self._hash(row)

    def get_metrics_from_spec(
        self, model_spec: ModelSpec
    ) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """Fixed statistics of a cell, and those of its trainings by epochs; costs no budget.

        Raises:
            OutOfDomainError: the cell is not in the table.
        """
        return self._metrics(int(self.table.rows_of([_arch(model_spec).genes])[0]))

    def get_metrics_from_hash(
        self, module_hash: str
    ) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """The same by hash. Cells are hashed until it is found: a minute for all of them.

        Raises:
            UnknownName: no cell of the table has it.
        """
        if module_hash not in self._rows and module_hash not in self.hash_iterator():
            raise UnknownName(f"{self.table.name} has no cell of the hash {module_hash!r}")
        return self._metrics(self._rows[module_hash])

    def _metrics(self, row: int) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        arch = self._cell(row)
        computed = {epochs: self._trainings(row, epochs) for epochs in sorted(self.valid_epochs)}
        return _fixed(arch, self.table.values("params")[row]), computed

    def _trainings(self, row: int, epochs: int) -> list[dict[str, float]]:
        """What is known of each training, without those that are missing."""
        columns = {
            f"{half}_{key}": self.table.trainings(_column(half, key), epochs=epochs)[row].tolist()
            for half in _HALVES
            for key in _METRICS
        }
        known = [
            {key: _unit(key, values[k]) for key, values in columns.items()}
            for k in range(len(columns["final_training_time"]))
        ]
        return [each for each in known if not math.isnan(each["final_training_time"])]

    def _cell(self, row: int) -> Architecture:
        return Architecture(NAME, tuple(self.table.genes[row].tolist()))

    def _hash(self, row: int) -> str:
        """The hash of a row, after those of all rows before it; kept."""
        while len(self._hashes) <= row:
            self._hashes.append(_SPACE.module_hash(self._cell(len(self._hashes))))
            self._rows[self._hashes[-1]] = len(self._rows)
        return self._hashes[row]


def _arch(spec: ModelSpec) -> Architecture:
    """The cell of the space; raises InvalidArchitecture."""
    if spec.matrix is None or spec.ops is None:
        raise InvalidArchitecture("input and output of the cell are not connected")
    return _SPACE.embed(spec.matrix, spec.ops)


def _fixed(arch: Architecture, params: float) -> dict[str, Any]:
    matrix, ops = _SPACE.pruned(_SPACE.canonical(arch))
    return {
        "module_adjacency": matrix,
        "module_operations": ops,
        "trainable_parameters": int(params),
    }


def _column(half: str, key: str) -> str:
    """The metric of a key, after half of the training or all of it."""
    return f"halfway_{_METRICS[key]}" if half == "halfway" else _METRICS[key]


def _unit(key: str, value: float) -> float:
    """Seconds as they are, percentages as fractions."""
    return value / 100 if key.endswith("accuracy") else value


def _on_a_path(edges: NDArray[np.bool_]) -> list[int]:
    """The vertices on a path from the first to the last, none if there is no path."""
    last = len(edges) - 1
    forward, backward = {0}, {last}
    for v in range(1, last + 1):
        if any(edges[u, v] for u in forward):
            forward.add(v)
    for v in range(last - 1, -1, -1):
        if any(edges[v, w] for w in backward):
            backward.add(v)
    return sorted(forward & backward) if last in forward and last > 0 else []
