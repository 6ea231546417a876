"""What searchers with a supernet on cell201 share: the check of the problem, batches, steps, order.

The mixture and how it is learned are theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Problem, SearchData, Space
from nasbench.errors import InvalidConfig, WrongSpace

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    Batch: TypeAlias = tuple[Tensor, Tensor]

SPACE = "cell201-v1"


def require_task(searcher: str, problem: Problem) -> SearchData:
    """The data that `searcher` trains on.

    Raises:
        WrongSpace: the problem is not on cell201.
        InvalidConfig: the problem has no data.
    """
    if problem.space.name != SPACE:
        raise WrongSpace(
            f"{searcher} searches {SPACE} only, got a problem on {problem.space.name}; "
            f"choose another searcher"
        )
    if problem.task is None:
        raise InvalidConfig(
            f"{searcher} trains on the data of a task, got a problem without any; "
            "choose a benchmark that has a task, such as cell201/digits-on-photos"
        )
    return problem.task


def preferred(
    space: Space, epochs: Iterable[NDArray[np.float32]], rng: np.random.Generator
) -> Iterator[Architecture]:
    """The architecture that each epoch prefers, then all others in the last epoch's order.

    `epochs` gives logarithms of the chances of each operation on each edge, (edges, operations), up
    to a constant for each edge. An architecture's is their sum; only those that are valid count.
    Equal ones are ordered by `rng`: all of them, if a supernet diverged before its first epoch's
    end and `epochs` is empty.
    """
    genes = np.indices(space.arity).reshape(len(space.arity), -1).T
    genes = genes[[space.is_valid(Architecture(space.name, tuple(row))) for row in genes.tolist()]]
    edges = np.arange(len(space.arity))
    chances, proposed = np.zeros(len(genes)), np.zeros(len(genes), dtype=bool)
    for weights in epochs:
        chances = weights.astype(np.float64)[edges, genes].sum(axis=1)
        best = int(chances.argmax())
        proposed[best] = True
        yield Architecture(space.name, tuple(genes[best].tolist()))
    order = np.lexsort((rng.permutation(len(genes)), -chances))
    for row in genes[order[~proposed[order]]].tolist():
        yield Architecture(space.name, tuple(row))


class Turns:
    """Batches of the train and the valid split in turns; `rng` decides them."""

    def __init__(self, data: SearchData, batch_size: int, rng: np.random.Generator) -> None:
        from nasbench.training.examples import Batches

        self._train, self._valid = (
            Batches(split, data.input, "cpu") for split in (data.train, data.valid)
        )
        self._size, self._rng = min(batch_size, len(self._train), len(self._valid)), rng

    def epoch(self) -> Iterator[tuple[Batch, Batch]]:
        """Every full batch of the train split, each with a random batch of the valid split."""
        import torch

        order = torch.from_numpy(self._rng.permutation(len(self._train)))
        for start in range(0, len(self._train) - self._size + 1, self._size):
            some = torch.from_numpy(self._rng.permutation(len(self._valid))[: self._size])
            valid = self._valid.take(some)
            yield self._train.take(order[start : start + self._size]), valid


def cosine(first: float, last: float, epoch: int, epochs: int) -> float:
    """Learning rate of an epoch, on a half cosine from `first` towards `last`."""
    return last + (first - last) * (1 + math.cos(math.pi * epoch / epochs)) / 2


def descend(loss: Tensor, optimizer: Optimizer, clip: float = math.inf) -> None:
    """One step on the loss, of the parameters of `optimizer` alone, and of those it depends on."""
    import torch

    parameters = optimizer.param_groups[0]["params"]
    slopes = torch.autograd.grad(loss, parameters, allow_unused=True)
    for parameter, slope in zip(parameters, slopes, strict=True):
        parameter.grad = slope
    torch.nn.utils.clip_grad_norm_(parameters, clip)
    optimizer.step()
