"""What trains in a process: the code, the libraries, the processor."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from pathlib import Path

import nasbench

LIBRARIES = ("numpy", "torch")
"""Libraries whose version may change a trained number."""
_PACKAGES = ("nasbench.networks", "nasbench.training", "nasbench.tasks", "nasbench.spaces")
_VECTORS = ("avx", "fma", "amx", "asimd", "neon", "sve")
"""Beginnings of the flags of a processor that decide how sums of floats are ordered."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Code and libraries that train."""

    code: str
    """Hash of the code, see `code_version`."""
    versions: Mapping[str, str]
    """Of Python and the libraries."""

    def __str__(self) -> str:
        versions = sorted(self.versions.items())
        listed = ", ".join(f"{name} {version}" for name, version in versions)
        return f"code {self.code} with {listed}"


@cache
def maker(*roots: str) -> Maker:
    """The maker that this process is, as it was when first asked; `roots` as in `code_version`."""
    for name in roots:
        import_module(name)  # where the code of a plug-in is, only its import tells
    libraries = {name: metadata.version(name) for name in LIBRARIES}
    return Maker(code_version(*roots), {"python": platform.python_version(), **libraries})


def processor(device: str) -> str:
    """Name of what computes: the GPU, or the CPU with its vector extensions.

    Equal names and equal makers are reason to expect equal numbers, although no proof.
    """
    if device.partition(":")[0] == "cuda":
        import torch

        return torch.cuda.get_device_name(device)
    return _cpu()


@cache
def _cpu() -> str:
    from nasbench.harness.environment import environment

    listing = Path("/proc/cpuinfo")
    text = listing.read_text(errors="replace") if listing.is_file() else ""
    lines = (line.partition(":") for line in text.splitlines())
    words = next((v.split() for k, _, v in lines if k.strip() in ("flags", "Features")), [])
    return " ".join([environment()["cpu"], *sorted(w for w in words if w.startswith(_VECTORS))])


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
