"""No import of a heavy library falls into the time that a searcher is charged for."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

SEARCHERS = [
    point for point in entry_points(group="nasbench.searchers") if "searchers." in point.value
]


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of all that is imported anywhere in a module's source."""
    names = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in [*names, *froms]}


@pytest.mark.parametrize("point", SEARCHERS, ids=lambda point: point.name)
def test_a_searcher_names_the_heavy_libraries_that_it_uses(point):
    factory = point.load()
    tree = ast.parse(inspect.getsource(importlib.import_module(factory.__module__)))
    if "torch" in imported(tree):
        assert getattr(factory, "needs_task", False) or "torch" in factory.preload
    if "archive" in inspect.getsource(factory):
        assert "scipy.stats" in factory.preload


@pytest.mark.slow
def test_searchers_name_the_parts_of_scipy_that_they_use():
    code = """
import sys
from nasbench.core import Budget
from nasbench.harness.problem import find_searcher
from nasbench.harness.run import run
from nasbench.testing.toy import ToyBenchmark
for name in ("bananas", "gp-wl"):
    _, factory = find_searcher(name)
    class Watched(factory):
        def __init__(self, *arguments):
            self.before = set(sys.modules)
            super().__init__(*arguments)
        def tell(self, observations):
            super().tell(observations)
            late = {m for m in set(sys.modules) - self.before if m.startswith("scipy")}
            assert not late, (name, sorted(late))
    assert name != "bananas" or "scipy" not in sys.modules
    run(ToyBenchmark(), Watched, 0, budget=Budget(20))
    assert "scipy.stats" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
