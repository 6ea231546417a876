"""What a benchmark says of architectures, by how many trainings, and who trained them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from nasbench import registry
from nasbench.core import Architecture, Benchmark, Candidate, Space


class Maker(BaseModel):
    """Code and libraries that train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    """Hash of the code, see `training.version`; the name of a trainer that is not the project's."""
    versions: str = ""
    """Of Python and the libraries, such as `numpy 2.4.6, python 3.11.7, torch 2.13.0`."""

    def __str__(self) -> str:
        return f"code {self.code}" + (f" with {self.versions}" if self.versions else "")


def claimed(
    benchmark: Benchmark, archs: Sequence[Architecture], metric: str
) -> NDArray[np.float64]:
    """A metric (n,) of the full training; NaN of what was not trained or does not have it."""
    results = benchmark.query([Candidate(arch) for arch in archs])
    return np.array([result.metrics.get(metric, math.nan) for result in results], dtype=np.float64)


def repeats_of(benchmark: Benchmark, archs: Sequence[Architecture]) -> list[int]:
    """Trainings (n,) whose mean the benchmark answers with.

    A table to which a repeat is being added has more of some architectures than of others.
    """
    status, rows_of = (getattr(benchmark, name, None) for name in ("status", "rows_of"))
    if status is None or rows_of is None:
        return [int(getattr(benchmark, "repeats", 1))] * len(archs)
    rows = rows_of(np.array([arch.genes for arch in archs]))
    return [int(n) for n in np.count_nonzero(np.asarray(status)[rows], axis=1)]


def makers_of(benchmark: Benchmark) -> list[Maker]:
    """Who trained a table, as far as it tells; often one, none if it does not."""
    setting = getattr(benchmark, "setting", None)
    makers = [] if setting is None else getattr(setting, "makers", (setting,))
    return [Maker(code=maker.code, versions=_listed(maker.versions)) for maker in makers]


def maker_here(task: str, space: Space) -> Maker:
    """Who would train here, on a task and a space."""
    from nasbench.training.trainers import modules_of
    from nasbench.training.version import code_version, library_versions

    modules = (type(space).__module__, type(registry.task(task)).__module__)
    code = code_version(*modules, *modules_of(space.name))
    return Maker(code=code, versions=_listed(library_versions()))


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
