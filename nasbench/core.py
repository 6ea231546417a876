"""The nouns and the protocols. NumPy only; everything else is written in these words.

An `Architecture` is trained as a `Candidate`; a `Benchmark` answers with a `Result`; the harness
keeps the objectives, signs them, and tells the `Searcher` an `Observation`. What was asked and
answered is a `Trajectory`, and with its setting a `Run`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidBudget, InvalidConfig

Better = Literal["lower", "higher"]
Split = Literal["train", "valid", "test", "static"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """One network of a search space, as plain data."""

    space: str
    """Versioned name of the space, such as `cell201-v1`."""
    genes: tuple[int, ...]
    """One choice per gene; `Space.arity` says how many each gene has."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a number measures."""

    name: str
    unit: str
    better: Better
    split: Split
    """The data it was measured on; `static` if it depends on the architecture alone."""

    @property
    def sign(self) -> float:
        """Factor that turns the metric into something to minimize."""
        return 1.0 if self.better == "lower" else -1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """An architecture to evaluate, and how long to train it."""

    arch: Architecture
    epochs: int | None = None
    """None: the benchmark's full training."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a benchmark knows about one candidate."""

    metrics: Mapping[str, float]
    """Every metric of the benchmark by name; NaN where it was not measured."""
    cost_s: float
    """Seconds of training from scratch to the candidate's epochs."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a searcher is told about one candidate."""

    candidate: Candidate
    values: tuple[float, ...]
    """The problem's objectives, each signed so that lower is better; `inf` if training failed."""
    cost_s: float
    """Seconds charged for it."""
    feasible: bool = True
    """Whether all constraints of the problem hold."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Where a run ends: at whichever limit comes first."""

    queries: int
    """Evaluations."""
    cost_s: float = math.inf
    """Charged seconds."""

    def __post_init__(self) -> None:
        whole = isinstance(self.queries, (int, np.integer)) and not isinstance(self.queries, bool)
        if not whole or self.queries < 1:
            raise InvalidBudget(
                f"a budget needs a whole number of queries >= 1, got {self.queries!r}; such as 200"
            )
        if not self.cost_s > 0:  # also refuses NaN
            raise InvalidBudget(
                f"a budget needs cost_s > 0 seconds, got {self.cost_s!r}; "
                "leave it out for no limit on time"
            )


@dataclass(frozen=True, slots=True)
class Constraint:
    """A bound on a metric that feasible architectures respect."""

    metric: str
    upper: float | None = None
    lower: float | None = None

    def __post_init__(self) -> None:
        if self.upper is None and self.lower is None:
            raise InvalidConfig(
                f"the constraint on {self.metric} bounds nothing; give upper, lower or both"
            )
        if any(bound is not None and math.isnan(bound) for bound in (self.upper, self.lower)):
            raise InvalidConfig(f"the constraint on {self.metric} has a bound that is not a number")

    def holds(self, value: float) -> bool:
        """Whether `value` is inside the bounds; NaN never is."""
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        return low <= value <= high


@dataclass(frozen=True, slots=True)
class InputSpec:
    """Shape of one input of a task."""

    kind: Literal["image", "tokens"]
    """`image`: float32 (channels, height, width), a sequence being of height 1;
    `tokens`: int64 (width,)."""
    channels: int
    """Of an image; of the learned embedding for tokens."""
    height: int
    width: int
    vocabulary: int = 0
    """Number of token values; 0 for images."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Inputs and labels of one split."""

    x: NDArray[Any]
    """(n, channels, height, width) float32 or (n, width) int64."""
    y: NDArray[np.int64]
    """(n,) class labels from 0."""

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is built from an architecture, and how it is trained.

    SGD with a cosine schedule to 0.
    """

    channels: int = 8
    """Width of the first stage; every further stage doubles it."""
    stages: int = 2
    """Stages of cells, with a residual block of stride 2 between them."""
    cells: int = 1
    """Cells in a stage."""
    stem_stride: int = 2
    """Stride of the first convolution."""
    epochs: int = 10
    batch_size: int = 100
    lr: float = 0.1
    """Learning rate at the first step; the last step's is almost 0."""
    momentum: float = 0.9
    """Nesterov's."""
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        for name in ("channels", "stages", "cells", "stem_stride", "epochs", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise InvalidConfig(f"a recipe's {name} is a whole number >= 1, got {value!r}")
        if not (
            0 < self.lr < math.inf and 0 <= self.momentum < 1 and 0 <= self.weight_decay < math.inf
        ):
            raise InvalidConfig(
                "a recipe needs lr > 0, 0 <= momentum < 1 and weight_decay >= 0, got "
                f"{self.lr!r}, {self.momentum!r} and {self.weight_decay!r}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class SearchData:
    """What a one-shot searcher may train on: never the test split."""

    task: str
    input: InputSpec
    classes: int
    train: Examples
    valid: Examples
    recipe: Recipe = Recipe()
    """How the benchmark's own networks are built and trained."""


@dataclass(frozen=True, slots=True, eq=False)
class TaskData:
    """A data set in three disjoint splits."""

    task: str
    input: InputSpec
    classes: int
    train: Examples
    valid: Examples
    test: Examples

    def for_search(self) -> SearchData:
        """The same data without its test split."""
        return SearchData(self.task, self.input, self.classes, self.train, self.valid)


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """All that a searcher may know."""

    space: Space
    epochs: tuple[int, ...]
    """Training lengths that can be asked for, ascending; the last is the full training."""
    objectives: tuple[Metric, ...]
    """In the order of `Observation.values`, where they are already signed."""
    budget: Budget
    constraints: tuple[Constraint, ...] = ()
    task: SearchData | None = None
    """Train and valid splits, for searchers that train networks of their own."""


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """One training run, epoch by epoch; every array is (epochs,) float32."""

    train_loss: NDArray[np.float32]
    """Mean cross-entropy in nats over the epoch's own training steps."""
    train_accuracy: NDArray[np.float32]
    """Percent, over the epoch's own training steps."""
    valid_loss: NDArray[np.float32]
    valid_accuracy: NDArray[np.float32]
    test_loss: NDArray[np.float32]
    test_accuracy: NDArray[np.float32]
    train_s: float
    """Seconds spent in training steps, evaluation not counted."""
    diverged: bool = False
    """Whether the loss stopped being finite; losses are NaN and accuracies chance from then on."""


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """What was evaluated, in order of completion; n evaluations, p genes, k objectives."""

    genes: NDArray[np.int16]
    """(n, p)."""
    epochs: NDArray[np.int32]
    """(n,)."""
    values: NDArray[np.float64]
    """(n, k) objectives, all minimized."""
    feasible: NDArray[np.bool_]
    """(n,)."""
    spent_s: NDArray[np.float64]
    """(n,) charged seconds when the evaluation was complete: recorded training plus the
    searcher's own time."""
    overhead_s: NDArray[np.float64]
    """(n,) the searcher's own seconds so far, contained in `spent_s`."""

    def __len__(self) -> int:
        return len(self.epochs)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One searcher, one seed, one benchmark: everything needed to replay it."""

    benchmark: str
    table_sha256: str | None
    """Content hash of the table that answered; None for benchmarks that are not tables."""
    space: str
    searcher: str
    config: Mapping[str, Any]
    """The searcher's settings."""
    objectives: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    seed: int
    noise_seed: int | None
    """Handed to every query; None asked for the mean over repeats."""
    workers: int
    """Simulated asynchronous workers on the clock."""
    budget: Budget
    trajectory: Trajectory
    environment: Mapping[str, str] = field(default_factory=dict)
    """Versions and machine, for the reader; never used in a replay."""
    code: str | None = None
    """sha256 of the source file that defines the searcher; None if it is not known."""


@dataclass(frozen=True, slots=True)
class LabeledGraph:
    """A directed acyclic graph with a label on every node.

    The first node is the input, the last the output.
    """

    labels: tuple[str, ...]
    edges: tuple[tuple[int, int, int], ...]
    """(source, target, multiplicity), sorted, source < target."""


class Space(Protocol):
    """A finite set of architectures, and the moves in it."""

    @property
    def name(self) -> str:
        """Versioned, such as `cell201-v1`."""

    @property
    def arity(self) -> tuple[int, ...]:
        """Number of choices of each gene."""

    def __len__(self) -> int:
        """Number of architectures, twins counted."""

    def is_valid(self, arch: Architecture) -> bool: ...

    def canonical(self, arch: Architecture) -> Architecture:
        """The one member of the architecture's class that stands for all of it."""

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        """`n` independent uniform draws."""

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        """A uniformly drawn neighbor; the architecture itself if it has none."""

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A child that takes each gene from either parent."""

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        """All architectures one gene away, in a fixed order."""

    def encode(self, archs: Sequence[Architecture]) -> NDArray[np.float32]:
        """One-hot genes, (n, sum of arity)."""

    def graph(self, arch: Architecture) -> LabeledGraph:
        """The cell as operation instances; isomorphic for architectures of one class."""

    def parse(self, text: str) -> Architecture: ...

    def format(self, arch: Architecture) -> str: ...

    def index(self, arch: Architecture) -> int: ...

    def arch(self, index: int) -> Architecture: ...


class Task(Protocol):
    """A data set."""

    @property
    def name(self) -> str: ...

    @property
    def domain(self) -> str:
        """Such as vision, sequence, speech or language."""

    @property
    def recipe(self) -> Recipe:
        """How its table is trained."""

    def load(self) -> TaskData:
        """The three splits, checked against their stored sha256.

        Raises:
            DataFault: a shipped file is missing or was changed.
        """


class Benchmark(Protocol):
    """A pure function from candidates to results."""

    @property
    def name(self) -> str: ...

    @property
    def space(self) -> Space: ...

    @property
    def metrics(self) -> tuple[Metric, ...]: ...

    @property
    def epochs(self) -> tuple[int, ...]:
        """Training lengths with results, ascending; the last is the full training.

        A benchmark whose shorter trainings are not the beginnings of its longer ones says so by an
        attribute `continues = False`: then no training is charged as the rest of another.
        """

    def query(
        self, candidates: Sequence[Candidate], *, noise_seed: int | None = None
    ) -> list[Result]:
        """Results in the order of the candidates; the same arguments always give the same results.

        `noise_seed` None gives the mean over repeats (or the surrogate's mean); a number draws
        the repeat.

        Raises:
            WrongSpace: a candidate of another space.
            UnknownSchedule: a number of epochs without results.
        """


@runtime_checkable
class SupportsRows(Protocol):
    """A benchmark that can list everything it knows."""

    def rows(self) -> tuple[NDArray[np.int16], Mapping[str, NDArray[np.float64]]]:
        """Genes (classes, p) of every canonical architecture, and metric columns (classes,).

        The metrics are those of the full training.
        """


@runtime_checkable
class SupportsRetraining(Protocol):
    """A benchmark whose numbers come from training on a task, so that anyone can train again."""

    @property
    def task(self) -> str:
        """Name of the task."""

    @property
    def recipe(self) -> Recipe: ...


class Predictor(Protocol):
    """A model of one metric."""

    def fit(self, archs: Sequence[Architecture], targets: NDArray[np.float64]) -> Predictor: ...

    def predict(
        self, archs: Sequence[Architecture]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean (n,) and standard deviation (n,)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a cost model says of one architecture."""

    value: float
    """In the unit of the model's metric; infinite, on the bad side, where there is none."""
    cost_s: float
    """Seconds that computing it took here."""


class CostModel(Protocol):
    """A number about architectures that costs far less than to train them."""

    @property
    def metric(self) -> Metric:
        """What is estimated, and whether more of it promises a better network."""

    def estimate(self, archs: Sequence[Architecture]) -> list[Estimate]:
        """Estimates in the order of the architectures; equal arguments give equal values.

        Raises:
            WrongSpace: an architecture of a space that the model is not made for.
        """


class ProxyFactory(Protocol):
    """What is registered under a zero-cost proxy's name."""

    def __call__(self, data: SearchData, *, seed: int = 0, batch_size: int = 64) -> CostModel:
        """The proxy on one minibatch of the train split; the seed draws it and the weights."""


class Searcher(Protocol):
    """A search method; made by `factory(problem, rng)` or `factory(problem, rng, config)`."""

    def ask(self, n: int = 1) -> list[Candidate]:
        """`n` candidates to evaluate next, with or without word of the earlier ones."""

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take in evaluations, in any order and number."""


class SearcherFactory(Protocol):
    """What is registered under a searcher's name: usually its class."""

    Config: type
    """Frozen dataclass of its settings; every field has a default and a docstring."""

    def __call__(
        self, problem: Problem, rng: np.random.Generator, config: Any = ...
    ) -> Searcher: ...
