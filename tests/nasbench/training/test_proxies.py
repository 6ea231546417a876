"""Zero-cost proxies as cost models: one number an architecture, repeatable, and its seconds."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from nasbench import registry
from nasbench.core import Architecture, Recipe
from nasbench.errors import InvalidConfig, UnknownName, WrongSpace
from nasbench.testing.elsewhere import print_elsewhere
from nasbench.testing.games import noise_data
from nasbench.training.proxies import proxy

NAMES = ["grad-norm", "jacob-cov", "macs", "naswot", "params", "synflow"]
TRAINED = ["grad-norm", "jacob-cov", "naswot", "synflow"]
ARCHS = [
    Architecture("cell201-v1", genes)
    for genes in [(3, 2, 1, 4, 3, 1), (0, 0, 0, 3, 0, 0), (2, 2, 2, 2, 2, 2)]
]


@pytest.fixture(scope="module")
def data():
    return dataclasses.replace(noise_data(), recipe=Recipe(channels=4))


def values(name, data, archs=ARCHS, **settings):
    found = proxy(name)(data, **{"batch_size": 16, **settings}).estimate(archs)
    return [estimate.value for estimate in found]


def test_these_are_registered():
    assert registry.names(registry.PROXIES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_model_says_what_it_estimates_and_how_long_it_took(name, data):
    model = proxy(name)(data, batch_size=16)
    assert (model.metric.name, model.metric.better) == (name, "higher")
    found = model.estimate(ARCHS)
    assert all(np.isfinite(estimate.value) for estimate in found)
    assert all(estimate.cost_s > 0 for estimate in found)
    assert model.estimate([]) == []


@pytest.mark.parametrize("name", TRAINED)
def test_the_seed_decides_every_bit_and_the_global_generators_none(name, data):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = values(name, data, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert values(name, data, seed=3) == first
    assert values(name, data, seed=4) != first


@pytest.mark.parametrize("name", NAMES)
def test_networks_of_darts_are_scored_too(name, data):
    archs = registry.space("darts-v1").sample(3, np.random.default_rng(0))
    first = values(name, data, archs, seed=3)
    assert np.isfinite(first).all()
    assert len(set(first)) == len(archs)
    assert values(name, data, archs[::-1], seed=3) == first[::-1]
    assert (values(name, data, archs, seed=4) != first) == (name in TRAINED)


@pytest.mark.parametrize("name", TRAINED)
def test_order_and_company_of_the_architectures_play_no_part(name, data):
    alone = [values(name, data, [arch])[0] for arch in reversed(ARCHS)]
    assert alone[::-1] == values(name, data)


ELSEWHERE = """
import dataclasses, json, sys
from nasbench.core import Architecture, Recipe
from nasbench.testing.games import noise_data
from nasbench.training.proxies import proxy

data = dataclasses.replace(noise_data(), recipe=Recipe(channels=4))
archs = [Architecture("cell201-v1", tuple(genes)) for genes in json.loads(sys.argv[1])]
models = [proxy(name)(data, batch_size=16) for name in sys.argv[2:]]
print(json.dumps([[e.value for e in model.estimate(archs)] for model in models]))
"""


@pytest.mark.slow
def test_another_process_gets_the_same_bits(data):
    genes = json.dumps([arch.genes for arch in ARCHS])
    printed = print_elsewhere(ELSEWHERE, genes, *TRAINED)
    assert json.loads(printed) == [values(name, data) for name in TRAINED]


@pytest.mark.parametrize("name", NAMES)
def test_twins_score_alike(name, data):
    dead = [Architecture("cell201-v1", (last, 0, 0, 3, 0, 0)) for last in range(5)]
    assert len(set(values(name, data, dead))) == 1


def test_the_recipe_decides_the_width(data):
    wide = dataclasses.replace(data, recipe=Recipe(channels=8))
    assert values("synflow", wide) != values("synflow", data)
    assert all(w > n for w, n in zip(values("params", wide), values("params", data), strict=True))


@pytest.mark.parametrize("name", ["params", "macs"])
def test_counts_are_those_of_the_table(name):
    table = registry.benchmark("cell201/digits-on-photos")
    task = registry.task(table.task)
    search = dataclasses.replace(task.load().for_search(), recipe=table.recipe)
    genes, columns = table.rows()
    some = range(0, len(genes), 500)
    archs = [Architecture("cell201-v1", tuple(genes[row].tolist())) for row in some]
    assert values(name, search, archs) == columns[name][list(some)].tolist()


@pytest.mark.parametrize("size", [1, 0, -3, 33])
def test_a_minibatch_that_cannot_be_drawn_is_refused(size, data):
    with pytest.raises(InvalidConfig, match=f"2 to 32 examples of noise, got {size}"):
        proxy("naswot")(data, batch_size=size)


def test_a_network_of_another_space_is_refused(data):
    with pytest.raises(WrongSpace, match=r"of cell201-v1, darts-v1; got .* of size-v1"):
        proxy("synflow")(data, batch_size=16).estimate([registry.space("size-v1").arch(0)])


def test_an_unknown_proxy_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match="unknown zero-cost proxy 'sinflow'; did you mean 'synf"):
        proxy("sinflow")
