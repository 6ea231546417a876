"""Run files: one run as JSON, checked on reading and replaced as a whole on writing.

JSON has no infinity: a failed training's objective (`inf`) and a budget without a limit on seconds
are `null`. Everything that differs between two machines or two executions of the same run is under
`timings`, on one line of the file. Numbers keep all their digits.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from pydantic import ValidationError

from nasbench.atomic import write_text
from nasbench.core import Budget, Constraint, Run, Trajectory
from nasbench.errors import RunFault
from nasbench.harness.schema import SCHEMA_VERSION, RunFile

LARGEST_BYTES = 64 * 1024 * 1024
"""Of a run file that is read; 100,000 evaluations take about 12 MB."""


def run_path(out: Path, benchmark: str, searcher: str, seed: int) -> Path:
    """Where a comparison in the folder `out` keeps a run."""
    return out / file_name(benchmark) / file_name(searcher) / f"seed-{seed}.json"


def write_run(run: Run, path: Path) -> None:
    """Replace `path` by the run, all of it or nothing.

    Raises:
        RunFault: the run holds what a run file cannot, such as NaN.
        OutputFault: `path` cannot be written.
    """
    write_text(path, to_json(run, path))


def read_run(path: Path) -> Run:
    """The run stored in a file.

    Raises:
        RunFault: the file is missing, too large, not JSON, or not a run.
    """
    path = Path(path)
    try:
        if not path.is_file():
            _refuse(path, "the file", "a run file", "no file", "check the path")
        if path.stat().st_size > LARGEST_BYTES:
            got = f"{path.stat().st_size} bytes"
            _refuse(path, "the file", f"at most {LARGEST_BYTES} bytes", got)
        text = path.read_bytes()
    except OSError as fault:
        raise RunFault(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    return from_json(text, path)


def to_json(run: Run, path: Path = Path("run.json")) -> str:
    """The text of a run file; `path` is named in errors only."""
    columns = run.trajectory
    document = {
        "schema_version": SCHEMA_VERSION,
        **{name: getattr(run, name) for name in RunFile.model_fields if hasattr(run, name)},
        "config": dict(run.config),
        "objectives": list(run.objectives),
        "constraints": [dataclasses.asdict(constraint) for constraint in run.constraints],
        "budget": {"queries": int(run.budget.queries), "cost_s": _finite(run.budget.cost_s)},
        "trajectory": {
            "genes": columns.genes.tolist(),
            "epochs": columns.epochs.tolist(),
            "values": [[_finite(x) for x in row] for row in columns.values.tolist()],
            "feasible": columns.feasible.tolist(),
        },
        "timings": {
            "spent_s": columns.spent_s.tolist(),
            "overhead_s": columns.overhead_s.tolist(),
            "environment": dict(run.environment),
        },
    }
    checked = _validated(document, path).model_dump()
    lines = [f"{json.dumps(key)}: {json.dumps(checked[key], allow_nan=False)}" for key in checked]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def from_json(text: str | bytes, path: Path = Path("run.json")) -> Run:
    """The run of a run file's text; `path` is named in errors only."""
    try:
        document = json.loads(
            text, parse_constant=_no_constant, parse_float=_number, object_pairs_hook=_unique
        )
    except RecursionError as fault:
        raise RunFault(f"{path}: expected a run, got JSON nested too deeply") from fault
    except ValueError as fault:  # malformed JSON, other encodings and refused numbers included
        raise RunFault(
            f"{path}: expected JSON, got what is none: {fault}. Remove it, and run the "
            "comparison again; if it is part of a submission, get an intact copy."
        ) from fault
    return _run(_validated(document, path))


def without_timings(run: Run) -> Run:
    """The run as it is on every machine: seconds 0, no environment."""
    nothing = np.zeros(len(run.trajectory))
    trajectory = dataclasses.replace(run.trajectory, spent_s=nothing, overhead_s=nothing)
    return dataclasses.replace(run, trajectory=trajectory, environment={})


def _validated(document: Any, path: Path) -> RunFile:
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        advice = "update nasbench-lab"
        _refuse(path, "schema_version", f"at most {SCHEMA_VERSION}", version, advice)
    try:
        checked = RunFile.model_validate(document)
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        _refuse(path, place, first["msg"], first["input"])
    _check_sizes(checked, path)
    _check_clock(checked, path)
    return checked


def _check_sizes(file: RunFile, path: Path) -> None:
    for i, part in enumerate(file.constraints):
        if part.upper is None and part.lower is None:
            _refuse(path, f"constraints.{i}", "an upper or lower bound", part.model_dump())
    columns, timings, n = file.trajectory, file.timings, len(file.trajectory.epochs)
    if n > file.budget.queries:
        _refuse(path, "trajectory", f"at most {file.budget.queries} evaluations", n)
    sizes = {
        "trajectory.genes": len(columns.genes),
        "trajectory.values": len(columns.values),
        "trajectory.feasible": len(columns.feasible),
        "timings.spent_s": len(timings.spent_s),
        "timings.overhead_s": len(timings.overhead_s),
    }
    for name, size in sizes.items():
        if size != n:
            _refuse(path, name, f"{n} rows, as many as trajectory.epochs", size)
    for i, (genes, values) in enumerate(zip(columns.genes, columns.values, strict=True)):
        if len(genes) != (size := len(columns.genes[0]) or 1):
            _refuse(path, f"trajectory.genes.{i}", f"{size} genes", len(genes))
        if len(values) != len(file.objectives):
            expected = f"{len(file.objectives)} values, one for each objective"
            _refuse(path, f"trajectory.values.{i}", expected, len(values))


def _check_clock(file: RunFile, path: Path) -> None:
    spent, overhead = file.timings.spent_s, file.timings.overhead_s
    for name, seconds in (("spent_s", spent), ("overhead_s", overhead)):
        for i in range(1, len(seconds)):
            if seconds[i] < seconds[i - 1]:
                _refuse(path, f"timings.{name}.{i}", f"at least {seconds[i - 1]}", seconds[i])
    for i, (own, total) in enumerate(zip(overhead, spent, strict=True)):
        if own > total:
            _refuse(path, f"timings.overhead_s.{i}", f"at most spent_s, {total}", own)
    if spent and spent[-1] > (limit := _infinite(file.budget.cost_s)):
        _refuse(path, "timings.spent_s", f"at most the budget's {limit} s", spent[-1])


def _run(file: RunFile) -> Run:
    n = len(file.trajectory.epochs)
    values = [[_infinite(x) for x in row] for row in file.trajectory.values]
    trajectory = Trajectory(
        genes=np.array(file.trajectory.genes, dtype=np.int16).reshape(n, -1 if n else 0),
        epochs=np.array(file.trajectory.epochs, dtype=np.int32),
        values=np.array(values, dtype=np.float64).reshape(n, len(file.objectives)),
        feasible=np.array(file.trajectory.feasible, dtype=np.bool_),
        spent_s=np.array(file.timings.spent_s, dtype=np.float64),
        overhead_s=np.array(file.timings.overhead_s, dtype=np.float64),
    )
    same = ("benchmark", "table_sha256", "space", "searcher", "config", "code", "seed")
    return Run(
        **{name: getattr(file, name) for name in same},
        noise_seed=file.noise_seed,
        objectives=tuple(file.objectives),
        constraints=tuple(Constraint(**part.model_dump()) for part in file.constraints),
        workers=file.workers,
        budget=Budget(file.budget.queries, _infinite(file.budget.cost_s)),
        trajectory=trajectory,
        environment=file.timings.environment,
    )


def _refuse(path: Path, field: str, expected: str, got: object, advice: str = "") -> NoReturn:
    shown = repr(got) if len(repr(got)) <= 80 else f"{repr(got)[:77]}..."
    raise RunFault(
        f"{path}: {field}: expected {expected}, got {shown}"
        + (f"; {advice}" if advice else "; write runs with write_run")
    )


def file_name(name: str) -> str:
    """A benchmark's or searcher's name, fit for a file or folder."""
    return name.replace("/", "__").replace("\\", "__").replace(":", "__").lstrip(".")


def _finite(value: float) -> float | None:
    return None if value == math.inf else value


def _infinite(value: float | None) -> float:
    return math.inf if value is None else value


def _no_constant(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is no JSON number")


def _number(literal: str) -> float:
    value = float(literal)
    if math.isinf(value):
        raise ValueError(f"{literal} is too large a number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{name!r} is there twice")
    return found
