"""Sentences about a verification."""

from __future__ import annotations

import pytest

from nasbench.harness.verification import Bounds, Measurement, Verification
from nasbench.harness.wording import shift_sentence, verification_sentence


def verification(low, high, verdicts=()):
    parts = [
        Measurement.model_construct(verdict=verdict, repeats=1, against_reference=None)
        for verdict in verdicts or ["confirmed"]
    ]
    shift = Bounds(estimate=(low + high) / 2, low=low, high=high)
    return Verification.model_construct(
        shift=shift, measurements=parts, noise=1.0, seeds=[1000, 1001, 1002]
    )


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-3, -1, "promised too much of them: fresh trainings differ by -2.00"),
        (1, 3, "better than the table says: fresh trainings differ by +2.00"),
        (-1, 3, "within the noise"),
    ],
)
def test_a_shift_of_all_winners_together_is_judged(low, high, said):
    assert said in shift_sentence(verification(low, high))


def test_unstable_winners_have_no_shift():
    nothing = verification(-1, 1).model_copy(update={"shift": None})
    assert "No cell trained stably" in shift_sentence(nothing)


def test_verdicts_are_counted():
    said = verification_sentence(verification(0, 1, ["confirmed", "worse", "worse", "unstable"]))
    assert "Of 4 winning cells, trained again with 3 fresh seeds each, 1 agree" in said
    assert "2 are worse, 1 is unstable." in said
