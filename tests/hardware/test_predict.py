import math
from dataclasses import replace

import numpy as np
import pytest

from hardware.columns import About, Column, Row
from hardware.lookup import OVERHEAD, LookupTable, counts
from hardware.measure import classes
from hardware.predict import (
    MODELS,
    Linear,
    conformal_width,
    features,
    fitted,
    model,
    samples,
)
from hardware.quality import agreement, evaluate
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig, UnknownName

PARTS = {
    OVERHEAD: 0.01,
    "stem": 0.11,
    "head": 0.06,
    "reduction 1": 0.21,
    "nor_conv_1x1 0": 0.04,
    "nor_conv_1x1 1": 0.05,
    "nor_conv_3x3 0": 0.08,
    "nor_conv_3x3 1": 0.09,
    "avg_pool_3x3 0": 0.03,
    "avg_pool_3x3 1": 0.02,
    "add 0": 0.012,
    "add 1": 0.013,
}


def column_of(table, workload, latency, count, label="fake-cpu", noise=0.0):
    rng = np.random.default_rng(0)
    rows = {}
    for genes in classes(table)[:count]:
        ms = latency(genes) * math.exp(noise * rng.standard_normal())
        rows[genes] = Row(genes, ms, ms, ms, 0, 1.0, 9, True)
    about = About(label, label, workload, {}, (0,) * 6, 1e-3, 0.03)
    return Column(about, rows, (), PARTS)


def additive(genes):
    """A device whose latencies are the sums of the parts above, and a tenth."""
    per_op = {"nor_conv_1x1": 0.07, "nor_conv_3x3": 0.15, "avg_pool_3x3": 0.03, "add": 0.005}
    in_cell = counts(genes)
    return 0.36 + sum(per_op.get(name, 0) * number for name, number in in_cell.items())


def test_a_look_up_adds_the_parts_that_are_executed(workload):
    table = LookupTable(PARTS, workload)
    # conv 3x3 from 0 to 1, nothing into 2, skip 0 to 3 and pool 1 to 3; op 2 to 3 has no input
    arch = Architecture("cell201-v1", (3, 0, 0, 1, 4, 2))
    fixed = 0.01 + 0.10 + 0.05 + 0.20
    cells = (0.07 + 0.08) + (0.02 + 0.01) + (0.002 + 0.003)
    assert table.predict([arch])[0] == pytest.approx(fixed + cells)


def test_operations_without_input_are_not_counted():
    assert counts((0, 0, 3, 0, 3, 3)) == {}
    assert counts((1, 1, 3, 0, 0, 2)) == {"skip_connect": 2, "nor_conv_3x3": 1, "add": 1} | {
        "nor_conv_1x1": 1
    }


def test_a_look_up_without_all_parts_is_refused(workload):
    with pytest.raises(InvalidConfig, match="head"):
        LookupTable({name: ms for name, ms in PARTS.items() if name != "head"}, workload)


def test_a_linear_model_finds_an_additive_device(table, workload):
    column = column_of(table, workload, additive, 120)
    archs, ms = samples(table.space, column)
    found = Linear(table.space, column).fit(archs[:80], ms[:80]).predict(archs[80:])
    np.testing.assert_allclose(found, ms[80:], rtol=0.01)


@pytest.mark.slow
def test_intervals_cover_what_they_say_and_models_are_compared(table, workload):
    column = column_of(table, workload, additive, 400, noise=0.05)
    cheap = [name for name in MODELS if name != "gnn"]
    found = {each.model: each for each in evaluate(cheap, table.space, column, train=200, splits=3)}
    for name in ("linear", "xgb"):
        assert 0.85 <= found[name].coverage <= 0.95
        assert found[name].within_10 > 0.85
    assert found["linear"].tau > found["macs"].tau
    assert (found["linear"].train, found["linear"].test) == (200, 200)


@pytest.mark.slow
def test_graph_networks_learn_a_device_and_agree_on_twins(table, workload, rng):
    column = column_of(table, workload, additive, 260)
    archs, ms = samples(table.space, column)
    made = fitted(model("gnn", table.space, column), archs[:200], ms[:200])
    low, found, high = made.predict(archs[200:])
    assert np.mean(np.abs(found / ms[200:] - 1) <= 0.1) > 0.8
    assert agreement(found, ms[200:]) > 0.9
    assert ((low < found) & (found < high)).all()
    some = table.space.sample(20, rng)
    twins = [table.space.canonical(arch) for arch in some]
    np.testing.assert_array_equal(made.predict(some), made.predict(twins))


def test_a_new_device_is_learned_from_20_measurements_of_a_known_one(table, workload):
    known = column_of(table, workload, additive, 300)
    new = column_of(table, workload, lambda genes: 0.2 * additive(genes) ** 1.3, 20, "fake-new")
    archs, ms = samples(table.space, new)
    learned = fitted(model("few-shot", table.space, new, known), archs, ms)
    others = [Architecture("cell201-v1", genes) for genes in classes(table)[1000:1200]]
    expected = np.array([0.2 * additive(arch.genes) ** 1.3 for arch in others])
    alone = fitted(model("xgb", table.space, new), archs, ms)
    error = np.median(np.abs(learned.predict(others)[1] / expected - 1))
    assert error < 0.05
    assert error < 0.5 * np.median(np.abs(alone.predict(others)[1] / expected - 1))


def test_few_shot_needs_a_known_column(table, workload):
    column = column_of(table, workload, additive, 20)
    with pytest.raises(InvalidConfig, match="--known"):
        model("few-shot", table.space, column)
    with pytest.raises(UnknownName, match="did you mean 'linear'"):
        model("linaer", table.space, column)


def test_few_shot_cannot_start_from_what_is_held_out(table, workload):
    column = column_of(table, workload, additive, 40)
    again = replace(column, about=replace(column.about, label="fake-cpu/again"))
    for known in (column, again):
        with pytest.raises(InvalidConfig, match="the same networks on the same device"):
            evaluate(["few-shot"], table.space, column, train=20, known=known)
    batch = replace(column.about, label="fake-cpu/batch-8", workload=replace(workload, batch=8))
    other = replace(column, about=batch)
    assert evaluate(["few-shot"], table.space, column, train=20, splits=1, known=other)


def test_predicted_columns_are_not_learned_from(table, workload):
    column = column_of(table, workload, additive, 40)
    predicted = column_of(table, workload, additive, 40, "fake-new")
    predicted = replace(predicted, about=replace(predicted.about, model="few-shot"))
    with pytest.raises(InvalidConfig, match="predicted by few-shot, expected a column that was"):
        evaluate(["linear"], table.space, predicted, train=20)
    with pytest.raises(InvalidConfig, match="predicted by few-shot, expected a column that was"):
        model("few-shot", table.space, column, predicted)


def test_the_width_of_intervals_is_a_corrected_quantile():
    errors = np.arange(1.0, 20)
    assert conformal_width(errors, 0.9) == 18
    assert conformal_width(errors, 0.99) == math.inf
    rng = np.random.default_rng(0)
    covered = [
        rng.random() <= conformal_width(rng.random(19), 0.9) for _ in range(4000)
    ]  # in expectation exactly 90 %
    assert np.mean(covered) == pytest.approx(0.9, abs=0.015)


def test_too_few_measurements_for_intervals_give_none_and_for_a_model_an_error(table, workload):
    column = column_of(table, workload, additive, 12)
    archs, ms = samples(table.space, column)
    assert fitted(Linear(table.space, column), archs, ms).width == math.inf
    with pytest.raises(InvalidConfig, match="at least 10 measured classes"):
        fitted(Linear(table.space, column), archs[:9], ms[:9])
    with pytest.raises(InvalidConfig, match="positive"):
        fitted(Linear(table.space, column), archs, np.where(ms > ms.min(), ms, np.nan))
    with pytest.raises(InvalidConfig, match="hold out"):
        evaluate(["linear"], table.space, column, train=10)


def test_twins_have_the_same_features(table, rng):
    archs = table.space.sample(40, rng)
    twins = [table.space.canonical(arch) for arch in archs]
    np.testing.assert_array_equal(features(table.space, archs), features(table.space, twins))
