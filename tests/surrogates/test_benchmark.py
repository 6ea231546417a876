from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from nasbench import registry
from nasbench.core import Architecture, Budget, Candidate, SupportsRows
from nasbench.errors import InvalidConfig, UnknownMetric, UnknownSchedule
from nasbench.harness.run import run
from nasbench.harness.workers import continues as continued
from nasbench.testing.benchmarks import BenchmarkConformance
from nasbench.testing.toy import ToyBenchmark, ToySpace
from surrogates import artifact
from surrogates import fit as fitting
from surrogates.benchmark import ListedSurrogate, Surrogate, surrogate


class TestSurrogate(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, fitted):
        return fitted


def accuracies(benchmark, archs, noise_seed=None):
    results = benchmark.query([Candidate(arch) for arch in archs], noise_seed=noise_seed)
    return np.array([result.metrics["valid_accuracy"] for result in results])


@pytest.fixture(scope="module")
def archs(toy):
    return toy.space.sample(40, np.random.default_rng(8))


def test_static_metrics_are_exact(toy, fitted):
    genes, truth = toy.rows()
    assert [metric.name for metric in fitted.parts.statics.metrics] == ["params", "macs"]
    assert isinstance(fitted, SupportsRows)
    listed, columns = fitted.rows()
    assert np.array_equal(listed, genes)
    for name in ("params", "macs"):
        assert np.array_equal(columns[name], truth[name])


def test_predictions_are_near_the_truth_at_every_length(toy, fitted, archs):
    for epochs in toy.epochs:
        asked = [Candidate(arch, epochs) for arch in archs]
        told, true = fitted.query(asked), toy.query(asked)
        for name in ("valid_accuracy", "test_loss"):
            a, b = ([result.metrics[name] for result in results] for results in (told, true))
            assert np.corrcoef(a, b)[0, 1] > 0.9
        ratios = [a.cost_s / b.cost_s for a, b in zip(told, true, strict=True)]
        assert np.allclose(ratios, 1, atol=0.1)


@pytest.mark.parametrize("noise_seed", [None, 5])
def test_what_is_looked_up_is_what_the_model_says(parts, archs, noise_seed):
    asked = [Candidate(arch, epochs) for arch in archs for epochs in parts.layout.epochs]
    listed, plain = ListedSurrogate(parts), Surrogate(parts)
    each = [listed.query([one], noise_seed=noise_seed)[0] for one in asked]
    assert each == plain.query(asked, noise_seed=noise_seed)
    for found, expected in zip(
        listed.interval(archs, "test_loss"), plain.interval(archs, "test_loss"), strict=True
    ):
        assert np.array_equal(found, expected)


def test_noise_is_drawn_by_the_seed_and_the_class(toy, fitted, archs):
    mean = accuracies(fitted, archs)
    drawn = np.array([accuracies(fitted, archs, seed) - mean for seed in range(200)])
    assert (drawn.std(axis=0) > 0).all()
    assert np.corrcoef(drawn.T)[0, 1:].max() < 0.99  # architectures are not all wrong together


def test_noise_is_as_large_as_errors_on_unseen_classes(toy, fitted):
    genes, truth = toy.rows()
    unseen = np.setdiff1d(
        np.arange(len(genes)), fitting.drawn(len(genes), fitting.Config(seed=2, classes=60))
    )
    archs = [toy.space.arch(toy.space.index(a)) for a in map(_arch(toy), genes[unseen].tolist())]
    mean = accuracies(fitted, archs)
    noise = np.array([accuracies(fitted, archs, seed) - mean for seed in range(100)])
    errors = truth["valid_accuracy"][unseen] - mean
    assert 0.6 < noise.std() / np.sqrt((errors**2).mean()) < 1.6


def _arch(toy):
    from nasbench.core import Architecture

    return lambda genes: Architecture(toy.space.name, tuple(genes))


def test_intervals_hold_the_mean_and_grow_with_the_level(fitted, archs):
    mean = fitted.predict(archs, "valid_accuracy")
    ends = [fitted.interval(archs, "valid_accuracy", level) for level in (0.5, 0.9)]
    assert (ends[1][0] < ends[0][0]).all()
    assert (ends[0][0] < mean).all()
    assert (mean < ends[0][1]).all()
    assert (ends[0][1] < ends[1][1]).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 2.0, float("nan")])
def test_levels_that_are_no_probability_are_refused(fitted, archs, level):
    with pytest.raises(InvalidConfig, match="between 0 and 1"):
        fitted.interval(archs, "valid_accuracy", level)


def test_what_is_not_predicted_is_refused(fitted, archs):
    with pytest.raises(UnknownMetric, match="expected one of train_loss"):
        fitted.predict(archs, "params")
    with pytest.raises(UnknownSchedule, match="it offers 1, 2, 4, 8"):
        fitted.predict(archs, "valid_accuracy", epochs=3)


@pytest.mark.parametrize("seed", [-1, 1.5, "0"])
def test_noise_seeds_that_are_no_whole_numbers_are_refused(fitted, archs, seed):
    with pytest.raises(InvalidConfig, match="noise_seed"):
        fitted.query([Candidate(archs[0])], noise_seed=seed)


def test_an_imported_benchmark_has_no_recipe_to_tell(fitted):
    assert fitted.task == ""
    with pytest.raises(InvalidConfig, match="tells no recipe"):
        _ = fitted.recipe


def test_searchers_run_on_it(fitted):
    found = run(fitted, "regularized-evolution", seed=0, budget=Budget(queries=30))
    assert len(found.trajectory) == 30


def test_a_space_too_large_to_list_has_no_rows(toy, parts, monkeypatch):
    monkeypatch.setattr("surrogates.benchmark.LISTED", 10)
    assert not isinstance(surrogate(parts), SupportsRows)


class Sparse(ToyBenchmark):
    """A benchmark of which the last part was not measured."""

    def rows(self):
        genes, columns = super().rows()
        return genes, {name: np.where(self._lacks(genes), np.nan, c) for name, c in columns.items()}

    def _result(self, candidate, noise_seed):
        found = super()._result(candidate, noise_seed)
        if self._lacks(np.array([self.space.canonical(candidate.arch).genes]))[0]:
            for name in found.metrics:
                found.metrics[name] = float("nan")
        return found

    def _lacks(self, genes):
        return genes[:, -1] >= self.least

    least = 3


def test_classes_without_values_are_left_out_and_counted():
    made = fitting.fit(Sparse(), fitting.Config("linear", components=2))
    genes, _ = Sparse().rows()
    lacking = int((genes[:, -1] >= 3).sum())
    assert made.origin.left_out == lacking > 0
    assert made.origin.classes == len(genes) - lacking


class LateTests(ToyBenchmark):
    """A benchmark with test metrics after the last epoch only, as the long runs of NATS-Bench."""

    def _result(self, candidate, noise_seed):
        found = super()._result(candidate, noise_seed)
        if candidate.epochs in self.epochs[:-1]:
            found.metrics.update(dict.fromkeys(("test_loss", "test_accuracy"), np.nan))
        return found


def test_what_no_class_has_is_not_predicted_and_all_else_is(archs):
    benchmark = LateTests()
    parts = fitting.fit(benchmark, fitting.Config("linear", 60, components=3))
    assert parts.origin.left_out == 0
    assert parts.layout.told_gaps() == [
        "test_loss after 1 to 4 epochs",
        "test_accuracy after 1 to 4 epochs",
    ]
    read = artifact.unpack(artifact.pack(parts), benchmark.space)
    assert read.parts.layout == parts.layout
    for epochs in benchmark.epochs:
        asked = [Candidate(arch, epochs) for arch in archs]
        told, true = read.query(asked, noise_seed=1), benchmark.query(asked)
        assert [each.cost_s for each in told] == pytest.approx([t.cost_s for t in true], rel=0.2)
        for metric in benchmark.metrics:
            a, b = ([r.metrics[metric.name] for r in results] for results in (told, true))
            assert np.isnan(a).tolist() == np.isnan(b).tolist()
            assert np.isnan(a).all() or np.corrcoef(a, b)[0, 1] > 0.8
    low, high = read.interval(archs, "test_accuracy")
    assert (low < high).all()
    assert np.isnan(read.interval(archs, "test_accuracy", epochs=1)).all()


def test_surrogates_without_gaps_are_stored_as_before(parts):
    assert parts.layout.gaps == ()
    assert set(parts.layout.state()) == {"metrics", "logs", "epochs"}


@pytest.mark.parametrize("continues", [True, False])
def test_trainings_are_charged_as_where_it_learned(continues, tmp_path):
    origin = ToyBenchmark()
    if not continues:
        origin.continues = False
    made = surrogate(fitting.fit(origin, fitting.Config("linear", 60, components=3)))
    artifact.write(made.parts, tmp_path / "s.surrogate")
    again = artifact.read(tmp_path / "s.surrogate", origin.space)
    for each in (made, again):
        assert continued(each) is continues


def test_a_benchmark_without_values_is_refused():
    nothing = Sparse()
    nothing.least = 0
    with pytest.raises(InvalidConfig, match=r"0 of .* drawn classes"):
        fitting.fit(nothing, fitting.Config("linear"))


def test_fewer_points_than_folds_are_refused(toy):
    with pytest.raises(InvalidConfig, match=r"at least as many classes as folds \(5\), got 4"):
        fitting.Config(classes=4)
    tiny = ToyBenchmark(ToySpace((2, 2)))
    with pytest.raises(InvalidConfig, match=r"folds \(5\)"):
        fitting.fit(tiny, fitting.Config("linear"))


def test_more_classes_than_there_are_are_refused(toy):
    with pytest.raises(InvalidConfig, match="expected at most"):
        fitting.fit(toy, fitting.Config("linear", classes=10_000))


def test_the_seed_decides_classes_and_fit(toy):
    made = [fitting.fit(toy, fitting.Config("xgb", 30, seed=k, components=1)) for k in (0, 0, 1)]
    archs = toy.space.sample(20, np.random.default_rng(0))
    first, again, other = (surrogate(each).predict(archs, "valid_accuracy") for each in made)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_benchmark_that_cannot_list_is_refused(toy):
    class Silent:
        name, space, metrics, epochs = toy.name, toy.space, toy.metrics, toy.epochs
        query = toy.query

    with pytest.raises(InvalidConfig, match="cannot list its architectures"):
        fitting.fit(Silent(), fitting.Config("linear"))


def test_all_embedded_surrogates_together_have_at_most_five_megabytes():
    data = Path(artifact.__file__).parent / "data"
    assert sum(file.stat().st_size for file in data.rglob("*") if file.is_file()) <= 5e6


@pytest.mark.parametrize("model", ["xgb", "gnn"])
def test_an_embedded_surrogate_is_of_the_embedded_table(model):
    made = registry.benchmark(f"cell201/digits-on-photos@{model}")
    table = registry.benchmark("cell201/digits-on-photos")
    assert made.name == f"cell201/digits-on-photos@{model}"
    assert made.parts.origin.benchmark == table.name
    assert (made.parts.origin.settings["model"], made.parts.origin.classes) == (model, 1000)
    assert made.recipe == table.recipe
    _, true = table.rows()
    genes, told = made.rows()
    assert np.array_equal(genes, table.rows()[0])
    for name in ("params", "macs"):
        assert np.array_equal(told[name], true[name])


@pytest.mark.parametrize("model", ["xgb", "gnn"])
def test_an_embedded_surrogate_of_the_sample_knows_all_of_it(model):
    table = registry.benchmark("darts/digits-on-photos")
    made = registry.benchmark(f"darts/digits-on-photos@{model}")
    origin = made.parts.origin
    assert (origin.sha256, origin.classes) == (table.sha256, len(table.genes))
    assert not isinstance(made, SupportsRows)  # 10^18 architectures are not listed
    genes, true = table.rows()
    archs = [Architecture(table.space.name, tuple(row)) for row in genes.tolist()]
    told = [result.metrics for result in made.query([Candidate(arch) for arch in archs])]
    for name in ("params", "macs"):
        assert [metrics[name] for metrics in told] == true[name].tolist()
    said = made.predict(archs, "valid_accuracy")
    assert kendalltau(said, true["valid_accuracy"]).statistic > 0.5


class TwinsMeasured(ToyBenchmark):
    """Lists every architecture, twins one by one, each with a value of its own."""

    def rows(self):
        genes = np.array([self.space.arch(k).genes for k in range(len(self.space))], dtype=np.int16)
        return genes, {"valid_accuracy": np.arange(float(len(genes)))}


def test_of_twins_that_were_measured_one_by_one_the_first_is_listed():
    benchmark = TwinsMeasured()
    genes, columns = fitting.listed(benchmark)
    space = benchmark.space
    classes = [space.canonical(Architecture(space.name, tuple(own))) for own in genes.tolist()]
    assert len(set(classes)) == len(classes) == len({space.canonical(a) for a in every(space)})
    for row, arch in zip(columns["valid_accuracy"].astype(int), classes, strict=True):
        twins = [k for k, other in enumerate(every(space)) if space.canonical(other) == arch]
        assert row == twins[0]


def every(space):
    return [space.arch(k) for k in range(len(space))]
