import itertools

import numpy as np
import pytest
import torch

from nasbench.core import Architecture, Constraint, Examples, InputSpec, SearchData
from nasbench.spaces.cell201 import Cell201
from nasbench.spaces.restricted import Restricted
from nasbench.training.one_shot import Turns, cosine, descend, preferred


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_restricted_space_is_ranked_exactly_as_by_brute_force(rng):
    space = Restricted(Cell201(), [Constraint("operations", upper=3)])
    first, last = rng.standard_normal((2, 6, 5)).astype(np.float32)
    found = list(preferred(space, [first, last], rng))
    inside = {arch.genes for arch in found}
    everything = itertools.product(range(5), repeat=6)
    valid = {g for g in everything if space.is_valid(Architecture(space.name, g))}
    assert inside == valid
    assert len(found) in (len(inside), len(inside) + 1)

    def chance(weights, genes):
        return sum(float(weights[e, gene]) for e, gene in enumerate(genes))

    assert found[0].genes == max(inside, key=lambda genes: chance(first, genes))
    assert found[1].genes == max(inside, key=lambda genes: chance(last, genes))
    rest = [chance(last, arch.genes) for arch in found[2:]]
    assert rest == sorted(rest, reverse=True)


def test_a_supernet_that_diverged_at_once_proposes_a_random_permutation():
    space = Cell201()

    def order(seed):
        return [arch.genes for arch in preferred(space, [], np.random.default_rng(seed))]

    found = order(0)
    assert sorted(found) == sorted(itertools.product(range(5), repeat=6))
    assert found == order(0) != order(1)
    first = np.array(found[:500])
    assert (np.abs((first == 0).mean(axis=0) - 1 / 5) < 0.08).all()  # not the empty cells first


def test_an_epoch_takes_every_full_train_batch_once_and_valid_batches_without_repeats(rng):
    def examples(n):
        x = np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1)
        return Examples(x, np.arange(n))

    data = SearchData("count", InputSpec("image", 1, 1, 1), 50, examples(50), examples(20))
    turns = list(Turns(data, 16, rng).epoch())
    train = [int(y) for (_, labels), _ in turns for y in labels]
    assert len(turns) == 3
    assert len(set(train)) == len(train) == 48
    for (x, y), (vx, vy) in turns:
        assert x.flatten().tolist() == y.tolist()
        assert vx.flatten().tolist() == vy.tolist()
        assert len(set(vy.tolist())) == 16


def test_the_cosine_runs_from_the_first_rate_towards_the_last():
    assert cosine(0.5, 0.1, 0, 4) == pytest.approx(0.5)
    assert cosine(0.5, 0.1, 2, 4) == pytest.approx(0.3)
    assert cosine(0.5, 0.1, 4, 4) == pytest.approx(0.1)


def test_what_the_loss_does_not_depend_on_stays(rng):
    used, unused = (torch.ones(2, requires_grad=True) for _ in range(2))
    descend(used.square().sum(), torch.optim.SGD([used, unused], 0.25, weight_decay=0.5))
    assert used.tolist() == [0.375, 0.375]
    assert unused.tolist() == [1, 1]
