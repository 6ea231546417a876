"""The one loop: ask, query, charge, tell, on a simulated clock with one or more workers.

Every worker trains one candidate at a time for its recorded seconds; whenever one is free the
searcher is asked for one candidate, and it is told each evaluation when that is complete. The order
of events depends on the recorded training seconds only, ties going to the evaluation that was
started first, so it is the same on every machine; the searcher's own measured seconds are added on
top of the clock. Under a budget of seconds they decide how many of these events there are, so a run
may end earlier or later on another machine. One worker is the plain loop: ask, evaluate, tell.

This is the hot path of every comparison, hence plain tuples, and columns of plain numbers for what
is recorded: a million evaluations are six arrays, not millions of objects to collect.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from math import inf
from time import perf_counter
from typing import Any, TypeAlias

from nasbench.core import Architecture, Benchmark, Candidate, Observation, Problem, Searcher
from nasbench.errors import SearcherFault, TableFault

BEAT_S = 1.0
"""Between two calls of `on_evaluations`."""
LONGEST = 500
"""Characters of a wrong answer that an error repeats."""

_Evaluation: TypeAlias = tuple[float, int, Candidate, int, float, float, Mapping[str, float]]
"""An evaluation that is under way: end_s and number, which decide what is complete first, then
candidate, epochs, cost_s, charged_s and metrics."""


def continues(benchmark: Benchmark) -> bool:
    """Whether a shorter training is the beginning of a longer one, so that it can go on.

    It is unless the benchmark has an attribute `continues` that says otherwise.
    """
    return bool(getattr(benchmark, "continues", True))


class Steps:
    """The columns of a trajectory as it grows; genes and values one row after the other."""

    def __init__(self) -> None:
        self.genes, self.epochs = array("h"), array("i")
        self.values, self.feasible = array("d"), array("b")
        self.spent_s, self.overhead_s = array("d"), array("d")

    def __len__(self) -> int:
        return len(self.epochs)


class Simulation:
    """One searcher at work on one benchmark with `workers` simulated workers.

    An evaluation is charged the candidate's seconds of training from scratch; if the architecture
    has already been trained to fewer epochs at most, the difference; an exact repeat, in full. If
    the benchmark's trainings of different lengths do not continue one another, each is in full.
    An evaluation that would be complete only after the budget's seconds is neither recorded nor
    told. `overhead_s` is what the searcher has used before its first ask. `on_evaluations` is
    called now and then, at most once in `BEAT_S` seconds, with the number of evaluations since.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        searcher: Searcher,
        problem: Problem,
        *,
        workers: int = 1,
        noise_seed: int | None = None,
        overhead_s: float = 0.0,
        on_evaluations: Callable[[int], None] = lambda number: None,
    ) -> None:
        self._benchmark, self._query = benchmark, benchmark.query
        self._searcher, self._ask, self._tell = searcher, searcher.ask, searcher.tell
        self._problem = problem
        self._signs = [(metric.name, metric.sign) for metric in problem.objectives]
        self._full, self._epochs = problem.epochs[-1], frozenset(problem.epochs)
        self._space, self._is_valid = problem.space.name, problem.space.is_valid
        self._workers, self._noise_seed, self._overhead_s = workers, noise_seed, overhead_s
        self._queries, self._started, self._clock_s = problem.budget.queries, 0, 0.0
        self._running: list[_Evaluation] = []
        self._trained: dict[tuple[int, ...], tuple[int, float]] = {}  # -> longest epochs, seconds
        self._continues = continues(benchmark)
        self._steps = Steps()
        self._on_evaluations, self._told, self._told_s = on_evaluations, 0, perf_counter()

    def run(self) -> Steps:
        """Evaluations in order of completion, until the budget or the searcher is exhausted.

        Raises:
            SearcherFault: the searcher breaks the protocol.
        """
        running, workers = self._running, self._workers
        while True:
            while len(running) < workers and self._started < self._queries:
                self._start()
            if not running or not self._finish(heappop(running)):
                return self._steps

    def _start(self) -> None:
        """Ask for one candidate and give it to a free worker."""
        before = perf_counter()
        asked = self._ask(1)
        self._overhead_s += perf_counter() - before
        if type(asked) is not list or len(asked) != 1:
            self._check_list(asked)
            self._queries = self._started  # an empty list: the searcher has finished early
            return
        candidate = asked[0]
        epochs = self._checked_epochs(candidate)
        result = self._query(asked, noise_seed=self._noise_seed)[0]
        cost_s = charged_s = result.cost_s
        if not 0.0 <= cost_s < inf:
            raise TableFault(
                f"{self._benchmark.name} answers {candidate} with a cost of {cost_s!r} seconds; "
                f"expected a finite number >= 0. Check the benchmark."
            )
        longest = self._trained.get(candidate.arch.genes)
        if longest is not None and longest[0] < epochs:
            charged_s = max(cost_s - longest[1], 0.0)
        end_s = self._clock_s + charged_s
        number = self._started
        self._started = number + 1
        heappush(
            self._running, (end_s, number, candidate, epochs, cost_s, charged_s, result.metrics)
        )

    def _finish(self, done: _Evaluation) -> bool:
        """Record and tell an evaluation; False if the budget's seconds were over before its end."""
        end_s, _, candidate, epochs, cost_s, charged_s, metrics = done
        self._clock_s = end_s
        spent_s = end_s + self._overhead_s
        problem = self._problem
        if spent_s > problem.budget.cost_s:
            return False
        genes = candidate.arch.genes
        longest = self._trained.get(genes)
        if self._continues and (longest is None or longest[0] < epochs):
            self._trained[genes] = (epochs, cost_s)
        values = tuple([_objective(metrics[name] * sign) for name, sign in self._signs])
        feasible = True
        for constraint in problem.constraints:
            feasible = feasible and constraint.holds(metrics[constraint.metric])
        steps = self._steps
        steps.genes.extend(genes)
        steps.epochs.append(epochs)
        steps.values.extend(values)
        steps.feasible.append(feasible)
        steps.spent_s.append(spent_s)
        steps.overhead_s.append(self._overhead_s)
        observation = Observation(candidate, values, charged_s, feasible)
        before = perf_counter()
        if before > self._told_s + BEAT_S:
            self._beat(before)
            before = perf_counter()  # what others do with the news is not the searcher's time
        self._tell([observation])
        self._overhead_s += perf_counter() - before
        return True

    def _beat(self, now: float) -> None:
        """Tell how many evaluations have been completed since the last time."""
        number = len(self._steps)
        self._on_evaluations(number - self._told)
        self._told, self._told_s = number, now

    def _checked_epochs(self, candidate: Any) -> int:
        """The epochs that a valid candidate is trained."""
        if not isinstance(candidate, Candidate):
            raise self._fault("a Candidate", candidate)
        arch, epochs = candidate.arch, candidate.epochs
        if not isinstance(arch, Architecture) or arch.space != self._space:
            raise self._fault(f"an architecture of {self._space}", arch)
        if type(arch.genes) is not tuple:
            raise self._fault("genes in a tuple", arch)
        if arch.genes not in self._trained and not self._is_valid(arch):
            raise self._fault(f"genes that {self._space} contains", arch)
        if epochs is None:
            return self._full
        if epochs not in self._epochs:
            raise self._fault(f"epochs among {self._problem.epochs} or None", candidate)
        return epochs

    def _check_list(self, asked: Any) -> None:
        """Refuse what `ask(1)` may not return; an empty list is allowed, but not at once."""
        if not isinstance(asked, list):
            raise self._fault("a list of candidates", asked)
        if not asked and not self._started:
            raise self._fault("a candidate", asked)
        if len(asked) > 1:
            raise self._fault("one candidate, as it was asked for,", f"{len(asked)}: {asked}")

    def _fault(self, expected: str, got: Any) -> SearcherFault:
        name, shown = type(self._searcher).__qualname__, repr(got)
        shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
        return SearcherFault(
            f"{name} must propose {expected} at evaluation {self._started + 1}; got {shown}. "
            f"Run nasbench.testing.searchers.SearcherConformance on it."
        )


def _objective(value: float) -> float:
    """A signed objective; a failed training's NaN counts as the worst."""
    return value if value == value else inf
