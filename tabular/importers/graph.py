"""NAS-Bench-Graph (Qin et al., NeurIPS 2022): graph neural networks on nine data sets.

Reads the files `light/*.bench` of the Python package `nas-bench-graph`: pickles of a dictionary
from the number of a canonical architecture (`nasbench.spaces.graph.number`) to four numbers, each
the mean over three trainings. They name no epochs, no training times and no device. On `proteins`
only networks without the operations gat, gin, cheb and graph were trained: the other rows are
empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Metric
from nasbench.errors import TableFault, UnknownName
from nasbench.spaces import graph
from tabular import classes, schema
from tabular.importers.documents import item, number, read_bytes
from tabular.importers.scalars import NAMES
from tabular.importers.unpickle import load

DATASETS: Mapping[str, int] = {
    "cora": 26_206,
    "citeseer": 26_206,
    "pubmed": 26_206,
    "cs": 26_206,
    "physics": 26_206,
    "photo": 26_206,
    "computers": 26_206,
    "arxiv": 26_206,
    "proteins": 2_021,
}
"""Networks trained on each data set."""
FIELDS = ("valid_perf", "perf", "para", "latency")
MOST = 1 << 25
"""Bytes; the files have 2 MB."""
LATENCY = Metric("latency_ms", "ms", "lower", "static")
PARAMS = schema.METRICS["params"]
ROC_AUC = (
    Metric("valid_roc_auc", "%", "higher", "valid"),
    Metric("test_roc_auc", "%", "higher", "test"),
)
"""Of `proteins`, whose 112 labels each have a yes and a no."""
ACCURACY = (schema.METRICS["valid_accuracy"], schema.METRICS["test_accuracy"])


def read(source: Path, *, dataset: str = "") -> schema.Content:
    """NAS-Bench-Graph's light/NAME.bench, or its folder light with --dataset NAME.

    Raises:
        TableFault: the file is damaged, is another one, or wants to run something.
        UnknownName: no such data set.
    """
    from tabular.pack import rows_of_codes  # late: it loads h5py, which help does not need

    name = dataset or source.stem
    if name not in DATASETS:
        raise registry.unknown(UnknownName, "data set", name, list(DATASETS))
    path = source / f"{name}.bench" if source.is_dir() else source
    if path.stem in DATASETS.keys() - {name}:
        raise TableFault(f"{path} is the file of {path.stem}, not of {name}; name that of {name}")
    space = registry.space(graph.NAME)
    genes = classes.canonical_genes(space)
    values = _values(load(read_bytes(path, MOST), NAMES, str(path)), genes, name, path)
    known = ~np.isnan(values[:, 0])
    valid, test, params, latency = values.T
    splits = ROC_AUC if name == "proteins" else ACCURACY
    return schema.Content(
        name=f"nb-graph/{name}",
        space=space.name,
        arity=tuple(space.arity),
        per="class",
        genes=genes,
        row=rows_of_codes(space),
        seeds=[0],
        epochs=[1],
        columns=[
            *(
                schema.Column(metric, 100 * column[:, None, None])
                for metric, column in zip(splits, (valid, test), strict=True)
            ),
            schema.Column(PARAMS, _whole(1e6 * params)),
            schema.Column(LATENCY, 1000 * latency),
        ],
        status=np.where(known, schema.TRAINED, schema.NOT_TRAINED).astype(np.uint8)[:, None],
        train_s=np.full((len(genes), 1), np.nan, dtype=np.float32),
        cost_s=np.where(known, 1, np.nan).astype(np.float32),
        measured="given",
        source="NAS-Bench-Graph: every number is the mean of three trainings (params differ "
        "between them on physics); the file tells neither epochs, 1 stands for the full training, "
        "nor the device of the latency; cost_s is one by definition",
    )


def _values(found: Any, genes: NDArray[np.int16], name: str, path: Path) -> NDArray[np.float64]:
    """The numbers of `FIELDS` (rows, 4) for the canonical genes (rows, 5); NaN without an entry."""
    if not isinstance(found, dict) or len(found) != DATASETS[name]:
        size = len(found) if isinstance(found, dict) else type(found).__name__
        raise TableFault(
            f"{path} has {size} architectures, expected the {DATASETS[name]} of {name}; "
            "name the data set of this file, or get it again"
        )
    values = np.full((len(genes), len(FIELDS)), np.nan)
    keys = [graph.number(row) for row in genes.tolist()]
    unknown = set(found) - set(keys)
    if unknown:
        raise TableFault(
            f"{path} has the architecture {min(unknown, key=str)!r:.40}, which is no canonical one "
            f"of {graph.NAME}, and {len(unknown) - 1} more such; it is of another version"
        )
    for row, key in enumerate(keys):
        if key in found:
            values[row] = [_field(found[key], field, f"{path}: {key}") for field in FIELDS]
    return values


def _field(entry: Any, field: str, what: str) -> float:
    high = 1.0 if field.endswith("perf") else 1e6
    return number(item(entry, field, what), f"{what} {field}", low=0, high=high)


def _whole(values: NDArray[np.float64]) -> NDArray[Any]:
    """Values as whole numbers, if all of them are."""
    whole = np.rint(values)
    if np.all(np.abs(values - whole) < 1e-3):
        return whole.astype(np.int64)
    return values
