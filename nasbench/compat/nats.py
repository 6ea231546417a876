"""The interface of `nats_bench` 1.8 (Dong et al., TPAMI 2021), on imported tables.

    from nasbench.compat import nats

    api = nats.create(["cifar10-valid.h5", "cifar100.h5"], "tss", rng=np.random.default_rng(0))
    api.get_more_info(9930, "cifar10-valid", hp="12", is_random=False)
    accuracy, latency, time_cost, total_time = api.simulate_train_eval(9930, "cifar10", hp="12")

`create` takes tables that `nasbench table import nats-tss` (nats-sss, nasbench201) made, one for
each data set and schedule (`hp`) that is asked for: paths, tables, or a folder of them. Methods,
arguments, keys and numbers are those of nats_bench; these things differ:

- The generator that draws seeds and architectures is passed in; nats_bench uses the global one.
- `simulate_train_eval` answers with validation accuracy or not at all. Where it was not recorded
  (before the last of 200 epochs on cifar100 and ImageNet16-120), nats_bench takes accuracy on
  validation and test data together instead, without a word. `get_more_info` has that one as
  `valtest-accuracy`, as there.
- Errors are those of `nasbench.errors`, and texts are our own.
- There are no weights, files or networks: no `get_net_param`, `clear_params`, `reload`,
  `reset_archive_dir`, `archive_dir`, `reset_fast_mode`, `fast_mode`, `get_net_config` and
  `arch2infos_dict`; nor is there `get_unique_str`, for which `space.canonical` does.
- The size of a network is one number for all seeds. A latency may differ in its last bit, and so
  may a size where seeds disagree on it: tables keep latencies in milliseconds and sizes in ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nasbench import registry
from nasbench.compat.nats_archs import Architectures
from nasbench.compat.nats_best import best, set_names
from nasbench.compat.nats_results import Results, drawn
from nasbench.compat.nats_tables import SETS, Trained, Trainings
from nasbench.compat.nats_trials import trials
from nasbench.errors import InvalidArchitecture, TableFault, UnknownMetric, UnknownName

SPACES = {"tss": "cell201-v1", "topology": "cell201-v1", "sss": "size-v1", "size": "size-v1"}
Tables = str | Path | Trainings | Iterable["str | Path | Trainings"]
_COMMENT = {
    "cifar10-valid": "trained on one half of CIFAR-10's training set; valid is the other half, "
    "test is CIFAR-10's test set",
    "cifar10": "trained on all of CIFAR-10's training set; test is CIFAR-10's test set",
}


def create(
    file_path_or_dict: Tables,
    search_space: str,
    fast_mode: bool = False,
    verbose: bool = True,
    *,
    rng: np.random.Generator,
) -> NatsBench:
    """The interface to the tables of one search space.

    Args:
        file_path_or_dict: table files, a folder of them, or open tables.
        search_space: `tss` or `topology`, `sss` or `size`.
        fast_mode: of no effect, as a table is always fast.
        verbose: of no effect, as nothing is printed but by `show`.
        rng: draws seeds and architectures.

    Raises:
        UnknownName: no such search space.
        TableFault: a table is damaged, of another space or origin, or there twice.
    """
    if search_space not in SPACES:
        raise registry.unknown(UnknownName, "search space", search_space, list(SPACES))
    return NatsBench(map(Trained, _opened(file_path_or_dict)), SPACES[search_space], rng)


class NatsBench(Architectures):
    """Look-ups in tables of one space, by data set and schedule; made by `create`."""

    def __init__(self, trained: Iterable[Trained], space: str, rng: np.random.Generator) -> None:
        super().__init__(registry.space(space), rng)
        self._used_time = 0.0
        self._trained: dict[tuple[str, str], Trained] = {}
        for each in trained:
            if each.table.space.name != space:
                raise TableFault(f"{each.table.name} is of {each.table.space.name}, not of {space}")
            if (each.dataset, each.hp) in self._trained:
                raise TableFault(f"{each.table.name} is there twice; pass one table of each")
            self._trained[each.dataset, each.hp] = each
        if not self._trained:
            raise TableFault("there is no table; make one with `nasbench table import nats-tss`")

    def __repr__(self) -> str:
        return f"<NatsBench of {', '.join(each.name for each in self.tables)}>"

    @property
    def used_time(self) -> float:
        """Seconds of all simulated trainings since the last `reset_time`."""
        return self._used_time

    @property
    def tables(self) -> list[Trainings]:
        """The tables that are asked."""
        return [each.table for each in self._trained.values()]

    @property
    def avaliable_hps(self) -> list[str]:
        """Schedules that there are tables of; the spelling is that of nats_bench."""
        return sorted({hp for _, hp in self._trained})

    @property
    def evaluated_indexes(self) -> set[int]:
        """Indices of the architectures that some table has trainings of."""
        return {index for each in self._trained.values() for index in each.indices()}

    def reset_time(self) -> None:
        """Sets the used time to 0."""
        self._used_time = 0.0

    def get_more_info(
        self,
        index: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str | int = "12",
        is_random: bool | int = True,
    ) -> dict[str, Any]:
        """Loss, accuracy and seconds on each set, under keys such as `valid-accuracy`.

        `<set>-all-time` is up to the epoch, `<set>-per-time` for one; a set that was not evaluated
        after the epoch has no keys.

        Args:
            index: of the architecture, or what `query_index_by_arch` takes.
            dataset: `cifar10-valid`, `cifar10`, `cifar100` or `ImageNet16-120`.
            iepoch: epoch counted from 0, None for the last one.
            hp: the schedule: `12` or `200`; `01`, `12` or `90` for size.
            is_random: True for one of the seeds, drawn; False for their mean; or a seed.

        Raises:
            InvalidArchitecture: it is not in the space, or not in the table.
            UnknownName: there is no table of the data set and schedule.
            UnknownSchedule: there is no such epoch.
            InvalidConfig: `is_random` is a seed that the architecture was not trained with.
        """
        trained = self._of(dataset, hp)
        row, at = trained.row(self._index(index)), trained.at(iepoch)
        repeats = drawn(trained, row, is_random, self._rng)
        info: dict[str, Any] = {**trained.more_info(row, tuple(repeats), at)}
        if dataset in _COMMENT:
            info["comment"] = _COMMENT[dataset]
        return info

    def simulate_train_eval(
        self,
        arch: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str | int = "12",
        account_time: bool = True,
    ) -> tuple[float, float | None, float, float]:
        """Validation accuracy of a training, latency, its seconds, and the used time with them.

        Raises:
            UnknownName: the data set is not cifar10, cifar100 or ImageNet16-120.
            UnknownSchedule: there is no validation accuracy after this epoch.
            UnknownMetric: the table does not know the seconds.
            and what `get_more_info` raises.
        """
        if dataset not in SETS or dataset == "cifar10-valid":
            known = [name for name in SETS if name != "cifar10-valid"]
            raise registry.unknown(UnknownName, "data set", dataset, known)
        index = self._index(arch)
        trained_on = "cifar10-valid" if dataset == "cifar10" else dataset
        info = self.get_more_info(index, trained_on, iepoch=iepoch, hp=hp)
        trained = self._of(trained_on, hp)
        if "valid-accuracy" not in info:
            raise trained.unevaluated("x-valid", trained.at(iepoch))
        if info["train-all-time"] is None or info["valid-per-time"] is None:
            raise UnknownMetric(f"{trained.table.name} lacks the seconds of architecture {index}")
        time_cost = info["train-all-time"] + info["valid-per-time"]
        if account_time:
            self._used_time += time_cost
        latency = self.get_latency(index, dataset, hp)
        return info["valid-accuracy"], latency, time_cost, self._used_time

    def get_cost_info(
        self, index: Any, dataset: str, hp: str | int = "12"
    ) -> dict[str, float | None]:
        """`params` and `flops` in millions, `latency` in seconds of a batch of 256, `T-...` in s.

        Raises as `get_more_info` does.
        """
        trained = self._of(dataset, hp)
        return trained.costs(trained.row(self._index(index)))

    def get_latency(self, index: Any, dataset: str, hp: str | int = "12") -> float | None:
        """Seconds of a batch of 256 examples.

        NATS-Bench has one latency for cifar10 and cifar10-valid: the table of either will do.
        """
        one = (dataset, _schedule(hp)) in self._trained or dataset != "cifar10"
        trained = self._of(dataset if one else "cifar10-valid", hp)
        return trained.latency(trained.row(self._index(index)))

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str | int = "12",
        enforce_all: bool | None = None,
    ) -> tuple[int, float | None]:
        """Index and accuracy of the first best in the mean over seeds; (-1, None) if there is none.

        Args:
            dataset: what was trained on; with `valid` on cifar10, that is cifar10-valid.
            metric_on_set: `train`, `valid` or `test`, or a set by its own name, such as `x-valid`.
            flop_max, param_max: most FLOPs and parameters in millions; unknown ones are more.
            hp: the schedule.
            enforce_all: of no effect, as all architectures with trainings are always looked at.

        Raises:
            UnknownName: there is no such data set, schedule or set.
        """
        name, on = set_names(dataset, metric_on_set)
        return best(self._of(name, hp), on, flop_max, param_max)

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """How many architectures have so many trainings on a data set, by their number.

        Raises:
            UnknownName: there is no such data set or schedule.
        """
        trained = self._of(dataset, hp)
        counts = Counter(
            len(trained.repeats(trained.row(index))) if trained.has(index) else 0
            for index in self.evaluated_indexes
        )
        return dict(counts)

    def query_meta_info_by_index(self, arch_index: Any, hp: str | int = "12") -> Results:
        """All trainings of an architecture with a schedule."""
        index = self._index(arch_index)
        found = {
            dataset: each
            for (dataset, schedule), each in self._trained.items()
            if schedule == _schedule(hp) and each.has(index)
        }
        if not found:
            raise InvalidArchitecture(f"no table has a training of architecture {index} by hp={hp}")
        return Results(index, self.arch(index), found, self._rng)

    def query_by_index(
        self, arch_index: Any, dataname: str | None = None, hp: str | int = "12"
    ) -> Any:
        """All trainings of an architecture, or the trial of each seed on one data set."""
        if dataname is None:
            return self.query_meta_info_by_index(arch_index, hp)
        return trials(self._of(dataname, hp), self._index(arch_index))

    def query_by_arch(self, arch: Any, hp: str | int = "12") -> str:
        """What is known of an architecture, as a text."""
        return self.query_meta_info_by_index(arch, hp).text()

    query_info_str_by_arch = query_by_arch

    def show(self, index: int = -1) -> None:
        """Prints what is known of an architecture; of all there are for a negative index."""
        for each in sorted(self.evaluated_indexes) if index < 0 else [index]:
            for hp in sorted({hp for (_, hp), one in self._trained.items() if one.has(each)}):
                print(self.query_by_arch(each, hp))

    def _of(self, dataset: str, hp: str | int) -> Trained:
        found = self._trained.get((dataset, _schedule(hp)))
        if found is None:
            known = ", ".join(f"{name} hp={of}" for name, of in self._trained)
            raise UnknownName(
                f"there is no table of {dataset} with hp={hp}, only of {known}; "
                "import it with `nasbench table import` and pass it to create"
            )
        return found


def _schedule(hp: str | int) -> str:
    return str(hp).zfill(2)


def _opened(tables: Tables) -> Iterator[Trainings]:
    """The tables of a file, a folder, or several of them."""
    if isinstance(tables, (str, Path)):
        path = Path(tables)
        tables = sorted(path.glob("*.h5")) if path.is_dir() else [path]
    for each in [tables] if isinstance(tables, Trainings) else tables:
        table: Any = registry.benchmark(each) if isinstance(each, (str, Path)) else each
        if not isinstance(table, Trainings):
            raise TableFault(f"{each} is not a table that tells its trainings apart")
        yield table
