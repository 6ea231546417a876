"""Submissions: one searcher's runs on one track, in a folder that a checker can replay.

    submission.json                  who, what, and on which track: `Submission`
    BENCHMARK/seed-N.json            one run file for each benchmark and seed of the track
    BENCHMARK/verify.json, verify/   the winners' trainings, of `nasbench verify FOLDER/BENCHMARK`
    rerun.json                       that the seeds gave these runs again: `Rerun`
    mine.py                          the searcher's source, if it is a file of its own

BENCHMARK is the benchmark's name as `nasbench.harness.files.file_name` writes it. `python -m
leaderboards.submission` prints the JSON Schema that is published as docs/submission.schema.json.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from leaderboards.documents import Name, Part, Prose, Sha256, Text, loaded
from leaderboards.track import Access, Track
from nasbench.harness.files import file_name

FILE = "submission.json"
RERUN = "rerun.json"

Level = Literal["self-reported", "replayed", "re-run", "winner retrained"]
LEVELS: tuple[Level, ...] = ("self-reported", "replayed", "re-run", "winner retrained")
"""How far the evidence goes; each includes those before."""


def _address(text: str) -> str:
    parts = urlsplit(text)  # raises ValueError of brackets that are no address
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isascii():
        raise ValueError("an address that begins with https:// or http://, in ASCII")
    if re.search(r"[^\x21-\x7e]|[\"'<>\\`{}|^]", text) or "@" in parts.netloc:
        raise ValueError("an address without spaces, controls, quotes, brackets and user names")
    return text


Address = Annotated[str, Field(min_length=8, max_length=500), AfterValidator(_address)]


class TrackReference(Part):
    """The track that the runs are for."""

    name: Name
    version: Annotated[int, Field(ge=1)]


class Tuning(Part):
    """What was spent before the runs on choosing the method's settings."""

    evaluations: Annotated[int, Field(ge=0)] = 0
    """On this track's benchmarks, all seeds together."""
    cost_s: Annotated[float, Field(ge=0)] = 0.0
    """Charged seconds of them."""
    description: Prose = ""
    """What was tuned, and on what."""


class Submission(Part):
    """What a submission says of itself; all of it is self-reported."""

    schema_version: Literal[1]
    name: Name
    """Of the entry: its folder on the board."""
    authors: Annotated[list[Text], Field(min_length=1, max_length=100)]
    description: Annotated[Prose, Field(min_length=1)]
    """The method in a few sentences."""
    paper: Address | None = None
    code: Address | None = None
    """Where the source is."""
    commit: Annotated[str, Field(pattern="^[0-9a-f]{7,64}$")] | None = None
    """Version of that source."""
    licence: Text
    """Of the runs and descriptions, such as CC-BY-4.0."""
    track: TrackReference
    searcher: Text
    """As the run files name it, such as `bananas` or `mine.py:Mine`."""
    source: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,80}\.py$")] | None = None
    """File in this folder that defines the searcher; None of an installed one."""
    access: Access = "closed"
    """Whether other tables or surrogates were looked at (open) or not (closed)."""
    looked_at: list[Text] = Field(default_factory=list, max_length=100)
    """Which ones, on an open track."""
    tuning: Tuning = Tuning()
    environment: dict[Text, Text]
    """Versions and machine that the runs were made with."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.access == "closed" and self.looked_at:
            raise ValueError("nothing in looked_at of a closed submission, or access 'open'")
        if self.commit is not None and self.code is None:
            raise ValueError("the address of the code that the commit is of")
        return self


class Rerun(Part):
    """That the seeds gave the same runs again, bound to the bytes of the run files."""

    schema_version: Literal[1]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    """Day of the last of them (UTC)."""
    runs: dict[Text, Sha256]
    """sha256 of each run file that was reproduced, by its path in the folder."""
    environment: dict[Text, Text]
    """Versions and machine of the reproduction."""


def read_submission(folder: Path) -> Submission:
    """The submission in a folder.

    Raises:
        InvalidConfig: it has none, or one with these complaints.
    """
    return loaded(Path(folder) / FILE, Submission)


def run_files(track: Track) -> dict[str, tuple[str, int]]:
    """Path in a submission's folder of every run of a track, and its benchmark and seed."""
    return {
        f"{file_name(benchmark.name)}/seed-{seed}.json": (benchmark.name, seed)
        for benchmark in track.benchmarks
        for seed in track.seeds
    }


def json_schema() -> dict[str, Any]:
    """What docs/submission.schema.json holds."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Submission.model_json_schema(),
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
