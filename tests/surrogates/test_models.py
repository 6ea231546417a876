"""What every registered model of the package must do, on a space of 120 architectures."""

import json
import random
import re

import numpy as np
import pytest
from scipy.stats import kendalltau

from nasbench import registry
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig, UnknownName, WrongSpace
from nasbench.testing.toy import ToySpace
from surrogates import curves, ensemble
from surrogates.forest import Forest
from surrogates.gnn import Config as GnnConfig
from surrogates.gnn import Gnn
from surrogates.linear import Linear
from surrogates.xgb import Config as XgbConfig
from surrogates.xgb import Xgb

SPACE = ToySpace()
ARCHS = [SPACE.arch(k) for k in range(len(SPACE))]
VALUES = np.array([SPACE.canonical(arch).genes for arch in ARCHS]) @ np.array(
    [[3.0, 1.0], [1.0, 0.5], [-2.0, 0.0], [0.5, 2.0]]
)
MODELS = {
    "linear": Linear,
    "forest": Forest,
    "xgb": Xgb,
    "gnn": lambda space, *, seed=0: Gnn(space, GnnConfig(steps=60), seed=seed),
    "ensemble": lambda space, *, seed=0: ensemble.Ensemble(
        space, ensemble.Config("linear", 3), seed=seed
    ),
    "curves": lambda space, *, seed=0: curves.Curves(space, curves.Config("xgb", 2), seed=seed),
}


@pytest.fixture(params=MODELS)
def make(request):
    return MODELS[request.param]


@pytest.fixture(scope="module")
def fitted():
    """Each model once, fitted on every second architecture."""
    return {name: make(SPACE, seed=3).fit(ARCHS[::2], VALUES[::2]) for name, make in MODELS.items()}


def through_json(state):
    """A state as a file gives it back."""
    return type(state)(json.loads(json.dumps(state.settings)), state.arrays, state.files)


@pytest.mark.parametrize("name", MODELS)
def test_models_are_registered_under_their_names(name):
    assert registry.resolve(registry.PREDICTORS, name).name == name


@pytest.mark.parametrize("name", MODELS)
def test_a_model_learns_what_is_almost_linear(fitted, name):
    mean, _ = fitted[name].predict(ARCHS[1::2])
    errors = mean - VALUES[1::2]
    assert (errors.var(axis=0) < 0.3 * VALUES[1::2].var(axis=0)).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_restored_model_predicts_the_same_bit_for_bit(fitted, name):
    model = fitted[name]
    state = through_json(model.state())
    again = type(model).restore(SPACE, state)
    for one, other in zip(model.predict(ARCHS), again.predict(ARCHS), strict=True):
        assert np.array_equal(one, other)
    assert json.dumps(again.state().settings) == json.dumps(model.state().settings)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_do_not_depend_on_the_company(fitted, name):
    mean, deviation = fitted[name].predict(ARCHS)
    for k in (0, 7, 119):
        alone = fitted[name].predict([ARCHS[k]])
        assert np.array_equal(alone[0][0], mean[k])
        assert np.array_equal(alone[1][0], deviation[k])


@pytest.mark.parametrize("name", MODELS)
def test_twins_predict_the_same_and_deviations_are_positive(fitted, name):
    mean, deviation = fitted[name].predict(ARCHS)
    twins, _ = fitted[name].predict([SPACE.canonical(arch) for arch in ARCHS])
    assert np.array_equal(mean, twins)
    assert mean.shape == deviation.shape == VALUES.shape
    assert (deviation > 0).all()


@pytest.mark.parametrize("name", MODELS)
def test_nothing_asked_is_nothing_predicted(fitted, name):
    mean, deviation = fitted[name].predict([])
    assert mean.shape == deviation.shape == (0, 2)


def test_flat_targets_are_predicted_flat(make):
    mean, deviation = make(SPACE).fit(ARCHS[::4], VALUES[::4, 0]).predict(ARCHS)
    assert mean.shape == deviation.shape == (len(ARCHS),)


def test_the_same_seed_fits_the_same_and_the_global_generators_do_not_count(make):
    found = []
    for state in (1, 2):
        random.seed(state)
        np.random.seed(state)  # noqa: NPY002 - the global generator is what must not matter
        found.append(make(SPACE, seed=5).fit(ARCHS[::4], VALUES[::4]).predict(ARCHS)[0])
        left = np.random.random()  # noqa: NPY002
        np.random.seed(state)  # noqa: NPY002
        assert np.random.random() == left  # noqa: NPY002
    assert np.array_equal(*found)


@pytest.mark.parametrize("name", ["forest", "xgb", "gnn", "ensemble", "curves"])
def test_another_seed_fits_another_model(fitted, name):
    other = MODELS[name](SPACE, seed=4).fit(ARCHS[::2], VALUES[::2])
    assert not np.array_equal(other.predict(ARCHS)[0], fitted[name].predict(ARCHS)[0])


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (np.where(np.arange(30) == 4, np.nan, 1.0), "1 of 30 architectures have targets that"),
        (np.full((30, 2), np.inf), "30 of 30 architectures"),
        (np.ones(29), "expected targets of shape (30,)"),
        (np.ones((30, 2, 2)), "expected targets of shape (30,)"),
    ],
)
def test_targets_that_are_none_are_refused(make, targets, told):
    with pytest.raises(InvalidConfig, match=re.escape(told)):
        make(SPACE).fit(ARCHS[:30], targets)


def test_no_architectures_are_refused(make):
    with pytest.raises(InvalidConfig, match="at least one"):
        make(SPACE).fit([], np.ones(0))


def test_architectures_of_another_space_are_refused(make, fitted):
    stranger = Architecture("another-space-v1", (0, 0, 0, 0))
    with pytest.raises(WrongSpace, match="another-space-v1"):
        make(SPACE).fit([stranger], np.ones(1))
    with pytest.raises(WrongSpace, match="another-space-v1"):
        fitted["xgb"].predict([stranger])


def test_equal_targets_are_predicted_as_they_are(make):
    mean, deviation = make(SPACE).fit(ARCHS[::4], np.full(30, 7.0)).predict(ARCHS)
    assert mean == pytest.approx(7.0)
    assert (deviation > 0).all()


def test_a_forest_predicts_what_scikit_learn_does():
    from sklearn.ensemble import RandomForestRegressor

    model = Forest(SPACE, seed=1).fit(ARCHS[::2], VALUES[::2, 0])
    x, y = model.features(ARCHS), VALUES[::2, 0]
    scaled = (y - y.mean()) / y.std()
    theirs = RandomForestRegressor(200, max_features=0.33, random_state=1).fit(x[::2], scaled)
    assert model.predict(ARCHS)[0] == pytest.approx(theirs.predict(x) * y.std() + y.mean())


def test_a_linear_model_predicts_what_scikit_learn_does():
    from sklearn.linear_model import BayesianRidge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    y = VALUES[::2, 0] + np.random.default_rng(0).normal(size=60)
    model = Linear(SPACE).fit(ARCHS[::2], y)
    x = model.features(ARCHS).astype(np.float64)
    theirs = make_pipeline(StandardScaler(), BayesianRidge(fit_intercept=False))
    theirs.fit(x[::2], (y - y.mean()) / y.std())
    mean, deviation = theirs.predict(x, return_std=True)
    assert model.predict(ARCHS)[0] == pytest.approx(mean * y.std() + y.mean())
    assert model.predict(ARCHS)[1] == pytest.approx(deviation * y.std())


def ranking(name, *, seed=0):
    """A model with the ranking loss, small enough for a test."""
    configs = {"xgb": XgbConfig(loss="ranking"), "gnn": GnnConfig(steps=60, loss="ranking")}
    return {"xgb": Xgb, "gnn": Gnn}[name](SPACE, configs[name], seed=seed)


@pytest.mark.parametrize(("name", "share"), [("xgb", 0.5), ("gnn", 0.7)])  # 0.8: the mean of all
def test_a_ranking_loss_orders_and_keeps_the_scale_of_the_target(name, share):
    model = ranking(name).fit(ARCHS[::2], VALUES[::2, 0])
    mean, _ = model.predict(ARCHS[1::2])
    assert kendalltau(mean, VALUES[1::2, 0]).statistic > 0.7
    assert np.abs(mean - VALUES[1::2, 0]).mean() < share * VALUES[:, 0].std()
    again = type(model).restore(SPACE, through_json(model.state()))
    assert np.array_equal(again.predict(ARCHS)[0], model.predict(ARCHS)[0])
    same = ranking(name).fit(ARCHS[::2], VALUES[::2, 0])
    assert np.array_equal(same.predict(ARCHS)[0], model.predict(ARCHS)[0])


def test_trees_that_rank_see_nothing_but_the_order_of_the_targets():
    orders = [
        np.argsort(ranking("xgb").fit(ARCHS[::2], y).predict(ARCHS)[0], kind="stable")
        for y in (VALUES[::2, 0], np.exp(VALUES[::2, 0]))
    ]
    assert np.array_equal(*orders)


def test_trees_rank_one_target_at_a_time():
    with pytest.raises(InvalidConfig, match="orders architectures by one target, got 2"):
        ranking("xgb").fit(ARCHS[::2], VALUES[::2])


def test_equal_targets_have_no_order_and_are_predicted_as_they_are():
    mean, _ = ranking("xgb").fit(ARCHS[::4], np.full(30, 7.0)).predict(ARCHS)
    assert mean == pytest.approx(7.0)


def test_trees_stored_before_there_was_a_loss_are_restored(fitted):
    state = through_json(fitted["xgb"].state())
    del state.settings["config"]["loss"], state.arrays["line"]
    again = Xgb.restore(SPACE, state)
    assert np.array_equal(again.predict(ARCHS)[0], fitted["xgb"].predict(ARCHS)[0])


def test_an_ensemble_is_the_mean_and_spread_of_its_members(fitted):
    model = fitted["ensemble"]
    means = np.array([member.predict(ARCHS)[0] for member in model.members])
    mean, deviation = model.predict(ARCHS)
    assert mean == pytest.approx(means.mean(axis=0))
    spread = means.std(axis=0, ddof=1)
    assert (deviation >= spread - 1e-12).all()
    assert deviation[spread > 0.1] == pytest.approx(spread[spread > 0.1])


def test_curves_of_one_shape_stay_of_that_shape():
    shape = np.array([0.2, 0.5, 0.9, 1.0])
    quality = VALUES[:, 0]
    model = curves.Curves(SPACE, curves.Config(components=1)).fit(ARCHS, np.outer(quality, shape))
    mean, _ = model.predict(ARCHS)
    assert mean == pytest.approx(np.outer(mean[:, -1], shape))


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (XgbConfig, {"eta": 0.0}),
        (XgbConfig, {"rounds": 0}),
        (XgbConfig, {"l2": float("nan")}),
        (XgbConfig, {"loss": "pairwise"}),
        (Forest.Config, {"trees": 1}),
        (GnnConfig, {"lr": float("nan")}),
        (GnnConfig, {"loss": "absolute"}),
        (ensemble.Config, {"members": 1}),
        (ensemble.Config, {"member": "ensemble"}),
        (curves.Config, {"components": 0}),
        (curves.Config, {"member": "curves"}),
    ],
)
def test_settings_out_of_range_are_refused(config, wrong):
    with pytest.raises(InvalidConfig):
        config(**wrong)


def test_a_member_that_is_not_registered_is_refused():
    model = ensemble.Ensemble(SPACE, ensemble.Config("xbg", 2))
    with pytest.raises(UnknownName, match="did you mean 'xgb'"):
        model.fit(ARCHS[:4], VALUES[:4])
