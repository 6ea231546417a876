import itertools
import re

import numpy as np
import pytest

from nasbench.tasks import shipped, spoken_digits

NAMES = ("train", "valid", "test")


@pytest.fixture(scope="module")
def arrays():
    return shipped.read(spoken_digits.FILE, spoken_digits.FILE_SHA256)


def speakers(arrays, split: str) -> set[str]:
    """Voices without their accents."""
    return {str(name).split("+")[-1] for name in arrays[f"{split}_voices"]}


def test_there_are_60_24_and_24_voices(arrays):
    assert [len(speakers(arrays, split)) for split in NAMES] == [60, 24, 24]


def test_no_voice_is_in_two_splits(arrays):
    for a, b in itertools.combinations(NAMES, 2):
        assert not speakers(arrays, a) & speakers(arrays, b)


def test_voices_that_differ_by_a_number_stay_together(arrays):
    families = [
        {re.sub(r"\d+$", "", name.lower()) for name in speakers(arrays, split)} for split in NAMES
    ]
    for a, b in itertools.combinations(families, 2):
        assert not {name for name in a & b if len(name) > 1}


def test_voices_say_every_digit_four_times_in_training_and_eight_times_outside(arrays):
    for split, times in zip(NAMES, (4, 8, 8), strict=True):
        count = np.zeros((len(arrays[f"{split}_voices"]), 10), int)
        np.add.at(count, (arrays[f"{split}_voice"], arrays[f"{split}_y"]), 1)
        assert np.all(count == times)


def test_renderings_of_a_voice_differ(arrays):
    for split in NAMES:
        assert len(np.unique(arrays[f"{split}_x"], axis=0)) == len(arrays[f"{split}_x"])


def test_bands_are_channels_of_height_one():
    spec = spoken_digits.SpokenDigits().load().input
    assert (spec.channels, spec.height, spec.width) == (24, 1, 42)


def test_hissing_digits_are_loudest_in_the_upper_bands():
    data = spoken_digits.SpokenDigits().load()
    upper = data.train.x[:, 16:, 0, :]
    peak = np.partition(upper.mean(axis=1), -5, axis=1)[:, -5:].mean(axis=1)
    by_digit = [peak[data.train.y == digit].mean() for digit in range(10)]
    assert np.argmax(by_digit) == 6  # two s-sounds and a k
