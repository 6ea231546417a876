"""What holds for each of the four tasks."""

import hashlib
import sys

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from nasbench import registry
from nasbench.core import Examples, TaskData
from nasbench.testing.elsewhere import print_elsewhere

SIZES = {
    "digits-on-photos": (3591, 1200, 1200),
    "mnist1d": (3000, 1000, 1000),
    "spoken-digits": (2400, 1920, 1920),
    "language-names": (15000, 3000, 3000),
}
DOMAINS = {
    "digits-on-photos": "vision",
    "mnist1d": "sequence",
    "spoken-digits": "speech",
    "language-names": "language",
}
PRINT_SHA256 = """
import hashlib, sys
from nasbench import registry
data = registry.task(sys.argv[1]).load()
arrays = [a for s in (data.train, data.valid, data.test) for a in (s.x, s.y)]
print(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest())
"""


@pytest.fixture(params=sorted(SIZES))
def data(request: pytest.FixtureRequest) -> TaskData:
    return registry.task(request.param).load()


def parts(data: TaskData) -> tuple[Examples, Examples, Examples]:
    return data.train, data.valid, data.test


def features(data: TaskData, x: np.ndarray) -> np.ndarray:
    if data.input.kind == "image":
        return x.reshape(len(x), -1)
    return np.stack([np.bincount(row, minlength=data.input.vocabulary) for row in x])


def test_sizes_are_the_documented_ones(data):
    assert tuple(len(part) for part in parts(data)) == SIZES[data.task]


def test_name_and_domain_are_those_it_is_registered_under(data):
    task = registry.task(data.task)
    assert (task.name, task.domain) == (data.task, DOMAINS[data.task])


def test_inputs_have_the_shape_and_type_of_the_input_spec(data):
    spec = data.input
    for part in parts(data):
        if spec.kind == "image":
            assert part.x.shape == (len(part), spec.channels, spec.height, spec.width)
            assert part.x.dtype == np.float32
        else:
            assert part.x.shape == (len(part), spec.width)
            assert part.x.dtype == np.int64
            assert 0 <= part.x.min() <= part.x.max() < spec.vocabulary
        assert part.x.flags.c_contiguous
        assert part.y.dtype == np.int64


def test_images_are_standardized_by_channel_on_the_train_split(data):
    if data.input.kind == "tokens":
        pytest.skip("tokens have no scale")
    assert data.train.x.mean(axis=(0, 2, 3), dtype=np.float64) == pytest.approx(0, abs=1e-5)
    assert data.train.x.std(axis=(0, 2, 3), dtype=np.float64) == pytest.approx(1, abs=1e-5)


def test_no_input_is_in_two_splits(data):
    seen = [{row.tobytes() for row in part.x} for part in parts(data)]
    assert len(set().union(*seen)) == sum(len(own) for own in seen)


def test_classes_are_about_equally_frequent_in_every_split(data):
    for part in parts(data):
        count = np.bincount(part.y, minlength=data.classes)
        assert len(count) == data.classes
        assert count.min() > 0.7 * len(part) / data.classes
        assert count.max() < 1.2 * len(part) / data.classes


def test_examples_are_not_in_order_of_class(data):
    for part in parts(data):
        assert np.mean(part.y[1:] == part.y[:-1]) < 3 / data.classes


def test_arrays_cannot_be_written(data):
    for part in parts(data):
        with pytest.raises(ValueError, match="read-only"):
            part.x[0] = 0
        with pytest.raises(ValueError, match="read-only"):
            part.y[0] = 0


def test_loading_again_gives_the_same_object(data):
    assert registry.task(data.task).load() is data


def test_search_data_has_no_test_split(data):
    search = data.for_search()
    assert search.train is data.train
    assert search.valid is data.valid
    assert not hasattr(search, "test")


def test_global_generators_neither_decide_nor_move(data):
    module = sys.modules[type(registry.task(data.task)).__module__]
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    again = module._load.__wrapped__()
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert np.array_equal(again.valid.x, data.valid.x)


def test_another_process_loads_the_same_bytes(data):
    other = print_elsewhere(PRINT_SHA256, data.task)
    arrays = [array for part in parts(data) for array in (part.x, part.y)]
    own = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    assert other.strip() == own


def test_linear_model_learns_something_but_not_everything(data):
    model = RidgeClassifier(alpha=1000.0 if data.input.kind == "image" else 1.0)
    model.fit(features(data, data.train.x), data.train.y)
    for part in (data.valid, data.test):
        accuracy = model.score(features(data, part.x), part.y)
        assert 1.5 / data.classes < accuracy < 0.8
