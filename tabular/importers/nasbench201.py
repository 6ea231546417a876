"""NAS-Bench-201 v1.1 (Dong & Yang, ICLR 2020): `NAS-Bench-201-v1_1-096897.pth`.

The file is one that torch saved, in its older form (pickles, then tensors) or its newer one (a zip
archive). It holds the records of NATS-Bench's topology, those of 12 epochs under `less` and those
of 200 under `full`; see `nats` for its data sets and splits, and `trial_table` for its columns.
Neither torch nor memory for it is needed: the pickle in it is read record by record, and tensors,
where there are any, are passed over.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nasbench import registry
from nasbench.errors import TableFault
from tabular import schema
from tabular.importers import trial_table
from tabular.importers.nats import SCALED, Progress, gather, unseen
from tabular.importers.trials import NAMES, Trials, chosen
from tabular.importers.unpickle import Inert, Names, Opcodes, opened, run

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
"""The first two pickles of a file in torch's older form."""


def read(
    source: Path,
    *,
    dataset: str = "cifar10-valid",
    schedule: str = "200",
    progress: Progress = unseen,
) -> schema.Content:
    """NAS-Bench-201 v1.1, 12 or 200 epochs: the .pth file, without torch.

    Raises:
        TableFault: the file is damaged, is another one, or wants to run something.
        UnknownName: no such data set or schedule.
    """
    epochs = chosen(dataset, schedule, ("12", "200"))
    trials = Trials(registry.space("cell201-v1"), dataset, epochs, str(source))
    if not source.is_file():
        raise TableFault(f"{source} is no file; expected NAS-Bench-201-v1_1-096897.pth")
    opener = _zipped if zipfile.is_zipfile(source) else _plain
    gather(lambda: opener(source), trials, progress, names=_NAMES, storages=True)
    return trial_table.content(
        trials,
        name=f"nb201/{dataset}-{epochs}-epochs",
        origin="NAS-Bench-201 v1.1",
        times=SCALED,
    )


@contextmanager
def _zipped(path: Path) -> Iterator[Opcodes]:
    """The pickle of a file in torch's newer form."""
    with opened(path, _member) as stream:
        opcodes = Opcodes(stream, str(path))
        yield opcodes
        opcodes.end()


@contextmanager
def _member(path: Path) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive:
        found = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(found) != 1:
            raise TableFault(f"{path} is a zip archive, but not one of torch: it has no data.pkl")
        with archive.open(found[0]) as member:
            yield member


@contextmanager
def _plain(path: Path) -> Iterator[Opcodes]:
    """The pickle of a file in torch's older form, which has three before it and one after it."""
    with opened(path, _bytes) as stream:
        opcodes = Opcodes(stream, str(path))
        if [run(opcodes, _NAMES) for _ in range(2)] != [MAGIC, PROTOCOL]:
            raise TableFault(f"{path} is not a file that torch saved, or not a whole one")
        run(opcodes, {})  # the system that saved it
        yield opcodes
        run(opcodes, {})


def _bytes(path: Path) -> IO[bytes]:
    return path.open("rb")


_NAMES: Names = {
    **NAMES,
    ("torch._utils", "_rebuild_tensor_v2"): Inert,
    ("torch._utils", "_rebuild_parameter"): Inert,
    ("torch", "FloatStorage"): "FloatStorage",
    ("torch", "LongStorage"): "LongStorage",
}
"""Those of the records, and those of tensors, which are passed over."""
