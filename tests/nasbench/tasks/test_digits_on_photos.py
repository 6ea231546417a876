import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from nasbench.errors import DataFault
from nasbench.tasks import digits_on_photos, shipped

NAMES = ("train", "valid", "test")


@pytest.fixture(scope="module")
def source():
    return shipped.read(digits_on_photos.FILE, digits_on_photos.FILE_SHA256)


@pytest.fixture(scope="module")
def layouts(source):
    return digits_on_photos.layouts(source["labels"], source["photos"])


def test_shipped_digits_are_scikit_learns(source):
    digits = load_digits()
    assert np.array_equal(source["digits"], digits.images)
    assert np.array_equal(source["labels"], digits.target)


def test_shipped_photos_are_scikit_learns_at_half_size(source):
    for shipped_photo, photo in zip(source["photos"], load_sample_images().images, strict=True):
        half = np.asarray(Image.fromarray(photo[:426]).reduce(2))
        assert np.abs(shipped_photo.astype(int) - half).max() <= 2  # JPEG decoders differ a little


def test_every_digit_belongs_to_one_split(layouts):
    own = [set(layouts[name].digit.tolist()) for name in NAMES]
    assert [len(digits) for digits in own] == [1197, 300, 300]
    assert len(set.union(*own)) == 1797


def test_no_two_digits_of_different_splits_look_the_same(source, layouts):
    own = [{d.tobytes() for d in source["digits"][layouts[name].digit]} for name in NAMES]
    assert sum(len(pictures) for pictures in own) == len(set.union(*own)) == 1797


def test_no_photo_pixel_is_in_crops_of_two_splits(source, layouts):
    used = np.zeros((len(NAMES), *source["photos"].shape[:3]), bool)
    for mask, name in zip(used, NAMES, strict=True):
        part = layouts[name]
        for photo, row, column in zip(part.photo, part.row, part.column, strict=True):
            mask[photo, row : row + 16, column : column + 16] = True
    assert used.sum(axis=0).max() == 1
    assert used.any(axis=(1, 2, 3)).all()


def test_both_photos_are_in_every_split(layouts):
    for name in NAMES:
        assert set(layouts[name].photo.tolist()) == {0, 1}


def test_enlarged_digit_is_the_bilinear_interpolation(source):
    digit = source["digits"][5]
    centers = np.clip((np.arange(12) + 0.5) * 8 / 12 - 0.5, 0, 7)
    rows = np.stack([np.interp(centers, np.arange(8), row) for row in digit])
    both = np.stack([np.interp(centers, np.arange(8), column) for column in rows.T], axis=1)
    assert np.abs(digits_on_photos.enlarged(digit[None])[0] - both * 255 / 16).max() <= 0.5 + 1e-9


def test_examples_are_the_difference_of_digit_and_crop(source, layouts):
    part = layouts["valid"]
    images = digits_on_photos.paint(part, source["digits"], source["photos"])
    for i in range(0, len(images), 100):
        row, column = part.row[i], part.column[i]
        crop = source["photos"][part.photo[i], row : row + 16, column : column + 16].astype(int)
        ink = np.zeros((16, 16, 1), int)
        digit = digits_on_photos.enlarged(source["digits"][part.digit[i]][None])[0]
        ink[part.down[i] : part.down[i] + 12, part.right[i] : part.right[i] + 12, 0] = digit
        assert np.array_equal(images[i], np.abs(crop - ink).transpose(2, 0, 1))


def test_labels_are_those_of_the_digits(source, layouts):
    data = digits_on_photos.DigitsOnPhotos().load()
    assert np.array_equal(data.test.y, load_digits().target[layouts["test"].digit])


def test_other_random_numbers_are_a_fault(monkeypatch):
    monkeypatch.setattr(digits_on_photos, "SEED", 1)
    with pytest.raises(DataFault, match=r"Install the NumPy of constraints\.txt"):
        digits_on_photos._load.__wrapped__()
