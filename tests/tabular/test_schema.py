import hashlib

import numpy as np
import pytest

from tabular import schema


def column(name, values, **options):
    return schema.Column(schema.METRICS[name], np.asarray(values, dtype=np.float32), **options)


def curve(made, diverged=None):
    mask = np.zeros(made.values.shape[:2], bool) if diverged is None else diverged
    return schema._curve(made, mask)


def test_accuracies_that_are_fractions_are_stored_as_counts_and_come_back_exactly():
    counts = np.arange(1201).reshape(1201, 1, 1)
    stored = curve(column("valid_accuracy", 100 * counts / 1200, examples=1200))
    assert stored.values.dtype == np.uint16
    np.testing.assert_array_equal(stored.values, counts)
    np.testing.assert_array_equal(
        schema.decode(stored.values, stored.attributes), 100 * counts / 1200
    )


def test_missing_accuracies_stay_missing():
    stored = curve(column("valid_accuracy", [[[np.nan, 50.0]]], examples=24))
    assert stored.attributes["missing"] == 1
    np.testing.assert_array_equal(
        schema.decode(stored.values, stored.attributes), [[[np.nan, 50.0]]]
    )


def test_accuracies_that_are_no_fractions_are_kept_as_given():
    values = np.array([[[33.0]]])
    stored = schema._curve(
        schema.Column(schema.METRICS["valid_accuracy"], values, 24), np.zeros((1, 1), bool)
    )
    assert stored.attributes["encoding"] == "exact"
    np.testing.assert_array_equal(schema.decode(stored.values, stored.attributes), values)


def test_the_chance_accuracy_of_a_diverged_training_does_not_spoil_the_counts():
    values = [[[50.0, 10.0]], [[25.0, 75.0]]]  # 10 % of 24 is no whole number
    made = column("valid_accuracy", values, examples=24)
    stored = curve(made, np.array([[True], [False]]))
    assert stored.attributes["encoding"] == "count"
    assert stored.values.ravel().tolist() == [12, 2, 6, 18]
    assert curve(column("valid_accuracy", values, examples=24)).values.dtype != np.uint16


def test_rounding_keeps_the_relative_error_below_the_stated_one():
    values = np.random.default_rng(0).lognormal(0, 5, 10_000).astype(np.float32)
    rounded = schema.round_to_bits(values, schema.SIGNIFICANT_BITS)
    assert np.max(np.abs(rounded - values) / values) < 2.0**-schema.SIGNIFICANT_BITS
    assert len(np.unique(rounded.view(np.uint32) & 0x7FF)) == 1  # the last 11 bits are zero


def test_rounding_twice_is_rounding_once():
    values = np.random.default_rng(1).uniform(0, 9, 1000).astype(np.float32)
    once = schema.round_to_bits(values, 13)
    np.testing.assert_array_equal(schema.round_to_bits(once, 13), once)


def test_rounding_leaves_what_is_not_finite():
    values = np.array([np.nan, np.inf, -np.inf, 0.0], np.float32)
    np.testing.assert_array_equal(schema.round_to_bits(values, 13), values)


def test_a_digest_is_the_sha256_of_little_endian_bytes():
    values = np.array([[1, 2], [3, 4]], np.int16)
    expected = hashlib.sha256(bytes([1, 0, 2, 0, 3, 0, 4, 0])).hexdigest()
    assert schema.digest(values) == expected
    assert schema.digest(values.astype(">i2")) == expected
    assert schema.digest(np.asfortranarray(values)) == expected


def test_code_weights_read_genes_as_a_mixed_radix_number():
    weights = schema.code_weights((2, 3, 4, 5))
    genes = np.array(np.unravel_index(np.arange(120), (2, 3, 4, 5))).T
    np.testing.assert_array_equal(genes @ weights, np.arange(120))


@pytest.mark.parametrize("name", list(schema.METRICS))
def test_known_metrics_go_by_their_names(name):
    assert schema.METRICS[name].name == name
