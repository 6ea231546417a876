"""The entries that the project brings."""

import runpy
from pathlib import Path

from leaderboards.track import read_tracks

SCRIPT = Path(__file__).parents[2] / "scripts/make_entries.py"


def test_every_searcher_of_the_project_is_on_every_current_track():
    made = runpy.run_path(str(SCRIPT))
    current = [track for track in read_tracks() if not track.retired]
    assert len(current) >= 10
    absent = {track.slug: made["missing"](track, made["entrants"](track)) for track in current}
    assert absent == {track.slug: [] for track in current}
