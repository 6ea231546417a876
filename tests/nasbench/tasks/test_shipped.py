import importlib
from pathlib import Path

import numpy as np
import pytest

from nasbench.core import InputSpec
from nasbench.errors import DataFault
from nasbench.tasks import shipped

MODULES = ("digits_on_photos", "mnist1d", "spoken_digits", "language_names")
LIMIT_BYTES = 4_000_000


@pytest.fixture(params=MODULES)
def module(request, tmp_path, monkeypatch):
    """A task's module, reading from an empty folder."""
    monkeypatch.setattr(shipped, "DATA", tmp_path)
    return importlib.import_module(f"nasbench.tasks.{request.param}")


@pytest.fixture
def original(module) -> bytes:
    return (Path(shipped.__file__).with_name("data") / module.FILE).read_bytes()


def test_missing_file_says_what_to_do(module, tmp_path):
    with pytest.raises(DataFault, match=r"No such file.*reinstall") as caught:
        module._load.__wrapped__()
    assert str(tmp_path / module.FILE) in str(caught.value)


def test_unreadable_file_is_a_fault(module, tmp_path):
    (tmp_path / module.FILE).mkdir()
    with pytest.raises(DataFault, match="reinstall"):
        module._load.__wrapped__()


def test_truncated_file_is_a_fault_that_shows_its_size(module, original, tmp_path):
    half = original[: len(original) // 2]
    (tmp_path / module.FILE).write_bytes(half)
    with pytest.raises(DataFault, match=rf"{len(half)} bytes.*{module.FILE_SHA256}.*reinstall"):
        module._load.__wrapped__()


def test_flipped_bit_is_a_fault(module, original, tmp_path):
    changed = bytearray(original)
    changed[len(changed) // 3] ^= 1
    (tmp_path / module.FILE).write_bytes(changed)
    with pytest.raises(DataFault, match=f"expected sha256 {module.FILE_SHA256}, got "):
        module._load.__wrapped__()


def test_empty_file_is_a_fault(module, tmp_path):
    (tmp_path / module.FILE).touch()
    with pytest.raises(DataFault, match="0 bytes"):
        module._load.__wrapped__()


def test_same_file_elsewhere_is_accepted(module, original, tmp_path):
    (tmp_path / module.FILE).write_bytes(original)
    assert module._load.__wrapped__().task == module.FILE.removesuffix(".npz")


def test_every_data_file_has_its_provenance_with_its_sha256():
    for name in MODULES:
        module = importlib.import_module(f"nasbench.tasks.{name}")
        text = (shipped.DATA / module.FILE).with_suffix(".md").read_text()
        assert module.FILE_SHA256 in text
        assert "icen" in text  # licence, license, Licence
        assert f"scripts/convert_{name}.py" in text


def test_data_files_are_small_together():
    assert sum(path.stat().st_size for path in shipped.DATA.glob("*.npz")) < LIMIT_BYTES


def some_arrays(rng: np.random.Generator) -> shipped.Arrays:
    arrays: shipped.Arrays = {}
    for split, n in (("train", 8), ("valid", 4), ("test", 4)):
        arrays[f"{split}_x"] = rng.integers(0, 200, (n, 2, 1, 5)).astype(np.uint8)
        arrays[f"{split}_y"] = np.arange(n) % 4
    return arrays


def test_images_are_standardized_like_numpy_does(rng):
    arrays = some_arrays(rng)
    data = shipped.image_task("toy", 4, shipped.splits(arrays))
    train = arrays["train_x"].astype(np.float64)
    mean = train.mean(axis=(0, 2, 3), keepdims=True)
    deviation = train.std(axis=(0, 2, 3), keepdims=True)
    assert np.allclose(data.test.x, (arrays["test_x"] - mean) / deviation, atol=1e-6)


def test_constant_channel_becomes_zero(rng):
    arrays = some_arrays(rng)
    for split in shipped.SPLITS:
        arrays[f"{split}_x"][:, 1] = 7
    data = shipped.image_task("toy", 4, shipped.splits(arrays))
    assert np.all(data.train.x[:, 1] == 0)


def test_candidate_file_becomes_a_task(rng, tmp_path):
    np.savez_compressed(tmp_path / "toy.npz", **some_arrays(rng))
    data = shipped.read_archive("toy", tmp_path / "toy.npz")
    assert (data.task, data.classes) == ("toy", 4)
    assert data.input == InputSpec("image", 2, 1, 5)


def test_candidate_file_without_a_split_is_a_fault(rng, tmp_path):
    arrays = some_arrays(rng)
    del arrays["test_x"]
    np.savez_compressed(tmp_path / "toy.npz", **arrays)
    with pytest.raises(DataFault, match="test_x"):
        shipped.read_archive("toy", tmp_path / "toy.npz")


def test_candidate_file_with_fractions_is_a_fault(rng, tmp_path):
    arrays = some_arrays(rng)
    arrays["valid_x"] = arrays["valid_x"] / 2
    np.savez_compressed(tmp_path / "toy.npz", **arrays)
    with pytest.raises(DataFault, match="float64 inputs"):
        shipped.read_archive("toy", tmp_path / "toy.npz")


def test_pickled_array_is_refused(rng, tmp_path):
    arrays = some_arrays(rng)
    arrays["train_x"] = np.array([{"a": 1}], dtype=object)
    np.savez_compressed(tmp_path / "toy.npz", **arrays)
    with pytest.raises(DataFault, match="pickle"):
        shipped.read_archive("toy", tmp_path / "toy.npz")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_candidate_that_is_no_archive_is_a_fault(content, tmp_path):
    (tmp_path / "toy.npz").write_bytes(content)
    with pytest.raises(DataFault, match=r"scripts/convert_\*"):
        shipped.read_archive("toy", tmp_path / "toy.npz")
