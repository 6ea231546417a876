"""What a surrogate benchmark predicts, as one matrix: every curve of every metric, and the cost.

Losses and seconds are predicted as logarithms, which keeps them positive; a cost as that of each
further part of the training, so that it grows with the epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Candidate, Metric
from nasbench.errors import InvalidConfig, UnknownMetric

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of the matrix: m metrics times e epochs, then e parts of the cost."""

    metrics: tuple[Metric, ...]
    """Those that are predicted."""
    logs: tuple[bool, ...]
    """(m,) whether the logarithm is."""
    epochs: tuple[int, ...]

    @classmethod
    def of(cls, metrics: Sequence[Metric], epochs: Sequence[int], values: Floats) -> Self:
        """The one for values (n, m, e): logarithms of what should be low and is positive."""
        logs = [
            metric.better == "lower" and not (values[:, k] <= 0).any()
            for k, metric in enumerate(metrics)
        ]
        return cls(tuple(metrics), tuple(logs), tuple(epochs))

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The one that `state` tells of."""
        metrics = tuple(Metric(**each) for each in state["metrics"])
        return cls(metrics, tuple(state["logs"]), tuple(state["epochs"]))

    def state(self) -> dict[str, Any]:
        """All of it as JSON holds it."""
        metrics = [asdict(metric) for metric in self.metrics]
        return {"metrics": metrics, "logs": list(self.logs), "epochs": list(self.epochs)}

    def column(self, metric: str, epoch: int = -1) -> int:
        """Where a metric after the epoch of an index is in the matrix.

        Raises:
            UnknownMetric: it is not predicted.
        """
        known = [each.name for each in self.metrics]
        if metric not in known:
            raise UnknownMetric(f"{metric!r} is not predicted; expected one of {', '.join(known)}")
        return known.index(metric) * len(self.epochs) + range(len(self.epochs))[epoch]

    def pack(self, values: Floats, cost_s: Floats) -> Floats:
        """The matrix (n, t) of values (n, m, e) and seconds from scratch (n, e)."""
        logs = np.array(self.logs)
        curves = values.copy()
        curves[:, logs] = np.log(values[:, logs])
        with np.errstate(invalid="ignore", divide="ignore"):  # where a cost does not grow
            parts = np.log(np.diff(cost_s, axis=1, prepend=0))
        return np.concatenate([curves.reshape(len(curves), -1), parts], axis=1)

    def unpack(self, matrix: Floats) -> tuple[Floats, Floats]:
        """Values (n, m, e), percentages in their range, and seconds (n, e) of a matrix (n, t)."""
        m, e = len(self.metrics), len(self.epochs)
        values = matrix[:, : m * e].reshape(-1, m, e).copy()
        for k, (metric, log) in enumerate(zip(self.metrics, self.logs, strict=True)):
            if log:
                values[:, k] = np.exp(values[:, k])
            if metric.unit == "%":
                values[:, k] = values[:, k].clip(0, 100)
        return values, np.exp(matrix[:, m * e :]).cumsum(axis=1)


def read(
    benchmark: Benchmark, archs: Sequence[Architecture], metrics: Sequence[Metric]
) -> tuple[Floats, Floats]:
    """What a benchmark knows: values (n, m, e) of metrics and seconds from scratch (n, e).

    Raises:
        InvalidConfig: there is nothing to predict.
    """
    if not metrics:
        raise InvalidConfig(f"{benchmark.name} has no metric that must be predicted")
    values = np.empty((len(archs), len(metrics), len(benchmark.epochs)))
    cost_s = np.empty((len(archs), len(benchmark.epochs)))
    for k, epochs in enumerate(benchmark.epochs):
        results = benchmark.query([Candidate(arch, epochs) for arch in archs])
        values[:, :, k] = [[r.metrics[metric.name] for metric in metrics] for r in results]
        cost_s[:, k] = [result.cost_s for result in results]
    return values, cost_s
