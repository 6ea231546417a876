"""A space as a Gymnasium environment: an episode builds one architecture, gene by gene.

Towers et al., "Gymnasium: A Standard Interface for Reinforcement Learning Environments", 2024.
Importing this module registers `nasbench-lab/Cell-v0`; Gymnasium does it by itself for::

    env = gymnasium.make(
        "nasbench.adapters.gymnasium:nasbench-lab/Cell-v0", benchmark="cell201/digits-on-photos"
    )

- Observation (genes,): 0 where nothing is chosen yet, else the choice + 1.
- Action: the choice of the next gene. `info["action_mask"]` (choices,) tells which there are.
- Reward: 0 until the last gene, then the objective, higher being better: an accuracy as it is, a
  loss with its sign changed.
- `info` at the end: `architecture`, its text; `cost_s`, the seconds of training that were charged;
  the objective under its own name; `failed`.

There is no budget: whoever compares learners adds up `cost_s`. Test metrics are refused.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Architecture, Benchmark, Candidate
from nasbench.errors import InvalidArchitecture, MissingExtra
from nasbench.harness.problem import find_metric

try:
    import gymnasium
    from gymnasium import spaces
except ImportError as fault:
    raise MissingExtra(
        "CellEnv needs Gymnasium, which is not installed; "
        "run: pip install 'nasbench-lab[gymnasium]'"
    ) from fault

ID = "nasbench-lab/Cell-v0"


class CellEnv(gymnasium.Env[NDArray[np.int64], np.int64]):
    """Architectures of a benchmark's space, rewarded by one of its metrics.

    Raises:
        UnknownBenchmark, UnknownMetric, TestMetricRefused: a wrong setting.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012 - as in the base class

    def __init__(
        self,
        benchmark: Benchmark | str = "cell201/digits-on-photos",
        objective: str = "valid_accuracy",
        *,
        noise_seed: int | None = None,
        failed_reward: float = -1000.0,
        render_mode: str | None = None,
    ) -> None:
        """`failed_reward` is for failed trainings and what a restricted space does not contain."""
        found = registry.benchmark(benchmark) if isinstance(benchmark, str) else benchmark
        self.benchmark, self.metric = found, find_metric(found, objective, "objective")
        self.noise_seed, self.failed_reward = noise_seed, failed_reward
        self.render_mode = render_mode
        self._arity = found.space.arity
        self._genes: list[int] = []
        self.action_space = spaces.Discrete(max(self._arity))
        self.observation_space = spaces.MultiDiscrete([n + 1 for n in self._arity])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.int64], dict[str, Any]]:
        """Nothing chosen yet."""
        super().reset(seed=seed)
        self._genes = []
        return self._observation(), self._info()

    def step(
        self, action: np.int64 | int
    ) -> tuple[NDArray[np.int64], float, bool, bool, dict[str, Any]]:
        """Choose the next gene; the last one ends the episode.

        Raises:
            InvalidArchitecture: a choice that the gene does not have, or an episode that is over.
        """
        place, choice = len(self._genes), int(action)
        if place == len(self._arity):
            raise InvalidArchitecture("the episode is over, got another action; call reset first")
        if not 0 <= choice < self._arity[place]:
            raise InvalidArchitecture(
                f"gene {place} has the choices 0..{self._arity[place] - 1}, got {choice}; "
                f"info['action_mask'] tells which there are"
            )
        self._genes.append(choice)
        if len(self._genes) < len(self._arity):
            return self._observation(), 0.0, False, False, self._info()
        reward, outcome = self._outcome()
        return self._observation(), reward, True, False, self._info() | outcome

    def render(self) -> str | None:
        """The genes chosen so far, `?` for the others."""
        if self.render_mode != "ansi":
            return None
        left = len(self._arity) - len(self._genes)
        return " ".join([*map(str, self._genes), *"?" * left])

    def _outcome(self) -> tuple[float, dict[str, Any]]:
        space, name = self.benchmark.space, self.metric.name
        arch = Architecture(space.name, tuple(self._genes))
        if not space.is_valid(arch):
            return self.failed_reward, {"failed": True, "cost_s": 0.0}
        result = self.benchmark.query([Candidate(arch)], noise_seed=self.noise_seed)[0]
        value = result.metrics[name]
        failed = not math.isfinite(value)
        reward = self.failed_reward if failed else -self.metric.sign * value
        about = {"architecture": space.format(arch), "cost_s": result.cost_s, name: value}
        return float(reward), {**about, "failed": failed}

    def _observation(self) -> NDArray[np.int64]:
        seen = np.zeros(len(self._arity), dtype=np.int64)
        seen[: len(self._genes)] = np.array(self._genes, dtype=np.int64) + 1
        return seen

    def _info(self) -> dict[str, Any]:
        place = len(self._genes)
        choices = self._arity[place] if place < len(self._arity) else 0
        mask = np.arange(max(self._arity)) < choices
        return {"action_mask": mask.astype(np.int8)}


if ID not in gymnasium.registry:
    gymnasium.register(id=ID, entry_point="nasbench.adapters.gymnasium:CellEnv")
