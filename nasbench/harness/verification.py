"""The content of `verify.json`: winners as the table has them, and as training shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nasbench.errors import RunFault
from nasbench.harness.collection import Collection, RunFile
from nasbench.harness.verdict import Verdict
from nasbench.harness.winners import Winner

METRIC = "test_accuracy"
FILE = "verify.json"
"""In the folder of the run files."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Bounds(_Model):
    """An estimate and its interval."""

    estimate: float
    low: float
    high: float


class Source(_Model):
    """The run that found an architecture."""

    searcher: str
    seed: int
    file: str
    """Relative to the folder of the run files."""
    sha256: str


class Against(_Model):
    """Fresh trainings held against those of random search's winner."""

    difference: Bounds
    p_value: float
    """Corrected for the number of winners."""
    verdict: Literal["better", "tied", "worse"]


class Skipped(_Model):
    """A winner that was not trained, as the table has no value of it to verify."""

    genes: tuple[int, ...]
    """Canonical."""
    text: str
    found_by: list[Source] = Field(min_length=1)


class Measurement(_Model):
    """One architecture: what the table says, and what training shows."""

    genes: tuple[int, ...]
    """Canonical."""
    text: str
    found_by: list[Source] = Field(min_length=1)
    predicted: Bounds
    """The table's test accuracy, and where the mean of the fresh trainings is expected."""
    accuracies: list[float]
    """Test accuracy of each fresh training."""
    files: list[str]
    """The trainings' files, relative to the folder of the run files."""
    diverged: int
    measured: Bounds
    """Mean of the fresh trainings with Student's interval."""
    p_value: float | None
    """Of no difference, corrected for the number of architectures; None for an unstable one."""
    verdict: Verdict
    """What the trainings are, compared with what the table says."""
    against_reference: Against | None
    """None for random search's own winner, or if random search was not run."""


class Verification(_Model):
    """The content of `verify.json`."""

    schema_version: Literal[1] = 1
    benchmark: str
    table_sha256: str | None
    space: str
    task: str
    recipe: dict[str, Any]
    metric: str = METRIC
    seeds: list[int]
    table_repeats: int
    device: str
    code: str
    level: float
    noise: float
    """Standard deviation between seeds, pooled over the stable architectures."""
    degrees: int
    shift: Bounds | None
    """Mean of measured minus predicted over the stable architectures; None if there are none."""
    train_s: float
    measurements: list[Measurement] = Field(min_length=1)
    skipped: list[Skipped]


def read_verification(collection: Collection) -> Verification | None:
    """The verification beside these runs; None if there is none.

    Raises:
        RunFault: the file is malformed.
    """
    path = collection.folder / FILE
    try:
        return Verification.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise RunFault(
            f"{path}: {place}: {first['msg']}; run `nasbench verify` again, or remove the file"
        ) from fault
    except OSError as fault:
        raise RunFault(f"{path}: cannot be read: {fault.strerror or fault}") from fault


def is_current(
    verification: Verification, collection: Collection, chosen: Sequence[Winner]
) -> bool:
    """Whether it is about these very runs: the same table, and every winner of today."""
    first = collection.first
    if (verification.benchmark, verification.table_sha256) != (first.benchmark, first.table_sha256):
        return False
    verified = {
        (source.file, source.sha256, source.searcher)
        for part in (*verification.measurements, *verification.skipped)
        for source in part.found_by
    }
    files = {_identity(file, collection) for file in collection.files}
    wanted = {_identity(find.file, collection) for winner in chosen for find in winner.finds}
    return wanted <= verified <= files


def _identity(file: RunFile, collection: Collection) -> tuple[str, str, str]:
    return relative(file.path, collection.folder), file.sha256, file.run.searcher


def relative(path: Path, folder: Path) -> str:
    """The path of a file as seen from a folder above it, with forward slashes."""
    return path.relative_to(folder).as_posix()
