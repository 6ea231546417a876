"""What of this project and its libraries decides a trained number.

Two trainings of equal architecture, task, recipe, seed and device are the same numbers as long as
`code_version` and `library_versions` are; other code may give others.
"""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module, metadata
from pathlib import Path

LIBRARIES = ("numpy", "torch")
"""Libraries whose version may change a trained number."""
_ROOTS = ("nasbench.training.train", "nasbench.networks.cell201")
_PACKAGES = ("nasbench.networks", "nasbench.training", "nasbench.tasks", "nasbench.spaces")


def library_versions() -> dict[str, str]:
    """Versions of Python and the libraries, by name; loads none of them."""
    libraries = {name: metadata.version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **libraries}


def code_version(*roots: str) -> str:
    """Hash of the modules that a training runs through, comments and docstrings aside.

    Starts from the trainer, the network builder and `roots`, the modules of space and task, and
    follows their imports inside the packages of spaces, tasks, networks and training. A task's data
    counts as far as its module holds their sha256.
    """
    for name in roots:
        import_module(name)  # where the code of a plug-in is, only its import tells
    todo, seen = {*_ROOTS, *roots}, dict[str, str]()
    while todo:
        name = todo.pop()
        source = _source(name)
        if name in seen or source is None:
            continue
        seen[name], imported = _parsed(source)
        todo.update(imported)
    text = json.dumps(sorted(seen.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _parsed(source: str) -> tuple[str, frozenset[str]]:
    """The code without comments and docstrings, and the modules that it may import."""
    tree = ast.parse(source)
    imported = frozenset(_imports(tree))
    return ast.dump(_bare(tree)), imported


def _source(module: str) -> str | None:
    """Text of a module of this project, or of one that is loaded; importing it would load torch."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    ours = module.startswith("nasbench.")
    stem = Path(__file__).parents[1].joinpath(*module.split(".")[1:])  # below `nasbench`
    inside = [stem.with_suffix(".py"), stem / "__init__.py"] if ours else []
    for path in [Path(loaded)] if loaded else inside:
        if path.suffix == ".py" and path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in found if name.startswith(_PACKAGES))


def _bare(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
    return tree


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
