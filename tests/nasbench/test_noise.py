import numpy as np
import pytest

from nasbench import noise
from nasbench.errors import InvalidConfig


def test_splitmix64_gives_the_published_sequence():
    # seed 1234567: the first outputs of Vigna's reference splitmix64.c
    state, seen = 1234567, []
    for _ in range(3):
        seen.append(noise.splitmix64(state))
        state = (state + 0x9E3779B97F4A7C15) % 2**64
    assert seen == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_an_array_is_hashed_as_its_numbers_are():
    numbers = [0, 1, 2**63, 2**64 - 1, *range(10**6, 10**6 + 100)]
    hashed = noise.splitmix64_all(np.array(numbers, dtype=np.uint64))
    assert hashed.tolist() == [noise.splitmix64(number) for number in numbers]


def test_huge_seeds_are_taken_modulo_two_to_the_64():
    assert noise.whole(2**64 + 5) == 5


@pytest.mark.parametrize("seed", [1.0, "1", float("nan"), -1])
def test_seeds_that_are_no_whole_numbers_from_0_are_refused(seed):
    with pytest.raises(InvalidConfig, match="whole number"):
        noise.whole(seed)
