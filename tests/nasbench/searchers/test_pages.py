"""The pages of docs/searchers say what the code says."""

import dataclasses
import re
from pathlib import Path

import pytest

from nasbench import registry

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs/searchers"
OURS = [
    name
    for name in registry.names(registry.SEARCHERS)
    if registry.searcher(name).__module__.startswith("nasbench.searchers.")
]


@pytest.mark.parametrize("name", OURS)
def test_a_page_lists_every_setting_with_its_default(name):
    page = (PAGES / f"{name}.md").read_text()
    listed = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", page, flags=re.MULTILINE))
    config = registry.searcher(name).Config
    assert listed == {f.name: str(f.default) for f in dataclasses.fields(config)}


@pytest.mark.parametrize("name", OURS)
def test_the_index_links_every_page(name):
    assert f"[{name}]({name}.md)" in (PAGES / "README.md").read_text()


@pytest.mark.parametrize("name", ["README", *OURS])
def test_every_page_has_the_markers_and_links_files_that_are_there(name):
    page = (PAGES / f"{name}.md").read_text()
    assert page.count("<!-- measured: begin -->") == page.count("<!-- measured: end -->") == 1
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page):
        assert (PAGES / link).exists(), link
