"""Who found what: the architectures that a comparison recommends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nasbench.core import Architecture, Space
from nasbench.harness.collection import Collection, RunFile
from nasbench.harness.trajectory import candidate_at, final_position


@dataclass(frozen=True, slots=True, eq=False)
class Find:
    """The final incumbent of one run."""

    file: RunFile
    arch: Architecture
    """As the searcher proposed it."""
    epochs: int
    """How long it was trained when the searcher was told of it."""
    value: float
    """Its first objective as the searcher was told it, signed: lower is better."""

    @property
    def rank(self) -> tuple[int, float]:
        """Sorts the longest training first, since values of different epochs do not compare."""
        return -self.epochs, self.value


@dataclass(frozen=True, slots=True, eq=False)
class Winner:
    """An architecture that one or several searchers recommend."""

    arch: Architecture
    """In canonical form."""
    finds: list[Find]
    """At most one of each searcher, the best first."""

    @property
    def searchers(self) -> list[str]:
        return [find.file.run.searcher for find in self.finds]


def winners(collection: Collection, space: Space, *, top: int = 1) -> list[Winner]:
    """The `top` best different architectures of each searcher, twins put together, the best first.

    A searcher's candidates are the final incumbents of its runs; of those trained for the longest,
    the one with the best objective as told, which is a validation metric, wins, and the lower seed
    in a tie. An incumbent whose training failed, so that its objective is not finite, is none.
    """
    found: dict[Architecture, Winner] = {}
    for files in collection.searchers.values():
        chosen: dict[Architecture, Find] = {}
        for find in sorted(_finds(files), key=lambda find: find.rank):
            chosen.setdefault(space.canonical(find.arch), find)
        for arch, find in list(chosen.items())[:top]:
            found.setdefault(arch, Winner(arch, [])).finds.append(find)
    for winner in found.values():
        winner.finds.sort(key=lambda find: find.rank)
    return sorted(found.values(), key=lambda winner: winner.finds[0].rank)


def _finds(files: list[RunFile]) -> list[Find]:
    found = []
    for file in files:
        trajectory, position = file.run.trajectory, final_position(file.run.trajectory)
        if position >= 0:
            arch, epochs = candidate_at(file.run, position).arch, trajectory.epochs[position]
            found.append(Find(file, arch, int(epochs), float(trajectory.values[position, 0])))
    return [find for find in found if math.isfinite(find.value)]
