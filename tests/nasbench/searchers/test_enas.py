import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch

from nasbench.core import Architecture, Budget, Examples, InputSpec, Metric, Problem, SearchData
from nasbench.errors import InvalidConfig, WrongSpace
from nasbench.networks.controller import seeded_controller
from nasbench.searchers import enas
from nasbench.searchers.enas import Config, Enas
from nasbench.spaces.cell201 import NAME, Cell201
from nasbench.training.rollouts import Baseline
from nasbench.training.shared_weights import SharedWeights

SHORT = Config(epochs=2, batch_size=16, steps=2, draws=3, derived=5, channels=4)
EVERYTHING = set(itertools.product(range(5), repeat=6))


def examples(n, rng):
    x = rng.standard_normal((n, 3, 8, 8)).astype(np.float32)
    return Examples(x, rng.integers(4, size=n))


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    spec = InputSpec("image", 3, 8, 8)
    data = SearchData("noise", spec, 4, examples(64, rng), examples(32, rng))
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(Cell201(), (10,), (accuracy,), Budget(200), task=data)


@pytest.fixture
def judged(monkeypatch):
    """Replaces training by nothing, and accuracy by the share of 3 x 3 convolutions."""

    def accuracy(self, arch, batch):
        return arch.genes.count(3) / 6

    monkeypatch.setattr(SharedWeights, "train", lambda self, archs, lr: None)
    monkeypatch.setattr(SharedWeights, "accuracy", accuracy)


def genes(candidates):
    return [candidate.arch.genes for candidate in candidates]


def test_an_epoch_trains_every_weight_step_then_every_controller_step_then_derives(
    problem, rng, monkeypatch
):
    done = []
    monkeypatch.setattr(SharedWeights, "train", lambda self, archs, lr: done.append(len(archs)))
    monkeypatch.setattr(SharedWeights, "accuracy", lambda self, a, b: done.append("judge") or 0.5)
    monkeypatch.setattr(enas, "_reinforce", lambda *args: done.append("controller"))
    searcher = Enas(problem, rng, SHORT)
    assert done == []
    assert searcher.ask(0) == []
    assert done == []
    searcher.ask()
    assert done == [4, *["judge"] * 3, "controller", *["judge"] * 3, "controller", *["judge"] * 5]


def test_the_weights_learning_rate_falls_on_a_half_cosine(problem, rng, monkeypatch):
    rates = []
    monkeypatch.setattr(SharedWeights, "train", lambda self, archs, lr: rates.append(lr))
    Enas(problem, rng, Config(epochs=3, steps=1, draws=1, derived=1)).ask(3)
    np.testing.assert_allclose(rates, [0.05, 0.0005 + 0.0495 * 0.75, 0.0005 + 0.0495 * 0.25])


def test_the_best_draw_is_proposed_then_the_others_then_everything_else(problem, rng, judged):
    config = Config(epochs=1, steps=1, draws=1, derived=30)
    found = genes(Enas(problem, rng, config).ask(40))
    convolutions = [cell.count(3) for cell in found[:25]]  # a few of the 30 may be twins
    assert convolutions == sorted(convolutions, reverse=True)
    assert convolutions[0] > convolutions[-1]


def test_everything_is_proposed_at_last_and_nothing_again_after_training(problem, rng, judged):
    searcher = Enas(problem, rng, SHORT)
    epochs, rest = genes(searcher.ask(2)), genes(searcher.ask(20_000))
    assert set(epochs) | set(rest) == EVERYTHING
    assert len(rest) == len(set(rest)) == len(EVERYTHING) - len(set(epochs))
    assert searcher.ask(3) == []


def test_the_rest_comes_in_the_order_of_likelihood(problem, rng, judged, monkeypatch):
    made = []

    def keep(*args, **options):
        made.append(seeded_controller(*args, **options))
        return made[-1]

    monkeypatch.setattr("nasbench.networks.controller.seeded_controller", keep)
    config = Config(epochs=1, steps=20, draws=10, derived=1, controller_lr=0.01)
    rest = genes(Enas(problem, rng, config).ask(1000))[1:]
    with torch.no_grad():
        log_pi = made[0](torch.tensor(rest))[0].sum(dim=1).numpy()
    assert np.all(np.diff(log_pi) <= 1e-5)
    assert log_pi[0] > log_pi[-1] + 0.1


def test_the_controller_climbs_the_published_gradient(rng):
    """Reward: accuracy + c entropy, without a gradient of its own (ENAS, sec. 2.2)."""
    policy, twin = (
        seeded_controller((5,) * 6, 0, hidden=4, layers=1, span=1.0, squash=(5.0, 2.5))
        for _ in range(2)
    )
    archs = [Architecture(NAME, tuple(row)) for row in policy.sample(3, rng).tolist()]
    accuracies = [0.3, 0.9, 0.5]
    adam = torch.optim.Adam(policy.parameters(), 0.01)
    enas._reinforce(policy, adam, Baseline(0.5), archs, accuracies, 0.1)
    log_pi, entropies = twin(torch.tensor([arch.genes for arch in archs]))
    rewards = [
        a + 0.1 * float(h) for a, h in zip(accuracies, entropies.detach().sum(1), strict=True)
    ]
    b = [rewards[0], rewards[0], (0.5 * rewards[0] + rewards[1]) / 1.5]
    loss = -sum((rewards[k] - b[k]) * log_pi[k].sum() for k in range(3)) / 3
    adam = torch.optim.Adam(twin.parameters(), 0.01)
    loss.backward()
    adam.step()
    for found, expected in zip(policy.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_the_controller_learns_what_the_shared_weights_say(problem, rng, judged):
    config = Config(epochs=8, steps=10, derived=1, controller_lr=0.02)
    found = genes(Enas(problem, rng, config).ask(8))
    assert np.mean([cell.count(3) for cell in found[-3:]]) > 5  # 1.2 of a uniform policy


def test_the_generator_decides_everything_and_the_global_one_nothing(problem):
    def proposed(seed, global_seed):
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        searcher = Enas(problem, np.random.default_rng(seed), SHORT)
        asked = [genes(searcher.ask())[0] for _ in range(20)]
        assert torch.equal(torch.get_rng_state(), before)
        return asked

    assert proposed(1, 1) == proposed(1, 2)
    assert proposed(1, 1) != proposed(2, 1)


def test_the_number_of_threads_is_left_alone(problem, rng):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        Enas(problem, rng, SHORT).ask(4)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_restricted_space_is_respected_to_the_end(problem, rng, judged):
    class Short(Cell201):
        def is_valid(self, arch: Architecture) -> bool:
            return super().is_valid(arch) and arch.genes.count(0) >= 3

    short = Problem(Short(), problem.epochs, problem.objectives, problem.budget, task=problem.task)
    found = genes(Enas(short, rng, SHORT).ask(20_000))
    assert set(found) == {cell for cell in EVERYTHING if cell.count(0) >= 3}


def test_weights_that_diverge_do_not_end_the_search(problem, rng):
    assert len(Enas(problem, rng, Config(epochs=2, steps=1, lr=1e30, channels=2)).ask(50)) == 50


def test_observations_are_not_listened_to(problem, judged, observe):
    def proposed(told):
        searcher = Enas(problem, np.random.default_rng(0), SHORT)
        asked = searcher.ask()
        if told:
            searcher.tell([observe(asked[0], -99.0), observe(asked[0], np.inf, feasible=False)])
        return asked + searcher.ask(20)

    assert proposed(told=True) == proposed(told=False)


def test_another_space_is_refused(make_problem, rng):
    with pytest.raises(WrongSpace, match=r"cell201-v1 only, got a problem on toy-2x3x4x5-v1"):
        Enas(make_problem(), rng)


def test_a_problem_without_data_is_refused(problem, rng):
    bare = Problem(problem.space, problem.epochs, problem.objectives, problem.budget)
    with pytest.raises(InvalidConfig, match="trains on the data of a task"):
        Enas(bare, rng)


@pytest.mark.parametrize(
    "setting",
    [{"epochs": 0}, {"batch_size": 1}, {"controller_lr": 0.0}, {"momentum": 1.0}, {"derived": 0}],
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig):
        Config(**setting)


def test_its_module_imports_without_torch():
    code = "import sys, nasbench.searchers.enas; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
