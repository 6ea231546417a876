"""A genetic algorithm: tournaments choose the parents, crossover and mutation make the children.

Sun, Xue, Zhang, Yen & Lv, "Automatically Designing CNN Architectures Using the Genetic Algorithm
for Image Classification", IEEE Transactions on Cybernetics, 2020 (CNN-GA), algorithms 1, 3 and 4;
of the same family as Genetic CNN (Xie & Yuille, ICCV 2017). (P: parents, Q: offspring, N: size of
both)::

    P = N random architectures, evaluated
    repeat until the budget is spent:
        Q = {}
        while |Q| < N:
            p1, p2 = the winners of two binary tournaments in P
            child = crossover(p1, p2) with probability p_c, else p1
            child = mutate(child) with probability p_m
            evaluate child; add it to Q
        P' = the winners of N binary tournaments in P + Q
        if the best of P + Q is not in P': put it there, in place of the worst
        P = P'

The members of a tournament are drawn uniformly with replacement.

Deviations:
- One child a crossover, which takes each gene from either parent (the paper's two exchange what is
  behind a point, as its networks differ in length), and one gene a mutation.
- The paper's cache answers for an architecture that was evaluated before. Here such a child is
  mutated on until it is new, at most `_STEPS` times, and once if that was in vain for the child
  before: no evaluation is spent on a repeat while there is news close by.
- Workers: there is no waiting for the rest of a generation. Children come from the latest P, and
  are uniform draws while there is none; whatever is told joins the current Q, also what was not
  asked for.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig

_STEPS = 3


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the genetic algorithm; the defaults are the paper's."""

    population: int = 20
    """Parents, and children of a generation (N)."""
    crossover: float = 0.9
    """Probability that a child has two parents (p_c)."""
    mutation: float = 0.2
    """Probability that a child is mutated (p_m)."""

    def __post_init__(self) -> None:
        if self.population < 1 or not (0 <= self.crossover <= 1 and 0 <= self.mutation <= 1):
            raise InvalidConfig(
                "the genetic algorithm needs population >= 1 and crossover and mutation from 0 to "
                f"1, got {self.population!r}, {self.crossover!r} and {self.mutation!r}"
            )


class Genetic:
    """Generations of equal size, with the best architecture kept, on the first objective."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space = problem.space
        self._rng = rng
        self._config = config
        self._known: set[tuple[int, ...]] = set()  # genes that were asked or told
        self._parents: list[Architecture] = []  # P, the best first
        self._ranks: list[tuple[bool, float]] = []  # of P: (infeasible, value)
        self._offspring: list[tuple[tuple[bool, float], Architecture]] = []  # Q, with ranks
        self._steps = _STEPS  # mutations to make the next child new
        self._draws: list[list[float]] = []  # uniform, of children to come: 4x faster in one go

    def ask(self, n: int = 1) -> list[Candidate]:
        """Children of the current parents; uniform draws before there are any."""
        return [Candidate(self._next()) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Add to the offspring, and select among parents and offspring when these are complete."""
        for seen in observations:
            arch = seen.candidate.arch
            self._known.add(arch.genes)
            self._offspring.append(((not seen.feasible, seen.values[0]), arch))
            if len(self._offspring) >= self._config.population:
                self._select()

    def _next(self) -> Architecture:
        arch = self._child() if self._parents else self._space.sample(1, self._rng)[0]
        for _ in range(self._steps):
            if arch.genes not in self._known:
                break
            arch = self._space.mutate(arch, self._rng)
        self._steps = 1 if arch.genes in self._known else _STEPS
        self._known.add(arch.genes)
        return arch

    def _child(self) -> Architecture:
        """As P is sorted, the lower of two uniform positions is the winner of a tournament."""
        alive, size = self._parents, len(self._parents)
        if not self._draws:
            self._draws = self._rng.random((self._config.population, 6)).tolist()
        a, b, c, d, crossed, mutated = self._draws.pop()
        child, other = alive[int(min(a, b) * size)], alive[int(min(c, d) * size)]
        if crossed < self._config.crossover and other is not child:
            child = self._space.crossover(child, other, self._rng)
        if mutated < self._config.mutation:
            child = self._space.mutate(child, self._rng)
        return child

    def _select(self) -> None:
        """Replace P by the winners of N binary tournaments in P + Q, the best being one of them."""
        merged = [*zip(self._ranks, self._parents, strict=True), *self._offspring]
        merged.sort(key=lambda member: member[0])
        pairs = self._rng.integers(len(merged), size=(self._config.population, 2))
        winners = np.sort(pairs.min(axis=1))
        if winners[0] != 0:
            winners = np.append(0, winners[:-1])
        chosen = [merged[i] for i in winners.tolist()]
        self._ranks = [rank for rank, _ in chosen]
        self._parents = [arch for _, arch in chosen]
        self._offspring = []
