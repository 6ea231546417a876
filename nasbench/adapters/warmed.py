"""A searcher whose first draws are chosen for it.

What `warm-start` and `zero-cost-warmup` share: a searcher is given the space with a design in
front. Its first uniform draws are the design's architectures, the best first, and so are its first
population, starting points or training set; what it makes of their values is its own business.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from nasbench.core import (
    Architecture,
    Candidate,
    Observation,
    Problem,
    Searcher,
    SearcherFactory,
    Space,
)
from nasbench.harness.problem import make_config


class Warmed:
    """A space whose first draws are a design; everything else is the whole space's."""

    def __init__(self, whole: Space, design: Sequence[Architecture]) -> None:
        self._whole, self._design = whole, deque(design)

    def __len__(self) -> int:
        return len(self._whole)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # also of a copy that has nothing yet
            raise AttributeError(name)
        return getattr(self._whole, name)

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        """What is left of the design, then uniform draws."""
        first = [self._design.popleft() for _ in range(min(n, len(self._design)))]
        return first + self._whole.sample(n - len(first), rng) if n > len(first) else first


class WarmSearcher:
    """The searcher inside, on the warmed space."""

    def __init__(
        self,
        name: str,
        factory: SearcherFactory,
        settings: Mapping[str, Any],
        problem: Problem,
        rng: np.random.Generator,
        design: Sequence[Architecture],
    ) -> None:
        space = cast("Space", Warmed(problem.space, design))
        task = problem.task if getattr(factory, "needs_task", False) else None
        inside = dataclasses.replace(problem, space=space, task=task)
        self._searcher: Searcher = factory(inside, rng, make_config(name, factory, settings))

    def ask(self, n: int = 1) -> list[Candidate]:
        """What the searcher proposes."""
        return self._searcher.ask(n)

    def tell(self, observations: Sequence[Observation]) -> None:
        """Tell the searcher."""
        self._searcher.tell(observations)


def around(
    kind: type[WarmSearcher], inside: tuple[str, SearcherFactory], about: str
) -> SearcherFactory:
    """The class of `kind` with one searcher inside, whose modules are loaded as for it alone."""
    own = {"__doc__": about, "inside": inside, "preload": getattr(inside[1], "preload", ())}
    return cast("SearcherFactory", type(kind.__name__, (kind,), own))


def distinct(archs: Sequence[Architecture], space: Space, n: int) -> list[Architecture]:
    """The first `n` architectures inside the space of which no two are of one class."""
    found: dict[Architecture, Architecture] = {}
    for arch in archs:
        if len(found) == n:
            break
        if space.is_valid(arch):
            found.setdefault(space.canonical(arch), arch)
    return list(found.values())
