"""The same in another process: what is proposed or answered must not depend on where it runs."""

from __future__ import annotations

import atexit
import dataclasses
import importlib.util
import inspect
import os
import pickle
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

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

    The process stays for the next call, so that what is needed is imported once. What is called,
    its arguments and its result are pickled.
    """
    hash_seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path = os.pathsep.join(filter(None, sys.path))
    result, fault = _other(path, hash_seed).call(pickle.dumps((function, arguments)))
    if fault:
        pytest.fail(f"it fails in another process:\n{fault}")
    return cast("T", result)


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


class _Other:
    """A process that answers one call after another."""

    def __init__(self, path: str, hash_seed: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        atexit.register(self.end)

    def call(self, request: bytes) -> tuple[Any, str]:
        """What was given, and what went wrong, if anything."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump(request, self._process.stdin)  # as bytes: what cannot be read is told of
            self._process.stdin.flush()
            result, fault = pickle.load(self._process.stdout)
        except (BrokenPipeError, EOFError):
            _other.cache_clear()  # the next call has a new one
            self.end()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace")
            return None, f"{said}\nit ended with code {self._process.returncode}"
        return result, fault

    def end(self) -> None:
        """Close its input, at which it ends, and wait for that."""
        self._process.communicate()


@cache
def _other(path: str, hash_seed: str) -> _Other:
    return _Other(path, hash_seed)


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


def _serve() -> None:
    """Answer the calls of standard input; what is printed meanwhile goes to standard error."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            function, arguments = pickle.loads(request)
            reply = pickle.dumps((function(*arguments), ""))
        except Exception:
            reply = pickle.dumps((None, traceback.format_exc()))
        replies.write(reply)
        replies.flush()


if __name__ == "__main__":
    _serve()
