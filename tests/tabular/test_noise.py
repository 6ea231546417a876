import numpy as np
import pytest

from nasbench.errors import InvalidConfig
from tabular import noise


def test_splitmix64_gives_the_published_sequence():
    # seed 1234567: the first outputs of Vigna's reference splitmix64.c
    state, seen = 1234567, []
    for _ in range(3):
        seen.append(noise.splitmix64(state))
        state = (state + 0x9E3779B97F4A7C15) % 2**64
    assert seen == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_one_row_and_all_rows_draw_the_same():
    repeats = np.array([1, 2, 3, 3, 5, 1, 7] * 20)
    for seed in (0, 1, 2**64 - 1):
        one = [noise.draw(seed, row, int(k)) for row, k in enumerate(repeats)]
        np.testing.assert_array_equal(noise.draw_all(seed, repeats), one)


def test_every_repeat_is_drawn_about_equally_often():
    counts = np.bincount(
        np.concatenate([noise.draw_all(seed, np.full(5000, 3)) for seed in range(6)]), minlength=3
    )
    expected = 10_000
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_rows_draw_independently_under_one_seed():
    a, b = (noise.draw_all(seed, np.full(9000, 3)) for seed in (0, 1))
    together = np.bincount(3 * a + b, minlength=9)
    assert np.abs(together - 1000).max() < 5 * np.sqrt(1000)


def test_huge_seeds_are_taken_modulo_two_to_the_64():
    assert noise.whole(2**64 + 5) == 5


@pytest.mark.parametrize("seed", [1.0, "1", float("nan"), -1])
def test_seeds_that_are_no_whole_numbers_from_0_are_refused(seed):
    with pytest.raises(InvalidConfig, match="whole number"):
        noise.whole(seed)
