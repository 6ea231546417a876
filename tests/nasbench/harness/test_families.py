"""Searchers known by the prefix of a family and the name of a member."""

from importlib import metadata

import pytest

from nasbench import registry
from nasbench.core import Budget
from nasbench.errors import InvalidConfig, UnknownSearcher
from nasbench.harness.problem import find_searcher
from nasbench.harness.run import run
from nasbench.searchers.random_search import RandomSearch
from nasbench.testing.toy import ToyBenchmark

SOURCE = """
from nasbench.errors import UnknownSearcher
from nasbench.searchers.random_search import RandomSearch

def member(name):
    if name == "nothing":
        return object()
    if name != "random":
        raise UnknownSearcher(f"mine has no {name!r}")
    return RandomSearch

class Direct(RandomSearch):
    pass
"""


@pytest.fixture(autouse=True)
def family(tmp_path, monkeypatch):
    """The family `mine` is registered; the module behind it is `family_of_mine`."""
    (tmp_path / "family_of_mine.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    point = metadata.EntryPoint("mine", "family_of_mine:member", registry.FAMILIES)
    known = registry._entry_points

    def entry_points(group):
        return {"mine": point} if group == registry.FAMILIES else known(group)

    monkeypatch.setattr(registry, "_entry_points", entry_points)


def test_the_function_of_the_prefix_is_given_the_rest():
    assert find_searcher("mine:random") == ("mine:random", RandomSearch)


def test_a_run_keeps_the_reference():
    done = run(ToyBenchmark(), "mine:random", 0, budget=Budget(5))
    assert done.searcher == "mine:random"
    assert len(done.trajectory) == 5


def test_an_unknown_member_is_the_familys_to_refuse():
    with pytest.raises(UnknownSearcher, match="mine has no 'other'"):
        find_searcher("mine:other")


def test_what_a_family_answers_must_be_a_searcher():
    with pytest.raises(InvalidConfig, match="mine:nothing is no searcher"):
        find_searcher("mine:nothing")


def test_modules_are_found_beside_families():
    assert find_searcher("family_of_mine:Direct")[1].__name__ == "Direct"
