import dataclasses
import inspect
import math
import subprocess
import sys

import numpy as np
import pytest

from nasbench import core
from nasbench.core import Budget, Constraint, Examples, InputSpec, Metric, Recipe, TaskData
from nasbench.errors import InvalidBudget, InvalidConfig


@pytest.mark.parametrize("queries", [0, -1, 1.5, math.nan, "200", None, True])
def test_a_budget_refuses_what_is_no_number_of_queries(queries):
    with pytest.raises(InvalidBudget, match="queries >= 1, got"):
        Budget(queries)


@pytest.mark.parametrize("cost_s", [0, -1.0, math.nan])
def test_a_budget_refuses_a_time_that_is_not_positive(cost_s):
    with pytest.raises(InvalidBudget, match="cost_s > 0 seconds, got"):
        Budget(10, cost_s)


def test_a_budget_takes_numpy_integers():
    assert Budget(np.int64(3)).queries == 3


def test_a_metric_to_maximize_changes_its_sign():
    assert Metric("valid_accuracy", "%", "higher", "valid").sign == -1
    assert Metric("valid_loss", "nats", "lower", "valid").sign == 1


@pytest.mark.parametrize(
    ("lower", "upper", "inside", "outside"),
    [
        (None, 5.0, [-math.inf, 5.0], [5.1, math.inf, math.nan]),
        (2.0, None, [2.0, math.inf], [1.9, -math.inf, math.nan]),
        (2.0, 5.0, [2.0, 5.0], [1.9, 5.1, math.nan]),
    ],
)
def test_a_constraint_holds_inside_its_bounds_and_never_for_nan(lower, upper, inside, outside):
    constraint = Constraint("params", upper=upper, lower=lower)
    assert all(constraint.holds(value) for value in inside)
    assert not any(constraint.holds(value) for value in outside)


@pytest.mark.parametrize("bounds", [{}, {"upper": math.nan}, {"lower": math.nan, "upper": 1.0}])
def test_a_constraint_without_a_usable_bound_is_refused(bounds):
    with pytest.raises(InvalidConfig, match="the constraint on params"):
        Constraint("params", **bounds)


@pytest.mark.parametrize("name", ["channels", "stages", "cells", "epochs", "batch_size"])
@pytest.mark.parametrize("value", [0, -1, 2.5])
def test_a_recipe_refuses_sizes_below_one(name, value):
    with pytest.raises(InvalidConfig, match=f"a recipe's {name} is a whole number >= 1"):
        Recipe(**{name: value})


@pytest.mark.parametrize(
    "setting",
    [
        {"lr": 0.0},
        {"lr": math.nan},
        {"lr": math.inf},
        {"momentum": 1.0},
        {"momentum": math.nan},
        {"weight_decay": -1e-4},
        {"weight_decay": math.inf},
    ],
)
def test_a_recipe_refuses_rates_out_of_range(setting):
    with pytest.raises(InvalidConfig, match="a recipe needs lr > 0"):
        Recipe(**setting)


def test_data_for_search_carry_no_test_split():
    def some(n):
        return Examples(np.zeros((n, 1, 1, 4), np.float32), np.zeros(n, np.int64))

    data = TaskData("t", InputSpec("image", 1, 1, 4), 2, some(3), some(2), some(1))
    search = data.for_search()
    assert (len(search.train), len(search.valid)) == (3, 2)
    assert not hasattr(search, "test")


def test_every_noun_is_frozen_and_slotted():
    nouns = [c for _, c in inspect.getmembers(core, dataclasses.is_dataclass)]
    assert len(nouns) > 15
    for noun in nouns:
        assert noun.__dataclass_params__.frozen, noun
        assert "__slots__" in vars(noun), noun


def test_the_core_needs_nothing_heavier_than_numpy():
    heavy = "{'torch', 'xgboost', 'h5py', 'pandas', 'scipy', 'matplotlib', 'pydantic', 'typer'}"
    code = f"import sys, nasbench.core; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
