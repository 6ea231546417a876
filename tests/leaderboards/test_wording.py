import dataclasses

import pytest

from leaderboards.wording import finding


@pytest.fixture
def told(tracks):
    """The finding of a track whose entries may take these places."""

    def call(*places):
        table = tracks[0].standings
        rows = zip(table.rows, places, strict=False)
        changed = tuple(dataclasses.replace(row, places=each) for row, each in rows)
        standings = dataclasses.replace(table, rows=changed)
        names = [tracks[0].cards[row.name].name for row in changed]
        return finding(dataclasses.replace(tracks[0], standings=standings)), names

    return call


def test_a_single_entry(told):
    text, (name,) = told((1, 1))
    assert text == f"{name} is the only entry."


def test_a_leader_beyond_the_noise(told):
    text, names = told((1, 1), (2, 3), (2, 3))
    assert text.startswith(f"{names[0]} is better than every other entry")


def test_entries_that_may_be_first_as_well(told):
    text, names = told((1, 2), (1, 2), (3, 3))
    assert text.endswith(f"leaves the first place open to {names[1]}.")
    text, names = told((1, 3), (1, 3), (1, 3))
    assert text.endswith(f"leaves the first place open to {names[1]} and {names[2]}.")


def test_a_leader_that_noise_does_not_confirm(told):
    text, names = told((1, 2), (2, 3), (2, 3))
    assert text.startswith(names[0])
    assert text.endswith("though not beyond the noise of the seeds.")
