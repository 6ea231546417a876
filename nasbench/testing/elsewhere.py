"""The same game in another process: what a searcher proposes must not depend on where it runs."""

from __future__ import annotations

import atexit
import dataclasses
import importlib.util
import inspect
import json
import os
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import SearcherFactory, Space
from nasbench.harness.problem import find_searcher, make_config
from nasbench.testing.games import as_lists, make_problem, play
from nasbench.testing.toy import ToySpace


def play_elsewhere(
    factory: SearcherFactory | str, space: Space, config: Any, seed: int, evaluations: int
) -> list[list[Any]]:
    """`as_lists` of the same game in a process of its own with another hash seed.

    `factory` is a class, or whatever names a searcher. The process stays for the next game, so
    that what searchers need is imported once.
    """
    where = "toy" if space == ToySpace() else space.name
    if where not in ("toy", *registry.names(registry.SPACES)):
        pytest.skip(f"{where} is not registered, so no other process finds it")
    hash_seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path = os.pathsep.join(filter(None, sys.path))
    reference = factory if isinstance(factory, str) else _reference(factory)
    game = [reference, where, dataclasses.asdict(config), seed, evaluations]
    played, fault = _other(path, hash_seed).play(game)
    if fault:
        pytest.fail(f"the searcher fails in another process:\n{fault}")
    return cast("list[list[Any]]", played)


class _Other:
    """A process that plays one game after another, a line of JSON each way."""

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

    def play(self, game: list[Any]) -> tuple[Any, str]:
        """What was proposed, and what went wrong, if anything."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(game).encode() + b"\n")
            self._process.stdin.flush()
            reply = self._process.stdout.readline()
        except BrokenPipeError:
            reply = b""
        if reply:
            played, fault = json.loads(reply)
            return played, fault
        _other.cache_clear()  # the next game has a new one
        self.end()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        return None, f"{said}\nit ended with code {self._process.returncode}"

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
    """Play what standard input asks for; what a searcher prints goes to standard error."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        played, fault = None, ""
        try:
            played = _play(*json.loads(line))
        except Exception:
            fault = traceback.format_exc()
        replies.write(json.dumps([played, fault]) + "\n")
        replies.flush()


if __name__ == "__main__":
    _serve()
