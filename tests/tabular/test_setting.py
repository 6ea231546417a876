from dataclasses import replace
from pathlib import Path

import fakes
import pytest

from nasbench.core import Recipe
from nasbench.errors import TableFault
from tabular import setting as settings
from tabular.build import current_setting

WHERE = Path("table.h5.parts")


@pytest.fixture
def setting():
    return current_setting(fakes.SPACE, fakes.FakeTask(), "cuda:1")


def test_a_setting_survives_json(setting):
    import json

    assert settings.Setting.from_json(json.loads(json.dumps(setting.to_json()))) == setting


def test_the_kind_of_device_counts_and_not_its_number(setting):
    assert setting.device == "cuda"


@pytest.mark.parametrize("data", [{}, {"space": "x"}])
def test_json_that_is_no_setting_is_refused(data):
    with pytest.raises(TableFault):
        settings.Setting.from_json(data)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"recipe": Recipe(epochs=5)}, "recipe"),
        ({"task": "another-task"}, "another-task"),
        ({"code": "0123"}, "code"),
        ({"device": "cpu"}, "device"),
        ({"versions": {"torch": "1.0"}}, "versions"),
    ],
)
def test_different_settings_do_not_mix(setting, change, named):
    with pytest.raises(TableFault, match=named):
        settings.refuse_mixing(setting, replace(setting, **change), WHERE)


def test_code_and_libraries_may_differ_by_the_users_word(setting):
    other = replace(setting, code="0123", versions={"torch": "1.0"})
    settings.refuse_mixing(setting, other, WHERE, trust_code=True)
    with pytest.raises(TableFault, match="recipe"):
        settings.refuse_mixing(
            setting, replace(setting, recipe=Recipe(epochs=5)), WHERE, trust_code=True
        )


def version(monkeypatch, source):
    text = settings._source
    monkeypatch.setattr(
        settings, "_source", lambda name: source if name == "nasbench.spaces.x" else text(name)
    )
    return settings.code_version("nasbench.spaces.x")


def test_the_code_version_changes_with_the_code_only(monkeypatch):
    plain = version(monkeypatch, "def f(x):\n    return x + 1\n")
    told = version(
        monkeypatch, 'def f(x):\n    """Adds one."""\n    # indeed\n    return (x + 1)\n'
    )
    changed = version(monkeypatch, "def f(x):\n    return x + 2\n")
    assert told == plain
    assert changed != plain


def test_the_code_version_follows_imports(monkeypatch):
    sources = {"nasbench.spaces.x": "from nasbench.spaces import y\n", "nasbench.spaces.y": "a = 1"}
    monkeypatch.setattr(settings, "_source", sources.get)
    before = settings.code_version("nasbench.spaces.x")
    sources["nasbench.spaces.y"] = "a = 2"
    assert settings.code_version("nasbench.spaces.x") != before


def test_the_trainer_is_part_of_the_code_version(monkeypatch):
    real = settings._source
    before = settings.code_version()
    monkeypatch.setattr(
        settings,
        "_source",
        lambda name: "pass" if name == "nasbench.training.train" else real(name),
    )
    assert settings.code_version() != before
