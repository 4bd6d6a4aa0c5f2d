"""Print every ratio of the table, or of the benchmarks named on the command line.

Each benchmark is a module of this package with one function ``compare() -> list[Comparison]``.  Adding
one is one file and one row.  The exit status is 1 if a target is missed.
"""

import importlib
import sys
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.comparison import Comparison

BENCHMARKS: Final[tuple[str, ...]] = (
    "requests",
    "forms",
    "overload",
    "batch",
    "sweep",
    "decomposition",
    "outputs",
    "outputs_nuclear",
    "jobs",
    "event_streams",
    "uploads",
    "estimates",
    "start",
    "landscape",
    "ranks",
    "slices",
    "relu",
    "selection",
    "compression",
    "flatness",
)
"""Module names, in the order in which they run."""

WIDTH: Final = 180
"""Columns of the table where no terminal says how many there are."""


def table_of(comparisons: list[Comparison]) -> Table:
    """One line a comparison."""
    table = Table("work", "measured", "reference", "measured", "unit", "ratio", "target", "met")
    for row in comparisons:
        sign = ">=" if row.at_least else "<="
        table.add_row(
            row.work,
            f"{row.measured:.4g}",
            row.reference,
            f"{row.measured_reference:.4g}",
            row.unit,
            f"{row.ratio:.3g}",
            f"{sign} {row.bound:g}",
            "yes" if row.met else "NO",
        )
    return table


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all."""
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    comparisons: list[Comparison] = []
    for name in names or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        comparisons += importlib.import_module(f"benchmarks.{name}").compare()
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(table_of(comparisons))
    return 0 if all(row.met for row in comparisons) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
