"""Tables as a blackbox directory of Syne Tune (Salinas et al., AutoML 2022).

    from syne_tune.blackbox_repository.blackbox_tabular import deserialize
    blackbox = deserialize("folder")["cell201/digits-on-photos"]

Every architecture that has a training is a configuration, members of one class all alike, as
schedulers draw from the whole space. Objectives are named and directed as in Syne Tune's own
blackbox of NAS-Bench-201: an accuracy in % becomes an error from 0 to 1, `metric_valid_error`,
seconds are `metric_elapsed_time` since the start and `metric_runtime` since the recorded
epoch before, or since the start where each length is a training of its own; other metrics keep
their values. What was not measured is NaN, never filled in.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasbench.atomic import output_fault
from nasbench.compat.configspace import hyperparameters
from nasbench.core import Metric
from nasbench.errors import InvalidConfig, MissingExtra, TableFault
from tabular import agreement, classes, schema

if TYPE_CHECKING:
    from tabular.table import Table

FIDELITY = "hp_epoch"
ELAPSED, RUNTIME = "metric_elapsed_time", "metric_runtime"


def export(table: Table, folder: Path) -> None:
    """Writes a blackbox directory; its one task has the table's name.

    Raises:
        InvalidConfig: the folder exists and is not empty.
        MissingExtra: pyarrow is not installed.
        OutputFault: the place cannot be written or is full; nothing is left there.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra(
            "a blackbox holds Parquet, which needs pyarrow; "
            "install it with: pip install 'nasbench-lab[syne-tune]'"
        )
    if folder.is_dir() and any(folder.iterdir()):
        raise InvalidConfig(f"{folder} holds files already; choose another folder or delete it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))
    except OSError as fault:
        raise output_fault(folder, fault) from fault
    try:
        _write(table, part)
        part.chmod(0o755)
        part.replace(folder)
    except OSError as fault:
        raise output_fault(folder, fault) from fault
    finally:
        shutil.rmtree(part, ignore_errors=True)


def objectives(table: Table) -> dict[str, Metric | None]:
    """Metric of each objective, by its name in Syne Tune; None for the times."""
    named = {_named(metric): metric for metric in table.metrics}
    return {**named, ELAPSED: None, RUNTIME: None}


def evaluations(table: Table, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Objectives (rows, seeds, epochs, objectives) of some rows of a table."""
    epochs = np.array(table.epochs, dtype=np.float64)
    wanted = objectives(table)
    found = np.empty((len(rows), table.repeats, len(epochs), len(wanted)), np.float32)
    elapsed = table.all_charged_s()[rows, None]
    for k, (name, metric) in enumerate(wanted.items()):
        if name == ELAPSED:
            found[..., k] = elapsed
        elif name == RUNTIME:
            found[..., k] = np.diff(elapsed, prepend=0.0) if table.continues else elapsed
        elif metric is not None:
            found[..., k] = _values(table, metric)[rows]
    found[table.status[rows] == schema.NOT_TRAINED] = np.nan
    recorded = table.recorded()[rows]
    if recorded.any():
        found[~recorded] = np.nan
    return found


def members(table: Table) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Genes (n, p) and rows (n,) of every architecture of the space that was trained.

    Of spaces too large to be listed, those that have a row of their own.
    """
    genes, rows = table.genes, np.arange(len(table.genes))
    if table.per == "class" and len(table.space) <= schema.MAX_CODES:
        genes = classes.all_genes(table.space)
        rows = table.rows_of(genes)
    trained = (table.status[rows] != schema.NOT_TRAINED).any(axis=1)
    return genes[trained], rows[trained]


def _write(table: Table, folder: Path) -> None:
    import pandas as pd

    genes, rows = members(table)
    if not len(rows):
        raise TableFault(
            f"{table.name} holds no training, and a blackbox is made of them; export CSV instead"
        )
    choices = hyperparameters(table.space)
    words = {
        name: np.array(values, dtype=object)[genes[:, k]]
        for k, (name, values) in enumerate(choices.items())
    }
    frame = pd.DataFrame(words, dtype=object)
    frame.to_parquet(folder / "hyperparameters.parquet", engine="pyarrow", index=False)
    np.save(folder / "objectives_evaluations.npy", evaluations(table, rows)[None])
    np.save(folder / "fidelities_values.npy", np.array(table.epochs, dtype=np.int64))
    space = {
        name: _domain("Categorical", categories=list(values)) for name, values in choices.items()
    }
    fidelity = {FIDELITY: _domain("Integer", lower=table.epochs[0], upper=table.epochs[-1])}
    for file, content in (
        ("configspace", space),
        ("fidelityspace", fidelity),
        ("metadata", _metadata(table)),
    ):
        (folder / f"{file}.json").write_text(json.dumps(content, indent=1) + "\n")


def _domain(kind: str, **arguments: Any) -> dict[str, Any]:
    """A hyperparameter as Syne Tune's `config_space.to_dict` writes it."""
    return {
        "domain_cls": kind,
        "domain_kwargs": arguments,
        "sampler_cls": "Uniform",
        "sampler_kwargs": {},
    }


def _metadata(table: Table) -> dict[str, Any]:
    names, scores = list(objectives(table)), agreement.scores(table)
    score = scores.get("valid") or scores.get("test")
    default = next((_named(metric) for metric in table.metrics if metric.name == score), names[0])
    return {
        "objectives_names": names,
        "task_names": [table.name],
        "metric_elapsed_time": ELAPSED,
        "metric_default": default,
        "time_attr": FIDELITY,
        "table_sha256": table.sha256,
        "seeds": list(table.seeds),
    }


def _named(metric: Metric) -> str:
    if _is_share(metric):
        return f"metric_{metric.name.removesuffix('_accuracy')}_error"
    return f"metric_{metric.name}"


def _is_share(metric: Metric) -> bool:
    """Whether it is a percentage of what went well."""
    return (metric.unit, metric.better) == ("%", "higher")


def _values(table: Table, metric: Metric) -> NDArray[np.float64]:
    """(table rows, repeats or 1, epochs or 1)."""
    static = metric.split == "static"
    values = table.values(metric.name)[:, None, None] if static else table.curves(metric.name)
    return 1.0 - values / 100.0 if _is_share(metric) else values
