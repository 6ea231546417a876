"""What counts as other code: whatever a training runs through, and nothing else."""

import subprocess
import sys

import pytest

from nasbench.training import version

CELL201 = ("nasbench.spaces.cell201", "nasbench.tasks.digits_on_photos")


def changed(monkeypatch, module, before, after):
    """Whether the version changes when `before` in the text of a module becomes `after`."""
    plain, source = version.code_version(*CELL201), version._source

    def edited(name):
        text = source(name)
        if name != module:
            return text
        assert text.count(before) == 1
        return text.replace(before, after)

    monkeypatch.setattr(version, "_source", edited)
    return version.code_version(*CELL201) != plain


@pytest.mark.parametrize(
    ("module", "before", "after"),
    [
        ("nasbench.training.train", "EVALUATION_BATCH = 600", "EVALUATION_BATCH = 599"),
        ("nasbench.networks.weights", "math.sqrt(5)", "math.sqrt(6)"),  # imported by the trainer
        ("nasbench.spaces.cell201", '"nor_conv_1x1", "nor', '"nor_conv_2x2", "nor'),
        ("nasbench.tasks.digits_on_photos", 'EXAMPLES_SHA256 = "', 'EXAMPLES_SHA256 = "0'),  # data
    ],
)
def test_it_changes_with_trainer_network_space_and_data(monkeypatch, module, before, after):
    assert changed(monkeypatch, module, before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Initial weights, decided by", "First weights, decided by"),
        ("  # only the classifier has a bias", ""),
    ],
)
def test_it_does_not_change_with_comments_and_docstrings(monkeypatch, before, after):
    assert not changed(monkeypatch, "nasbench.networks.weights", before, after)


def test_the_code_of_a_plug_in_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    found = set()
    for number in (1, 2):
        (tmp_path / f"plugged{number}.py").write_text(f"EPOCHS = {number}\n")
        found.add(version.code_version(f"plugged{number}"))
        sys.modules.pop(f"plugged{number}")
    assert len(found) == 2


def test_telling_the_versions_loads_no_torch():
    code = (
        "import sys; from nasbench.training import version as v;"
        f"v.code_version(*{CELL201!r}); print(sorted(v.library_versions()), 'torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.split("] ") == ["['numpy', 'python', 'torch'", "False\n"]
