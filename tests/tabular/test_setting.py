from dataclasses import replace
from pathlib import Path

import fakes
import pytest

from nasbench.core import Recipe
from nasbench.errors import TableFault
from tabular import setting as settings
from tabular.build import current_setting
from tabular.maker import Maker

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


def test_several_makers_survive_json_in_one_order(setting):
    import json

    others = [Maker("0123", {"torch": "1.0"}), Maker("0123", {"torch": "2.0"})]
    made = setting.made_by(others)
    assert made == setting.made_by([*others[::-1], *setting.makers]).made_by(others)
    assert len(made.makers) == 3
    assert settings.Setting.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_codes_that_were_joined_in_one_text_are_taken_apart(setting):
    """As tables of several codes were written at first, and garbled when packed again."""
    read = settings.Setting.from_json({**setting.to_json(), "code": "a+a+b+b"})
    assert read.makers == (Maker("a", setting.versions), Maker("b", setting.versions))


def test_makers_that_are_known_may_go_on(setting):
    both = setting.made_by([Maker("0123", setting.versions)])
    settings.refuse_mixing(setting, both, WHERE)
    settings.refuse_mixing(replace(setting, code="0123"), both, WHERE)
    with pytest.raises(TableFault, match="4567 now"):
        settings.refuse_mixing(replace(setting, code="4567"), both, WHERE)
