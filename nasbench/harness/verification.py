"""The content of `verify.json`: winners as the table has them, and as training shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from nasbench.errors import RunFault
from nasbench.harness.collection import Collection
from nasbench.harness.verdict import Verdict

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


class Measurement(_Model):
    """One architecture: what the table says, and what training shows."""

    genes: tuple[int, ...]
    """Canonical."""
    text: str
    found_by: list[Source]
    predicted: Bounds
    """The table's test accuracy, and where the mean of the fresh trainings is expected."""
    accuracies: list[float]
    """Test accuracy of each fresh training."""
    files: list[str]
    """The trainings' files, relative to the folder of the run files."""
    diverged: int
    measured: Bounds
    """Mean of the fresh trainings with Student's interval."""
    p_value: float
    """Of no difference, corrected for the number of architectures."""
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
    """Standard deviation between seeds, pooled over the architectures."""
    degrees: int
    shift: Bounds
    """Mean of measured minus predicted."""
    train_s: float
    measurements: list[Measurement]


def read_verification(collection: Collection) -> Verification | None:
    """The verification of these runs; None if there is none.

    Raises:
        RunFault: the file is malformed, of another table, or of other run files.
    """
    path = collection.folder / FILE
    again = "run `nasbench verify` again, or remove the file"
    try:
        found = Verification.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise RunFault(f"{path}: {place}: {first['msg']}; {again}") from fault
    except OSError as fault:
        raise RunFault(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    if (found.benchmark, found.table_sha256) != _table(collection):
        raise RunFault(f"{path} verifies runs on another table than those beside it; {again}")
    hashes = {relative(file.path, collection.folder): file.sha256 for file in collection.files}
    for measurement in found.measurements:
        for source in measurement.found_by:
            if hashes.get(source.file) != source.sha256:
                raise RunFault(f"{path}: {source.file} has changed since; {again}")
    return found


def relative(path: Path, folder: Path) -> str:
    """The path of a file as seen from a folder above it, with forward slashes."""
    return path.relative_to(folder).as_posix()


def _table(collection: Collection) -> tuple[str, str | None]:
    return collection.first.benchmark, collection.first.table_sha256
