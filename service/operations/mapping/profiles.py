"""Every column of a file in words: what it holds, its range, what is missing, and what was done to it."""

import math
from collections.abc import Iterator
from typing import Final, Literal

from service.operations.mapping.expansion import Expansion
from service.operations.uploads.fields import CATEGORY, Reading
from service.operations.uploads.tables import name_of
from service.schemas.datasets import FileColumn, Missing, UploadOptions

FILLED: Final[dict[Missing, str]] = {
    "refuse": "",
    "drop_few": "rows without a value were left out",
    "drop_rows": "rows without a value were left out",
    "mean": "missing values are the mean of the others",
    "indicator": "missing values are the mean of the others, and one more input is 1 where they are",
}


def file_columns(expansion: Expansion, options: UploadOptions) -> Iterator[FileColumn]:
    """The columns of the file, in its order."""
    table, roles = expansion.table, expansion.roles
    for column, reading in enumerate(table.readings):
        role: Literal["input", "target", "left_out"] = (
            "left_out" if column in roles.ignored else "target" if column in roles.targets else "input"
        )
        seen = expansion.counted.seen(column)
        ranged = seen is not None and reading != CATEGORY and math.isfinite(seen.least)
        why = "not read" if seen is None else "a category" if reading == CATEGORY else "no row has a value"
        yield FileColumn(
            name=str(name_of(column, table.names)),
            position=column,
            kind=reading.kind,
            role=role,
            missing=0 if seen is None else seen.missing,
            least=seen.least if seen is not None and ranged else None,
            greatest=seen.greatest if seen is not None and ranged else None,
            levels=_levels(expansion, column, reading),
            done=_done(expansion, column, reading, options.missing),
            reasons={} if ranged else {"least": why, "greatest": why},
        )


def _levels(expansion: Expansion, column: int, reading: Reading) -> list[str] | None:
    if reading != CATEGORY or column in expansion.roles.ignored:
        return None
    if column in expansion.roles.targets:
        return sorted(expansion.table.levels[column].names)
    return [text for _, text in expansion.levels_of(column)]


def _done(expansion: Expansion, column: int, reading: Reading, missing: Missing) -> str:
    """What became of a column."""
    seen = expansion.counted.seen(column)
    if seen is None:
        return f"left out: {expansion.table.left_out.get(column, 'ignored')}"
    said = []
    if column in expansion.roles.targets and expansion.classes is not None:
        said.append("one target a class")
    elif reading == CATEGORY:
        said.append("one input a level but for the first, which is the reference")
    elif reading.kind == "boolean":
        said.append("1 for true and yes, 0 for false and no")
    elif reading.kind == "date":
        said.append("days since 1970-01-01")
    if seen.missing:
        said.append(
            "one more level where it is missing"
            if reading == CATEGORY and missing in ("mean", "indicator")
            else FILLED[missing]
        )
    if reading != CATEGORY and seen.least == seen.greatest:
        said.append("it is constant")
    return "; ".join(said) or "taken as it is"
