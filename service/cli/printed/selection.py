"""A selection, as a table."""

from collections.abc import Sequence
from typing import Final, cast

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from service.cli.output import print_summary
from service.schemas.selection import SelectionAnswer

MOST_LINES: Final = 25
"""Values that are printed; the chosen ones are always among them."""
COLUMNS: Final = {
    "train": "train",
    "loo": "loo",
    "gcv": "gcv",
    "degrees_of_freedom": "df",
    "norm": "norm",
    "evaluation": "evaluation",
}


def print_selection(answer: SelectionAnswer, console: Console) -> None:
    """One line a value, thinned out where there are many, with the criteria that choose it."""
    print_summary(answer.summary, console)
    values = cast("Sequence[float]", answer.values)
    chosen: dict[int, list[str]] = {}
    for name in type(answer.chosen).model_fields:
        found = getattr(answer.chosen, name)
        if found is not None:
            chosen.setdefault(found.index, []).append(name.replace("_", " "))
    columns = {head: getattr(answer, name) for name, head in COLUMNS.items() if getattr(answer, name) is not None}
    if answer.kfold is not None:
        columns |= {"folds": answer.kfold.mean, "+-": answer.kfold.standard_error}
    table = Table(box=SIMPLE, title=f"Selection of {answer.vary.replace('_', ' ')}", title_justify="left")
    for heading in ("value", *columns, "chosen by"):
        table.add_column(heading)
    step = max(1, -(-len(values) // MOST_LINES))
    for place in sorted({*range(0, len(values), step), *chosen}):
        scores = ["" if column[place] is None else f"{column[place]:.4g}" for column in columns.values()]
        table.add_row(f"{values[place]:.4g}", *scores, ", ".join(chosen.get(place, [])))
    console.print(table)
    for text in (*answer.notes, *(f"{name}: {reason}" for name, reason in answer.reasons.items())):
        console.print(text, markup=False, highlight=False)
