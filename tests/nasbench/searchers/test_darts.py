import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from nasbench.core import (
    Budget,
    Examples,
    InputSpec,
    Metric,
    Problem,
    Recipe,
    SearchData,
)
from nasbench.errors import InvalidConfig, WrongSpace
from nasbench.networks.supernet import seeded_supernet
from nasbench.searchers import darts
from nasbench.searchers.darts import Config, Darts
from nasbench.spaces.cell201 import Cell201

SHORT = Config(epochs=2, batch_size=16, channels=4)
WIDE = Config(epochs=2, batch_size=32, channels=16)
"""Enough work in a step for PyTorch to share it among threads."""


def examples(n, rng):
    x = rng.standard_normal((n, 3, 16, 16)).astype(np.float32)
    return Examples(x, rng.integers(4, size=n))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return SearchData(
        "noise", InputSpec("image", 3, 16, 16), 4, examples(64, rng), examples(32, rng)
    )


@pytest.fixture(scope="module")
def problem(data):
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(Cell201(), (10,), (accuracy,), Budget(200), task=data)


@pytest.fixture
def net(data):
    return seeded_supernet(Recipe(channels=4), data.input, data.classes, seed=0)


@pytest.fixture
def batch(data):
    return torch.tensor(data.train.x[:16]), torch.tensor(data.train.y[:16])


@pytest.fixture
def fixed(monkeypatch):
    """Replaces the supernet's training by given alphas, one array an epoch."""

    def fix(*epochs):
        monkeypatch.setattr(darts, "_alphas", lambda data, rng, config: iter(epochs))

    return fix


def changed(net, step):
    """Names of the parameters that `step` changes."""
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    step()
    return {name for name, p in net.named_parameters() if not torch.equal(p, before[name])}


def test_a_step_on_alpha_leaves_the_weights_untouched(net, batch):
    adam = torch.optim.Adam([net.alphas], 3e-4)
    assert changed(net, lambda: darts._descend(net, adam, *batch)) == {"alphas"}


def test_a_step_on_the_weights_leaves_alpha_untouched(net, batch):
    weights = {name: p for name, p in net.named_parameters() if name != "alphas"}
    sgd = torch.optim.SGD(weights.values(), 0.1)
    assert changed(net, lambda: darts._descend(net, sgd, *batch)) == set(weights)


def test_a_step_is_plain_gradient_descent_on_the_cross_entropy(net, batch):
    x, y = batch
    loss = -net(x).log_softmax(dim=1)[range(len(y)), y].mean()
    expected = net.alphas - 0.5 * torch.autograd.grad(loss, net.alphas)[0]
    darts._descend(net, torch.optim.SGD([net.alphas], 0.5), x, y)
    torch.testing.assert_close(net.alphas, expected)


def test_the_gradient_of_the_weights_is_clipped(net, batch):
    weights = [p for p in net.parameters() if p is not net.alphas]
    before = [p.detach().clone() for p in weights]
    darts._descend(net, torch.optim.SGD(weights, 1.0), *batch, clip=1e-3)
    moved = sum(((p.detach() - q) ** 2).sum() for p, q in zip(weights, before, strict=True))
    assert float(moved) ** 0.5 == pytest.approx(1e-3, rel=0.02)


def test_alpha_learns_from_the_valid_split_and_the_weights_from_the_train_split(
    data, monkeypatch, rng
):
    seen = {"alpha": [], "w": []}

    def spy(net, optimizer, x, y, clip=math.inf):
        alpha = optimizer.param_groups[0]["params"][0] is net.alphas
        seen["alpha" if alpha else "w"].append(x)

    monkeypatch.setattr(darts, "_descend", spy)
    list(darts._alphas(data, rng, SHORT))
    train, valid = torch.tensor(data.train.x), torch.tensor(data.valid.x)

    def rows(inputs, of):
        return [int((of == row).all(dim=(1, 2, 3)).nonzero()) for row in torch.cat(inputs)]

    epoch = 64 // 16
    assert len(seen["alpha"]) == len(seen["w"]) == 2 * epoch
    assert sorted(rows(seen["w"][:epoch], train)) == list(range(64))
    assert len(set(rows(seen["alpha"][:1], valid))) == 16


def test_each_epoch_proposes_the_strongest_operation_of_each_edge_none_included(
    problem, rng, fixed
):
    first, second = np.zeros((2, 6, 5), dtype=np.float32)
    first[range(6), (0, 1, 2, 3, 4, 0)] = 1
    second[range(6), (3, 3, 3, 3, 3, 0)] = 0.1
    fixed(first, second)
    asked = Darts(problem, rng).ask(2)
    assert [c.arch.genes for c in asked] == [(0, 1, 2, 3, 4, 0), (3, 3, 3, 3, 3, 0)]


def test_after_training_all_others_are_proposed_the_likeliest_first(problem, rng, fixed):
    alphas = rng.standard_normal((6, 5)).astype(np.float32)
    other = -alphas
    fixed(other, alphas, alphas)
    searcher = Darts(problem, rng)
    trained = [c.arch.genes for c in searcher.ask(3)]
    rest = [c.arch.genes for c in searcher.ask(20_000)]
    assert searcher.ask(5) == []
    assert set(rest) == set(itertools.product(range(5), repeat=6)) - set(trained)
    assert len(rest) == len(set(rest))
    chances = np.exp(alphas) / np.exp(alphas).sum(axis=1, keepdims=True)
    likelihoods = [math.prod(chances[e, gene] for e, gene in enumerate(genes)) for genes in rest]
    assert np.all(np.diff(likelihoods) <= 1e-9)


def test_training_that_diverges_ends_early_and_the_search_goes_on(problem, rng, monkeypatch):
    def diverge(net, optimizer, x, y, clip=math.inf):
        with torch.no_grad():
            net.alphas.fill_(math.nan)

    monkeypatch.setattr(darts, "_descend", diverge)
    assert len(Darts(problem, rng, SHORT).ask(4)) == 4


def test_the_generator_decides_everything_and_the_global_one_nothing(problem):
    def proposed(seed, global_seed):
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        searcher = Darts(problem, np.random.default_rng(seed), SHORT)
        asked = [searcher.ask()[0].arch for _ in range(30)]
        assert torch.equal(torch.get_rng_state(), before)
        return asked

    assert proposed(1, 1) == proposed(1, 2)
    assert proposed(1, 1) != proposed(2, 1)


def test_the_number_of_threads_decides_nothing_and_is_left_alone(problem):
    proposed, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            net = next(darts._alphas(problem.task, np.random.default_rng(1), WIDE))
            proposed.append(net.tobytes())
            assert torch.get_num_threads() == threads  # between two epochs too
    finally:
        torch.set_num_threads(before)
    assert proposed[0] == proposed[1]


def test_training_happens_when_asked_and_only_then(problem, rng, monkeypatch):
    steps = []
    monkeypatch.setattr(darts, "_descend", lambda *args, **options: steps.append(args))
    searcher = Darts(problem, rng, SHORT)
    assert searcher.ask(0) == []
    assert steps == []
    searcher.ask()
    assert len(steps) == 8
    searcher.ask(5)
    assert len(steps) == 16


def test_training_lowers_the_supernets_loss(data, rng, monkeypatch):
    losses, plain = [], torch.nn.functional.cross_entropy

    def listen(logits, y):
        losses.append(plain(logits, y))
        return losses[-1]

    monkeypatch.setattr(torch.nn.functional, "cross_entropy", listen)
    list(darts._alphas(data, rng, Config(epochs=5, batch_size=16, channels=4, lr=0.1)))
    of_w = [loss.item() for loss in losses[1::2]]
    assert np.mean(of_w[-4:]) < np.mean(of_w[:4])


def test_another_space_is_refused(make_problem, rng):
    with pytest.raises(WrongSpace, match=r"cell201-v1 only, got a problem on toy-2x3x4x5-v1"):
        Darts(make_problem(), rng)


def test_a_problem_without_data_is_refused(problem, rng):
    bare = Problem(problem.space, problem.epochs, problem.objectives, problem.budget)
    with pytest.raises(InvalidConfig, match="trains on the data of a task"):
        Darts(bare, rng)


@pytest.mark.parametrize(
    "setting", [{"epochs": 0}, {"batch_size": 1}, {"alpha_lr": math.nan}, {"channels": 0}]
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig):
        Config(**setting)


def test_observations_are_not_listened_to(problem, fixed, observe):
    def proposed(told):
        fixed(np.arange(30, dtype=np.float32).reshape(6, 5))
        searcher = Darts(problem, np.random.default_rng(0))
        asked = searcher.ask()
        for values in ((math.inf, False), (-99.0, True)) if told else ():
            searcher.tell([observe(asked[-1], values[0], feasible=values[1])])
            asked += searcher.ask(5)
        return asked + searcher.ask(11 - len(asked))

    assert proposed(told=True) == proposed(told=False)


def test_its_module_imports_without_torch():
    code = "import sys, nasbench.searchers.darts; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
