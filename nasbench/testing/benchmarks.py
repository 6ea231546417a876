"""What every benchmark must do; subclass `BenchmarkConformance` and give it your benchmark."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import FrozenInstanceError, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from nasbench.core import Architecture, Benchmark, Candidate, Metric, Result, SupportsRows
from nasbench.errors import UnknownSchedule, WrongSpace
from nasbench.harness.known import drawn
from nasbench.testing.elsewhere import call_elsewhere

Exact = tuple[tuple[str, ...], str]
"""A result in a form that compares bit for bit, NaN equal to NaN."""


def exact(results: Sequence[Result]) -> list[Exact]:
    """Results as hexadecimal texts, to compare them bit for bit."""
    return [
        (
            tuple(f"{name}={float(result.metrics[name]).hex()}" for name in sorted(result.metrics)),
            float(result.cost_s).hex(),
        )
        for result in results
    ]


class BenchmarkConformance:
    """Put a benchmark through the protocol::

    class TestMyBenchmark(BenchmarkConformance):
        @pytest.fixture
        def benchmark(self):
            return MyBenchmark()

    Tests of a subclass ask for it as `subject`: pytest-benchmark claims the name `benchmark`.
    To be asked in another process, the benchmark must be picklable, and its class importable.
    """

    twins_agree = True
    """Whether architectures of one class have the same results; imported tables may differ."""

    @pytest.fixture
    def benchmark(self) -> Benchmark:
        """The benchmark under test; a subclass gives it."""
        raise NotImplementedError("override the fixture `benchmark` and return yours from it")

    @pytest.fixture
    def subject(self, request: pytest.FixtureRequest) -> Benchmark:
        """The benchmark; tests ask for it by this name, which pytest-benchmark does not claim."""
        found: Benchmark = request.getfixturevalue("benchmark")
        return found

    @pytest.fixture
    def archs(self, subject: Benchmark) -> list[Architecture]:
        """A random 12 of the space, or of a sample of it where the benchmark knows no more."""
        return drawn(subject, 12, np.random.default_rng(0))

    @pytest.fixture
    def candidates(self, subject: Benchmark, archs: list[Architecture]) -> list[Candidate]:
        """The architectures at the full training, the shortest and one between."""
        some = (None, subject.epochs[0], subject.epochs[len(subject.epochs) // 2])
        return [Candidate(arch, epochs) for arch in archs for epochs in some]

    def test_the_name_has_no_spaces(self, subject: Benchmark) -> None:
        assert subject.name
        assert not any(c.isspace() for c in subject.name)

    def test_metrics_are_described_and_their_names_are_unique(self, subject: Benchmark) -> None:
        names = [metric.name for metric in subject.metrics]
        assert names
        assert len(set(names)) == len(names)
        for metric in subject.metrics:
            assert isinstance(metric, Metric)
            assert metric.unit
            assert metric.better in ("lower", "higher")
            assert metric.split in ("train", "valid", "test", "static")

    def test_directions_fit_the_names(self, subject: Benchmark) -> None:
        for metric in subject.metrics:
            name = metric.name.partition("[")[0]  # in brackets is a label, such as a device's
            if "accuracy" in name:
                assert metric.better == "higher", metric
            if any(word in name for word in ("loss", "error", "latency", "params", "macs")):
                assert metric.better == "lower", metric

    def test_epochs_are_ascending_whole_numbers(self, subject: Benchmark) -> None:
        epochs = subject.epochs
        assert epochs
        assert all(isinstance(n, int) and n >= 1 for n in epochs)
        assert list(epochs) == sorted(set(epochs))

    def test_every_result_has_every_metric(
        self, subject: Benchmark, candidates: list[Candidate]
    ) -> None:
        names = {metric.name for metric in subject.metrics}
        results = subject.query(candidates)
        assert len(results) == len(candidates)
        for result in results:
            assert set(result.metrics) == names
            assert all(isinstance(value, float) for value in result.metrics.values())

    def test_no_candidates_give_no_results(self, subject: Benchmark) -> None:
        assert subject.query([]) == []

    def test_no_epochs_means_the_full_training(
        self, subject: Benchmark, archs: list[Architecture]
    ) -> None:
        last = [Candidate(arch, subject.epochs[-1]) for arch in archs]
        full = [Candidate(arch) for arch in archs]
        assert exact(subject.query(full)) == exact(subject.query(last))

    @pytest.mark.parametrize("noise_seed", [None, 0, 2**40 + 7])
    def test_the_same_question_has_the_same_answer(
        self, subject: Benchmark, candidates: list[Candidate], noise_seed: int | None
    ) -> None:
        first = exact(subject.query(candidates, noise_seed=noise_seed))
        assert exact(subject.query(candidates, noise_seed=noise_seed)) == first

    @pytest.mark.parametrize("noise_seed", [None, 5])
    def test_order_and_company_of_candidates_do_not_matter(
        self, subject: Benchmark, candidates: list[Candidate], noise_seed: int | None
    ) -> None:
        together = exact(subject.query(candidates, noise_seed=noise_seed))
        backwards = exact(subject.query(candidates[::-1], noise_seed=noise_seed))[::-1]
        alone = [exact(subject.query([c], noise_seed=noise_seed))[0] for c in candidates]
        assert backwards == together
        assert alone == together

    def test_answers_are_the_same_in_another_process(
        self, subject: Benchmark, candidates: list[Candidate]
    ) -> None:
        there = call_elsewhere(_answers, subject, candidates, (None, 3))
        assert there == _answers(subject, candidates, (None, 3))

    def test_the_noise_seed_decides_where_there_are_repeats(
        self, subject: Benchmark, candidates: list[Candidate]
    ) -> None:
        answers = {str(exact(subject.query(candidates, noise_seed=seed))) for seed in range(20)}
        if getattr(subject, "repeats", 1) > 1:
            assert len(answers) > 1
        again = {str(exact(subject.query(candidates, noise_seed=seed))) for seed in range(20)}
        assert again == answers

    def test_noise_seeds_of_numpy_are_numbers_like_any_other(
        self, subject: Benchmark, candidates: list[Candidate]
    ) -> None:
        plain = exact(subject.query(candidates, noise_seed=11))
        seed: Any = np.int64(11)
        assert exact(subject.query(candidates, noise_seed=seed)) == plain

    def test_global_generators_are_neither_used_nor_changed(
        self, subject: Benchmark, candidates: list[Candidate]
    ) -> None:
        answers = []
        for state in (1, 2):
            random.seed(state)
            np.random.seed(state)  # noqa: NPY002 - the global generator is what must not matter
            answers.append(exact(subject.query(candidates, noise_seed=4)))
            left = random.random(), float(np.random.random())  # noqa: NPY002
            random.seed(state)
            np.random.seed(state)  # noqa: NPY002
            assert (random.random(), float(np.random.random())) == left  # noqa: NPY002
        assert answers[0] == answers[1]

    def test_architectures_of_another_space_are_refused(
        self, subject: Benchmark, archs: list[Architecture]
    ) -> None:
        stranger = replace(archs[0], space="another-space-v1")
        with pytest.raises(WrongSpace, match="another-space-v1"):
            subject.query([Candidate(archs[0]), Candidate(stranger)])

    def test_unknown_epochs_are_refused(
        self, subject: Benchmark, archs: list[Architecture]
    ) -> None:
        for epochs in (0, -1, subject.epochs[-1] + 1):
            with pytest.raises(UnknownSchedule):
                subject.query([Candidate(archs[0], epochs)])

    def test_results_cannot_be_used_to_change_the_benchmark(
        self, subject: Benchmark, candidates: list[Candidate]
    ) -> None:
        before = exact(subject.query(candidates))
        for result in subject.query(candidates):
            metrics: Any = result.metrics
            for name in list(metrics):
                with suppress(TypeError):  # a mapping that cannot be written to is fine, too
                    metrics[name] = -1.0
            anything: Any = result
            with pytest.raises(FrozenInstanceError):
                anything.cost_s = -1.0
        assert exact(subject.query(candidates)) == before

    def test_cost_is_positive_and_grows_with_epochs(
        self, subject: Benchmark, archs: list[Architecture]
    ) -> None:
        for arch in archs:
            costs = [
                result.cost_s
                for result in subject.query([Candidate(arch, n) for n in subject.epochs])
            ]
            assert costs[0] > 0
            assert all(a < b for a, b in pairwise(costs))
            assert math.isfinite(costs[-1])

    def test_twins_have_the_same_results(
        self, subject: Benchmark, archs: list[Architecture]
    ) -> None:
        if not self.twins_agree:
            pytest.skip("this benchmark measured twins separately")
        twins = [subject.space.canonical(arch) for arch in archs]
        for seed in (None, 6):
            ours = subject.query([Candidate(arch) for arch in archs], noise_seed=seed)
            theirs = subject.query([Candidate(arch) for arch in twins], noise_seed=seed)
            assert exact(ours) == exact(theirs)

    def test_rows_are_what_query_answers(self, subject: Benchmark) -> None:
        if not isinstance(subject, SupportsRows):
            pytest.skip("this benchmark does not list its rows")
        genes, columns = subject.rows()
        assert set(columns) == {metric.name for metric in subject.metrics}
        assert len({tuple(row) for row in genes.tolist()}) == len(genes)
        chosen = np.random.default_rng(1).integers(len(genes), size=50)
        archs = [Architecture(subject.space.name, tuple(genes[k].tolist())) for k in chosen]
        results = subject.query([Candidate(arch) for arch in archs])
        for name, column in columns.items():
            expected = np.array([result.metrics[name] for result in results])
            np.testing.assert_array_equal(column[chosen], expected, err_msg=name)

    def test_rows_cannot_be_used_to_change_the_benchmark(
        self, subject: Benchmark, candidates: list[Candidate]
    ) -> None:
        if not isinstance(subject, SupportsRows):
            pytest.skip("this benchmark does not list its rows")
        before = exact(subject.query(candidates))
        genes, columns = subject.rows()
        kept = genes.copy()
        arrays: list[Any] = [genes, *columns.values()]
        for array in arrays:
            with suppress(ValueError):  # read-only
                array[:] = 0
        assert exact(subject.query(candidates)) == before
        assert np.array_equal(subject.rows()[0], kept)


def _answers(
    benchmark: Benchmark, candidates: list[Candidate], seeds: tuple[int | None, ...]
) -> list[Any]:
    return [exact(benchmark.query(candidates, noise_seed=seed)) for seed in seeds]
