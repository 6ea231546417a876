"""One training, as `nats_bench` shows it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from nasbench.compat.nats_tables import LATENCY, SETS, Trained, mean


def trials(trained: Trained, index: int) -> dict[int, Trial]:
    """The trial of each seed of an architecture.

    Raises:
        InvalidArchitecture: the table has none of it.
    """
    row = trained.row(index)
    return {seed: Trial(trained, row, seed) for seed in trained.repeats(row)}


class Trial:
    """A training with one seed: what nats_bench calls `ResultsCount`."""

    def __init__(self, trained: Trained, row: int, seed: int) -> None:
        self._trained, self._row = trained, row
        self._repeat = trained.repeats(row)[seed]
        self.name = trained.dataset
        self.seed = f"{seed:04d}"
        self.epochs = trained.epochs
        self.eval_names = list(SETS[trained.dataset])

    def __repr__(self) -> str:
        return f"<Trial of {self.name}, {self.epochs} epochs, seed {self.seed}>"

    @property
    def params(self) -> float | None:
        """Parameters in millions."""
        return self._trained.costs(self._row)["params"]

    @property
    def flop(self) -> float | None:
        """Multiply-adds in millions."""
        return self._trained.costs(self._row)["flops"]

    @property
    def train_acc1es(self) -> dict[int, float]:
        """Training accuracy in percent by epoch."""
        return {at: self.get_train(at)["accuracy"] for at in range(self.epochs)}

    @property
    def train_losses(self) -> dict[int, float]:
        """Training loss by epoch."""
        return {at: self.get_train(at)["loss"] for at in range(self.epochs)}

    @property
    def eval_acc1es(self) -> dict[str, float]:
        """Accuracies in percent by set and epoch, such as `x-valid@11`."""
        return {key: info["accuracy"] for key, info in self._evaluations()}

    @property
    def eval_losses(self) -> dict[str, float]:
        """Losses by set and epoch."""
        return {key: info["loss"] for key, info in self._evaluations()}

    def get_latency(self) -> float:
        """Seconds of a batch of 256 examples, -1 if unknown."""
        latency = self._trained.fixed[LATENCY].item(self._row) / 1000
        return -1.0 if math.isnan(latency) else latency

    def get_total_epoch(self) -> int:
        """Epochs of the training."""
        return self.epochs

    def get_eval_set(self) -> list[str]:
        """Names of the sets that it was evaluated on."""
        return self.eval_names

    def get_times(self) -> dict[str, float | None]:
        """Seconds of an epoch (the mean) and of all epochs, for training and each set."""
        found: dict[str, float | None] = {}
        for name, split in self._trained.sets.items():
            known = self._trained.seconds(split, self._row, self._repeat, self.epochs - 1)
            found[f"T-{name}@epoch"] = mean(known) if known else None
            found[f"T-{name}@total"] = sum(known) if known else None
        return found

    def get_train(self, iepoch: int | None = None) -> dict[str, Any]:
        """Loss, accuracy, seconds of the epoch and so far, on the training data."""
        return self._info("train", iepoch)

    def get_eval(self, name: str, iepoch: int | None = None) -> dict[str, Any]:
        """The same on an evaluation set; `valid` means `x-valid`.

        Raises:
            UnknownName: this data set has no such set.
            UnknownSchedule: it was not evaluated after this epoch.
        """
        return self._info("x-valid" if name == "valid" else name, iepoch)

    def _info(self, name: str, iepoch: int | None) -> dict[str, Any]:
        return self._trained.info(name, self._row, [self._repeat], iepoch)

    def _evaluations(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name in self.eval_names:
            for at in range(self.epochs):
                split = self._trained.sets[name]
                if self._trained.measured(split, self._row, [self._repeat], at) is not None:
                    yield f"{name}@{at}", self.get_eval(name, at)
