"""What a surrogate benchmark predicts, as one matrix: every curve of every metric, and the cost.

Losses and seconds are predicted as logarithms, which keeps them positive; a cost as that of each
further part of the training, so that it grows with the epochs. A metric after an epoch of which no
class has a value, such as test accuracies that were measured after the last epoch only, is not
predicted.
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
    """The columns of the matrix: m metrics times e epochs but gaps, then e parts of the cost."""

    metrics: tuple[Metric, ...]
    """Those that are predicted."""
    logs: tuple[bool, ...]
    """(m,) whether the logarithm is."""
    epochs: tuple[int, ...]
    gaps: tuple[int, ...] = ()
    """Which of the m times e have no column, and NaN in the place of values."""

    @classmethod
    def of(cls, metrics: Sequence[Metric], epochs: Sequence[int], values: Floats) -> Self:
        """The one for values (n, m, e): logarithms of what should be low and is positive.

        What is finite nowhere is a gap.
        """
        logs = [
            metric.better == "lower" and not (values[:, k] <= 0).any()
            for k, metric in enumerate(metrics)
        ]
        gaps = np.flatnonzero(~np.isfinite(values).any(axis=0)).tolist()
        return cls(tuple(metrics), tuple(logs), tuple(epochs), tuple(gaps))

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The one that `state` tells of."""
        metrics = tuple(Metric(**each) for each in state["metrics"])
        gaps = tuple(map(int, state.get("gaps", ())))
        return cls(metrics, tuple(state["logs"]), tuple(state["epochs"]), gaps)

    def state(self) -> dict[str, Any]:
        """All of it as JSON holds it."""
        metrics = [asdict(metric) for metric in self.metrics]
        told = {"metrics": metrics, "logs": list(self.logs), "epochs": list(self.epochs)}
        return told | ({"gaps": list(self.gaps)} if self.gaps else {})

    def told_gaps(self) -> list[str]:
        """The gaps in words, such as `test_loss after 1 to 199 epochs`."""
        e, found = len(self.epochs), list[str]()
        for k, metric in enumerate(self.metrics):
            own = np.array([gap - k * e for gap in self.gaps if gap // e == k], dtype=int)
            runs = np.split(own, np.flatnonzero(np.diff(own) > 1) + 1) if len(own) else []
            ends = [(self.epochs[run[0]], self.epochs[run[-1]]) for run in runs]
            spans = [f"{a}" if a == b else f"{a} to {b}" for a, b in ends]
            found += [f"{metric.name} after {', '.join(spans)} epochs"] if spans else []
        return found

    def target(self, metric: str, epoch: int = -1) -> int:
        """Number of a metric after the epoch of an index, among the m times e, gaps too.

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
        return np.concatenate([curves.reshape(len(curves), -1)[:, self._known], parts], axis=1)

    def unpack(self, matrix: Floats) -> tuple[Floats, Floats]:
        """Values (n, m, e), percentages in their range, and seconds (n, e) of a matrix (n, t)."""
        n, m, e, known = len(matrix), len(self.metrics), len(self.epochs), self._known
        values = np.full((n, m, e), np.nan)
        values.reshape(n, m * e)[:, known] = matrix[:, : len(known)]
        for k, (metric, log) in enumerate(zip(self.metrics, self.logs, strict=True)):
            if log:
                values[:, k] = np.exp(values[:, k])
            if metric.unit == "%":
                values[:, k] = values[:, k].clip(0, 100)
        return values, np.exp(matrix[:, len(known) :]).cumsum(axis=1)

    @property
    def _known(self) -> NDArray[np.intp]:
        """Which of the m times e have a column."""
        return np.setdiff1d(np.arange(len(self.metrics) * len(self.epochs)), self.gaps)


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
