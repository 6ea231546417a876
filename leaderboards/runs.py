"""A submission's run files: read, and held against the track and against one another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from leaderboards.documents import Complaint, Refused, complaints, parse, read, shown
from leaderboards.track import Track
from nasbench.core import Benchmark, Run
from nasbench.errors import RunFault
from nasbench.harness.derived import content_hash
from nasbench.harness.files import from_json
from nasbench.harness.problem import default_noise_seed
from nasbench.harness.schema import RunFile

BYTES = 64 * 1024
"""A run file may have so many, and"""
BYTES_OF_EVALUATION = 1024
"""so many for each evaluation of the budget; a tenth of that is common."""
SOURCE_BYTES = 1024 * 1024
"""Of a searcher's source file."""

_REFUSAL = re.compile(r"run: (?:(?P<field>[^:]+): )?expected (?P<e>.*?), got (?P<g>.*)", re.DOTALL)


def read_entry_run(path: Path, name: str, queries: int) -> tuple[Run | None, list[Complaint]]:
    """The run of a file, or None and all complaints about it under the `name` of the file."""
    try:
        content = read(path, BYTES + BYTES_OF_EVALUATION * queries)
    except Refused as fault:
        return None, [Complaint(name, "", fault.expected, fault.got)]
    try:
        return from_json(content.decode(), Path("run")), []
    except (RunFault, UnicodeDecodeError) as fault:
        return None, _refusals(name, content, fault)
    except (OverflowError, RecursionError) as fault:  # numbers and nesting beyond all use
        return None, [Complaint(name, "", "a run", f"what cannot be read: {fault}")]


def source_code(folder: Path, name: str) -> tuple[str | None, list[Complaint]]:
    """sha256 of a submission's source file."""
    try:
        return hashlib.sha256(read(folder / name, SOURCE_BYTES)).hexdigest(), []
    except Refused as fault:
        return None, [Complaint(name, "", fault.expected, fault.got)]


def of_one_searcher(
    path: str, run: Run, first: Run, searcher: str, code: str | None
) -> Iterator[Complaint]:
    """In what a run is not that of the submission's searcher, with one setting and one source.

    `code` is the sha256 of the source that the submission brings, None if it brings none.
    """
    if run.searcher != searcher:
        yield Complaint(path, "searcher", f"{searcher!r}, the submission's", shown(run.searcher))
    if run.config != first.config:
        yield Complaint(
            path,
            "config",
            f"{shown(str(first.config))}, as in the first run",
            shown(str(run.config)),
        )
    wanted = first.code if code is None else code
    if run.code != wanted:
        yield Complaint(path, "code", f"{wanted}, of one source for all runs", f"{run.code}")


def of_track(
    path: str, run: Run, track: Track, benchmark: Benchmark, seed: int
) -> Iterator[Complaint]:
    """In what a run is not one that the track asks for."""
    for name, wanted in _asked(track, benchmark, seed).items():
        got = getattr(run, name)
        if got != wanted:
            yield Complaint(
                path, name, f"{_worded(wanted)}{_why(name, run, benchmark)}", shown(got)
            )
    limits = {"queries": track.run_budget.queries, "cost_s": track.run_budget.cost_s}
    for name, limit in limits.items():
        if getattr(run.budget, name) != limit:
            got = f"{getattr(run.budget, name)}"
            yield Complaint(path, f"budget.{name}", f"{limit}, the track's", got)
    if len(run.trajectory) > limits["queries"]:
        got = f"{len(run.trajectory)} evaluations"
        yield Complaint(path, "trajectory", f"at most the track's {limits['queries']}", got)
    elif not len(run.trajectory):
        yield Complaint(path, "trajectory", "one evaluation or more", "none")
    elif run.trajectory.spent_s[-1] > limits["cost_s"]:
        got = f"{run.trajectory.spent_s[-1]:g} s"
        yield Complaint(path, "timings.spent_s", f"at most the track's {limits['cost_s']} s", got)


def answerable(run: Run, track: Track, benchmark: Benchmark) -> bool:
    """Whether the benchmark can be asked what the run says it was told."""
    wanted = _asked(track, benchmark, run.seed)
    shared = ("benchmark", "table_sha256", "space", "objectives", "constraints")
    return all(getattr(run, name) == wanted[name] for name in shared)


def _asked(track: Track, benchmark: Benchmark, seed: int) -> dict[str, Any]:
    return {
        "benchmark": benchmark.name,
        "table_sha256": content_hash(benchmark, track.objectives, track.run_constraints),
        "space": benchmark.space.name,
        "objectives": tuple(track.objectives),
        "constraints": track.run_constraints,
        "seed": seed,
        "noise_seed": default_noise_seed(benchmark, seed),
        "workers": 1,
    }


def _why(name: str, run: Run, benchmark: Benchmark) -> str:
    """What a reader may not know of a field."""
    if name == "benchmark" and "@" in run.benchmark and "@" not in benchmark.name:
        return " itself, not a surrogate of it"
    test = {metric.name for metric in benchmark.metrics if metric.split == "test"}
    if name == "objectives" and test & set(run.objectives):
        return "; nothing may be searched on the test split"
    return {"table_sha256": ", which the track is frozen with", "workers": " worker"}.get(name, "")


def _worded(value: object) -> str:
    return shown(value) if isinstance(value, str) else f"{value}"


def _refusals(name: str, content: bytes, fault: Exception) -> list[Complaint]:
    """All that is wrong with a run file, of which `fault` is the first."""
    try:
        RunFile.model_validate(parse(content))
    except Refused as refused:
        return [Complaint(name, "", refused.expected, refused.got)]
    except ValidationError as invalid:
        return complaints(name, invalid)
    return [_refusal(name, str(fault))]


def _refusal(name: str, message: str) -> Complaint:
    """A run file's refusal, taken apart."""
    found = _REFUSAL.fullmatch(message)
    if not found:
        return Complaint(name, "", "a run", shown(message.removeprefix("run: ")))
    got = found["g"].rpartition("; ")[0] or found["g"]
    return Complaint(name, found["field"] or "", found["e"], got)
