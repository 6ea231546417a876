"""The trainings of NAS-Bench-301 (Zela et al., ICLR 2022): sampled networks of `darts-v1`.

A folder of `results_N.json`, however deep: one training each, with its hyperparameters, accuracies
on validation and test data, and seconds. The files state an architecture's edges twice, by their
numbers and by the sources of each node; both must agree. They name no seeds: trainings of one
architecture are numbered in the order of their files, and an exact copy counts once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.errors import InvalidConfig, TableFault
from nasbench.spaces.darts import CELLS, NAME, DartsCells
from nasbench.spaces.darts_cells import NODES, OPS, Node
from tabular import schema
from tabular.importers.documents import item, number, read_json

PREFIX = "NetworkSelectorDatasetInfo:darts:"
SETTINGS: Mapping[str, str] = {
    "layers": f"{PREFIX}layers",
    "init_channels": f"{PREFIX}init_channels",
    "T_max": "SimpleLearningrateSchedulerSelector:cosine_annealing:T_max",
    "learning_rate": "OptimizerSelector:sgd:learning_rate",
    "weight_decay": "OptimizerSelector:sgd:weight_decay",
}
"""What NAS-Bench-301 varies apart from the architecture; one table has one value of each."""
MOST = 1 << 22
"""Bytes of a file; those with learning curves have some 100 kB."""
Setting = tuple[float, ...]
"""Epochs, and the values of `SETTINGS`."""


@dataclass(frozen=True, slots=True)
class Training:
    """One file."""

    genes: tuple[int, ...]
    valid: float
    test: float
    seconds: float
    params: float
    """NaN if the file has none."""


def read(
    source: Path,
    *,
    schedule: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> schema.Content:
    """NAS-Bench-301's folder of results_N.json files: a table of the architectures they trained.

    Raises:
        TableFault: a file is damaged or contradicts itself, or the files have several settings.
        InvalidConfig: no training has `schedule` epochs.
    """
    paths = sorted(source.rglob("results_*.json"))
    if not paths:
        raise TableFault(f"{source} has no results_N.json, expected one for each training")
    by_setting: dict[Setting, list[Training]] = defaultdict(list)
    for done, path in enumerate(paths, 1):
        setting, training = _training(path)
        by_setting[setting].append(training)
        progress(done, len(paths))
    setting = _chosen(by_setting, schedule, source)
    return _content(by_setting[setting], setting)


def _content(trainings: Iterable[Training], setting: Setting) -> schema.Content:
    """The table of trainings of one setting: a row for each architecture."""
    rows: dict[tuple[int, ...], list[Training]] = defaultdict(list)
    for training in dict.fromkeys(trainings):  # a copy of a file says nothing new
        rows[training.genes].append(training)
    genes = sorted(rows)
    repeats = max(map(len, rows.values()))
    valid, test, train_s = (
        _filled([[getattr(each, name) for each in rows[key]] for key in genes], repeats)
        for name in ("valid", "test", "seconds")
    )
    epochs = int(setting[0])
    told = ", ".join(f"{k} {v:g}" for k, v in zip(SETTINGS, setting[1:], strict=True))
    return schema.Content(
        name=f"nb301/cifar10-{epochs}-epochs",
        space=NAME,
        arity=registry.space(NAME).arity,
        per="architecture",
        genes=np.array(genes, dtype=np.int16),
        row=None,
        seeds=range(repeats),
        epochs=[epochs],
        columns=[
            schema.Column(schema.METRICS["valid_accuracy"], valid[:, :, None]),
            schema.Column(schema.METRICS["test_accuracy"], test[:, :, None]),
            schema.Column(schema.METRICS["params"], _params(rows, genes)),
        ],
        status=np.where(np.isnan(valid), schema.NOT_TRAINED, schema.TRAINED).astype(np.uint8),
        train_s=train_s.astype(np.float32),
        cost_s=np.nanmean(train_s, axis=1).astype(np.float32),
        measured="given",
        source="trainings of NAS-Bench-301, a sample of the space: trained on 40,000 images of "
        "CIFAR-10, validated on the other 10,000, accuracies of the last epoch; the seeds are "
        f"not known, they number the trainings of an architecture; {told}",
    )


def _filled(values: list[list[float]], repeats: int) -> NDArray[np.float64]:
    """Numbers of each row (rows, repeats), NaN where it has fewer."""
    return np.array([[*row, *[np.nan] * (repeats - len(row))] for row in values])


def _params(
    rows: Mapping[tuple[int, ...], list[Training]], genes: list[tuple[int, ...]]
) -> NDArray[Any]:
    found = [{each.params for each in rows[key] if each.params == each.params} for key in genes]
    for key, counts in zip(genes, found, strict=True):
        if len(counts) > 1:
            raise TableFault(
                f"trainings of the architecture {key} have {sorted(counts)} parameters; "
                "they are of different networks, import them apart"
            )
    values = np.array([next(iter(counts), np.nan) for counts in found])
    return values if np.isnan(values).any() else values.astype(np.int64)


def _chosen(by_setting: Mapping[Setting, Any], schedule: str | None, source: Path) -> Setting:
    """The one setting, of those with `schedule` epochs."""
    known = sorted({int(setting[0]) for setting in by_setting})
    if schedule is not None and schedule not in map(str, known):
        listed = ", ".join(map(str, known))
        raise InvalidConfig(f"{source} has no trainings of {schedule!r} epochs, but of {listed}")
    fitting = [each for each in by_setting if schedule in (None, str(int(each[0])))]
    if len(fitting) == 1:
        return fitting[0]
    names = ("epochs", *SETTINGS)
    listed = "; ".join(
        f"{len(by_setting[each])} with "
        + ", ".join(f"{name} {value:g}" for name, value in zip(names, each, strict=True))
        for each in sorted(fitting)[:8]
    )
    raise TableFault(
        f"{source} has trainings of {len(fitting)} settings, which one table cannot compare: "
        f"{listed}. Import a folder of one of them, or choose epochs with --schedule."
    )


def _training(path: Path) -> tuple[Setting, Training]:
    what = str(path)
    document = read_json(path, MOST)
    config = item(document, "optimized_hyperparamater_config", what)  # their spelling
    info = item(item(document, "info", what), 0, f"{what} info")
    values = [item(config, key, what) for key in SETTINGS.values()]
    epochs = number(item(document, "budget", what), f"{what} budget", low=1, high=1e6)
    if epochs != int(epochs):
        raise TableFault(f"{what} budget is {epochs:g}, expected whole epochs; get the file again")
    setting = (epochs, *(number(value, f"{what} setting") for value in values))
    params = info.get("model_parameters") if isinstance(info, dict) else None
    return setting, Training(
        genes=_genes(config, what),
        valid=_percent(info, "val_accuracy", what),
        test=_percent(document, "test_accuracy", what),
        seconds=number(item(document, "runtime", what), f"{what} runtime", low=1e-9, high=1e9),
        params=np.nan
        if params is None
        else number(params, f"{what} model_parameters", low=0, high=1e12),
    )


def _percent(container: Any, key: str, what: str) -> float:
    return number(item(container, key, what), f"{what} {key}", low=0, high=100)


def _genes(config: Any, what: str) -> tuple[int, ...]:
    normal, reduction = (_nodes(config, kind, what) for kind in CELLS)
    return DartsCells().arch_of(normal, reduction).genes


def _nodes(config: Mapping[str, Any], kind: str, what: str) -> list[Node]:
    """The nodes of one cell; edges are numbered by target, then by source."""
    edges = [(node, source) for node in range(NODES) for source in range(node + 2)]
    prefix = f"{PREFIX}edge_{kind}_"
    given = Counter({key: 1 for key in config if key.startswith(prefix)})
    nodes: list[list[tuple[int, int]]] = [[] for _ in range(NODES)]
    for number_, (node, source) in enumerate(edges):
        op = config.get(f"{prefix}{number_}")
        given.pop(f"{prefix}{number_}", None)
        if op is not None and op not in OPS:
            raise TableFault(f"{what} has the operation {op!r:.40}; known: {', '.join(OPS)}")
        nodes[node] += [] if op is None else [(source, OPS.index(op))]
    for node, found in enumerate(nodes, 2):
        stated = config.get(f"{PREFIX}inputs_node_{kind}_{node}", "0_1" if node == 2 else None)
        sources = "_".join(str(source) for source, _ in found)
        if given or len(found) != 2 or stated != sources:
            raise TableFault(
                f"{what}: node {node} of the {kind} cell reads {stated!r:.20} by its inputs, and "
                f"{sources!r} by its edges, which must be the same two sources; edges are numbered "
                "by target, then by source"
            )
    return [(found[0], found[1]) for found in nodes]
