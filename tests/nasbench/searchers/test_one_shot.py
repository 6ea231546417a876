"""What all searchers with a mixture on cell201 have in common."""

import math
import subprocess
import sys

import pytest

from nasbench.core import Budget, Constraint, Metric, Problem
from nasbench.errors import InvalidConfig, WrongSpace
from nasbench.searchers.darts import Darts
from nasbench.searchers.darts_second_order import DartsSecondOrder
from nasbench.searchers.drnas import DrNas
from nasbench.searchers.gdas import Gdas
from nasbench.searchers.implicit_darts import ImplicitDarts
from nasbench.spaces.cell201 import Cell201
from nasbench.spaces.restricted import Restricted
from nasbench.testing.games import noise_data

FAMILY = [Darts, DartsSecondOrder, DrNas, Gdas, ImplicitDarts]
SMALL = {"epochs": 2, "batch_size": 8, "channels": 2}


@pytest.fixture(params=FAMILY, ids=lambda kind: kind.__name__)
def factory(request):
    return request.param


def make(space, task):
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(space, (10,), (accuracy,), Budget(200), task=task)


@pytest.fixture
def problem():
    return make(Cell201(), noise_data())


def genes(candidates):
    return [candidate.arch.genes for candidate in candidates]


def test_only_and_all_of_a_restricted_space_is_proposed(factory, rng):
    space = Restricted(Cell201(), [Constraint("choices[skip_connect]", upper=0)])
    searcher = factory(make(space, noise_data()), rng, factory.Config(**SMALL))
    found = genes(searcher.ask(20_000))
    assert {gene for cell in found for gene in cell} == {0, 2, 3, 4}
    assert len(set(found)) == 4**6
    assert len(found) - len(set(found)) <= 1  # both epochs may prefer the same
    assert searcher.ask(3) == []


def test_an_epoch_is_trained_when_a_cell_is_asked_for_and_the_mixture_moves(factory, problem, rng):
    config = factory.Config(**SMALL | {"alpha_lr": 0.5, "epochs": 6})
    found = genes(factory(problem, rng, config).ask(6))
    assert len(set(found)) > 1


def test_weights_that_diverge_do_not_end_the_search(factory, problem, rng):
    config = factory.Config(**SMALL | {"lr": 1e30})
    assert len(factory(problem, rng, config).ask(40)) == 40


def test_a_problem_it_cannot_train_on_is_refused(factory, make_problem, rng):
    with pytest.raises(WrongSpace, match="searches cell201-v1 only, got a problem on toy"):
        factory(make_problem(), rng)
    with pytest.raises(InvalidConfig, match="trains on the data of a task"):
        factory(make(Cell201(), None), rng)


@pytest.mark.parametrize(
    "setting", [{"epochs": 0}, {"batch_size": 1}, {"alpha_lr": math.nan}, {"channels": 0}]
)
def test_settings_out_of_range_are_refused(factory, setting):
    with pytest.raises(InvalidConfig):
        factory.Config(**setting)


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (Gdas, {"coldest": 0.0}),
        (Gdas, {"hottest": 0.01}),
        (DrNas, {"distance": -1.0}),
        (ImplicitDarts, {"terms": -1}),
        (ImplicitDarts, {"every": 0}),
        (ImplicitDarts, {"weight_decay": 0.0}),
        (ImplicitDarts, {"settings_lr": math.inf}),
    ],
)
def test_settings_of_their_own_out_of_range_are_refused(kind, setting):
    with pytest.raises(InvalidConfig):
        kind.Config(**setting)


def test_their_modules_import_without_torch():
    modules = ", ".join({kind.__module__ for kind in FAMILY})
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
