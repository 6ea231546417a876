"""NATS-Bench (Dong et al., TPAMI 2021): topology (tss) and size (sss), with learning curves.

Either form of its archives is read: the folder for fast mode (`NATS-tss-v1_0-3ffb9-simple`, with a
file for each architecture; some of these are enough, and only they become rows), or the single file
(`NATS-tss-v1_0-3ffb9.pickle.pbz2`), which is read twice and takes no more memory. Expect a quarter
of an hour for a whole one.

A table holds one data set and one schedule (`12` or `200` epochs of tss, `01`, `12` or `90` of
sss). Splits are kept apart:

- `cifar10-valid`: valid is x-valid, test is ori-test.
- `cifar10`: trained on train and valid together, so there is only test (ori-test).
- `cifar100`, `ImageNet16-120`: valid is x-valid, test is x-test; ori-test is both together and
  called valtest, because it overlaps the validation data. After 200 epochs of tss, valid and test
  are known at the last epoch only, and the curves there are, those of valtest, are no substitute.

What else to know of the columns, above all of the times, is said in `trial_table`. The numbers are
kept to the last bit, but for params, FLOPs (in millions there) and latency (in s there), which
change their unit. Where seeds are missing, the table says so and has no value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from nasbench import registry
from nasbench.errors import TableFault
from tabular import schema
from tabular.importers import trial_table
from tabular.importers.machine import Names
from tabular.importers.trials import NAMES, Trials, chosen, refuse_other_order
from tabular.importers.unpickle import Opcodes, far_mentions, opened, run

SCALED = (
    "seconds are not of these trainings: those of an epoch were measured in one training of 12 "
    "epochs on cifar10-valid, and scaled by the number of examples for all seeds, schedules and "
    "data sets"
)
REUSED = (
    "seconds are not of these trainings: those of an epoch were measured in one training of 1 "
    "epoch, and stand for all epochs, seeds and schedules"
)
Progress = Callable[[int, int], None]
"""Is told how many architectures are done, and of how many."""
Opener = Callable[[], AbstractContextManager[Opcodes]]
"""Opens a pickle from its beginning."""
_RECORD = re.compile(r"(\d{1,6})\.pickle\.pbz2")


def unseen(done: int, total: int) -> None:
    """Shows no progress."""


def topology(
    source: Path,
    *,
    dataset: str = "cifar10-valid",
    schedule: str = "200",
    progress: Progress = unseen,
) -> schema.Content:
    """NATS-Bench topology (tss), 12 or 200 epochs: the folder of fast mode, or the single file.

    Raises:
        TableFault: a file is damaged, is another one, or wants to run something.
        UnknownName: no such data set or schedule.
    """
    epochs = chosen(dataset, schedule, ("12", "200"))
    trials = Trials(registry.space("cell201-v1"), dataset, epochs, str(source))
    _gather(source, trials, progress)
    return trial_table.content(
        trials,
        name=f"nb201/{dataset}-{epochs}-epochs",
        origin="NATS-Bench topology",
        times=SCALED,
    )


def size(
    source: Path,
    *,
    dataset: str = "cifar10-valid",
    schedule: str = "90",
    progress: Progress = unseen,
) -> schema.Content:
    """NATS-Bench size (sss), 01, 12 or 90 epochs: the folder of fast mode, or the single file.

    Raises:
        TableFault: a file is damaged, is another one, or wants to run something.
        UnknownName: no such data set or schedule.
    """
    epochs = chosen(dataset, schedule, ("01", "12", "90"))
    trials = Trials(registry.space("size-v1"), dataset, epochs, str(source))
    _gather(source, trials, progress)
    return trial_table.content(
        trials,
        name=f"nats-sss/{dataset}-{epochs}-epochs",
        origin="NATS-Bench size",
        times=REUSED,
    )


def gather(
    opener: Opener,
    trials: Trials,
    progress: Progress,
    *,
    names: Names = NAMES,
    storages: bool = False,
) -> None:
    """Takes every record of one long pickle: `meta_archs`, and `arch2infos` by index.

    The pickle is read twice, first to learn which objects it comes back to, then record by record;
    none of them is kept. `names` and `storages` are those of `unpickle.run`.

    Raises:
        TableFault: it is damaged, is another file, or wants to run something.
    """
    total = len(trials.space)
    progress(0, total)

    def seen(found: dict[Any, Any]) -> bool:
        taken = trials.seen(found)
        if taken:
            progress(len(trials.rows), total)
        return taken

    with opener() as opcodes:
        far = far_mentions(opcodes)
    with opener() as opcodes:
        root = run(opcodes, names, seen=seen, far=far, storages=storages)
    if not (isinstance(root, dict) and isinstance(root.get("arch2infos"), dict)):
        raise TableFault(
            f"{trials.what} holds no architectures under arch2infos; it is another file, or the "
            "meta file of a folder, which is to be passed as a whole"
        )
    refuse_other_order(root.get("meta_archs"), trials.space, trials.what)
    lost = set(root["arch2infos"]) ^ set(trials.rows)
    if lost:
        raise TableFault(
            f"{trials.what} has no record of {len(lost)} architectures that it lists, "
            f"the first being {min(lost, key=str)}; get the file again"
        )


def _gather(source: Path, trials: Trials, progress: Progress) -> None:
    if source.is_dir():
        _folder(source, trials, progress)
    elif source.suffix == ".tar":
        raise TableFault(f"{source} is an archive; unpack it and pass the folder in it")
    elif source.is_file():
        gather(lambda: _opcodes(source), trials, progress)
    else:
        raise TableFault(f"{source} does not exist; expected a folder or a file of NATS-Bench")


@contextmanager
def _opcodes(path: Path) -> Iterator[Opcodes]:
    with opened(path) as stream:
        opcodes = Opcodes(stream, str(path))
        yield opcodes
        opcodes.end()


def _folder(folder: Path, trials: Trials, progress: Progress) -> None:
    """Takes the files of a folder for fast mode; its meta file says nothing that they do not."""
    found = ((_RECORD.fullmatch(path.name), path) for path in folder.iterdir())
    files = sorted((int(match[1]), path) for match, path in found if match)
    if not files:
        raise TableFault(
            f"{folder} is no folder for fast mode: expected files such as 000000.pickle.pbz2"
        )
    for done, (index, path) in enumerate(files, 1):
        trials.what, trials.last = str(path), None
        with _opcodes(path) as opcodes:
            run(opcodes, NAMES, seen=trials.seen)
        if trials.last != index:
            raise TableFault(
                f"{path} holds a record of architecture {trials.last}, not of {index}; "
                "it was renamed, or is another file"
            )
        progress(done, len(files))
    trials.what = str(folder)
