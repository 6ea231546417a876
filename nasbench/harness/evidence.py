"""What stands behind the values of a benchmark: trainings, how many, or a model's predictions."""

from __future__ import annotations

from nasbench.core import Benchmark


def looked_up(benchmark: Benchmark) -> str:
    """What a value is that is looked up after the search."""
    repeats = getattr(benchmark, "repeats", None)
    if hasattr(benchmark, "fitted_on"):
        return f"as a model fitted on {benchmark.fitted_on} predicts full trainings"
    if repeats is None:
        return "fully trained and free of noise"
    if once(benchmark):
        return "fully trained, as the table's one training of each architecture came out"
    return f"fully trained, means over the table's {repeats} trainings of each architecture"


def once(benchmark: Benchmark) -> bool:
    """Whether it holds one training of each architecture."""
    return getattr(benchmark, "repeats", None) == 1


def luck_sentence(benchmark: Benchmark) -> str:
    """What a model or a table of a single training cannot tell; empty for other benchmarks."""
    if hasattr(benchmark, "fitted_on"):
        return (
            "All values are predictions: a search finds the architectures of which the model "
            "expects too much, and no interval here covers that. `nasbench verify` trains them."
        )
    if not once(benchmark):
        return ""
    return (
        "With one training of each architecture, the luck of that training is in every value here: "
        "the best architecture is the luckiest of the good ones, and no interval here covers that. "
        "`nasbench verify` shows how much of it is left in fresh trainings."
    )
