import inspect

import pytest

import nasbench
from nasbench import errors

CLASSES = [
    c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_is_one_of_ours_and_stands_in_the_drawn_tree(kind):
    assert issubclass(kind, errors.NasbenchError)
    assert kind.__name__ in errors.__doc__
    assert kind.__doc__


@pytest.mark.parametrize(
    "kind", [c for c in CLASSES if c is not errors.NasbenchError], ids=lambda kind: kind.__name__
)
def test_every_error_is_also_a_built_in_one(kind):
    builtins = (LookupError, ValueError, ImportError, RuntimeError, OSError)
    assert issubclass(kind, builtins)


def test_the_drawn_tree_names_the_built_in_base():
    for line in errors.__doc__.splitlines():
        name, bracket, rest = line.strip("│├└─ ").partition(" (")
        if bracket and hasattr(errors, name):
            built_in = rest.partition(")")[0]
            assert built_in in [base.__name__ for base in getattr(errors, name).__mro__], line


def test_the_facade_offers_the_root_of_the_tree():
    assert nasbench.NasbenchError is errors.NasbenchError
