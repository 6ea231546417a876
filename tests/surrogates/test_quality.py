import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from nasbench import registry
from nasbench.core import Metric
from nasbench.errors import InvalidConfig, SurrogateFault, UnknownMetric
from nasbench.testing.toy import ToyBenchmark
from surrogates import page, quality
from surrogates.benchmark import surrogate
from surrogates.calibration import Calibration
from surrogates.commands import app
from surrogates.quality import Plan

ACCURACY = Metric("valid_accuracy", "%", "higher", "valid")
LOSS = Metric("valid_loss", "nats", "lower", "valid")
PLAN = Plan(models=("linear",), classes=(20, 40), seeds=2, components=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("quality")


@pytest.fixture(scope="module")
def scores(toy, folder):
    return quality.evaluate(toy, PLAN, folder / page.CSV)


def figures(predicted, truth, metric=ACCURACY):
    everywhere = (np.full(len(truth), -np.inf), np.full(len(truth), np.inf))
    return quality.measure(predicted, truth, [(truth + 1, truth + 2), everywhere], metric)


def test_perfect_predictions_have_perfect_figures(rng):
    truth = rng.normal(size=400)
    for metric in (ACCURACY, LOSS):
        found = figures(truth, truth, metric)
        assert found["rmse"] == 0
        for name in ("tau", "tau_top", "spearman", "r2", "precision", "coverage_90"):
            assert found[name] == pytest.approx(1), name
        assert found["coverage_50"] == 0


def test_the_best_are_the_high_accuracies_and_the_low_losses():
    truth = np.arange(400.0)
    said = truth.copy()
    said[:100] = said[:100][::-1]  # all wrong among the lowest quarter
    assert figures(said, truth, ACCURACY)["tau_top"] == pytest.approx(1)
    assert figures(said, truth, LOSS)["tau_top"] == pytest.approx(-1)
    assert figures(said, truth, ACCURACY)["precision"] == 1
    assert figures(said, truth, LOSS)["precision"] == 0  # the first 50 for the next


def test_the_best_50_of_50_tell_nothing(rng):
    truth = rng.normal(size=51)
    assert 0 < figures(rng.normal(size=51), truth, ACCURACY)["precision"] < 1
    assert np.isnan(figures(truth[:50], truth[:50], ACCURACY)["precision"])


def test_sizes_that_leave_nothing_to_judge_on_are_refused_before_anything_is_fitted(toy, tmp_path):
    count, file = len(toy.rows()[0]), tmp_path / "q.csv"
    most = count - quality.FEWEST
    with pytest.raises(InvalidConfig, match=rf"at most {most} training classes, got {most + 1}"):
        quality.evaluate(toy, replace(PLAN, classes=(20, most + 1)), file)
    assert not file.exists()


def test_the_default_sizes_are_those_that_leave_classes_to_judge_on():
    assert quality.sizes_of(registry.benchmark("cell201/mnist1d")) == quality.SIZES
    assert quality.sizes_of(registry.benchmark("darts/digits-on-photos")) == (50, 100, 250)


def test_tau_is_the_share_of_pairs_in_order_less_that_out_of_order(rng):
    a, b = rng.normal(size=(2, 30))
    pairs = [(i, j) for i in range(30) for j in range(i)]
    signs = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in pairs]
    assert quality.tau(a, b) == pytest.approx(np.mean(signs))
    assert math.isnan(quality.tau(a, np.ones(30)))


def test_every_model_size_and_seed_has_a_score(scores):
    assert [(s.model, s.classes, s.seed) for s in scores] == [
        ("linear", size, seed) for size in (20, 40) for seed in (0, 1)
    ]
    assert all(score.tau > 0.5 for score in scores)


def test_finished_scores_are_not_fitted_again(toy, folder, scores, monkeypatch):
    before = (folder / page.CSV).read_text()
    monkeypatch.setattr(quality.fitting, "fit", lambda *_: pytest.fail("fitted again"))
    again = quality.evaluate(toy, PLAN, folder / page.CSV)
    assert [s.tau for s in again] == pytest.approx([s.tau for s in scores], rel=1e-4)
    assert (folder / page.CSV).read_text() == before


def test_training_classes_are_not_judged_on(toy, monkeypatch):
    judged = []

    def listen(predicted, truth, *_):
        judged.append(truth)
        return dict.fromkeys(page._FIGURES, 0.0)

    monkeypatch.setattr(quality, "measure", listen)
    config = quality.fitting.Config("linear", 20, components=2)
    genes, columns = toy.rows()
    quality._score(toy, config, ACCURACY, genes, columns["valid_accuracy"])
    trained = columns["valid_accuracy"][quality.fitting.drawn(len(genes), config)]
    assert len(judged[0]) == len(genes) - 20
    assert not set(judged[0]) & set(trained)


def test_a_file_of_something_else_is_refused(toy, tmp_path):
    file = tmp_path / page.CSV
    file.write_text("a,b\n1,2\n")
    with pytest.raises(SurrogateFault, match="not a file of scores"):
        quality.evaluate(toy, PLAN, file)
    assert file.read_text() == "a,b\n1,2\n"


def test_metrics_that_cannot_be_judged_are_refused(toy, tmp_path):
    with pytest.raises(UnknownMetric, match="did you mean 'valid_accuracy'"):
        quality.evaluate(toy, Plan(metric="valid_acuracy"), tmp_path / page.CSV)
    with pytest.raises(UnknownMetric, match="computed exactly"):
        quality.evaluate(toy, Plan(("linear",), (20,), 1, "params"), tmp_path / page.CSV)


def test_a_metric_that_no_class_has_at_the_end_is_not_judged(toy, tmp_path):
    class Short(ToyBenchmark):
        """Valid accuracies were not measured after the full training."""

        def _result(self, candidate, noise_seed):
            found = super()._result(candidate, noise_seed)
            if candidate.epochs == self.epochs[-1]:
                found.metrics["valid_accuracy"] = math.nan
            return found

    with pytest.raises(UnknownMetric, match="no class has valid_accuracy after the full training"):
        quality.evaluate(Short(), PLAN, tmp_path / page.CSV)


def test_sizes_below_the_folds_are_refused():
    with pytest.raises(InvalidConfig, match=r"folds \(5\)"):
        Plan(classes=(4, 100))


def test_the_anchor_is_the_tau_of_two_noisy_answers():
    noisy = ToyBenchmark(noise=5.0)
    asked = [quality.Candidate(noisy.space.arch(k)) for k in range(120)]
    asked = [c for c in asked if noisy.space.canonical(c.arch) == c.arch]
    draws = [
        np.array([r.metrics["valid_accuracy"] for r in noisy.query(asked, noise_seed=seed)])
        for seed in range(100, 130)
    ]
    expected = np.mean([quality.tau(a, b) for a, b in zip(draws[::2], draws[1::2], strict=True)])
    found = quality.anchor(noisy, "valid_accuracy")
    assert found is not None
    assert found[0] == pytest.approx(expected, abs=0.1)


def test_classes_with_one_training_say_nothing_of_the_noise(rng):
    trainings = rng.normal(size=(90, 1)) + rng.normal(size=(90, 3))
    one, other = trainings[::3, 0].copy(), trainings[::3, 1].copy()
    trainings[1::3, 1:] = np.nan
    trainings[2::3, :2] = np.nan
    some = SimpleNamespace(metrics=[ACCURACY], trainings=lambda metric: trainings)
    assert quality.anchor(some, "valid_accuracy")[0] == pytest.approx(quality.tau(one, other))
    single = SimpleNamespace(metrics=[ACCURACY], trainings=lambda metric: trainings[:, :1])
    assert quality.anchor(single, "valid_accuracy") is None


def test_scores_of_other_settings_are_not_taken_for_these(toy, scores, folder):
    before = (folder / page.CSV).read_text()
    others = quality.evaluate(toy, replace(PLAN, components=1), folder / page.CSV)
    assert [score.tau for score in others] != [score.tau for score in scores]
    assert (folder / page.CSV).read_text().startswith(before)
    again = quality.evaluate(toy, PLAN, folder / page.CSV)
    assert [score.tau for score in again] == pytest.approx([score.tau for score in scores])


def test_a_benchmark_without_repeats_has_no_anchor(parts):
    assert quality.anchor(ToyBenchmark(noise=0.0), "valid_accuracy") is None


def test_the_page_says_what_is_not_known(toy, scores):
    told = page.page(toy, PLAN, scores, None)
    assert "**Noise anchor: unknown.**" in told
    assert told.count("| linear |") == 2
    known = page.page(toy, PLAN, scores, (0.7, 0.4))
    assert "tau of 0.700, and of 0.400" in known


def test_intervals_cover_as_often_as_they_say(rng):
    mean = rng.uniform(0, 10, size=(2000, 3))
    truth = mean + rng.standard_t(4, size=mean.shape) * (0.2 + mean / 10)
    calibration = Calibration.of(mean[:1000], truth[:1000])
    for level in (0.5, 0.9):
        width = calibration.half_width(mean[1000:], level)
        covered = (np.abs(truth - mean)[1000:] <= width).mean(axis=0)
        assert covered == pytest.approx(level, abs=0.04)
    poor, good = calibration.spread(np.full((1, 3), 9.5)), calibration.spread(np.full((1, 3), 0.5))
    assert (poor > 2 * good).all()


def test_few_classes_do_not_make_sure_intervals(rng):
    errors = rng.normal(size=(6, 2000))  # five classes that calibrate and one, of 2,000 tables
    calibration = Calibration.of(np.zeros((5, 2000)), errors[:5])
    widths = [calibration.half_width(np.zeros((1, 2000)), level)[0] for level in (5 / 6, 0.9)]
    covered = [float((np.abs(errors[5]) <= width).mean()) for width in widths]
    assert covered[0] == pytest.approx(5 / 6, abs=0.025)  # the most that five can say
    assert covered[1] == 1


def test_intervals_of_few_classes_hold_all_that_can_be(toy):
    made = surrogate(quality.fitting.fit(toy, quality.fitting.Config("linear", 5, components=1)))
    archs = [toy.space.arch(k) for k in range(7)]
    low, high = made.interval(archs, "valid_accuracy", 0.9)
    assert (low == 0).all()
    assert (high == 100).all()
    low, high = made.interval(archs, "test_loss", 0.9)
    assert (low == 0).all()
    assert np.isinf(high).all()
    assert np.isfinite(made.interval(archs, "test_loss", 0.5)).all()


def test_evaluate_and_fit_refuse_wrong_usage(tmp_path):
    run = CliRunner().invoke
    words = ["evaluate", "cell201/digits-on-photos", "-o", str(tmp_path), "--classes", "many"]
    assert run(app, words).exit_code == 2
    wrong = run(app, ["fit", "cell201/digits-on-photos", "-o", str(tmp_path / "plain")])
    assert "named *.surrogate" in str(wrong.exception)


@pytest.mark.slow
def test_a_surrogate_fitted_by_command_is_a_benchmark(tmp_path):
    folder = tmp_path / "line.surrogate"
    words = ["fit", "cell201/digits-on-photos", "--model", "linear", "--train-classes", "40"]
    done = CliRunner().invoke(app, [*words, "-o", str(folder)])
    assert done.exit_code == 0, done.output
    made = registry.benchmark(folder)
    assert made.name == "cell201/digits-on-photos@linear"
    (result,) = made.query([quality.Candidate(made.space.arch(9930))])
    assert 10 <= result.metrics["valid_accuracy"] <= 100


def test_trainings_with_another_seed_are_an_anchor(tmp_path):
    file = tmp_path / "task.seed1.csv"
    assert page.retrained(file) is None
    rows = [f"{k},{k},{100 - k if k >= 30 else k}" for k in range(40)]
    file.write_text("\n".join(["genes,table,again", *rows]) + "\n")
    count, tau, top = page.retrained(file)
    assert (count, top) == (40, pytest.approx(-1))
    assert 0 < tau < 1
