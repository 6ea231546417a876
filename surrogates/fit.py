"""Fitting a surrogate benchmark on a table, or on any other benchmark that lists what it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Benchmark, Space, SupportsRows
from nasbench.errors import InvalidConfig
from nasbench.harness.workers import continues
from surrogates import curves, layout
from surrogates.benchmark import Origin, Parts
from surrogates.calibration import Calibration
from surrogates.statics import Statics

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Config:
    """How a surrogate is fitted."""

    model: str = "xgb"
    """Registered name of a model, with its default settings."""
    classes: int | None = None
    """Classes to fit on, drawn at random; None: all."""
    seed: int = 0
    """Decides the classes, the folds and the model."""
    components: int = 6
    """Of the learning curves, see `curves`."""
    members: int = 1
    """Models of each coefficient, more than one being an ensemble."""
    folds: int = 5
    """Parts of the classes that are predicted by models of the others, to calibrate."""

    def __post_init__(self) -> None:
        if self.folds < 2 or self.seed < 0 or self.members < 1:
            raise InvalidConfig(
                f"a fit needs folds >= 2, seed >= 0 and members >= 1, got {self.folds}, "
                f"{self.seed} and {self.members}"
            )
        if self.classes is not None and self.classes < self.folds:
            raise InvalidConfig(
                f"expected at least as many classes as folds ({self.folds}), got {self.classes}; "
                "pass more classes"
            )


def fit(
    benchmark: Benchmark,
    config: Config = Config(),
    *,
    name: str | None = None,
    rows: NDArray[np.int64] | None = None,
) -> Parts:
    """A surrogate of a benchmark, named `<benchmark>@<model>` unless `name` is given.

    `rows` are the numbers of the classes to fit on, as `listed` has them, in the place of random
    ones. A metric after an epoch of which none of the classes has a value is not predicted.

    Raises:
        InvalidConfig: the benchmark cannot list its architectures, or too few of these have values.
        UnknownName: no such model.
    """
    genes, columns = listed(benchmark)
    space = benchmark.space
    archs = [Architecture(space.name, tuple(row)) for row in genes.tolist()]
    chosen = drawn(len(archs), config) if rows is None else _shuffled(rows, config)
    fixed = {m: columns[m.name] for m in benchmark.metrics if m.split == "static"}
    statics = Statics.found(space, [space.canonical(arch) for arch in archs], fixed)
    metrics = [m for m in benchmark.metrics if m not in statics.metrics]
    values, cost_s = layout.read(benchmark, [archs[row] for row in chosen], metrics)
    shape = layout.Layout.of(metrics, benchmark.epochs, values)
    matrix = shape.pack(values, cost_s)
    whole = np.isfinite(matrix).all(axis=1) & np.isfinite(values).any(axis=(1, 2))
    if whole.sum() < config.folds:
        raise InvalidConfig(
            f"{int(whole.sum())} of {len(chosen)} drawn classes of {benchmark.name} have a value "
            f"for every target that any has, expected at least as many as folds ({config.folds}); "
            "pass more classes, or finish the table"
        )
    used = [archs[row] for row in chosen[whole]]
    model, calibration = fitted(space, used, matrix[whole], config)
    origin = _origin(benchmark, config, len(used), int((~whole).sum()))
    name = f"{benchmark.name}@{config.model}" if name is None else name
    return Parts(name, space, benchmark.metrics, shape, model, calibration, statics, origin)


def listed(benchmark: Benchmark) -> tuple[NDArray[np.int16], Mapping[str, Floats]]:
    """Genes and metrics of every class that a benchmark knows.

    Of twins that were measured one by one, the first: fitted on one and judged on the other, a
    model would be judged on what it has seen.

    Raises:
        InvalidConfig: it cannot list them.
    """
    if not isinstance(benchmark, SupportsRows):
        raise InvalidConfig(
            f"{benchmark.name} cannot list its architectures; expected a benchmark with rows, such "
            "as a table"
        )
    genes, columns = benchmark.rows()
    space, first = benchmark.space, dict[Architecture, int]()
    for row, own in enumerate(genes.tolist()):
        first.setdefault(space.canonical(Architecture(space.name, tuple(own))), row)
    kept = np.fromiter(first.values(), dtype=np.int64, count=len(first))
    return genes[kept], {name: column[kept] for name, column in columns.items()}


def drawn(count: int, config: Config) -> NDArray[np.int64]:
    """Which of `count` classes are fitted on, in the order in which they were drawn.

    Raises:
        InvalidConfig: there are not so many.
    """
    if config.classes is not None and config.classes > count:
        raise InvalidConfig(f"expected at most {count} classes, got {config.classes}")
    return np.random.default_rng(config.seed).permutation(count)[: config.classes]


def _shuffled(rows: NDArray[np.int64], config: Config) -> NDArray[np.int64]:
    if config.classes is not None:
        raise InvalidConfig(f"expected classes or rows, got {config.classes} classes and rows")
    return np.random.default_rng(config.seed).permutation(rows)


def fitted(
    space: Space, archs: list[Architecture], matrix: Floats, config: Config
) -> tuple[curves.Curves, Calibration]:
    """A model of all architectures, calibrated by models that each lack one fold of them."""
    settings = curves.Config(config.model, config.components, config.members)
    held_out = np.empty_like(matrix)
    fold_of = np.arange(len(archs)) % config.folds  # they are in random order
    for fold in range(config.folds):
        others, own = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        part = curves.Curves(space, settings, seed=config.seed)
        part.fit([archs[row] for row in others], matrix[others])
        held_out[own], _ = part.predict([archs[row] for row in own])
    model = curves.Curves(space, settings, seed=config.seed).fit(archs, matrix)
    return model, Calibration.of(held_out, matrix)


def _origin(benchmark: Benchmark, config: Config, classes: int, left_out: int) -> Origin:
    told: Any = benchmark
    task = getattr(benchmark, "task", "") or ""
    recipe = asdict(told.recipe) if task else None
    sha256 = getattr(benchmark, "sha256", None)
    return Origin(
        benchmark.name,
        sha256,
        task,
        recipe,
        asdict(config),
        classes,
        left_out,
        continues=continues(benchmark),
    )
