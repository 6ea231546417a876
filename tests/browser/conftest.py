"""Real Chromium on a board of the toy benchmark; skipped where there is none.

What it takes: Chromium and its driver (`apt-get install chromium chromium-driver`), the Python
package `selenium`, and for the check of accessibility `npm install axe-core` with its folder in
`AXE_CORE` or in `node_modules` of the checkout.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from leaderboards import site
from leaderboards.cards import Card, Retired, TrackPage
from leaderboards.standings import Contest, standings
from nasbench.core import Budget
from nasbench.harness.run import run
from nasbench.testing.toy import ToyBenchmark

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
FLAGS += ("--no-first-run", "--force-prefers-reduced-motion")
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
SEARCHERS = ("genetic", "local-search", "random-search", "regularized-evolution", "reinforce")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def board(tmp_path_factory):
    """A board with hostile text, in a folder."""
    toy, folder = ToyBenchmark(), tmp_path_factory.mktemp("board") / "site"
    plain, front = ("valid_accuracy",), ("valid_accuracy", "params")
    tracks = [
        TrackPage("toy", 2, "Toy", "Accuracy.", table(toy, plain, SEARCHERS), cards()),
        TrackPage("toy", 1, "Toy", HOSTILE, table(toy, plain, SEARCHERS[:3]), cards()),
        TrackPage("two", 1, "Trade-off", "Both.", table(toy, front, SEARCHERS[2:4]), cards()),
        TrackPage("old", 1, HOSTILE, "Gone.", table(toy, plain, SEARCHERS[2:4]), cards()),
    ]
    site.write(tracks, folder)
    site.write(tracks[:-1], folder, [Retired("old", 1, HOSTILE)])
    return folder


def table(toy, objectives, searchers):
    budget, seeds = Budget(40), tuple(range(4))
    entries = {
        name: [run(toy, name, seed, budget=budget, objectives=objectives) for seed in seeds]
        for name in searchers
    }
    return standings(Contest({toy.name: toy}, objectives, (), budget, seeds), entries)


def cards():
    found = {name: Card(name, name, ("Ada",), "Text.", level=2) for name in SEARCHERS}
    bad = dict.fromkeys(("name", "description", "commands"), HOSTILE)
    pairs = {"links": (("Code", "javascript:window.hacked=1"),), "facts": ((HOSTILE, HOSTILE),)}
    lists = dict.fromkeys(("authors", "evidence", "flags"), (HOSTILE,))
    return found | {"genetic": Card("genetic", **bad, **pairs, **lists, level=1)}


@pytest.fixture(scope="session")
def chromium():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    driver = shutil.which("chromedriver")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not driver or not browser:
        pytest.skip("needs Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture
def visit(chromium, board):
    """Opens a page of the board at a width, in light or dark; afterwards looks at the logs."""
    chromium.get("about:blank")
    chromium.get_log("browser")
    chromium.get_log("performance")

    def go(page, *, width=1280, dark=False):
        size = {"width": width, "height": 850, "deviceScaleFactor": 1, "mobile": width < 500}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        chromium.get((board / page).as_uri())  # of another board if the path is absolute
        chromium.execute_script("try { localStorage.clear(); } catch {}")
        return chromium

    yield go
    assert chromium.get_log("browser") == []
    messages = [
        json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")
    ]
    asked = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    addresses = {each["request"]["url"].partition(":")[0] for each in asked}
    assert "file" in addresses
    assert addresses <= {"file", "data", "about"}
    assert not chromium.execute_script("return window.hacked")


@pytest.fixture(scope="session")
def axe():
    places = [
        os.environ.get("AXE_CORE", ""),
        str(Path(__file__).parents[2] / "node_modules/axe-core"),
    ]
    for place in places:
        if place and (path := Path(place) / "axe.min.js").is_file():
            return path.read_text()
    pytest.skip("needs axe-core: npm install axe-core, its folder in AXE_CORE")
