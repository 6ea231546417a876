"""The layout of a run file, as pydantic models; `docs/run.schema.json` is made from it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue

SCHEMA_VERSION = 1

_Whole = Annotated[int, Field(ge=0)]
_Seconds = Annotated[float, Field(ge=0)]
_Gene = Annotated[int, Field(ge=0, le=np.iinfo(np.int16).max)]
_Epochs = Annotated[int, Field(ge=1, le=np.iinfo(np.int32).max)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(min_length=1, max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class BudgetPart(_Part):
    """Where the run had to end."""

    queries: Annotated[int, Field(ge=1)]
    cost_s: Annotated[float, Field(gt=0)] | None = Field(description="null: no limit on seconds")


class ConstraintPart(_Part):
    """A bound on a metric."""

    metric: _Name
    upper: float | None
    lower: float | None


class TrajectoryPart(_Part):
    """What was evaluated, in order of completion; n evaluations, p genes, k objectives."""

    genes: list[list[_Gene]] = Field(description="(n, p)")
    epochs: list[_Epochs] = Field(description="(n,)")
    values: list[list[float | None]] = Field(
        description="(n, k) objectives, all minimized; null: infinity, a failed training"
    )
    feasible: list[bool] = Field(description="(n,) whether all constraints hold")


class TimingsPart(_Part):
    """What may differ between two executions of the same run."""

    spent_s: list[_Seconds] = Field(
        description="(n,) charged seconds when the evaluation was complete"
    )
    overhead_s: list[_Seconds] = Field(
        description="(n,) the searcher's own seconds so far, contained in spent_s"
    )
    environment: dict[str, str] = Field(description="versions and machine")


class RunFile(_Part):
    """One searcher, one seed, one benchmark: everything needed to replay it."""

    model_config = ConfigDict(title="nasbench run")

    schema_version: Literal[1]
    benchmark: _Name
    table_sha256: _Sha256 | None
    space: _Name
    searcher: _Name
    config: dict[str, JsonValue]
    code: _Sha256 | None = Field(
        default=None, description="of the source file that defines the searcher; null: not known"
    )
    objectives: Annotated[list[_Name], Field(min_length=1)]
    constraints: list[ConstraintPart]
    seed: _Whole
    noise_seed: _Whole | None = Field(description="null: mean over repeats")
    workers: Annotated[int, Field(ge=1)]
    budget: BudgetPart
    trajectory: TrajectoryPart
    timings: TimingsPart


def json_schema() -> dict[str, Any]:
    """What docs/run.schema.json holds."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **RunFile.model_json_schema(),
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
