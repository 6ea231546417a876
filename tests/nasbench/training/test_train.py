"""Training: the seed decides everything, fast and plain agree, failures are results."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from nasbench.core import Architecture, Examples, InputSpec, Recipe, TaskData
from nasbench.errors import UnknownDevice
from nasbench.testing.elsewhere import print_elsewhere
from nasbench.training import train as module
from nasbench.training.plain import train_plain
from nasbench.training.train import CURVES, measure_cost, pick_device, train, train_repeats

ARCH = Architecture("cell201-v1", (3, 2, 1, 4, 3, 1))
RECIPE = Recipe(channels=8, epochs=3, batch_size=50, lr=0.05)


def bars(n: int, seed: int) -> Examples:
    """Four classes of noisy images, told apart by where a bar is."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, n)
    x = rng.normal(0, 0.5, (n, 3, 8, 8))
    x[np.arange(n), :, 2 * y] += 1.5
    return Examples(x.astype(np.float32), y)


@pytest.fixture(scope="module")
def data() -> TaskData:
    spec = InputSpec("image", 3, 8, 8)
    return TaskData("bars", spec, 4, bars(400, 0), bars(100, 1), bars(100, 2))


def digest(curve) -> str:
    rows = [getattr(curve, name).tobytes() for name in CURVES]
    return hashlib.sha256(b"".join(rows)).hexdigest()


def test_a_network_learns(data):
    curve = train(ARCH, data, RECIPE, 0)
    assert curve.valid_accuracy[-1] > 60
    assert curve.train_loss[-1] < curve.train_loss[0]
    assert not curve.diverged
    assert curve.train_s > 0


def test_the_seed_decides_every_number(data):
    assert digest(train(ARCH, data, RECIPE, 5)) == digest(train(ARCH, data, RECIPE, 5))
    assert digest(train(ARCH, data, RECIPE, 5)) != digest(train(ARCH, data, RECIPE, 6))


def test_global_generators_are_neither_read_nor_changed(data):
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the global generator is the subject
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = digest(train(ARCH, data, RECIPE, 0))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    torch.manual_seed(2)
    assert digest(train(ARCH, data, RECIPE, 0)) == first


def test_another_process_with_another_hash_seed_and_thread_count_gives_the_same_bits(data):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_train as t, torch;"
        "before = torch.get_num_threads(); torch.set_num_threads(2);"
        "spec = t.InputSpec('image', 3, 8, 8);"
        "data = t.TaskData('bars', spec, 4, t.bars(400, 0), t.bars(100, 1), t.bars(100, 2));"
        "print(t.digest(t.train(t.ARCH, data, t.RECIPE, 0))); torch.set_num_threads(before)"
    )
    printed = print_elsewhere(code, str(Path(__file__).parent))
    assert printed.strip() == digest(train(ARCH, data, RECIPE, 0))


def test_several_repeats_are_the_single_ones(data):
    repeats = train_repeats(ARCH, data, RECIPE, [3, 1])
    assert [digest(curve) for curve in repeats] == [
        digest(train(ARCH, data, RECIPE, seed)) for seed in (3, 1)
    ]


def test_the_fast_trainer_follows_the_plain_one(data, rng):
    from nasbench.spaces.cell201 import Cell201

    short = Recipe(channels=8, epochs=1, batch_size=100, lr=0.02)  # rounding grows with the steps
    for arch in [ARCH, *Cell201().sample(6, rng)]:
        fast, plain = train(arch, data, short, 0), train_plain(arch, data, short, 0)
        for name in ("train_loss", "valid_loss", "test_loss"):
            np.testing.assert_allclose(getattr(fast, name), getattr(plain, name), rtol=2e-3)


def test_a_disconnected_network_is_at_chance(data):
    curve = train(Architecture("cell201-v1", (0,) * 6), data, RECIPE, 0)
    assert not curve.diverged
    shares = [100 * np.bincount(s.y, minlength=4) / len(s) for s in (data.valid, data.test)]
    always = list(zip(*np.float32(shares).tolist(), strict=True))  # one class, whatever the input
    assert (curve.valid_accuracy[-1], curve.test_accuracy[-1]) in always
    assert curve.valid_loss[-1] == pytest.approx(np.log(4), rel=0.05)


def test_a_diverging_network_is_a_result(data):
    wild = Recipe(channels=8, epochs=3, batch_size=50, lr=1e30)
    curve = train(ARCH, data, wild, 0)
    assert curve.diverged
    assert np.isnan(curve.valid_loss[-1])
    assert curve.valid_accuracy[-1] == 25


def test_the_learning_rate_falls_from_its_start_to_almost_nothing():
    rates = [module.learning_rate(RECIPE, step, 8) for step in range(24)]
    assert rates[0] == RECIPE.lr
    assert rates == sorted(rates, reverse=True)
    assert rates[12] == pytest.approx(RECIPE.lr / 2)
    assert 0 < rates[-1] < RECIPE.lr / 100


def test_an_epoch_shows_every_example_once_in_batches_of_equal_size():
    parts = list(module.epoch_order(103, RECIPE, 0, 0, "cpu"))
    assert sorted(torch.cat(parts).tolist()) == list(range(103))
    assert {len(part) for part in parts} <= {34, 35}


def test_measured_cost_is_near_the_time_of_a_training(data):
    curve = train(ARCH, data, RECIPE, 0)
    assert curve.train_s / 5 < measure_cost(ARCH, data, RECIPE) < curve.train_s * 5


def test_unknown_device_is_refused_with_the_ones_there_are():
    assert pick_device("cpu") == "cpu"
    assert pick_device() in ("cpu", "cuda")
    with pytest.raises(UnknownDevice, match="this machine has cpu"):
        pick_device("tpu")
