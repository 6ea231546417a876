"""What a policy draws and what its draws earn, from `ask` and `tell` to the batch of an update.

Shared by the searchers that learn by policy gradients; the policy and its steps are theirs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Observation, Space

Sampler = Callable[[int, np.random.Generator], NDArray[np.int64]]
"""Gives n draws of genes, (n, p)."""
ATTEMPTS = 100
"""Draws in which no valid architecture turns up before the space itself is asked for one."""


class Rollouts:
    """Architectures on their way: drawn by the present policy, asked for, rewarded.

    The reward is minus the first objective. A failed (not finite) or infeasible evaluation gets the
    lowest reward of the successful ones so far, and is ignored while there is none. An observation
    that nothing was asked for is no draw from the policy, and is ignored as well.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        sampler: Sampler,
        *,
        batch: int,
        momentum: float,
    ) -> None:
        self._space, self._rng, self._sampler, self._size = space, rng, sampler, batch
        self._baseline = Baseline(momentum)
        self._drawn: list[Architecture] = []
        self._asked: Counter[Architecture] = Counter()
        self._batch: list[tuple[Architecture, float]] = []
        self._lowest = math.inf

    def ask(self, n: int) -> list[Candidate]:
        """`n` draws; they are made by batches, which is faster than one by one."""
        if n > len(self._drawn):
            from nasbench.training.train import deterministic  # loads torch, as a sampler does

            missing = max(n - len(self._drawn), self._size)
            with deterministic("cpu"):
                self._drawn += draw(self._sampler, self._space, missing, self._rng)
        asked, self._drawn = self._drawn[:n], self._drawn[n:]
        self._asked.update(asked)
        return [Candidate(arch) for arch in asked]

    def tell(
        self, observations: Sequence[Observation]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Genes (batch, p) and advantages (batch,) for each update that there now is to make.

        What is drawn but not asked for is forgotten, since the update makes another policy.
        """
        for seen in observations:
            arch, reward = seen.candidate.arch, -seen.values[0]
            if self._asked[arch] > 0:
                self._asked[arch] -= 1
                if seen.feasible and math.isfinite(reward):
                    self._lowest = min(self._lowest, reward)
                else:
                    reward = self._lowest
                if reward < math.inf:
                    self._batch.append((arch, reward))
            if len(self._batch) == self._size:
                archs, rewards = zip(*self._batch, strict=True)
                self._batch, self._drawn = [], []
                yield np.array([arch.genes for arch in archs]), self._baseline.advantages(rewards)


class Baseline:
    """The moving average b of the rewards so far, with momentum beta.

    It is divided by 1 - beta^t, so that it does not start at 0 (Kingma & Ba, ICLR 2015, sec. 3).
    """

    def __init__(self, momentum: float) -> None:
        self._beta, self._sum, self._weight = momentum, 0.0, 0.0

    def advantages(self, rewards: Sequence[float]) -> NDArray[np.float32]:
        """R - b of each reward, (n,), b knowing the earlier ones only; of the very first one, 0."""
        result = []
        for reward in rewards:
            result.append(reward - self._sum / self._weight if self._weight else 0.0)
            self._sum += (1 - self._beta) * (reward - self._sum)
            self._weight += (1 - self._beta) * (1 - self._weight)
        return np.array(result, dtype=np.float32)


def draw(sampler: Sampler, space: Space, n: int, rng: np.random.Generator) -> list[Architecture]:
    """`n` valid architectures from a policy; invalid ones are drawn again, at last uniformly."""
    drawn: list[Architecture] = []
    for _ in range(ATTEMPTS):
        rows = sampler(n - len(drawn), rng).tolist()
        archs = (Architecture(space.name, tuple(row)) for row in rows)
        drawn += [arch for arch in archs if space.is_valid(arch)]
        if len(drawn) == n:
            return drawn
    return drawn + space.sample(n - len(drawn), rng)
