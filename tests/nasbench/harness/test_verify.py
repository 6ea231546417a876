"""Verification: verdicts against SciPy and simulation, trainings against kills and twins."""

from __future__ import annotations

import functools
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
import scipy
from markupsafe import escape
from rich.console import Console

from nasbench import cli, registry
from nasbench.commands.verify import _show
from nasbench.core import Architecture, Budget, InputSpec, LearningCurve, Metric, Recipe, Result
from nasbench.errors import InvalidConfig, OutputFault, RunFault, UnknownDevice, UnknownName
from nasbench.harness import trainings
from nasbench.harness.claims import maker_here, makers_of
from nasbench.harness.collection import collect
from nasbench.harness.environment import environment
from nasbench.harness.files import run_path, write_run
from nasbench.harness.report import build_report
from nasbench.harness.run import run
from nasbench.harness.verdict import judge
from nasbench.harness.verification import read_verification
from nasbench.harness.verify import fresh_seeds, verify
from nasbench.harness.winners import winners
from nasbench.testing.toy import ToyBenchmark
from tabular.setting import describe

SEARCHERS = ("random-search", "local-search", "regularized-evolution")


class TrainedToy(ToyBenchmark):
    """The toy benchmark, as if its numbers came from training on a task."""

    task = "digits-on-photos"
    recipe = Recipe(epochs=2)
    repeats = 1


class Inline(Executor):
    """Does the work in this process, at once."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as fault:
            future.set_exception(fault)
        return future


class Trainer:
    """Trains nothing: the toy's test accuracy, `shift` points off, with noise by the seed."""

    def __init__(self, shift=0.0, noise=0.3):
        self.shift, self.noise, self.asked = shift, noise, []
        self.__qualname__ = "Trainer"

    def __call__(self, arch, data, recipe, seed, device):
        self.asked.append((arch, seed))
        truth = TrainedToy().query([_candidate(arch)])[0].metrics["test_accuracy"]
        rng = np.random.default_rng([seed, *arch.genes])
        return curve(truth + self.shift + self.noise * rng.normal())


def _candidate(arch, epochs=None):
    from nasbench.core import Candidate

    return Candidate(arch, epochs)


def curve(accuracy, diverged=False):
    rows = np.full((6, 2), accuracy, dtype=np.float32)
    names = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")
    names = (*names, "test_loss", "test_accuracy")
    return LearningCurve(**dict(zip(names, rows, strict=True)), train_s=1.5, diverged=diverged)


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    """The fake trainers look at no data, so none is loaded."""
    monkeypatch.setattr("nasbench.harness.trainings._data", lambda task: None)


@pytest.fixture
def toy():
    return TrainedToy()


@pytest.fixture
def runs(toy, tmp_path):
    for searcher in SEARCHERS:
        for seed in range(3):
            made = run(toy, searcher, seed, budget=Budget(15), noise_seed=seed)
            write_run(made, run_path(tmp_path, toy.name, searcher, seed))
    return tmp_path


def verified(runs, toy, trainer=None, **changes):
    trainer = Trainer() if trainer is None else trainer
    return verify(runs, benchmark=toy, trainer=trainer, executor=Inline(), **changes)


# --- the verdict ---------------------------------------------------------------------------------


def test_with_many_repeats_and_one_architecture_the_test_is_students():
    sample = [90.1, 91.2, 90.7, 90.2]
    expected = scipy.stats.ttest_1samp(sample, 91.5)
    found = judge([91.5], [sample], repeats=10**15)
    assert found.p_values[0] == pytest.approx(expected.pvalue)
    assert found.noise == pytest.approx(np.std(sample, ddof=1))


def test_with_one_architecture_the_expected_interval_is_the_prediction_interval_by_hand():
    sample = [90.0, 91.0, 92.0]  # standard deviation 1, 2 degrees of freedom
    found = judge([90.5], [sample], repeats=1)
    reach = 4.302653 * math.sqrt(1 / 3 + 1)
    assert found.expected[0].low == pytest.approx(90.5 - reach, abs=1e-5)
    assert found.expected[0].high == pytest.approx(90.5 + reach, abs=1e-5)


def test_the_noise_is_pooled_over_architectures():
    found = judge([0.0, 0.0], [[0.0, 2.0], [5.0, 6.0, 7.0]], repeats=1)
    assert found.degrees == 3
    assert found.noise == pytest.approx(math.sqrt((2 + 2) / 3))


@pytest.mark.parametrize("repeats", [1, 3])
def test_an_honest_table_is_rarely_contradicted(rng, repeats):
    wrong = 0
    for _ in range(1000):
        predicted = 90 + 0.5 * rng.normal(size=(5, repeats)).mean(axis=1)
        measured = 90 + 0.5 * rng.normal(size=(5, 3))
        verdicts = judge(predicted, measured, repeats=repeats).verdicts
        wrong += not {"better", "worse"}.isdisjoint(verdicts)
    assert 0.02 < wrong / 1000 < 0.07  # family-wise level 0.05


def test_a_lie_of_five_standard_deviations_is_found(rng):
    found = []
    for _ in range(200):
        predicted = 90 + 0.5 * rng.normal(size=5)
        measured = 90 + 0.5 * rng.normal(size=(5, 3))
        predicted[2] += 2.5
        found.append(judge(predicted, measured, repeats=1).verdicts[2] == "worse")
    assert np.mean(found) > 0.8


def five_cells(rng):
    """Five honest cells but for the third, which the table overstates by five points."""
    measured = 90 + 0.5 * rng.normal(size=(5, 3))
    predicted = 90 + 0.5 * rng.normal(size=5)
    predicted[2] += 5
    return predicted, measured


@pytest.mark.parametrize("diverged", [True, False])
def test_one_failed_training_does_not_hide_a_lie_about_another_cell(rng, diverged):
    predicted, measured = five_cells(rng)
    sound = judge(np.delete(predicted, 4), np.delete(measured, 4, axis=0), repeats=1)
    measured[4, 1] = 10.0  # trainings that fail without diverging are told by their scatter
    found = judge(predicted, measured, repeats=1, diverged=[False] * 4 + [diverged])
    assert found.verdicts == ["confirmed", "confirmed", "worse", "confirmed", "unstable"]
    assert math.isnan(found.p_values[4])
    assert (found.noise, found.degrees, found.shift) == (sound.noise, 8, sound.shift)


def test_a_cell_of_which_a_training_diverged_is_unstable_however_little_it_scatters(rng):
    predicted, measured = five_cells(rng)
    assert judge(predicted, measured, repeats=1, diverged=[True] + [False] * 4).verdicts[:3] == [
        "unstable",
        "confirmed",
        "worse",
    ]


def test_if_no_cell_is_stable_there_is_no_shift_and_no_verdict(rng):
    found = judge(*five_cells(rng), repeats=1, diverged=True)
    assert (set(found.verdicts), found.shift, found.degrees) == ({"unstable"}, None, 10)


def test_outlying_scatter_is_where_the_published_table_of_cochrans_test_has_it():
    critical = 0.788  # five variances of three results each, at 1 %: tables of ISO 5725-2
    share = np.array([critical + 0.004, critical - 0.004])
    found = []
    for c in share:
        scatter = np.sqrt(np.array([c, *4 * [(1 - c) / 4]]))
        samples = 90 + scatter[:, None] * np.array([-1.0, 0.0, 1.0])
        found.append(judge(samples.mean(axis=1), samples, repeats=1).verdicts[0])
    assert found == ["unstable", "confirmed"]


def test_cells_whose_trainings_scatter_alike_are_rarely_unstable(rng):
    unstable = 0
    for _ in range(500):
        measured = 90 + 0.5 * rng.normal(size=(5, 3))
        unstable += "unstable" in judge([90.0] * 5, measured, repeats=1).verdicts
    assert unstable / 500 < 0.025  # nominally 0.01


def test_each_cell_is_expected_as_near_as_its_own_repeats_allow(rng):
    measured = 90 + 0.5 * rng.normal(size=(2, 3))
    both = judge([90.0, 90.0], measured, repeats=[1, 3])
    for k, repeats in enumerate((1, 3)):
        assert both.expected[k] == judge([90.0, 90.0], measured, repeats=repeats).expected[k]
    assert both.expected[0].low < both.expected[1].low


def test_without_any_noise_only_equal_values_are_confirmed():
    found = judge([0.1 + 0.2, 7.0], [[0.3] * 3, [8.0] * 3], repeats=1)
    assert found.verdicts == ["confirmed", "better"]


def test_the_shift_is_the_mean_difference_with_its_interval():
    found = judge([90.0, 80.0], [[91.0, 93.0], [79.0, 81.0]], repeats=1)
    assert found.shift.estimate == pytest.approx(1.0)
    reach = scipy.stats.t.ppf(0.975, 1) * math.sqrt(2 * 1.5)  # by seed 0 and 2: 2 (1/2 + 1)
    assert found.shift.high == pytest.approx(1 + reach)


@pytest.mark.parametrize("common", [0.0, 1.0])
def test_the_shift_of_an_honest_table_is_within_its_interval_as_often_as_it_says(rng, common):
    """Also where a seed moves all architectures together, in the table and in fresh trainings."""
    inside = 0
    for _ in range(1000):
        seeds = common * rng.normal(size=4)
        trainings = 90 + seeds + rng.normal(size=(10, 4))
        shift = judge(trainings[:, 0], trainings[:, 1:], repeats=1).shift
        inside += shift.low <= 0 <= shift.high
    assert 925 <= inside <= 975  # 950 +- 3.6 standard errors


@pytest.mark.parametrize("measured", [[], [[90.0]], [[90.0, 91.0], [90.0, 91.0]]])
def test_too_few_trainings_are_refused(measured):
    with pytest.raises(ValueError, match="two or more"):
        judge([90.0], measured, repeats=1)


# --- the winners ---------------------------------------------------------------------------------


def test_a_winner_has_the_best_value_its_searcher_was_told(runs, toy):
    for winner in winners(collect(runs), toy.space):
        for find in winner.finds:
            name = find.file.run.searcher
            everything = [
                value
                for file in collect(runs).searchers[name]
                for value in file.run.trajectory.values[:, 0]
            ]
            assert find.value == min(everything)
            assert toy.space.canonical(find.arch) == winner.arch


def test_the_top_winners_of_a_searcher_are_different(runs, toy):
    found = winners(collect(runs), toy.space, top=3)
    archs = [winner.arch for winner in found]
    assert len(archs) == len(set(archs))
    each = [winner.searchers for winner in found]
    assert all(len(names) == len(set(names)) for names in each)
    assert {name for names in each for name in names} == set(SEARCHERS)


def test_winners_that_compute_the_same_are_trained_once(tmp_path, toy, scripted):
    twins = [Architecture(toy.space.name, (0, gene, 3, 2)) for gene in (1, 2)]
    assert len({toy.space.canonical(twin) for twin in twins}) == 1
    for name, twin in zip(("random-search", "other"), twins, strict=True):
        made = run(toy, scripted([_candidate(twin)]), 0, budget=Budget(1))
        object.__setattr__(made, "searcher", name)
        write_run(made, run_path(tmp_path, toy.name, name, 0))
    trainer = Trainer()
    found = verified(tmp_path, toy, trainer)
    assert trainer.asked == [(toy.space.canonical(twins[0]), seed) for seed in (1000, 1001, 1002)]
    assert [s.searcher for s in found.measurements[0].found_by] == ["random-search", "other"]
    assert found.measurements[0].against_reference is None


class Partial(TrainedToy):
    """Trained but for some architectures, of which it has neither metric."""

    missing: tuple[Architecture, ...] = ()

    def query(self, candidates, *, noise_seed=None):
        results = super().query(candidates, noise_seed=noise_seed)
        lost = [self.space.canonical(c.arch) in self.missing for c in candidates]
        nothing = dict.fromkeys((metric.name for metric in self.metrics), math.nan)
        return [
            Result(nothing, 1.0) if gone else result
            for gone, result in zip(lost, results, strict=True)
        ]


def test_an_incumbent_whose_training_failed_is_no_winner(tmp_path, toy, scripted):
    first, second = (Architecture(toy.space.name, (1, 0, 0, gene)) for gene in (0, 1))
    benchmark = Partial()
    benchmark.missing = (first,)
    for name, arch in (("random-search", first), ("other", second)):
        made = run(benchmark, scripted([_candidate(arch)]), 0, budget=Budget(1))
        object.__setattr__(made, "searcher", name)
        write_run(made, run_path(tmp_path, toy.name, name, 0))
    assert [winner.searchers for winner in winners(collect(tmp_path), toy.space)] == [["other"]]


class Overfitting(TrainedToy):
    """Accurate after its shortest training, worse afterwards."""

    def query(self, candidates, *, noise_seed=None):
        results = super().query(candidates, noise_seed=noise_seed)
        for candidate, result in zip(candidates, results, strict=True):
            if candidate.epochs == self.epochs[0]:
                result.metrics["valid_accuracy"] += 50
        return results


def test_what_was_trained_longer_is_the_better_winner(tmp_path, toy, scripted):
    full, short = (Architecture(toy.space.name, (1, 0, 0, gene)) for gene in (0, 1))
    asked = {0: [_candidate(full)], 1: [_candidate(short, epochs=1)]}
    for seed, candidates in asked.items():
        made = run(Overfitting(), scripted(candidates), seed, budget=Budget(1))
        object.__setattr__(made, "searcher", "mine")
        write_run(made, run_path(tmp_path, toy.name, "mine", seed))
    found = winners(collect(tmp_path), toy.space, top=2)
    assert [winner.arch for winner in found] == [full, short]
    assert [winner.finds[0].epochs for winner in found] == [8, 1]
    assert found[0].finds[0].value > found[1].finds[0].value  # signed: the short one looks better


# --- verify --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0.0, "confirmed"), (-8.0, "worse"), (8.0, "better")]
)
def test_the_verdict_says_what_training_showed(runs, toy, shift, verdict):
    found = verified(runs, toy, Trainer(shift))
    assert {part.verdict for part in found.measurements} == {verdict}
    assert found.shift.low <= shift <= found.shift.high


def test_predicted_is_the_tables_mean_and_measured_the_trainings(runs, toy):
    found = verified(runs, toy, seeds=4)
    for part in found.measurements:
        arch = Architecture(toy.space.name, part.genes)
        truth = toy.query([_candidate(arch)])[0].metrics["test_accuracy"]
        assert part.predicted.estimate == truth
        again = [Trainer()(arch, None, None, s, "cpu") for s in (1000, 1001, 1002, 1003)]
        assert part.accuracies == [float(c.test_accuracy[-1]) for c in again]
        bounds = scipy.stats.ttest_1samp(part.accuracies, 0).confidence_interval()
        assert (part.measured.low, part.measured.high) == pytest.approx((bounds.low, bounds.high))


def test_random_searchs_winner_is_what_the_others_are_held_against(runs, toy):
    found = verified(runs, toy)
    by_name = {s.searcher: part for part in found.measurements for s in part.found_by}
    reference = by_name["random-search"]
    others = [part for part in found.measurements if part is not reference]
    assert others
    p_values = []
    for part in others:
        welch = scipy.stats.ttest_ind(part.accuracies, reference.accuracies, equal_var=False)
        p_values.append(welch.pvalue)
        bounds = welch.confidence_interval()
        assert part.against_reference.difference.low == pytest.approx(bounds.low)
    holm = sorted(p_values)[0] * len(p_values)
    assert min(p.against_reference.p_value for p in others) == pytest.approx(min(holm, 1))


def test_what_is_trained_is_not_trained_again(runs, toy):
    first = verified(runs, toy)
    trainer = Trainer()
    assert verified(runs, toy, trainer) == first
    assert trainer.asked == []


def test_more_seeds_train_only_the_new_ones(runs, toy):
    verified(runs, toy)
    trainer = Trainer()
    found = verified(runs, toy, trainer, seeds=5)
    assert {seed for _, seed in trainer.asked} == {1003, 1004}
    assert {len(part.accuracies) for part in found.measurements} == {5}


def test_a_training_of_another_recipe_or_device_does_not_count(runs, toy):
    verified(runs, toy)
    other = TrainedToy()
    other.recipe = Recipe(epochs=3)
    for changes in ({"toy": other}, {"toy": toy, "device": "cuda:1"}):
        trainer = Trainer()
        found = verified(runs, trainer=trainer, **changes)
        assert len(trainer.asked) == 3 * len(found.measurements)


def test_a_damaged_training_is_done_again(runs, toy):
    first = verified(runs, toy)
    path = runs / first.measurements[0].files[1]
    path.write_text(path.read_text()[:40])
    trainer = Trainer()
    assert verified(runs, toy, trainer) == first
    assert len(trainer.asked) == 1


def test_a_trainer_that_fails_loses_nothing_that_is_done(runs, toy):
    class Failing(Trainer):
        def __call__(self, *args):
            if len(self.asked) == 4:
                raise KeyboardInterrupt
            return super().__call__(*args)

    failing = Failing()
    with pytest.raises(KeyboardInterrupt):
        verify(runs, benchmark=toy, trainer=failing, executor=Inline())
    assert len(list((runs / "verify").glob("*.json"))) == 4
    assert not (runs / "verify.json").exists()


def test_fresh_seeds_are_none_of_the_tables(toy):
    toy.seeds = np.array([0, 1, 1001])
    assert fresh_seeds(toy, 3) == [1000, 1002, 1003]


def test_progress_counts_every_training(runs, toy):
    told = []
    found = verified(runs, toy, on_done=lambda done, total: told.append((done, total)))
    total = 3 * len(found.measurements)
    assert told == [(done, total) for done in range(total + 1)]


def test_a_diverged_training_is_counted_and_told(runs, toy):
    def diverging(arch, data, recipe, seed, device):
        return curve(10.0, diverged=seed == 1001)

    found = verified(runs, toy, diverging)
    assert {part.diverged for part in found.measurements} == {1}
    assert {(part.verdict, part.p_value) for part in found.measurements} == {("unstable", None)}
    page = build_report(runs, toy).read_text()
    assert page.count("(1 diverged)") == page.count('class="verdict unstable"') > 0


def test_a_lie_is_found_although_another_winner_diverged(runs, toy):
    archs = [winner.arch for winner in winners(collect(runs), toy.space)]

    class Mixed(Trainer):
        def __call__(self, arch, *rest):
            self.shift = -8.0 if arch == archs[0] else 0.0
            honest = super().__call__(arch, *rest)
            failed = arch == archs[-1] and rest[2] == 1001
            return curve(10.0, diverged=True) if failed else honest

    found = verified(runs, toy, Mixed(), top=3)
    verdicts = {part.genes: part.verdict for part in found.measurements}
    assert verdicts[archs[0].genes] == "worse"
    assert verdicts[archs[-1].genes] == "unstable"


def test_a_training_by_other_code_or_libraries_does_not_count(runs, toy, monkeypatch):
    versions = {"torch": "1"}
    monkeypatch.setattr("nasbench.training.version.library_versions", lambda: versions)
    monkeypatch.setattr("nasbench.training.version.code_version", lambda *roots: str(roots))
    trainer = Trainer()
    made = SimpleNamespace(train=trainer)
    monkeypatch.setattr("nasbench.training.trainers.trainer_of", lambda space: made)
    again = functools.partial(verify, runs, benchmark=toy, executor=Inline(), device="cpu")
    first = again()
    assert first.maker.versions == "torch 1"
    assert first.maker.code == str(("nasbench.testing.toy", "nasbench.tasks.digits_on_photos"))
    count = len(trainer.asked)
    again()
    assert len(trainer.asked) == count
    versions["torch"] = "2"
    again()
    assert len(trainer.asked) == 2 * count


def test_a_space_without_a_trainer_is_told_before_anything_is_trained(runs, toy):
    with pytest.raises(UnknownName, match="unknown trainer 'toy"):
        verify(runs, benchmark=toy, executor=Inline(), device="cpu")


def test_who_trained_is_compared_with_who_trained_the_table(runs, toy):
    here = SimpleNamespace(code=f"{__name__}:Trainer", versions={})
    other = SimpleNamespace(code="0123", versions={"torch": "2", "numpy": "1"})
    notes = {}
    for makers in ((), (other,), (other, here)):
        toy.setting = SimpleNamespace(makers=makers) if makers else None
        found = verified(runs, toy)
        notes[found.same_maker] = found.maker_note
        page = build_report(runs, toy).read_text()
        assert str(escape(found.maker_note)) in page
    assert notes[True] == ""
    assert "does not tell" in notes[None]
    assert "the table by code 0123 with numpy 1, torch 2" in notes[False]


def test_what_trained_and_when_is_told(runs, toy):
    before = datetime.now(UTC).date().isoformat()
    found = verified(runs, toy)
    assert found.hardware == [environment()["cpu"]]
    assert found.dates[0] in (before, datetime.now(UTC).date().isoformat())
    assert found.where == f"cpu ({found.hardware[0]}, {found.dates[0]})"
    days = ["2026-01-30", "2026-01-31", "2026-02-01"]
    later = found.model_copy(update={"hardware": ["A", "B"], "dates": days})
    assert later.where == "cpu (A, B, 2026-01-30 to 2026-02-01)"
    assert found.model_copy(update={"hardware": [], "dates": []}).where == "cpu"
    assert found.where in build_report(runs, toy).read_text()


def test_a_table_that_is_trained_now_has_the_maker_of_a_verification():
    space, task = registry.space("cell201-v1"), registry.task("digits-on-photos")
    shape = InputSpec("image", 1, 16, 16), 10
    made = SimpleNamespace(setting=describe(space, task, "cpu", {}, shape), task=task.name)
    assert makers_of(made) == [maker_here(made.task, space)]


def test_each_winner_is_held_against_the_repeats_it_has_in_the_table(runs, toy):
    class Growing(TrainedToy):
        """A table to which a third repeat is being added; it has it of even rows."""

        repeats = 3
        status = np.array([[1, 2, 1], [1, 1, 0]] * 60)

        def rows_of(self, genes):
            return np.array([row_of(genes) for genes in genes.tolist()])

    def row_of(genes):
        return toy.space.index(Architecture(toy.space.name, tuple(genes)))

    found = verified(runs, Growing(), top=3)
    expected = [3 - row_of(part.genes) % 2 for part in found.measurements]
    assert [part.repeats for part in found.measurements] == expected
    for part in found.measurements:
        error = found.noise * math.sqrt(1 / 3 + 1 / part.repeats)
        reach = scipy.stats.t.ppf(0.975, found.degrees) * error
        assert part.predicted.high - part.predicted.estimate == pytest.approx(reach)
    assert {part.repeats for part in found.measurements} == {2, 3}
    assert "mean of 2 to 3 trainings" in build_report(runs, toy).read_text()


def test_a_kept_training_that_cannot_be_read_is_an_error_that_names_it(runs, toy):
    path = runs / verified(runs, toy).measurements[0].files[0]
    path.unlink()
    path.mkdir()
    with pytest.raises(RunFault, match=f"{path.name}: cannot be read"):
        verified(runs, toy)


def test_only_one_verification_is_at_work_in_a_folder(runs, toy):
    class Second(Trainer):
        def __call__(self, *args):
            with pytest.raises(OutputFault, match="another verification"):
                verified(runs, toy)
            return super().__call__(*args)

    verified(runs, toy, Second())
    verified(runs, toy)


@pytest.mark.parametrize(("device", "processes"), [("cpu", None), ("cuda:1", 1)])
def test_a_gpu_is_used_by_one_process_unless_more_are_wanted(
    runs, toy, monkeypatch, device, processes
):
    asked = []

    def pool(executor, processes, jobs):
        asked.append(processes)
        return nullcontext(executor)

    monkeypatch.setattr("nasbench.harness.trainings.executor_of", pool)
    verified(runs, toy, device=device)
    verified(runs, toy, device=device, processes=2)
    assert asked == [processes, 2]


# --- in the report -------------------------------------------------------------------------------


def test_the_report_shows_the_verdicts_and_links_the_trainings(runs, toy):
    found = verified(runs, toy, Trainer(-8.0))
    page = build_report(runs, toy).read_text()
    assert 'id="verification"' in page
    assert page.count('class="verdict worse"') >= len(found.measurements)
    for part in found.measurements:
        assert f"{part.measured.estimate:.2f}" in page
        assert all(f'href="{name}"' in page for name in part.files)


def test_the_report_leaves_out_a_verification_of_other_runs(runs, toy):
    verified(runs, toy)
    made = run(toy, "random-search", 9, budget=Budget(15), noise_seed=9)
    object.__setattr__(made, "searcher", "newcomer")
    write_run(made, run_path(runs, toy.name, "newcomer", 9))
    page = build_report(runs, toy).read_text()
    assert 'id="verification"' not in page
    assert "Run <code>nasbench verify</code> again" in page


def test_a_malformed_verification_is_an_error(runs, toy):
    (runs / "verify.json").write_text("{}")
    with pytest.raises(RunFault, match=r"verify\.json"):
        build_report(runs, toy)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("found_by", []),
        ("files", ["verify/one.json"]),
        ("accuracies", [90.0]),
        ("diverged", 4),
        ("p_value", None),
    ],
)
def test_a_verification_edited_by_hand_is_an_error(runs, toy, field, value):
    verified(runs, toy)
    path = runs / "verify.json"
    content = json.loads(path.read_text())
    content["measurements"][0][field] = value
    path.write_text(json.dumps(content))
    with pytest.raises(RunFault, match=r"verify\.json: measurements\.0"):
        build_report(runs, toy)


def test_the_report_shows_the_command_that_verified(runs, toy):
    for top, words in ((1, "--seeds 3 --device cpu"), (2, "--seeds 3 --top 2 --device cpu")):
        verified(runs, toy, top=top)
        assert f"nasbench verify RUNS {words}\n" in build_report(runs, toy).read_text()


def test_verify_json_is_what_was_returned(runs, toy):
    found = verified(runs, toy)
    assert read_verification(collect(runs)) == found
    json.loads((runs / "verify.json").read_text())


# --- what can be wrong ---------------------------------------------------------------------------


def test_a_benchmark_that_was_not_trained_here_is_refused(runs, toy):
    class Imported(ToyBenchmark):
        pass

    with pytest.raises(InvalidConfig, match="no task and recipe"):
        verified(runs, Imported())


def test_a_benchmark_without_test_accuracy_is_refused(runs, toy):
    class Lossy(TrainedToy):
        metrics = (Metric("valid_accuracy", "%", "higher", "valid"),)

        def query(self, candidates, *, noise_seed=None):
            return [Result({"valid_accuracy": 50.0}, 1.0) for _ in candidates]

    with pytest.raises(InvalidConfig, match="test_accuracy"):
        verified(runs, Lossy())


def test_a_winner_unknown_to_the_table_does_not_keep_the_others_from_being_verified(
    runs, toy, capsys
):
    chosen = winners(collect(runs), toy.space, top=2)
    benchmark, trainer = Partial(), Trainer()
    benchmark.missing = (chosen[1].arch,)
    found = verified(runs, benchmark, trainer, top=2)
    assert [part.genes for part in found.skipped] == [chosen[1].arch.genes]
    assert [s.searcher for s in found.skipped[0].found_by] == chosen[1].searchers
    others = {winner.arch for winner in chosen} - {chosen[1].arch}
    assert {arch for arch, _ in trainer.asked} == others
    assert {part.genes for part in found.measurements} == {arch.genes for arch in others}
    _show(Console(width=200), found)
    for text in (build_report(runs, toy).read_text(), capsys.readouterr().out):
        assert "Not trained, as" in text
        assert found.skipped[0].text in text


def test_a_verification_of_a_searcher_that_did_not_find_it_is_not_shown(runs, toy):
    found = verified(runs, toy)
    path = runs / "verify.json"
    path.write_text(path.read_text().replace('"local-search"', '"somebody"'))
    assert "local-search" in {s.searcher for part in found.measurements for s in part.found_by}
    assert 'id="verification"' not in build_report(runs, toy).read_text()


@pytest.mark.parametrize("changes", [{"seeds": 2}, {"seeds": 3.0}, {"top": 0}])
def test_settings_out_of_range_are_refused(runs, toy, changes):
    with pytest.raises(InvalidConfig, match=next(iter(changes))):
        verified(runs, toy, **changes)


def test_a_folder_without_runs_is_refused(tmp_path, toy):
    with pytest.raises(RunFault, match="nasbench compare"):
        verified(tmp_path, toy)


def test_a_device_that_is_not_there_is_refused(runs, toy):
    with pytest.raises(UnknownDevice, match="cuda:99"):
        verify(runs, benchmark=toy, device="cuda:99")


@pytest.mark.parametrize(("words", "code"), [(["--seeds", "2"], 2), ([], 1)])
def test_the_command_exits_with_2_for_usage_and_1_for_input(tmp_path, capsys, words, code):
    with pytest.raises(SystemExit) as stop:
        cli.main(["verify", str(tmp_path), *words])
    assert stop.value.code == code
    assert "Traceback" not in capsys.readouterr().err


# --- for real ------------------------------------------------------------------------------------

KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from {module} import TrainedToy, Inline, Trainer
import nasbench.harness.trainings as trainings
from nasbench.harness.verify import verify
trainings._data = lambda task: None
class Slow(Trainer):
    def __call__(self, *args):
        time.sleep(0.15)
        return super().__call__(*args)
slow = Slow()
slow.__class__.__module__ = "test_verify"
verify(Path(sys.argv[1]), benchmark=TrainedToy(), trainer=slow, executor=Inline())
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_result(runs, toy, tmp_path_factory):
    import shutil
    from pathlib import Path

    apart = shutil.copytree(runs, tmp_path_factory.mktemp("apart") / "runs")
    here = Path(__file__)
    command = [sys.executable, "-c", KILLED.format(module=here.stem), str(runs), str(here.parent)]
    kills = 0
    for _ in range(5):
        process = subprocess.Popen(command)
        before = len(list((runs / "verify").glob("*.json")))
        while process.poll() is None:
            if kills < 3 and len(list((runs / "verify").glob("*.json"))) > before + 1:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.01)
        if process.wait() == 0:
            break
    assert kills >= 2
    assert process.returncode == 0
    subprocess.run([*command[:3], str(apart), *command[4:]], check=True)
    killed, whole = (json.loads((made / "verify.json").read_text()) for made in (runs, apart))
    assert {**killed, "dates": None} == {**whole, "dates": None}  # it may be midnight in between
    names = {path.name for path in (runs / "verify").glob("*.json")}
    assert names == {path.name for path in (apart / "verify").glob("*.json")}


@pytest.mark.slow
def test_real_training_in_processes_gives_the_numbers_of_the_trainer(tmp_path, monkeypatch):
    from nasbench.training.train import train

    monkeypatch.undo()
    space = registry.space("cell201-v1")
    small = Recipe(channels=2, stages=1, cells=1, stem_stride=4, epochs=1, batch_size=500)

    class Tiny(TrainedToy):
        recipe = small

    benchmark = Tiny(space)
    made = run(benchmark, "random-search", 0, budget=Budget(3))
    write_run(made, run_path(tmp_path, benchmark.name, "random-search", 0))
    found = verify(tmp_path, benchmark=benchmark, device="cpu", processes=2)
    part = found.measurements[0]
    arch, data = Architecture(space.name, part.genes), registry.task("digits-on-photos").load()
    expected = [train(arch, data, small, seed).test_accuracy[-1] for seed in (1000, 1001, 1002)]
    assert part.accuracies == [float(accuracy) for accuracy in expected]


@pytest.mark.slow
def test_an_interruption_ends_the_processes_without_a_traceback(monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    monkeypatch.setattr(trainings, "perform", pow)  # something that takes a while
    monkeypatch.setattr(trainings, "_kept", lambda job: None)

    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        trainings.train_all(range(3, 203), trainer=200_000, processes=2, on_done=stop)
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert not told
