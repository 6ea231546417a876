"""Benchmarks by the interface of HPOBench (Eggensperger et al., NeurIPS 2021 Datasets Track).

    benchmark = HPOBenchmark(nasbench.load("cell201/digits-on-photos"))
    configuration = benchmark.get_configuration_space(seed=1).sample_configuration()
    benchmark.objective_function(configuration, fidelity={"epoch": 3}, rng=1)

Two things differ from HPOBench, so that a run can be repeated and test data stay unseen: an `rng`
left out asks for the mean over repeats instead of a repeat by chance, and `info` holds no test
metric; these come from `objective_function_test` alone.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench import registry
from nasbench.compat import configspace
from nasbench.core import Benchmark, Candidate, Metric
from nasbench.errors import InvalidConfig, MissingExtra, UnknownMetric

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

FIDELITY = "epoch"
Rng = int | np.random.RandomState | np.random.Generator | None


class HPOBenchmark:
    """A benchmark whose answers are `{"function_value", "cost", "info"}`, to be minimized.

    A function value is 100 minus a percentage, or the metric itself, negated if higher is better;
    infinite where training failed. The cost is in seconds of training from scratch.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        *,
        metric: str = "valid_accuracy",
        test_metric: str = "test_accuracy",
    ) -> None:
        self.benchmark = benchmark
        self._metrics = {each.name: each for each in benchmark.metrics}
        if metric not in self._metrics:
            raise registry.unknown(UnknownMetric, "metric", metric, list(self._metrics))
        self.metric, self.test_metric = metric, test_metric

    def get_configuration_space(self, seed: int | None = None) -> ConfigurationSpace:
        """A categorical hyperparameter for each gene, see `compat.configspace`."""
        return configspace.configuration_space(self.benchmark.space, seed)

    def get_fidelity_space(self, seed: int | None = None) -> ConfigurationSpace:
        """The recorded training lengths as the ordinal `epoch`, the full one by default."""
        try:
            from ConfigSpace import ConfigurationSpace, OrdinalHyperparameter
        except ImportError:
            raise MissingExtra(
                "this needs ConfigSpace; install it with: pip install 'nasbench-lab[configspace]'"
            ) from None
        made = ConfigurationSpace(name=f"{self.benchmark.name} fidelity", seed=seed)
        epochs = list(self.benchmark.epochs)
        made.add(OrdinalHyperparameter(FIDELITY, epochs, default_value=epochs[-1]))
        return made

    def objective_function(
        self,
        configuration: Mapping[str, Any],
        fidelity: Mapping[str, Any] | None = None,
        rng: Rng = None,
    ) -> dict[str, Any]:
        """The validation metric after `fidelity["epoch"]` epochs, by default the full training.

        `rng` None gives the mean over repeats; a seed or a generator draws the repeat.

        Raises:
            InvalidArchitecture: the configuration is none of the space.
            InvalidConfig: a fidelity other than `epoch`, or an rng that is none of the above.
            UnknownSchedule: a number of epochs without results.
        """
        return self._answer(self.metric, configuration, fidelity, rng)

    def objective_function_test(
        self,
        configuration: Mapping[str, Any],
        fidelity: Mapping[str, Any] | None = None,
        rng: Rng = None,
    ) -> dict[str, Any]:
        """The same of the test metric, for judging what a search found.

        Raises:
            UnknownMetric: the benchmark has no test metric.
        """
        if self.test_metric not in self._metrics:
            known = [name for name, each in self._metrics.items() if each.split == "test"]
            raise registry.unknown(UnknownMetric, "test metric", self.test_metric, known)
        return self._answer(self.test_metric, configuration, fidelity, rng)

    def get_meta_information(self) -> dict[str, Any]:
        """Name and content hash of the benchmark, and what is minimized."""
        return {
            "name": self.benchmark.name,
            "sha256": getattr(self.benchmark, "sha256", None),
            "function_value": self.metric,
        }

    def _answer(
        self,
        metric: str,
        configuration: Mapping[str, Any],
        fidelity: Mapping[str, Any] | None,
        rng: Rng,
    ) -> dict[str, Any]:
        epochs = self._epochs(fidelity)
        arch = configspace.architecture(self.benchmark.space, configuration)
        (result,) = self.benchmark.query([Candidate(arch, epochs)], noise_seed=_noise_seed(rng))
        shown = {
            name: value
            for name, value in result.metrics.items()
            if self._metrics[name].split != "test"
        }
        return {
            "function_value": _minimized(self._metrics[metric], result.metrics[metric]),
            "cost": result.cost_s,
            "info": {"fidelity": {FIDELITY: epochs}, **shown},
        }

    def _epochs(self, fidelity: Mapping[str, Any] | None) -> int:
        given = dict(fidelity or {})
        epochs = given.pop(FIDELITY, self.benchmark.epochs[-1])
        if given:
            raise InvalidConfig(
                f"the only fidelity of {self.benchmark.name} is {FIDELITY!r}; "
                f"got {', '.join(map(repr, given))} as well"
            )
        return _whole(epochs, f"the fidelity {FIDELITY!r}")


def _minimized(metric: Metric, value: float) -> float:
    if math.isnan(value):
        return math.inf
    return 100.0 - value if metric.unit == "%" and metric.sign < 0 else metric.sign * value


def _noise_seed(rng: Rng) -> int | None:
    if rng is None:
        return None
    if isinstance(rng, np.random.RandomState):
        return int(rng.randint(2**31))
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**31))
    return _whole(rng, "an rng that is no NumPy generator")


def _whole(number: Any, what: str) -> int:
    try:
        return operator.index(number)
    except TypeError:
        raise InvalidConfig(f"{what} is a whole number, got {number!r}") from None
