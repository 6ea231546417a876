"""From names to what a searcher is given: objectives, constraints, factory and config."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast, get_type_hints

import numpy as np

from nasbench import registry
from nasbench.core import (
    Benchmark,
    Budget,
    Constraint,
    Metric,
    Problem,
    SearchData,
    SearcherFactory,
)
from nasbench.errors import (
    BrokenPlugin,
    InvalidConfig,
    TestMetricRefused,
    UnknownMetric,
    UnknownSearcher,
)
from nasbench.harness.constraints import on_metrics, restricted

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def make_problem(
    benchmark: Benchmark,
    factory: SearcherFactory,
    budget: Budget,
    objectives: Sequence[str],
    constraints: Sequence[Constraint],
) -> Problem:
    """All that a searcher may know of a run; the task's data only if it declares `needs_task`."""
    bounds = on_metrics(benchmark, constraints)
    return Problem(
        space=restricted(benchmark, constraints),
        epochs=tuple(benchmark.epochs),
        objectives=find_objectives(benchmark, objectives),
        budget=budget,
        constraints=bounds,
        task=_search_data(benchmark) if getattr(factory, "needs_task", False) else None,
    )


def find_objectives(benchmark: Benchmark, names: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics of these names, fit to be searched on.

    Raises:
        InvalidConfig: none, or one twice.
        UnknownMetric: the benchmark has no such metric.
        TestMetricRefused: a metric of the test split.
    """
    if isinstance(names, str) or not names or len(set(names)) != len(names):
        raise InvalidConfig(
            f"a run needs one or more different objectives, got {names!r}; "
            f'pass for instance ("valid_accuracy",)'
        )
    return tuple(find_metric(benchmark, name, "objective") for name in names)


def find_metric(benchmark: Benchmark, name: str, use: str) -> Metric:
    """The benchmark's metric of this name, unless it is a test metric."""
    known = {metric.name: metric for metric in benchmark.metrics}
    if name not in known:
        raise registry.unknown(UnknownMetric, f"metric of {benchmark.name}", name, list(known))
    if known[name].split == "test":
        fit = [m.name for m in benchmark.metrics if m.split != "test"]
        raise TestMetricRefused(
            f"{name} is measured on the test split, so it cannot be {_an(use)}; "
            f"expected one of {', '.join(fit)}. Reports look test metrics up afterwards."
        )
    return known[name]


def find_searcher(reference: str | SearcherFactory) -> tuple[str, SearcherFactory]:
    """Name and factory of a registered searcher, or of what else is a reference to one.

    That is a `family:member`, such as `optuna:TPESampler`, of a registered family, a
    `file.py:Class`, a `module:Class`, or a class itself.

    Raises:
        UnknownSearcher: nothing of this name, family, file or class.
        MissingExtra: the family needs a library that is not installed.
        BrokenPlugin: its module does not import.
        InvalidConfig: it has no `Config` dataclass.
    """
    if not isinstance(reference, str):
        name = f"{reference.__module__}:{getattr(reference, '__qualname__', reference)}"
        return name, _checked(name, reference)
    if reference.endswith(".py") and ":" not in reference:
        names = [f"{reference}:{name}" for name in _classes(_file_module(Path(reference)))]
        raise UnknownSearcher(
            f"{reference} is a file; name the searcher's class in it: "
            f"{' or '.join(names) or f'{reference}:CLASS (none there has a Config)'}"
        )
    if ":" not in reference or reference in registry.names(registry.SEARCHERS):
        return reference, _checked(reference, registry.searcher(reference))
    family, _, member = reference.partition(":")
    if family in registry.names(registry.FAMILIES):
        return reference, _checked(reference, registry.resolve(registry.FAMILIES, family)(member))
    where, _, attribute = reference.rpartition(":")
    module = _file_module(Path(where)) if where.endswith(".py") else _module(where)
    found = getattr(module, attribute, None)
    if found is None:
        raise registry.unknown(UnknownSearcher, f"searcher of {where}", attribute, _classes(module))
    return reference, _checked(reference, found)


def make_config(name: str, factory: SearcherFactory, settings: Mapping[str, Any]) -> Any:
    """The searcher's own `Config` with these settings, types checked as JSON values.

    Raises:
        InvalidConfig: an unknown setting, or a value of another type or out of range.
    """
    known = [field.name for field in dataclasses.fields(factory.Config)]
    checked = {}
    for key, value in settings.items():
        if key not in known:
            raise InvalidConfig(
                str(registry.unknown(UnknownSearcher, f"setting of {name}", key, known))
            )
        checked[key] = _typed(name, factory.Config, key, value)
    try:
        return factory.Config(**checked)
    except InvalidConfig:
        raise
    except (TypeError, ValueError) as fault:
        raise InvalidConfig(f"{name} refuses the settings {checked}: {fault}") from fault


def json_config(name: str, config: Any) -> dict[str, Any]:
    """A config as a run file holds it.

    Raises:
        InvalidConfig: it holds what JSON cannot, such as infinity or an object.
    """
    settings = dataclasses.asdict(config)
    try:
        return cast("dict[str, Any]", json.loads(json.dumps(settings, allow_nan=False)))
    except (TypeError, ValueError) as fault:
        raise InvalidConfig(
            f"{name}'s settings must be finite numbers, texts, lists and the like, "
            f"got {settings}: {fault}"
        ) from fault


def source_sha256(factory: SearcherFactory) -> str | None:
    """Hash of the file that defines a searcher, without what that imports; None if there is none.

    The file is read once for each module, which is not executed again either.
    """
    return _source_sha256(getattr(factory, "__module__", ""))


def default_noise_seed(benchmark: Benchmark, seed: int) -> int | None:
    """The run's own seed where the benchmark has several repeats to draw from; else None."""
    return seed if getattr(benchmark, "repeats", 1) > 1 else None


def whole(what: str, value: Any, least: int) -> int:
    """`value` as an int.

    Raises:
        InvalidConfig: it is no whole number, or below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InvalidConfig(f"{what} is a whole number >= {least}, got {value!r}")
    return int(value)


def _typed(name: str, config: type, key: str, value: Any) -> Any:
    from pydantic import ValidationError

    try:
        return _adapter(config, key).validate_json(json.dumps(value), strict=True)
    except (TypeError, ValidationError) as fault:
        wanted = get_type_hints(config)[key]
        wanted = wanted.__name__ if isinstance(wanted, type) else wanted
        raise InvalidConfig(
            f"{name}.{key} is of type {wanted}, got {value!r}; pass a value of that type"
        ) from fault


@cache
def _adapter(config: type, key: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(get_type_hints(config)[key])


def _checked(name: str, factory: Any) -> SearcherFactory:
    config = getattr(factory, "Config", None)
    if not callable(factory) or not isinstance(config, type) or not _is_frozen(config):
        got = f"its Config {config!r}" if isinstance(config, type) else repr(factory)
        raise InvalidConfig(
            f"{name} is no searcher: expected a class with a frozen dataclass `Config`, got {got}; "
            "write @dataclass(frozen=True) above its Config"
        )
    lacking = [each for each in ("ask", "tell") if not hasattr(factory, each)]
    if isinstance(factory, type) and lacking:
        raise InvalidConfig(
            f"{name} is no searcher: expected a class with `ask` and `tell`, got {factory!r} "
            f"without {' and '.join(lacking)}"
        )
    return cast("SearcherFactory", factory)


@cache
def _source_sha256(module: str) -> str | None:
    path = getattr(sys.modules.get(module), "__file__", None)
    if path is None or not Path(path).is_file():  # typed in, or inside an archive
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _is_frozen(config: type) -> bool:
    return dataclasses.is_dataclass(config) and config.__dataclass_params__.frozen  # type: ignore[attr-defined]


def _classes(module: ModuleType) -> list[str]:
    """Names of what could be a searcher in a module: its own classes, or else imported ones."""
    found = {key: value for key, value in vars(module).items() if hasattr(value, "Config")}
    own = [key for key, value in found.items() if value.__module__ == module.__name__]
    return own or list(found)


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        if fault.name is not None and (name == fault.name or name.startswith(f"{fault.name}.")):
            raise UnknownSearcher(
                f"unknown searcher: there is no module {name!r}. Pass a registered name, "
                f"module:Class or path/to/file.py:Class."
            ) from fault
        raise BrokenPlugin(f"{name} does not import: {fault}") from fault
    except (Exception, SystemExit) as fault:
        raise BrokenPlugin(f"{name} does not import: {fault!r}") from fault


def _file_module(path: Path) -> ModuleType:
    """The file as a module, executed once for each content; `sys.path` stays as it is."""
    if not path.is_file():
        raise UnknownSearcher(
            f"unknown searcher: there is no file {path}. Pass a registered name, module:Class "
            f"or path/to/file.py:Class."
        )
    content = path.read_bytes()
    digest = hashlib.sha256(str(path.resolve()).encode() + b"\0" + content).hexdigest()[:16]
    name = f"nasbench_file_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BrokenPlugin(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it executes
    try:
        exec(compile(content, str(path), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as fault:  # a file that exits would end us as if all were well
        del sys.modules[name]
        raise BrokenPlugin(f"{path} does not import: {fault!r}") from fault
    return module


def _search_data(benchmark: Benchmark) -> SearchData:
    task = getattr(benchmark, "task", None)  # empty for imported tables
    if not task:
        raise InvalidConfig(
            f"this searcher trains on the task's data, which {benchmark.name} does not have; "
            f"choose a benchmark whose table was trained here"
        )
    found = registry.task(task)
    recipe = getattr(benchmark, "recipe", None) or found.recipe
    return dataclasses.replace(found.load().for_search(), recipe=recipe)


def _an(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
