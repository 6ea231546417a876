"""The same in another process: what is proposed or answered must not depend on where it runs."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import io
import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import SearcherFactory, Space
from nasbench.harness.problem import find_searcher, make_config
from nasbench.testing.games import as_lists, make_problem, play
from nasbench.testing.toy import ToySpace

T = TypeVar("T")


def call_elsewhere(function: Callable[..., T], *arguments: Any) -> T:
    """What a function gives in another process, which has another hash seed.

    The process stays for the next call, so that what is needed is imported once.
    """
    try:
        return _other().submit(function, *arguments).result()
    except (Exception, SystemExit) as fault:
        if isinstance(fault, BrokenExecutor):
            _other.cache_clear()  # the next call has a new one
        pytest.fail("".join(["it fails in another process:\n", *traceback.format_exception(fault)]))


def print_elsewhere(program: str, *arguments: str) -> str:
    """What a program prints in that other process; it leaves behind what it imports only."""
    return call_elsewhere(_print, program, arguments)


@cache
def _other() -> ProcessPoolExecutor:
    """One process, started here and now: that is when the hash seed is read."""
    spawn = multiprocessing.get_context("spawn")  # takes sys.path along, but not this folder
    other = ProcessPoolExecutor(1, spawn, _begin, (str(Path.cwd()),))
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "1" if before != "1" else "2"
    try:
        other.submit(int).result()
    finally:
        del os.environ["PYTHONHASHSEED"]
        if before is not None:
            os.environ["PYTHONHASHSEED"] = before
    return other


def play_elsewhere(
    factory: SearcherFactory | str, space: Space, config: Any, seed: int, evaluations: int
) -> list[list[Any]]:
    """`as_lists` of the same game in another process; `factory` is a class or names a searcher."""
    where = "toy" if space == ToySpace() else space.name
    if where not in ("toy", *registry.names(registry.SPACES)):
        pytest.skip(f"{where} is not registered, so no other process finds it")
    reference = factory if isinstance(factory, str) else _reference(factory)
    settings = dataclasses.asdict(config)
    return call_elsewhere(_play, reference, where, settings, seed, evaluations)


def _begin(folder: str) -> None:
    sys.path.append(folder)


def _print(program: str, arguments: Sequence[str]) -> str:
    printed, before = io.StringIO(), (sys.argv, [*sys.path])
    sys.argv = ["-c", *arguments]
    try:
        with redirect_stdout(printed):
            exec(program, {"__name__": "__main__"})
    finally:
        sys.argv, sys.path[:] = before
    return printed.getvalue()


def _reference(kind: Any) -> str:
    """`module:Class` or `file.py:Class` of a class at the top of a module."""
    name = getattr(kind, "__qualname__", "")
    if not name.isidentifier():
        pytest.skip(f"{kind!r} is not at the top of a module, so no other process can import it")
    try:
        found = importlib.util.find_spec(kind.__module__)
    except (ImportError, ValueError):
        found = None
    file = inspect.getfile(kind)
    importable = found is not None and found.origin and Path(found.origin).samefile(file)
    return f"{kind.__module__ if importable else file}:{name}"


def _play(
    reference: str, where: str, settings: dict[str, Any], seed: int, evaluations: int
) -> list[list[Any]]:
    name, factory = find_searcher(reference)
    space = ToySpace() if where == "toy" else registry.space(where)
    problem = make_problem(factory, space)
    config = make_config(name, factory, settings)
    searcher = factory(problem, np.random.default_rng(seed), config)
    return as_lists(play(searcher, problem, evaluations))
