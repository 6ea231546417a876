"""A benchmark in closed form, so that everyone can check its answers by hand."""

from collections.abc import Sequence

import numpy as np

from acme_nas.space import Mlp
from nasbench.core import Candidate, Metric, Result
from nasbench.errors import UnknownSchedule


class Bowl:
    """Accuracy falls with the square of the distance from the sum of genes 5."""

    name = "acme-mlp/bowl"
    space = Mlp()
    metrics = (
        Metric("valid_accuracy", "%", "higher", "valid"),
        Metric("test_accuracy", "%", "higher", "test"),
        Metric("params", "parameters", "lower", "static"),
    )
    epochs = (1, 2)

    def query(
        self, candidates: Sequence[Candidate], *, noise_seed: int | None = None
    ) -> list[Result]:
        return [self._result(each, noise_seed) for each in candidates]

    def _result(self, candidate: Candidate, noise_seed: int | None) -> Result:
        epochs = self.epochs[-1] if candidate.epochs is None else candidate.epochs
        if epochs not in self.epochs:
            raise UnknownSchedule(
                f"{self.name} has no {epochs}-epoch results; it offers {self.epochs}. "
                "Pass epochs=None for the full training."
            )
        genes = self.space.canonical(candidate.arch).genes
        noise = 0.0
        if noise_seed is not None:
            noise = float(np.random.default_rng((noise_seed, *genes)).normal(0, 0.1))
        accuracy = 90 - (sum(genes) - 5) ** 2 - (2 - epochs) + noise
        metrics = {"valid_accuracy": accuracy, "test_accuracy": accuracy - 1}
        return Result({**metrics, "params": 100.0 * sum(genes)}, cost_s=0.5 * epochs)
