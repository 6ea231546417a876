"""What the packages import is what `pip install` of the project brings."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("nasbench", "tabular", "surrogates", "hardware", "leaderboards")
RUNTIME_EXTRAS = (
    *("configspace", "dask", "gymnasium", "nasbench101"),
    *("onnx", "optuna", "parquet", "pymoo"),
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def names(requirements):
    return {re.split(r"[<>=\[; ]", each)[0].lower() for each in requirements}


CORE = names(PROJECT["dependencies"])
EXTRAS = {
    each for extra in RUNTIME_EXTRAS for each in names(PROJECT["optional-dependencies"][extra])
}


provided = cache(metadata.packages_distributions)


@cache
def parsed(path):
    return ast.parse(path.read_text())


@cache
def imports(path):
    """Import statements anywhere in a module."""
    kinds = (ast.Import, ast.ImportFrom)
    return [node for node in ast.walk(parsed(path)) if isinstance(node, kinds)]


def third_party(nodes):
    """Distributions that import statements need."""
    for node in nodes:
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module]
        else:
            continue
        for module in modules:
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in PACKAGES:
                yield {each.lower() for each in provided()[top]}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_what_its_distribution_declares(path):
    tree = parsed(path)
    core = CORE | {"pytest"} if path.parent.name == "testing" else CORE  # for authors of tests
    for distributions in third_party(tree.body):
        assert distributions & core, f"{distributions} is imported but no core dependency"
    for distributions in third_party(imports(path)):
        assert distributions & (core | EXTRAS), f"{distributions} is imported but not declared"


def test_every_core_dependency_is_imported():
    used = set().union(*(each for path in SOURCES for each in third_party(imports(path))))
    assert used >= CORE


def test_constraints_pin_every_direct_dependency():
    pinned = names((ROOT / "constraints.txt").read_text().splitlines())
    optional = PROJECT["optional-dependencies"].values()
    assert pinned >= CORE | {each for extra in optional for each in names(extra)}
