import subprocess
import sys

import pytest
import torch

from nasbench.core import Architecture, Budget, Constraint, Metric, Problem, Recipe
from nasbench.errors import InvalidConfig, WrongSpace
from nasbench.networks.transform import preserves
from nasbench.searchers.path_transform import Config, PathTransform
from nasbench.spaces.cell201 import NAME, Cell201
from nasbench.spaces.restricted import Restricted
from nasbench.testing.games import noise_data
from nasbench.training.lineage import Lineage

SHORT_RECIPE = Recipe(channels=4, batch_size=16, lr=0.05)
SHORT = Config(founding=1, rounds=3, children=2, batch_size=16, channels=2)


def make(space, task):
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(space, (10,), (accuracy,), Budget(200), task=task)


@pytest.fixture
def problem():
    return make(Cell201(), noise_data())


@pytest.fixture
def judged(monkeypatch):
    """Replaces training by a count of epochs, and accuracy by the number of 3 x 3 convolutions."""
    trained = []

    def train(self, network, epochs):
        genes = network.body[0].genes
        trained.append((genes, epochs))
        return genes.count(3)

    monkeypatch.setattr(Lineage, "train", train)
    return trained


def genes(candidates):
    return [candidate.arch.genes for candidate in candidates]


def test_each_round_trains_the_parent_and_its_children_and_the_best_is_next(problem, rng, judged):
    config = Config(founding=7, rounds=4, children=3, epochs=2, channels=2)
    found = genes(PathTransform(problem, rng, config).ask(5))
    founder, *rest = judged[:17]
    assert founder == (found[0], 7)
    parent = found[0]
    for start in range(0, 16, 4):
        contestants = [cell for cell, _ in rest[start : start + 4]]
        assert {epochs for _, epochs in rest[start : start + 4]} == {2}
        assert contestants[0] == parent
        assert all(preserves(parent, cell) for cell in contestants)
        assert len(set(contestants)) == 4
        parent = max(contestants, key=lambda cell: cell.count(3))
        assert parent in found


def test_a_child_starts_from_its_parents_trained_function(rng):
    data = noise_data()
    lineage = Lineage(data, SHORT_RECIPE, rng)
    parent = lineage.founder(Architecture(NAME, (1, 2, 0, 4, 1, 3)))
    lineage.train(parent, 3)
    child = lineage.child(parent, Architecture(NAME, (1, 3, 0, 4, 1, 3)))
    x = torch.from_numpy(data.valid.x)
    with torch.inference_mode():
        torch.testing.assert_close(child.eval()(x), parent.eval()(x), atol=1e-5, rtol=0)


def test_a_parent_that_cannot_grow_makes_room_for_another_founder(rng, judged):
    space = Restricted(Cell201(), [Constraint("choices[nor_conv_3x3]", lower=6)])
    searcher = PathTransform(make(space, noise_data()), rng, SHORT)
    assert genes(searcher.ask(3)) == [(3,) * 6]
    assert [epochs for _, epochs in judged] == [1] * 4


def test_all_of_a_restricted_space_is_proposed_once_the_nearest_to_the_last_first(rng, judged):
    space = Restricted(Cell201(), [Constraint("choices[avg_pool_3x3]", upper=0)])
    searcher = PathTransform(make(space, noise_data()), rng, SHORT)
    found = genes(searcher.ask(20_000))
    assert len(found) == len(set(found)) == 4**6
    assert 4 not in {gene for cell in found for gene in cell}
    winners = [cell for cell in dict.fromkeys(cell for cell, _ in judged) if cell in found[:4]]
    last = max(winners, key=lambda cell: found.index(cell) if found.index(cell) < 4 else -1)
    distances = [sum(a != b for a, b in zip(cell, last, strict=True)) for cell in found[4:]]
    assert distances == sorted(distances)


def test_weights_that_diverge_do_not_end_the_search(problem, rng):
    config = Config(founding=1, rounds=2, children=1, lr=1e30, channels=2)
    assert len(PathTransform(problem, rng, config).ask(30)) == 30


def test_training_raises_the_accuracy_on_what_is_trained_on(rng):
    data = noise_data()
    same = type(data)("same", data.input, data.classes, data.train, data.train)
    lineage = Lineage(same, SHORT_RECIPE, rng)
    network = lineage.founder(Architecture(NAME, (1, 3, 3, 1, 3, 3)))
    assert lineage.train(network, 40) > 60  # chance is 25 %


def test_a_problem_it_cannot_train_on_is_refused(make_problem, rng):
    with pytest.raises(WrongSpace, match="path-transform searches cell201-v1 only"):
        PathTransform(make_problem(), rng)
    with pytest.raises(InvalidConfig, match="trains on the data of a task"):
        PathTransform(make(Cell201(), None), rng)


@pytest.mark.parametrize(
    "setting", [{"founding": 0}, {"rounds": 0}, {"children": 0}, {"batch_size": 1}, {"lr": 0.0}]
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig):
        Config(**setting)


def test_its_module_imports_without_torch():
    code = "import sys, nasbench.searchers.path_transform; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
