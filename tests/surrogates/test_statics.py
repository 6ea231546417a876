import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Metric
from nasbench.spaces.darts_cells import OPS
from nasbench.testing.toy import ToySpace
from surrogates.statics import Statics

PARAMS = Metric("params", "", "lower", "static")


@pytest.fixture(scope="module")
def darts():
    return registry.space("darts-v1")


@pytest.fixture(scope="module")
def archs(darts):
    return [darts.canonical(a) for a in darts.sample(1000, np.random.default_rng(1))]


def sums(space, archs, rng):
    hot = space.encode(archs).astype(np.float64)
    return hot @ rng.integers(1, 500, hot.shape[1])


@pytest.mark.parametrize("count", [50, 100, 200])
def test_rows_that_do_not_determine_the_weights_prove_nothing(darts, archs, rng, count):
    additive = sums(darts, archs, rng)[:count]
    noise = rng.normal(5, 1, count)
    for column in (additive, noise, np.rint(noise)):
        assert not Statics.found(darts, archs[:count], {PARAMS: column}).metrics


def test_sums_are_exact_for_architectures_that_were_not_among_the_rows(darts, archs, rng):
    column = sums(darts, archs, rng)
    found = Statics.found(darts, archs[:600], {PARAMS: column[:600]})
    assert found.metrics == (PARAMS,)
    np.testing.assert_array_equal(found.values(darts, archs[600:])[:, 0], column[600:])


def test_rows_that_weights_fit_by_chance_prove_nothing(rng):
    space = ToySpace()
    rows = spanning(space, [space.canonical(space.arch(k)) for k in range(len(space))])
    assert not Statics.found(space, rows, {PARAMS: rng.normal(5, 1, len(rows))}).metrics


def spanning(space, forms):
    """As few of the forms as span the encodings of all."""
    rows, rank = [], np.linalg.matrix_rank
    for form in forms:
        if rank(space.encode([*rows, form])) > len(rows):
            rows.append(form)
    return rows


def test_a_choice_that_no_row_has_is_not_guessed(rng):
    space = ToySpace()
    forms = [space.canonical(space.arch(k)) for k in range(len(space))]
    rows = [form for form in forms if form.genes[-1] != 4]
    assert not Statics.found(space, rows, {PARAMS: sums(space, rows, rng)}).metrics
    assert Statics.found(space, forms, {PARAMS: sums(space, forms, rng)}).metrics


def test_what_is_no_sum_is_left_to_a_model(darts, archs, rng):
    column = sums(darts, archs, rng) + (np.arange(1000) % 2)
    assert not Statics.found(darts, archs, {PARAMS: column}).metrics


def skips_with_weights(space, archs):
    """1,000 for every skip of a reduction cell that reads an input of the cell, and so strides."""
    strided = [
        sum(OPS[op] == "skip_connect" and source < 2 for node in reduction for source, op in node)
        for _, reduction in map(space.nodes, archs)
    ]
    return 1000.0 * np.array(strided)


def test_operations_are_counted_where_genes_alone_do_not_give_a_sum(darts, archs, rng):
    column = sums(darts, archs, rng) + skips_with_weights(darts, archs)
    found = Statics.found(darts, archs[:600], {PARAMS: column[:600]})
    assert found.metrics == (PARAMS,)
    assert "skip_connect" in found.labels
    np.testing.assert_array_equal(found.values(darts, archs[600:])[:, 0], column[600:])


def test_nothing_is_counted_where_genes_are_enough(darts, archs, rng):
    assert not Statics.found(darts, archs, {PARAMS: sums(darts, archs, rng)}).labels
