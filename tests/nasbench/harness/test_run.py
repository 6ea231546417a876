from __future__ import annotations

import dataclasses
import math
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from nasbench.core import Architecture, Budget, Candidate, Constraint, Result, TaskData
from nasbench.errors import (
    BrokenPlugin,
    InvalidConfig,
    SearcherFault,
    TableFault,
    TestMetricRefused,
    UnknownMetric,
    UnknownSearcher,
)
from nasbench.harness.replay import replay
from nasbench.harness.run import run
from nasbench.testing.elsewhere import print_elsewhere

SEARCHER = """
from __future__ import annotations
from dataclasses import dataclass
from nasbench.core import Candidate

@dataclass(frozen=True, slots=True)
class Config:
    "Nothing."
    epochs: int | None = None

class Drawing:
    Config = Config

    def __init__(self, problem, rng, config=Config()):
        self.problem, self.rng = problem, rng

    def ask(self, n=1):
        return [Candidate(arch) for arch in self.problem.space.sample(n, self.rng)]

    def tell(self, observations):
        pass
"""


def genes(done):
    return done.trajectory.genes.tolist()


def test_a_run_ends_after_as_many_evaluations_as_the_budget_allows(toy, uniform):
    done = run(toy, uniform, 0, budget=Budget(17))
    assert len(done.trajectory) == 17
    assert done.trajectory.genes.shape == (17, 4)
    assert done.trajectory.values.shape == (17, 1)


def test_values_are_the_benchmarks_metrics_signed_to_be_minimized(toy, uniform):
    done = run(toy, uniform, 3, budget=Budget(20), objectives=("valid_accuracy", "params"))
    for row, values in zip(genes(done), done.trajectory.values, strict=True):
        candidate = Candidate(Architecture(toy.space.name, tuple(row)))
        metrics = toy.query([candidate])[0].metrics
        assert values.tolist() == [-metrics["valid_accuracy"], metrics["params"]]


def test_the_seed_decides_the_run_and_the_global_generators_do_not(toy, uniform):
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - the global generator is what must not matter
    first = run(toy, uniform, 5, budget=Budget(30))
    random.seed(2)
    np.random.seed(2)  # noqa: NPY002
    again = run(toy, uniform, 5, budget=Budget(30))
    other = run(toy, uniform, 6, budget=Budget(30))
    assert genes(first) == genes(again) != genes(other)


def test_every_searcher_of_one_seed_draws_the_same_stream(toy, uniform):
    renamed = type("Renamed", (uniform,), {})
    a, b = (run(toy, kind, 4, budget=Budget(10)) for kind in (uniform, renamed))
    assert a.searcher != b.searcher
    assert genes(a) == genes(b)


def test_the_noise_seed_reaches_every_query(toy, scripted):
    same = [Candidate(toy.space.arch(7))] * 3
    values = {
        seed: run(toy, scripted(same), 0, budget=Budget(3), noise_seed=seed).trajectory.values
        for seed in (None, 1, 2)
    }
    assert all(len(np.unique(column)) == 1 for column in values.values())
    assert len({column[0, 0] for column in values.values()}) == 3


def test_the_noise_seed_is_by_default_that_of_a_comparison(toy, uniform):
    assert run(toy, uniform, 7, budget=Budget(1)).noise_seed is None
    toy.repeats = 3
    assert run(toy, uniform, 7, budget=Budget(1)).noise_seed == 7
    assert run(toy, uniform, 7, budget=Budget(1), noise_seed=None).noise_seed is None


def test_an_empty_list_ends_the_run_early(toy, scripted):
    done = run(toy, scripted([Candidate(toy.space.arch(7))]), 0, budget=Budget(10))
    assert len(done.trajectory) == 1


def test_the_searcher_is_told_what_the_trajectory_records(toy, scripted):
    kind = scripted([Candidate(toy.space.arch(i), epochs=4) for i in (3, 50, 7)])
    done = run(
        toy, kind, 0, budget=Budget(3), constraints=[Constraint("params", upper=300)]
    ).trajectory
    assert [list(o.candidate.arch.genes) for o in kind.told] == done.genes.tolist()
    assert [list(o.values) for o in kind.told] == done.values.tolist()
    assert [o.feasible for o in kind.told] == done.feasible.tolist()
    assert done.epochs.tolist() == [4, 4, 4]


def test_more_epochs_of_a_trained_architecture_are_charged_the_difference(toy, scripted):
    arch, other = toy.space.arch(30), toy.space.arch(31)
    asked = [(arch, 2), (arch, 8), (arch, 8), (arch, 4), (other, None)]
    kind = scripted([Candidate(a, e) for a, e in asked])
    run(toy, kind, 0, budget=Budget(9))
    full = [toy.query([Candidate(a, e)])[0].cost_s for a, e in asked]
    expected = [full[0], full[1] - full[0], full[2], full[3], full[4]]
    assert [o.cost_s for o in kind.told] == pytest.approx(expected)


def test_trainings_that_continue_nothing_are_charged_in_full(toy, scripted):
    toy.continues = False
    asked = [Candidate(toy.space.arch(30), epochs) for epochs in (2, 8, 8, 4)]
    kind = scripted(asked)
    done = run(toy, kind, 0, budget=Budget(9))
    full = [result.cost_s for result in toy.query(asked)]
    assert [o.cost_s for o in kind.told] == full
    assert replay(done, toy) == []
    del toy.continues
    assert [each.field for each in replay(done, toy)] == ["spent_s.1 - overhead_s.1"]


def test_spent_seconds_are_training_plus_the_searchers_own(toy, scripted):
    kind = scripted([Candidate(toy.space.arch(i)) for i in range(5)])
    done = run(toy, kind, 0, budget=Budget(5)).trajectory
    training = np.cumsum([o.cost_s for o in kind.told])
    np.testing.assert_allclose(done.spent_s - done.overhead_s, training)
    assert (np.diff(done.overhead_s) > 0).all()
    assert done.overhead_s[-1] < 0.5


def test_an_evaluation_that_would_end_after_the_seconds_is_not_recorded(toy, scripted):
    candidate = Candidate(toy.space.arch(0))
    one = toy.query([candidate])[0].cost_s
    kind = scripted([candidate] * 9)
    done = run(toy, kind, 0, budget=Budget(9, cost_s=3.5 * one))
    assert len(done.trajectory) == len(kind.told) == 3


def test_constructing_a_searcher_counts_as_its_own_time(toy, uniform):
    import time

    class Slow(uniform):
        def __init__(self, *args):
            super().__init__(*args)
            time.sleep(0.05)

    assert run(toy, Slow, 0, budget=Budget(1)).trajectory.overhead_s[0] >= 0.05


class Failing:
    """The toy where every training failed and MACs were not counted."""

    def __init__(self, toy):
        self.toy = toy
        self.name, self.space, self.metrics, self.epochs = (
            toy.name,
            toy.space,
            toy.metrics,
            toy.epochs,
        )

    def query(self, candidates, *, noise_seed=None):
        results = self.toy.query(candidates, noise_seed=noise_seed)
        gone = {"valid_accuracy": math.nan, "macs": math.nan}
        return [Result({**result.metrics, **gone}, result.cost_s) for result in results]


def test_a_failed_training_counts_as_the_worst_value(toy, uniform):
    done = run(Failing(toy), uniform, 0, budget=Budget(3))
    assert done.trajectory.values.tolist() == [[math.inf]] * 3


def test_a_constraint_on_what_was_not_measured_does_not_hold(toy, uniform):
    bound = [Constraint("macs", upper=1e9)]
    done = run(Failing(toy), uniform, 0, budget=Budget(3), constraints=bound)
    assert done.trajectory.feasible.tolist() == [False] * 3


@pytest.mark.parametrize("cost", [math.nan, math.inf, -1.0])
def test_a_cost_that_is_no_time_is_the_benchmarks_fault(toy, uniform, cost):
    broken = Failing(toy)
    broken.query = lambda candidates, noise_seed=None: [Result({}, cost)]
    with pytest.raises(TableFault, match="expected a finite number"):
        run(broken, uniform, 0, budget=Budget(1))


@pytest.mark.parametrize(
    ("setting", "error", "says"),
    [
        ({"objectives": ("valid_acuracy",)}, UnknownMetric, "did you mean 'valid_accuracy'"),
        ({"objectives": ("test_accuracy",)}, TestMetricRefused, "cannot be an objective"),
        ({"objectives": ()}, InvalidConfig, "one or more different objectives"),
        ({"objectives": "params"}, InvalidConfig, "one or more different objectives"),
        ({"objectives": ("params", "params")}, InvalidConfig, "different objectives"),
        ({"constraints": [Constraint("test_loss", 1)]}, TestMetricRefused, "be a constraint"),
        ({"constraints": [Constraint("parms", 1)]}, UnknownMetric, "did you mean 'params'"),
        ({"constraints": [Constraint("params", math.inf)]}, InvalidConfig, "infinite bound"),
        ({"config": {"epoch": 4}}, InvalidConfig, "did you mean 'epochs'"),
        ({"config": {"epochs": "4"}}, InvalidConfig, r"is of type int \| None, got '4'"),
        ({"config": {"epochs": 4.5}}, InvalidConfig, "got 4.5"),
        ({"config": {"share": math.nan}}, InvalidConfig, "share"),
        ({"config": {"share": 2}}, InvalidConfig, "share is a fraction"),
        ({"config": {"share": object()}}, InvalidConfig, "of type float"),
        ({"seed": -1}, InvalidConfig, "seed is a whole number >= 0"),
        ({"seed": 1.0}, InvalidConfig, "seed is a whole number >= 0"),
        ({"noise_seed": -1}, InvalidConfig, "noise_seed is a whole number >= 0"),
        ({"workers": 0}, InvalidConfig, "workers is a whole number >= 1"),
        ({"searcher": "random-serch"}, UnknownSearcher, "did you mean 'random-search'"),
        ({"searcher": "missing_module:Thing"}, UnknownSearcher, "no module 'missing_module'"),
        ({"searcher": "nowhere/mine.py:Thing"}, UnknownSearcher, "no file nowhere"),
        ({"searcher": "nasbench.core:Budget"}, InvalidConfig, "is no searcher"),
        ({"searcher": "nasbench.core:Budgets"}, UnknownSearcher, "unknown searcher"),
    ],
)
def test_a_wrong_setting_is_refused_before_the_search(toy, uniform, setting, error, says):
    arguments = {"searcher": uniform, "seed": 0, "budget": Budget(1)} | setting
    with pytest.raises(error, match=says):
        run(toy, **arguments)


def test_settings_that_json_cannot_hold_are_refused_before_the_search(toy, uniform):
    @dataclasses.dataclass(frozen=True)
    class Config:
        """Endless."""

        limit: float = math.inf

    kind = type("Endless", (uniform,), {"Config": Config})
    with pytest.raises(InvalidConfig, match="finite numbers"):
        run(toy, kind, 0, budget=Budget(1))


def test_what_a_class_lacks_to_be_a_searcher_is_named(toy, uniform):
    @dataclasses.dataclass
    class Thawed:
        """Not frozen."""

    with pytest.raises(InvalidConfig, match=r"got its Config .*Thawed.*frozen=True"):
        run(toy, type("Mine", (uniform,), {"Config": Thawed}), 0, budget=Budget(1))
    deaf = type("Deaf", (), {"Config": uniform.Config, "ask": uniform.ask})
    with pytest.raises(InvalidConfig, match=r"Deaf.*without tell"):
        run(toy, deaf, 0, budget=Budget(1))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "a list of candidates"),
        ((), "a list of candidates"),
        ([], "a candidate"),
        ([3], "a Candidate"),
        ([Architecture("toy-2x3x4x5-v1", (0, 0, 0, 0))], "a Candidate"),
        ([Candidate(Architecture("toy-2x3x4x5-v1", (0, 0, 0, 0)))] * 2, "one candidate"),
        ([Candidate(Architecture("cell201-v1", (0, 0, 0, 0)))], "of toy-2x3x4x5-v1"),
        ([Candidate("toy-2x3x4x5-v1")], "an architecture of toy-2x3x4x5-v1"),
        ([Candidate(Architecture("toy-2x3x4x5-v1", (0, 0, 0, 5)))], "genes that"),
        ([Candidate(Architecture("toy-2x3x4x5-v1", (0, 0, 0)))], "genes that"),
        ([Candidate(Architecture("toy-2x3x4x5-v1", [0, 0, 0, 0]))], "genes in a tuple"),
        ([Candidate(Architecture("toy-2x3x4x5-v1", (0, 0, 0, 0)), epochs=3)], "epochs among"),
    ],
)
def test_a_searcher_that_breaks_the_protocol_is_named(toy, uniform, answer, says):
    kind = type("Broken", (uniform,), {"ask": lambda self, n=1: answer})
    with pytest.raises(SearcherFault, match=says) as caught:
        run(toy, kind, 0, budget=Budget(5))
    assert "Broken must propose" in str(caught.value)
    assert "evaluation 1" in str(caught.value)


def test_only_a_searcher_that_needs_the_task_is_given_it(toy, uniform, monkeypatch):
    from nasbench import registry

    seen = []

    class Watching(uniform):
        def __init__(self, problem, rng, config):
            super().__init__(problem, rng, config)
            seen.append(problem.task)

    class Needing(Watching):
        needs_task = True

    class Task:
        recipe = None

        def load(self):
            return TaskData("made-up", None, 2, "train", "valid", "test")

    with pytest.raises(InvalidConfig, match="does not have"):
        run(toy, Needing, 0, budget=Budget(1))
    monkeypatch.setattr(registry, "task", lambda name: Task())
    toy.task, toy.recipe = "made-up", None
    run(toy, Watching, 0, budget=Budget(1))
    run(toy, Needing, 0, budget=Budget(1))
    assert seen[0] is None
    assert (seen[1].train, seen[1].valid, hasattr(seen[1], "test")) == ("train", "valid", False)


@pytest.mark.parametrize("need", [("needs_task", True), ("preload", ("torch",))])
def test_torch_is_imported_before_the_clock_of_a_searcher_that_needs_it(
    toy, uniform, monkeypatch, tmp_path, need
):
    (tmp_path / "torch").mkdir()  # the real one takes seconds
    for name, file in (("torch", "__init__"), ("torch._dynamo", "_dynamo")):
        (tmp_path / "torch" / f"{file}.py").write_text("")
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.syspath_prepend(tmp_path)
    data = TaskData("made-up", None, 2, "train", "valid", "test")
    task = type("Task", (), {"load": lambda self: data, "recipe": None})
    monkeypatch.setattr("nasbench.registry.task", lambda name: task())
    toy.task, toy.recipe = "made-up", None
    imported = []

    def loaded():
        return [name for name in ("torch", "torch._dynamo") if name in sys.modules]

    class Training(uniform):
        def __init__(self, *args):
            imported.append(loaded())
            super().__init__(*args)

    setattr(Training, *need)
    for factory in (uniform, Training):
        for name in ("torch", "torch._dynamo"):
            sys.modules.pop(name, None)
        run(toy, factory, 0, budget=Budget(1))
        imported.append(loaded())
    assert imported == [[], ["torch", "torch._dynamo"], ["torch", "torch._dynamo"]]


def test_a_searcher_in_a_file_is_loaded_without_touching_the_path(toy, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(SEARCHER)
    before = list(sys.path)
    done = run(toy, f"{file}:Drawing", 0, budget=Budget(5))
    assert sys.path == before
    assert done.searcher == f"{file}:Drawing"
    file.write_text(SEARCHER.replace("Drawing", "Renamed"))
    with pytest.raises(UnknownSearcher, match="Known: Renamed"):
        run(toy, f"{file}:Drawing", 0, budget=Budget(5))


def test_a_searcher_file_that_does_not_run_is_a_broken_plugin(toy, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import nothing_of_this_name")
    with pytest.raises(BrokenPlugin, match="nothing_of_this_name"):
        run(toy, f"{file}:Drawing", 0, budget=Budget(5))


def test_the_run_names_its_setting_and_environment(toy, uniform):
    done = run(toy, uniform, np.int64(2), budget=Budget(2), config={"epochs": 4}, workers=2)
    assert done.config == {"epochs": 4, "share": 0.5}
    assert (done.benchmark, done.space, done.seed, done.workers) == (
        "toy/toy-2x3x4x5-v1",
        "toy-2x3x4x5-v1",
        2,
        2,
    )
    assert done.environment["python"] == ".".join(map(str, sys.version_info[:3]))
    assert done.environment["numpy"] == np.__version__


def test_running_loads_no_torch(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(SEARCHER)
    code = (
        "import sys\nfrom nasbench.core import Budget\nfrom nasbench.harness.run import run\n"
        "from nasbench.testing.toy import ToyBenchmark\n"
        f"run(ToyBenchmark(), {f'{file}:Drawing'!r}, 0, budget=Budget(2))\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_processes_with_different_hash_seeds_write_the_same_run(tmp_path, monkeypatch):
    file = tmp_path / "mine.py"
    file.write_text(SEARCHER)
    code = (
        "import sys\nfrom pathlib import Path\nfrom nasbench.core import Budget, Constraint\n"
        "from nasbench.harness.files import without_timings, write_run\n"
        "from nasbench.harness.run import run\n"
        "from nasbench.testing.toy import ToyBenchmark\n"
        f"done = run(ToyBenchmark(), {f'{file}:Drawing'!r}, 3, budget=Budget(50), workers=3,\n"
        "    objectives=('valid_loss', 'params'), constraints=[Constraint('macs', upper=3e3)])\n"
        "write_run(without_timings(done), Path(sys.argv[1]))\n"
    )
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    monkeypatch.setattr(sys, "argv", ["-c", str(here)])
    exec(code, {})
    print_elsewhere(code, str(there))
    assert there.read_bytes() == here.read_bytes()


def test_progress_within_a_run_is_told_in_evaluations(toy, uniform, monkeypatch):
    monkeypatch.setattr("nasbench.harness.workers.BEAT_S", -1.0)  # every evaluation is late enough
    told = []
    run(toy, uniform, 0, budget=Budget(7), on_evaluations=told.append)
    assert sum(told) == 7
    assert set(told) == {1}


def test_what_others_do_with_the_news_is_not_charged(toy, uniform, monkeypatch):
    monkeypatch.setattr("nasbench.harness.workers.BEAT_S", -1.0)
    done = run(toy, uniform, 0, budget=Budget(5), on_evaluations=lambda _: time.sleep(0.2))
    assert done.trajectory.overhead_s[-1] < 0.2
