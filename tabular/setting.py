"""What must be equal for two trainings to belong in one table: task, recipe, code and libraries."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import nasbench
from nasbench.core import InputSpec, Recipe, Space, Task
from nasbench.errors import TableFault

LIBRARIES = ("numpy", "torch")
"""Libraries whose version may change a trained number."""
_PACKAGES = ("nasbench.networks", "nasbench.training", "nasbench.tasks", "nasbench.spaces")


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything but architecture and seed that decides a learning curve."""

    space: str
    task: str
    recipe: Recipe
    input: InputSpec
    classes: int
    """Labels of the task."""
    examples: Mapping[str, int]
    """Examples of each split: train, valid, test."""
    device: str
    """Kind of device: `cpu` or `cuda`."""
    code: str
    """Hash of the code that trains, see `code_version`."""
    versions: Mapping[str, str]
    """Of Python and the libraries."""

    def to_json(self) -> dict[str, Any]:
        """Plain data, the same for equal settings."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Setting:
        """The setting that `to_json` wrote.

        Raises:
            TableFault: a field is missing, unknown or of a wrong type.
        """
        try:
            made = cls(**data)
            return replace(made, recipe=Recipe(**data["recipe"]), input=InputSpec(**data["input"]))
        except (TypeError, KeyError) as fault:
            raise TableFault(f"this is not the setting of a table: {fault}") from fault


def refuse_mixing(ours: Setting, theirs: Setting, where: Path, *, trust_code: bool = False) -> None:
    """Checks that trainings of both settings may share a table.

    Raises:
        TableFault: they differ; with `trust_code` the code and the libraries may.
    """
    tolerated = ("code", "versions") if trust_code else ()
    now, there = _flat(ours.to_json()), _flat(theirs.to_json())
    differing = [
        f"{name} ({there.get(name)} there, {now.get(name)} now)"
        for name in sorted(now.keys() | there.keys())
        if name.partition(".")[0] not in tolerated and there.get(name) != now.get(name)
    ]
    if differing:
        raise TableFault(
            f"{where} was trained in another setting: {', '.join(differing)}. Trainings of "
            "different settings do not mix: choose another output, or pass --trust-code if only "
            "code or libraries changed and you vouch that the numbers did not "
            "(`nasbench table check --retrain` tests it)."
        )


def describe(
    space: Space, task: Task, device: str, examples: Mapping[str, int], shape: tuple[InputSpec, int]
) -> Setting:
    """The setting of trainings made now; `shape` is the task's input and number of labels."""
    return Setting(
        space=space.name,
        task=task.name,
        recipe=task.recipe,
        input=shape[0],
        classes=shape[1],
        examples=dict(examples),
        device=device.partition(":")[0],
        code=code_version(type(space).__module__, type(task).__module__),
        versions={
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in LIBRARIES},
        },
    )


def code_version(*roots: str) -> str:
    """Hash of the modules that a training runs through, comments and docstrings aside.

    Starts from `roots`, the trainer and the network builder, and follows their imports inside the
    packages of spaces, tasks, networks and training.
    """
    todo = {"nasbench.training.train", "nasbench.networks.cell201", *roots}
    seen: dict[str, str] = {}
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
    stem = Path(nasbench.__file__).parent.joinpath(*module.split(".")[1:])
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


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names."""
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
