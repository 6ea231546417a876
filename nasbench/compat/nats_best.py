"""The best architecture of a table: what nats_bench calls `find_best`."""

from __future__ import annotations

from nasbench.compat.nats_tables import Trained


def set_names(dataset: str, metric_on_set: str) -> tuple[str, str]:
    """Data set that was trained on, and the set's own name, of what `find_best` is asked."""
    if dataset == "cifar10":
        own = {"valid": ("cifar10-valid", "x-valid"), "test": ("cifar10", "ori-test")}
        return own.get(metric_on_set, (dataset, metric_on_set))
    if dataset in ("cifar100", "ImageNet16-120") and metric_on_set in ("valid", "test"):
        return dataset, f"x-{metric_on_set}"
    return dataset, metric_on_set


def best(
    trained: Trained, on: str, flop_max: float | None, param_max: float | None
) -> tuple[int, float | None]:
    """Index and accuracy of the first best within the bounds in millions; (-1, None) if none is."""
    found, highest = -1, None
    for index in trained.indices():
        row = trained.row(index)
        sizes = trained.sizes(row)
        if _exceeds(sizes["flops"], flop_max) or _exceeds(sizes["params"], param_max):
            continue
        accuracy = trained.info(on, row, list(trained.repeats(row).values()), None)["accuracy"]
        if highest is None or accuracy > highest:
            found, highest = index, accuracy
    return found, highest


def _exceeds(size: float | None, most: float | None) -> bool:
    return most is not None and (size is None or size > most)
