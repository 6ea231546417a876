import numpy as np
import pytest

from nasbench.tasks import mnist1d, shipped


@pytest.mark.slow
def test_signals_are_those_the_package_makes():
    package = pytest.importorskip("mnist1d.data", reason="needs the extra `tasks`")
    made = package.make_dataset(package.get_dataset_args())
    arrays = shipped.read(mnist1d.FILE, mnist1d.FILE_SHA256)
    own = np.concatenate([arrays["train_x"], arrays["valid_x"]])[:, 0, 0] / 4096
    labels = np.concatenate([arrays["train_y"], arrays["valid_y"]])
    order, theirs = np.lexsort(own.T), np.lexsort(np.round(made["x"] * 4096).T)
    assert np.abs(own[order] - made["x"][theirs]).max() <= 0.5 / 4096 + 1e-9
    assert np.array_equal(labels[order], made["y"][theirs])
    assert np.abs(arrays["test_x"][:, 0, 0] / 4096 - made["x_test"]).max() <= 0.5 / 4096 + 1e-9
    assert np.array_equal(arrays["test_y"], made["y_test"])


def test_input_is_an_image_of_height_one():
    spec = mnist1d.Mnist1d().load().input
    assert (spec.channels, spec.height, spec.width) == (1, 1, 40)
