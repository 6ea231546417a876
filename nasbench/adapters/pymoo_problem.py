"""A space, and a benchmark on it, as a problem of pymoo.

Blank & Deb, "pymoo: Multi-Objective Optimization in Python", IEEE Access 8, 2020. An architecture
is a vector of its genes. `operators` are the space's own moves, which never leave it::

    problem = CellProblem(nasbench.load("cell201/digits-on-photos"), ("valid_accuracy", "params"))
    found = pymoo.optimize.minimize(problem, NSGA2(40, **problem.operators()), ("n_eval", 500))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench.core import Architecture, Benchmark, Candidate, Constraint, Space
from nasbench.errors import MissingExtra
from nasbench.harness.problem import find_metric, find_objectives

try:
    from pymoo.core.crossover import Crossover
    from pymoo.core.mutation import Mutation
    from pymoo.core.problem import Problem
    from pymoo.core.sampling import Sampling
except ImportError as fault:
    raise MissingExtra(
        "the searchers pymoo:... and CellProblem need pymoo, which is not installed; "
        "run: pip install 'nasbench-lab[pymoo]'"
    ) from fault

WORST = 1e9
"""What `CellProblem` answers for a failed training, which pymoo has no word for."""


class SpaceProblem(Problem):  # type: ignore[misc]
    """Whole-number variables (n, genes) of a space, to be evaluated elsewhere."""

    def __init__(self, space: Space, objectives: int, constraints: int) -> None:
        self.space = space
        upper = np.maximum(np.array(space.arity) - 1, 1)  # pymoo divides by the range
        super().__init__(
            n_var=len(upper), n_obj=objectives, n_ieq_constr=constraints, xl=0, xu=upper, vtype=int
        )

    def arch(self, x: ArrayLike) -> Architecture:
        """The architecture nearest to one vector (genes,); a restricted space may lack it."""
        genes = np.clip(np.rint(np.asarray(x, np.float64)), 0, np.array(self.space.arity) - 1)
        return Architecture(self.space.name, tuple(genes.astype(int).tolist()))

    def operators(self) -> dict[str, Any]:
        """Sampling, crossover and mutation by the space's own moves, for an algorithm."""
        return {"sampling": _Sample(), "crossover": _Cross(), "mutation": _Mutate()}


class CellProblem(SpaceProblem):
    """A benchmark as a problem for `pymoo.optimize.minimize`, every objective minimized.

    Raises:
        UnknownMetric, TestMetricRefused: a wrong objective or constraint.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        objectives: Sequence[str] = ("valid_accuracy",),
        constraints: Sequence[Constraint] = (),
        *,
        noise_seed: int | None = None,
    ) -> None:
        self.benchmark, self.noise_seed = benchmark, noise_seed
        self.objectives = find_objectives(benchmark, objectives)
        for constraint in constraints:
            find_metric(benchmark, constraint.metric, "constraint")
        self.bounds = [
            (constraint.metric, side, bound)
            for constraint in constraints
            for side, bound in ((1.0, constraint.upper), (-1.0, constraint.lower))
            if bound is not None
        ]
        super().__init__(benchmark.space, len(self.objectives), len(self.bounds))

    def _evaluate(self, x: NDArray[Any], out: dict[str, Any], *_: Any, **__: Any) -> None:
        archs = [self.arch(row) for row in x]
        valid = [arch for arch in archs if self.space.is_valid(arch)]
        answers = self.benchmark.query([Candidate(a) for a in valid], noise_seed=self.noise_seed)
        known = {arch: done.metrics for arch, done in zip(valid, answers, strict=True)}
        values = [
            [m.sign * known[a][m.name] if a in known else WORST for m in self.objectives]
            for a in archs
        ]
        out["F"] = np.nan_to_num(np.array(values), nan=WORST)
        if self.bounds:
            excess = [
                [s * (known[a][name] - b) if a in known else WORST for name, s, b in self.bounds]
                for a in archs
            ]
            out["G"] = np.nan_to_num(np.array(excess), nan=WORST)


class _Sample(Sampling):  # type: ignore[misc]
    """Uniform draws of the space."""

    def _do(
        self, problem: SpaceProblem, n: int, *_: Any, random_state: np.random.Generator, **__: Any
    ) -> NDArray[Any]:
        return np.array([arch.genes for arch in problem.space.sample(n, random_state)])


class _Cross(Crossover):  # type: ignore[misc]
    """Two children of two parents by the space's crossover; pymoo's usual probability of 0.9."""

    def __init__(self) -> None:
        super().__init__(n_parents=2, n_offsprings=2)

    def _do(
        self,
        problem: SpaceProblem,
        x: NDArray[Any],
        *_: Any,
        random_state: np.random.Generator,
        **__: Any,
    ) -> NDArray[Any]:
        """Children (2, matings, genes) of parents (2, matings, genes)."""
        cross, rng = problem.space.crossover, random_state
        parents = [(problem.arch(a), problem.arch(b)) for a, b in zip(*x, strict=True)]
        return np.array([[cross(a, b, rng).genes for a, b in parents] for _ in range(2)])


class _Mutate(Mutation):  # type: ignore[misc]
    """A neighbor in the space."""

    def _do(
        self,
        problem: SpaceProblem,
        x: NDArray[Any],
        *_: Any,
        random_state: np.random.Generator,
        **__: Any,
    ) -> NDArray[Any]:
        mutate = problem.space.mutate
        return np.array([mutate(problem.arch(row), random_state).genes for row in x])
