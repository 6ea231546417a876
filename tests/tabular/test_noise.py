import numpy as np

from tabular import noise


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
