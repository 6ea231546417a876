"""Write docs/surrogates.md from what was measured about the surrogates of the shipped tables.

    python scripts/surrogate_pages.py

Reads docs/surrogates/TASK/quality.md, which `nasbench surrogate evaluate` wrote, and, where a table
has one seed, docs/surrogates/TASK.seed1.csv of `scripts/seed_anchor.py`.
"""

from __future__ import annotations

import math
from pathlib import Path

from nasbench.atomic import write_text
from surrogates import page

DOCS = Path(__file__).parents[1] / "docs"
TARGET = DOCS / "surrogates.md"
HEAD = """# Surrogates

A surrogate benchmark answers by a model that was fitted on part of a table. It is named
`<table>@<model>`, such as `cell201/digits-on-photos@xgb`, and is asked like a table: every
searcher runs on it unchanged, and `nasbench verify` trains its winners. Parameters and
multiply-adds are exact; accuracies, losses and seconds are predicted at every epoch.

    nasbench query cell201/digits-on-photos@xgb 9930
    nasbench surrogate fit cell201/digits-on-photos --model forest \\
        --train-classes 500 -o mine.surrogate
    nasbench compare mine.surrogate --searcher random-search \\
        --searcher regularized-evolution --out runs/mine

Without a noise seed it answers with means. A seed draws for each class an error such as the model
made on classes that it had not seen, the same for all epochs and metrics of that class. These
errors hold both what the model does not know and the luck of single trainings. From Python,
`interval` gives the range in which a trained value lies with a given probability; it is
calibrated by cross-conformal prediction (`surrogates/calibration.py`).

| model | what it is |
|:--|:--|
| `xgb` | gradient-boosted trees, a sum of them for each principal component of all curves |
| `forest` | random forest, the baseline of trees that do not build on one another |
| `linear` | Bayesian ridge regression, the baseline that a model must beat |

All of them see the same features of an architecture's canonical form, which twins share: one-hot
genes, how often each operation occurs in its graph, and in how many ways the input reaches the
output along each path of operations. Test classes are never training classes, and so neither are
their twins. `xgb` was tuned once, by 40 trials (`scripts/tune_xgb.py`), and all settings are
defaults. Any other registered predictor can be fitted and measured in the same way (`nasbench
list predictors`).

A surrogate is stored as a folder of JSON, safetensors and XGBoost's UBJSON, with the hash of the
table that it was fitted on. Opening checks the sha256 of every file and predicts stored
references again (`surrogates/artifact.py`). `make surrogates` fits the shipped ones anew, on
1,000 classes each.
"""


def section(folder: Path) -> str:
    """What is known about the surrogates of one table."""
    text = (folder / page.PAGE).read_text()
    text = text.replace(f"]({page.PLOT})", f"]({folder.relative_to(DOCS)}/{page.PLOT})")
    again = page.retrained(folder.with_name(f"{folder.name}.seed1.csv"))
    if again is None:
        return f"#{text}"
    count, tau, top = again
    error = math.sqrt(2 * (2 * count + 5) / (9 * count * (count - 1)))  # of tau without a relation
    return f"""#{text}
**Trained again:** {count} random classes, once more with another seed (`scripts/seed_anchor.py`).
Between both trainings, tau is {tau:.3f}, and {top:.3f} among the quarter that the table ranks best;
with so few classes these are uncertain by about {error:.2f} and {2 * error:.2f}.
"""


def main() -> None:
    found = sorted(file.parent for file in (DOCS / "surrogates").glob(f"*/{page.PAGE}"))
    write_text(TARGET, "\n".join([HEAD, *map(section, found)]))
    print(f"wrote {TARGET.name}")


if __name__ == "__main__":
    main()
