"""A small board on the toy benchmark."""

import pytest

from leaderboards.cards import Card, TrackPage
from leaderboards.standings import Contest, standings
from nasbench.core import Budget
from nasbench.harness.run import run
from nasbench.testing.toy import ToyBenchmark

SEARCHERS = ("local-search", "random-search", "regularized-evolution")


@pytest.fixture(scope="session")
def toy():
    return ToyBenchmark()


@pytest.fixture(scope="session")
def runs(toy):
    """Runs of a searcher on the toy benchmark, one for each seed."""

    def make(searcher, *, objectives=("valid_accuracy",), queries=24, seeds=range(4), **options):
        budget = Budget(queries)
        return [
            run(toy, searcher, seed, budget=budget, objectives=objectives, **options)
            for seed in seeds
        ]

    return make


@pytest.fixture(scope="session")
def contest(toy):
    """A contest on the toy benchmark."""

    def make(*, objectives=("valid_accuracy",), queries=24, seeds=range(4), **options):
        setting = {"benchmarks": {toy.name: toy}, "constraints": ()} | options
        budget = setting.pop("budget", Budget(queries))
        return Contest(objectives=objectives, budget=budget, seeds=tuple(seeds), **setting)

    return make


@pytest.fixture(scope="session")
def table(contest, runs):
    """Standings of three searchers."""
    return standings(contest(), {name: runs(name) for name in SEARCHERS})


@pytest.fixture(scope="session")
def front_table(contest, runs):
    """The same with two objectives."""
    objectives = ("valid_accuracy", "params")
    entries = {name: runs(name, objectives=objectives) for name in SEARCHERS[1:]}
    return standings(contest(objectives=objectives), entries)


@pytest.fixture(scope="session")
def tracks(table, front_table):
    """Two tracks, one of them in two versions."""
    cards = {
        name: Card(
            name,
            name.replace("-", " "),
            authors=("Ada", "Grace"),
            links=(("Paper", "https://example.org/paper"),),
            facts=(("Licence", "Apache-2.0"),),
            level=k,
            evidence=("All evaluations agree.",),
            commands=f"nasbench compare toy --searchers {name}",
        )
        for k, name in enumerate(SEARCHERS)
    }
    return [
        TrackPage("toy", 2, "Toy", "Accuracy.", table, cards),
        TrackPage("toy", 1, "Toy", "Accuracy.", table, cards),
        TrackPage("trade-off", 1, "Trade-off", "Accuracy and size.", front_table, cards),
    ]
