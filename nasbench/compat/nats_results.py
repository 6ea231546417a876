"""All that is known of one architecture with one schedule: what nats_bench calls `ArchResults`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nasbench import registry
from nasbench.compat.nats_tables import Trained
from nasbench.compat.nats_trials import trials
from nasbench.errors import InvalidConfig, UnknownName


def drawn(trained: Trained, row: int, is_random: bool | int, rng: np.random.Generator) -> list[int]:
    """The repeats to answer with: one that is drawn (True), all (False), or that of a seed.

    Raises:
        InvalidConfig: the architecture was not trained with this seed.
    """
    repeats = trained.repeats(row)
    if is_random is False:
        return list(repeats.values())
    if is_random is True:
        return [list(repeats.values())[int(rng.random() * len(repeats))]]
    if is_random not in repeats:
        raise InvalidConfig(
            f"{trained.table.name} has the seeds {list(repeats)} of this architecture, got "
            f"is_random={is_random!r}; pass one of them, True to draw one, or False for their mean"
        )
    return [repeats[is_random]]


class Results:
    """The trainings of an architecture on every data set that there is a table of."""

    def __init__(
        self,
        arch_index: int,
        arch_str: str,
        trained: Mapping[str, Trained],
        rng: np.random.Generator,
    ) -> None:
        self.arch_index, self.arch_str = arch_index, arch_str
        self._trained, self._rng = trained, rng

    def __repr__(self) -> str:
        return f"<Results of {self.arch_str} on {', '.join(self._trained)}>"

    @property
    def dataset_seed(self) -> dict[str, list[int]]:
        """Seeds of the trainings on each data set."""
        return {name: self.get_dataset_seeds(name) for name in self._trained}

    def arch_idx_str(self) -> str:
        """The index with six digits."""
        return f"{self.arch_index:06d}"

    def get_dataset_names(self) -> list[str]:
        """The data sets."""
        return list(self._trained)

    def get_dataset_seeds(self, dataset: str) -> list[int]:
        """Seeds of the trainings on a data set."""
        trained, row = self._found(dataset)
        return list(trained.repeats(row))

    def get_metrics(
        self,
        dataset: str,
        setname: str,
        iepoch: int | None = None,
        is_random: bool | int = False,
    ) -> dict[str, Any]:
        """Loss, accuracy, seconds of the epoch and so far, on `train` or an evaluation set.

        Raises:
            UnknownName: there is no such data set or set.
            UnknownSchedule: the set was not evaluated after this epoch.
            InvalidConfig: `is_random` is a seed that was not trained.
        """
        trained, row = self._found(dataset)
        return trained.info(setname, row, drawn(trained, row, is_random, self._rng), iepoch)

    def get_compute_costs(self, dataset: str) -> dict[str, float | None]:
        """Parameters and FLOPs in millions, seconds of a batch of 256, seconds of training."""
        trained, row = self._found(dataset)
        return trained.costs(row)

    def get_latency(self, dataset: str) -> float | None:
        """Seconds of a batch of 256 examples; None if unknown."""
        return self.get_compute_costs(dataset)["latency"]

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """Epochs of the trainings."""
        return self._found(dataset or next(iter(self._trained)))[0].epochs

    def query(self, dataset: str, seed: int | None = None) -> Any:
        """The trial of each seed on a data set, or that of one seed.

        Raises:
            UnknownName: there is no such data set, or no training with this seed.
        """
        found = trials(self._found(dataset)[0], self.arch_index)
        if seed is None:
            return found
        if seed not in found:
            raise UnknownName(f"{dataset} has the seeds {list(found)} of this one, not {seed!r}")
        return found[seed]

    def text(self) -> str:
        """What is known after the last epoch, a line for each data set."""
        lines = [f"{self.arch_index}: {self.arch_str}"]
        for name, trained in self._trained.items():
            row = trained.row(self.arch_index)
            cost = trained.costs(row)
            sets = (self._line(trained, row, each) for each in trained.sets)
            known = (f"{key} {cost[key]:.3f}" for key in ("params", "flops") if cost[key])
            lines.append(f"{name} ({trained.epochs} epochs): {', '.join([*known, *sets])}")
        return "\n".join(lines)

    def _line(self, trained: Trained, row: int, name: str) -> str:
        repeats = list(trained.repeats(row).values())
        found = trained.measured(trained.sets[name], row, repeats, trained.epochs - 1)
        return f"{name} " + ("unknown" if found is None else f"{found[1]:.2f} % ({found[0]:.3f})")

    def _found(self, dataset: str) -> tuple[Trained, int]:
        if dataset not in self._trained:
            raise registry.unknown(UnknownName, "data set", dataset, list(self._trained))
        trained = self._trained[dataset]
        return trained, trained.row(self.arch_index)
