"""Fit the surrogates that ship with the package, on every registered table of this distribution.

    python scripts/ship_surrogates.py            # all of them
    python scripts/ship_surrogates.py NAME ...   # those of these tables

Each is `<table>@<model>`, fitted on 1,000 random classes with seed 0, so that the others remain to
judge it by; on all classes of the table of a sample, which has not so many. The same table, code
and libraries give the same bytes. On one thread, `xgb` takes half a minute of processor time for a
table and `gnn` one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nasbench import registry
from surrogates import artifact
from surrogates import fit as fitting
from surrogates.embedded import folder_of

TARGET = Path(__file__).parents[1] / "surrogates/data"
OWN = "nasbench-lab"
CLASSES = 1000
COMPONENTS = 2
"""Of the curves of a sample, so that all stay within `MOST_MB`; see docs/surrogates.md."""
MODELS = ("xgb", "gnn")
MOST_MB = 5.0


def tables() -> list[str]:
    """Names of the registered tables of this distribution."""
    names = registry.names(registry.BENCHMARKS)
    own = (name for name in names if registry.provider(registry.BENCHMARKS, name) == OWN)
    return [name for name in own if registry.table_of(name) == name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="tables [default: all registered ones]")
    parser.add_argument("--model", action="append", help="[default: xgb and gnn]; may be repeated")
    options = parser.parse_args()
    for name in options.names or tables():
        table = registry.benchmark(name)
        sample = len(fitting.listed(table)[0]) <= CLASSES
        for model in options.model or MODELS:
            folder = TARGET / folder_of(f"{name}@{model}")
            config = fitting.Config(model, CLASSES)
            if sample:
                config = fitting.Config(model, components=COMPONENTS)
            parts = fitting.fit(table, config)
            artifact.write(parts, folder, overwrite=True)
            print(f"wrote {folder.name}")
    size_mb = sum(file.stat().st_size for file in TARGET.rglob("*") if file.is_file()) / 1e6
    print(f"{size_mb:.2f} MB of {MOST_MB:.0f} MB")
    if size_mb > MOST_MB:
        raise SystemExit("error: the surrogates are too large to ship; lower CLASSES")


if __name__ == "__main__":
    main()
