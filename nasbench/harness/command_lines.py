"""The command lines that make runs, their verification and their report again."""

from __future__ import annotations

import math
import shlex

from nasbench import registry
from nasbench.harness.problem import json_config, make_config
from nasbench.harness.summary import Summary
from nasbench.harness.verification import Verification
from nasbench.harness.wording import describe_seeds, exact, terms


def commands(summary: Summary, verification: Verification | None) -> list[str]:
    """The command lines that make these runs, their verification and this page."""
    seeds = sorted({file.run.seed for file in summary.collection.files})
    lines = [_compare_command(summary, len(seeds))]
    if seeds != list(range(len(seeds))):
        lines = [
            f"# `nasbench compare` counts seeds from 0; nasbench.harness.compare.compare makes "
            f"these: {describe_seeds(seeds)}"
        ]
    if verification is not None:
        top = f" --top {verification.top}" if verification.top > 1 else ""
        number, device = len(verification.seeds), verification.device
        lines.append(f"nasbench verify RUNS --seeds {number}{top} --device {device}")
    return [*lines, "nasbench report RUNS"]


def _compare_command(summary: Summary, seeds: int) -> str:
    run, benchmark = summary.collection.first, summary.collection.first.benchmark
    if benchmark not in registry.names(registry.BENCHMARKS):
        benchmark = "TABLE"
    words = ["nasbench", "compare", benchmark, "-s", ",".join(summary.collection.searchers)]
    words += ["--seeds", str(seeds), "--queries", str(run.budget.queries)]
    if math.isfinite(run.budget.cost_s):
        words += ["--seconds", exact(run.budget.cost_s)]
    if run.objectives != ("valid_accuracy",):
        words += ["--objectives", ",".join(run.objectives)]
    words += [word for term in terms(run.constraints) for word in ("--constraint", term)]
    words += ["--workers", str(run.workers)] if run.workers > 1 else []
    words += [word for text in changed_settings(summary) for word in ("--set", text)]
    return shlex.join([*words, "-o", "RUNS"])


def changed_settings(summary: Summary) -> list[str]:
    """The searchers' settings that differ from the defaults, as `--set` takes them."""
    found = []
    known = registry.names(registry.SEARCHERS)
    for name, files in summary.collection.searchers.items():
        defaults = {}
        if name in known:  # others would have to be executed for it
            defaults = json_config(name, make_config(name, registry.searcher(name), {}))
        for key, value in files[0].run.config.items():
            if key not in defaults or defaults[key] != value:
                found.append(f"{name}.{key}={_json(value)}")
    return found


def _json(value: object) -> str:
    import json

    return json.dumps(value)
