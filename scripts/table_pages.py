"""Write docs/tables: the card of every table that ships with the project, and their index.

python scripts/table_pages.py
"""

from __future__ import annotations

from pathlib import Path

from nasbench.atomic import write_text
from tabular import agreement, card, schema
from tabular.card_facts import decimal, grid
from tabular.embedded import NAMES, path_of
from tabular.hdf5 import open_table
from tabular.table import Table

TARGET = Path(__file__).parents[1] / "docs/tables"
HEAD = """# Tables

Every table that ships with the project has a page that is made from it: `make pages` writes them
anew, and `nasbench table card` the one of any other table.
"""


def page_of(table: Table) -> str:
    """Name of a table's page."""
    return f"{table.name.replace('/', '_')}.md"


def row(table: Table) -> tuple[str, ...]:
    """A table's line of the index; tau of validation with test is the mean over seeds."""
    valid, test = (
        agreement.trained_values(table, f"{split}_accuracy") for split in ("valid", "test")
    )
    taus = [agreement.tau(a, b) for a, b in zip(valid.T, test.T, strict=True)]
    noise = agreement.noise(valid)
    done = int((table.status != schema.NOT_TRAINED).sum())
    return (
        f"[{table.name}]({page_of(table)})",
        f"{done:,}",
        ", ".join(map(str, table.seeds)),
        decimal(sum(taus) / len(taus), 3),
        decimal(noise.tau, 3) if noise else "-",
        f"`{table.sha256[:12]}`",
    )


def main() -> None:
    tables = [open_table(path_of(name)) for name in NAMES]
    for table in tables:
        others = [o for o in tables if o is not table and o.space.name == table.space.name]
        card.write(table, others, TARGET / page_of(table))
        print(f"wrote {page_of(table)}")
    head = ("table", "trainings", "seeds", "valid-test tau", "seed-seed tau", "sha256")
    lines = grid(head, [row(table) for table in tables])
    write_text(TARGET / "README.md", "\n".join([HEAD, *lines, ""]))


if __name__ == "__main__":
    main()
