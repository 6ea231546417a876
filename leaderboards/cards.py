"""What the board's pages are made of: tracks with their standings, and what entries say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leaderboards.standings import Standings


@dataclass(frozen=True, slots=True)
class Card:
    """What the pages tell about an entry besides its runs; all of it is text from outside."""

    slug: str
    """Name of its file and key in the standings."""
    name: str
    authors: tuple[str, ...] = ()
    description: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """(what, address): paper, code."""
    facts: tuple[tuple[str, str], ...] = ()
    """(what, text): licence, tuning cost, environment."""
    level: int = 1
    """Position in `LEVELS`."""
    evidence: tuple[str, ...] = ()
    """What was checked, in sentences."""
    flags: tuple[str, ...] = ()
    """What a reader should be wary of."""
    commands: str = ""
    """How to reproduce it."""


@dataclass(frozen=True, slots=True)
class Retired:
    """A version of a track whose table was replaced. It is not scored any more: its pages stay as
    they were last built.
    """

    slug: str
    version: int
    title: str
    pages: Mapping[str, str] = field(default_factory=dict)
    """Text of each file by its path; none where no board is there to take them from."""

    @property
    def folder(self) -> str:
        return f"{self.slug}/v{self.version}"


@dataclass(frozen=True, slots=True, eq=False)
class TrackPage:
    """One version of a track with its standings; the folder of its pages is `slug/vN`."""

    slug: str
    version: int
    title: str
    description: str
    standings: Standings
    cards: Mapping[str, Card]
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Content hash of each benchmark."""
    tags: tuple[str, ...] = ()
    """Such as closed, any-time, table."""

    @property
    def folder(self) -> str:
        return f"{self.slug}/v{self.version}"
