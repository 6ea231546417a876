"""The content of `verify.json`: winners as the table has them, and as training shows them."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nasbench.errors import RunFault
from nasbench.harness.claims import Maker
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
    repeats: int = Field(ge=1)
    """Trainings whose mean the table's value is."""
    accuracies: list[float] = Field(min_length=2)
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        trainings = len(self.accuracies)
        if len(self.files) != trainings or not 0 <= self.diverged <= trainings:
            raise ValueError(
                f"expected a file for each of {trainings} accuracies and no more diverged, got "
                f"{len(self.files)} files and {self.diverged} diverged"
            )
        if (self.p_value is None) != (self.verdict == "unstable"):
            raise ValueError("expected a p_value unless the verdict is unstable, and only then")
        return self


class Reading(_Model):
    """A metric of one winner, such as a latency, as the benchmark has it and measured again."""

    genes: tuple[int, ...]
    """Canonical."""
    stored: Bounds | None
    """What the benchmark says; None where it does not know."""
    measured: Bounds | None
    """None where it could not be measured again."""
    tight: bool
    """Whether the interval of the measurement is as tight as was asked for."""
    gap: str
    """Why it could not be measured again."""
    bound: Literal["kept", "broken", "unsure"] | None
    """Whether all of the measurement's interval keeps the search's bound, or none of it; None
    without a bound or a measurement."""

    @property
    def ratio(self) -> float | None:
        """Measured over stored."""
        if self.stored is None or self.measured is None or self.stored.estimate == 0:
            return None
        return self.measured.estimate / self.stored.estimate


class Remeasurement(_Model):
    """An objective or constraint that was measured again."""

    metric: str
    unit: str
    readings: list[Reading]
    """One of each measurement of the verification, in that order; none if `note` says why."""
    note: str
    """Why nothing was measured again, such as a device that is not here."""

    @property
    def digits(self) -> int:
        """After the point, so that the smallest value has four of them."""
        measured = [r.measured.estimate for r in self.readings if r.measured is not None]
        values = [abs(value) for value in measured if value]
        return min(9, max(0, 3 - math.floor(math.log10(min(values))))) if values else 0

    @property
    def sentence(self) -> str:
        """What measuring again has shown, or why it was not done."""
        if self.note:
            return f"{self.metric} was not measured again: {self.note}"
        ratios = [r.ratio for r in self.readings if r.ratio is not None]
        done = sum(r.measured is not None for r in self.readings)
        text = f"{self.metric} of {done} of {len(self.readings)} winners measured again"
        if ratios:
            text += f", {statistics.median(ratios):.3f} times the stored one in the median"
        told = Counter(r.bound for r in self.readings if r.bound is not None)
        if told:
            text += f"; the bound is kept by {told['kept']}, broken by {told['broken']}"
            text += f", and inside the interval of {told['unsure']}" if told["unsure"] else ""
        loose = sum(r.measured is not None and not r.tight for r in self.readings)
        return f"{text}." + (f" Wider than asked for: {loose} intervals." if loose else "")


class Verification(_Model):
    """The content of `verify.json`."""

    schema_version: Literal[1] = 1
    benchmark: str
    table_sha256: str | None
    space: str
    task: str
    recipe: dict[str, Any]
    metric: str = METRIC
    seeds: list[int] = Field(min_length=2)
    top: int
    """Winners of each searcher that were asked for."""
    device: str
    hardware: list[str] = []
    """Processors or GPUs that trained, by name."""
    dates: list[str] = []
    """Days on which they did, in UTC."""
    maker: Maker
    """Who trained."""
    table_makers: list[Maker]
    """Who trained the table; empty if it does not tell."""
    same_maker: bool | None
    """Whether `maker` is one of them; None if the table does not tell."""
    level: float
    noise: float
    """Standard deviation between seeds, pooled over the stable architectures."""
    degrees: int
    shift: Bounds | None
    """Mean of measured minus predicted over the stable architectures; None if there are none."""
    train_s: float
    measurements: list[Measurement] = Field(min_length=1)
    skipped: list[Skipped]
    remeasured: list[Remeasurement] = []
    """Objectives and constraints that are no accuracies, measured again."""

    @model_validator(mode="after")
    def _aligned(self) -> Self:
        cells = [part.genes for part in self.measurements]
        for part in self.remeasured:
            if [reading.genes for reading in part.readings] != ([] if part.note else cells):
                raise ValueError(
                    f"expected a reading of {part.metric} for each measurement, or a note and none"
                )
        return self

    @property
    def sources(self) -> list[list[Source]]:
        """The runs that found each winner, the skipped ones last."""
        return [
            *(part.found_by for part in self.measurements),
            *(part.found_by for part in self.skipped),
        ]

    @property
    def table_trainings(self) -> str:
        """`1 training`, or how many the table's values are means of."""
        least, most = (f(part.repeats for part in self.measurements) for f in (min, max))
        return f"{least}{f' to {most}' if least < most else ''} training{'s' if most > 1 else ''}"

    @property
    def where(self) -> str:
        """Such as `cpu (Some Processor, 2026-11-24)`: what trained, and when."""
        days = sorted(self.dates)[:: max(len(self.dates) - 1, 1)]  # the first and the last
        known = ", ".join(filter(None, [*self.hardware, " to ".join(days)]))
        return f"{self.device} ({known})" if known else self.device

    @property
    def maker_note(self) -> str:
        """What a reader must know about who trained; empty if it was the table's own maker."""
        if self.same_maker:
            return ""
        if self.same_maker is None:
            return f"Trained by {self.maker}; the table does not tell who trained it."
        makers = " and by ".join(map(str, self.table_makers))
        return (
            f"Trained by {self.maker}, the table by {makers}: a difference between them may come "
            f"from the code or the libraries."
        )


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
        for sources in verification.sources
        for source in sources
    }
    files = {_identity(file, collection) for file in collection.files}
    wanted = {_identity(find.file, collection) for winner in chosen for find in winner.finds}
    return wanted <= verified <= files


def _identity(file: RunFile, collection: Collection) -> tuple[str, str, str]:
    return relative(file.path, collection.folder), file.sha256, file.run.searcher


def relative(path: Path, folder: Path) -> str:
    """The path of a file as seen from a folder above it, with forward slashes."""
    return path.relative_to(folder).as_posix()
