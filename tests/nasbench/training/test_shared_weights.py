import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nasbench.core import Architecture, Examples, InputSpec, Recipe, SearchData
from nasbench.networks.sampled import sampled_logits
from nasbench.spaces.cell201 import NAME
from nasbench.training.shared_weights import SharedWeights

CELL = Architecture(NAME, (3, 0, 2, 1, 0, 1))


def examples(n, rng):
    x = rng.standard_normal((n, 3, 8, 8)).astype(np.float32)
    return Examples(x, rng.integers(4, size=n))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return SearchData("noise", InputSpec("image", 3, 8, 8), 4, examples(50, rng), examples(30, rng))


@pytest.fixture
def shared(data):
    return SharedWeights(data, Recipe(channels=4, lr=0.1), 16, np.random.default_rng(1))


def cells(shared):
    return {
        name: p.detach().clone() for name, p in shared.net.named_parameters() if ".edges." in name
    }


def test_an_epoch_leaves_the_last_incomplete_batch_out(shared):
    assert len(shared) == 50 // 16


def test_an_epoch_needs_an_architecture_for_every_step(shared):
    with pytest.raises(ValueError, match="longer"):
        shared.train([CELL], 0.1)


def test_training_moves_the_weights_of_the_path_and_no_others(shared):
    before = cells(shared)
    shared.train([CELL] * 3, 0.1)
    moved = {name for name, p in cells(shared).items() if not torch.equal(p, before[name])}
    path = ("edges.0.conv_3x3", "edges.2.conv_1x1")
    assert moved == {name for name in before if any(part in name for part in path)}


def test_weights_that_were_trained_once_stay_while_another_path_is_trained(shared):
    shared.train([CELL] * 3, 0.1)  # leaves momentum behind
    before = cells(shared)
    shared.train([Architecture(NAME, (1, 1, 1, 1, 1, 1))] * 3, 0.1)
    assert all(torch.equal(p, before[name]) for name, p in cells(shared).items())


def test_each_step_trains_on_other_examples_of_the_train_split(data, shared, monkeypatch):
    seen, plain = [], F.cross_entropy
    monkeypatch.setattr(F, "cross_entropy", lambda z, y: (seen.append(y), plain(z, y))[1])
    taken = []
    take = shared._train.take
    monkeypatch.setattr(shared._train, "take", lambda i: (taken.extend(i.tolist()), take(i))[1])
    shared.train([CELL] * 3, 0.1)
    assert len(set(taken)) == len(taken) == 48
    assert torch.cat(seen).tolist() == data.train.y[taken].tolist()


def test_accuracies_are_of_the_valid_split(data, shared):
    rows = torch.tensor(data.valid.x)
    x, y = shared.valid_batch()
    found = [int((rows == row).all(dim=(1, 2, 3)).nonzero()) for row in x]
    assert len(set(found)) == 16
    assert y.tolist() == data.valid.y[found].tolist()
    with torch.no_grad():
        right = sampled_logits(shared.net, x, CELL.genes).argmax(dim=1) == y
    assert shared.accuracy(CELL, (x, y)) == float(right.double().mean())


def test_training_on_one_architecture_makes_it_accurate(data):
    labels = np.arange(64) % 4
    x = np.random.default_rng(0).standard_normal((64, 3, 8, 8)).astype(np.float32)
    x[:, 0] += 2 * labels[:, None, None]
    bright = Examples(x, labels)
    task = SearchData("bright", data.input, 4, bright, bright)
    shared = SharedWeights(task, Recipe(channels=4, lr=0.1), 32, np.random.default_rng(0))
    for _ in range(20):
        shared.train([CELL] * len(shared), 0.1)
    assert shared.accuracy(CELL, shared.valid_batch()) > 0.8
