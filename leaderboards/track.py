"""Tracks: what all entries of one board do alike, frozen.

A track is a JSON file in `leaderboards/tracks`, named `NAME-vVERSION.json`. Once it has entries it
is never changed: another table, budget or seed makes another version, and the old board stays.
When a table is replaced, the versions on it are *retired*: their runs cannot be asked again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from leaderboards.documents import Name, Part, Prose, Sha256, Text, loaded
from nasbench import registry
from nasbench.core import Benchmark, Budget, Constraint
from nasbench.errors import InvalidConfig, UnknownBenchmark, UnknownName
from nasbench.harness.derived import content_hash
from nasbench.harness.problem import find_objectives

TRACKS = Path(__file__).parent / "tracks"
"""Folder of the project's own tracks."""
ENTRIES = Path(__file__).parent / "entries"
"""Folder of their entries: `ENTRIES/TRACK-vVERSION/ENTRY`."""

Kind = Literal["single-objective", "aggregate", "multi-objective", "any-time"]
Access = Literal["closed", "open"]


class TrackBenchmark(Part):
    """A benchmark of a track, and which content of it."""

    name: Text
    """Such as `cell201/digits-on-photos`."""
    sha256: Sha256
    """Content hash of its table, or of its surrogate's file."""


class TrackBudget(Part):
    """Where every run ends: at whichever limit comes first."""

    queries: Annotated[int, Field(ge=1, le=1_000_000)]
    """Evaluations."""
    cost_s: Annotated[float, Field(gt=0)] | None
    """Charged seconds; None for no limit."""


class TrackConstraint(Part):
    """A bound on a metric or on structure."""

    metric: Text
    upper: float | None = None
    lower: float | None = None


class Track(Part):
    """What all entries of one board do alike."""

    schema_version: Literal[1]
    name: Name
    version: Annotated[int, Field(ge=1)]
    title: Text
    description: Prose
    kind: Kind
    """What entries are sorted by: the loss at the end of the budget on one benchmark, over several
    (aggregate), of the front (multi-objective); or the area under the curve (any-time)."""
    access: Access
    """Closed: the method was made, tuned and run without a look at other tables or surrogates.
    Open: knowledge of them may be used, and is declared."""
    source: Literal["table", "surrogate"]
    """What answers; results of surrogates never stand beside those of tables."""
    benchmarks: Annotated[list[TrackBenchmark], Field(min_length=1)]
    objectives: Annotated[list[Text], Field(min_length=1)]
    constraints: list[TrackConstraint]
    budget: TrackBudget
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for what in ("benchmarks", "objectives", "seeds"):
            values = [str(value) for value in getattr(self, what)]
            if len(set(values)) != len(values):
                raise ValueError(f"different {what}")
        if (len(self.benchmarks) > 1) != (self.kind == "aggregate"):
            raise ValueError("several benchmarks exactly on a track of kind aggregate")
        if (len(self.objectives) > 1) != (self.kind == "multi-objective"):
            raise ValueError("several objectives exactly on a track of kind multi-objective")
        return self

    @property
    def slug(self) -> str:
        """Name of its file and of its folder of entries, such as `digits-on-photos-v1`."""
        return f"{self.name}-v{self.version}"

    @property
    def run_budget(self) -> Budget:
        """The budget as the harness knows it."""
        limit = math.inf if self.budget.cost_s is None else self.budget.cost_s
        return Budget(self.budget.queries, limit)

    @property
    def run_constraints(self) -> tuple[Constraint, ...]:
        """The constraints as the harness knows them."""
        return tuple(Constraint(c.metric, c.upper, c.lower) for c in self.constraints)

    @property
    def retired(self) -> bool:
        """Whether a benchmark is another one now than the track was frozen with, or gone."""
        try:
            for each in self.benchmarks:
                self.benchmark(each.name)
        except (InvalidConfig, UnknownBenchmark):
            return True
        return False

    def benchmark(self, name: str) -> Benchmark:
        """The installed benchmark of this name.

        Raises:
            InvalidConfig: it has another content than the track was frozen with.
            UnknownBenchmark: there is none.
        """
        (wanted,) = (each for each in self.benchmarks if each.name == name)
        found = registry.benchmark(name)
        sha256 = content_hash(found, self.objectives, self.run_constraints)
        if sha256 != wanted.sha256:
            raise InvalidConfig(
                f"the track {self.slug} was frozen with {name} of sha256 {wanted.sha256}, got "
                f"{sha256}; install the version of nasbench-lab that has it"
            )
        return found


def read_track(path: Path) -> Track:
    """The track stored in a file.

    Raises:
        InvalidConfig: it is none, or its name is not the track's.
    """
    track = loaded(Path(path), Track)
    if Path(path).name != f"{track.slug}.json":
        raise InvalidConfig(
            f"{path}: expected the file name {track.slug}.json, after the track's name and "
            f"version, got {Path(path).name}; rename the file"
        )
    return track


def read_tracks(folder: Path = TRACKS) -> list[Track]:
    """All tracks of a folder, by name, the newest version of each first."""
    found = [read_track(path) for path in Path(folder).glob("*.json")]
    return sorted(found, key=lambda track: (track.name, -track.version))


def find_track(name: str, version: int | None = None, folder: Path = TRACKS) -> Track:
    """A track by its name, or by its slug with the version in it; by default the newest.

    Raises:
        UnknownName: there is none.
    """
    tracks = read_tracks(folder)
    for track in tracks:
        if name == track.slug or (name == track.name and version in (None, track.version)):
            return track
    wanted = name if version is None else f"{name}-v{version}"
    raise registry.unknown(UnknownName, "track", wanted, [track.slug for track in tracks])


def freeze(
    name: str,
    benchmarks: Sequence[str],
    *,
    version: int,
    title: str,
    description: str,
    kind: Kind,
    access: Access,
    objectives: Sequence[str],
    constraints: Sequence[Constraint],
    budget: Budget,
    seeds: Sequence[int],
) -> Track:
    """The track on these benchmarks as they are installed now.

    Raises:
        InvalidConfig: a benchmark without a content hash, tables beside surrogates, or a setting
            that is out of range.
        UnknownMetric, TestMetricRefused: a wrong objective or constraint.
    """
    from nasbench.harness.constraints import on_metrics

    surrogates = {"@" in each for each in benchmarks}
    if len(surrogates) != 1:
        raise InvalidConfig("a track is of tables or of surrogates; expected one kind, got both")
    hashes = {}
    for each in benchmarks:
        found = registry.benchmark(each)
        find_objectives(found, list(objectives))
        on_metrics(found, constraints)
        hashes[each] = content_hash(found, objectives, constraints)
    document = {
        "schema_version": 1,
        "name": name,
        "version": version,
        "title": title,
        "description": description,
        "kind": kind,
        "access": access,
        "source": "surrogate" if surrogates.pop() else "table",
        "benchmarks": [{"name": each, "sha256": sha256} for each, sha256 in hashes.items()],
        "objectives": list(objectives),
        "constraints": [
            {"metric": c.metric, "upper": c.upper, "lower": c.lower} for c in constraints
        ],
        "budget": {
            "queries": budget.queries,
            "cost_s": None if math.isinf(budget.cost_s) else budget.cost_s,
        },
        "seeds": list(seeds),
    }
    try:
        return Track.model_validate(document)
    except ValueError as fault:
        raise InvalidConfig(f"no track can be frozen like this: {fault}") from fault
