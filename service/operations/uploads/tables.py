"""What every reader of a format gives, and how wrong entries are named."""

from collections.abc import Iterator
from typing import Final, Protocol

from service.core.arrays import FloatArray
from service.errors import InputError

MAX_NAME: Final = 100
BLOCK_NUMBERS: Final = 1 << 18
"""Numbers of one block: two million bytes, which the caches of a core still hold."""


class Table(Protocol):
    """A table of numbers in a file, read once from the first row to the last.

    Attributes
    ----------
    names : tuple of str or None
        Names of the columns, where the file has them.
    columns : int
    rows : int or None
        Rows that the file announces, where it does.
    targets : int
        Columns at the end that the file itself marks as targets, or 0.
    """

    names: tuple[str, ...] | None
    columns: int
    rows: int | None
    targets: int

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks (m, columns) of at least one row, each valid until the next is asked for.

        Entries that are not finite are left for the caller to refuse.

        Raises
        ------
        InputError
            Naming row and column of what is no number.
        MalformedBody
            If the file ends early or cannot be unpacked.
        """
        ...


def rows_of_a_block(columns: int) -> int:
    """Rows that make a block of `BLOCK_NUMBERS`."""
    return max(1, BLOCK_NUMBERS // max(1, columns))


def name_of(column: int, names: tuple[str, ...] | None) -> str | int:
    """What a column is called in errors and answers."""
    return column if names is None else names[column][:MAX_NAME]


def wrong_entry(row: int, column: int, names: tuple[str, ...] | None, detail: str) -> InputError:
    """The error of one entry; rows and columns are counted from 0, as in the pointer."""
    name = name_of(column, names)
    called = f"column {column}" if names is None else f"column {column} ({name})"
    return InputError.at(("rows", row, name), f"{detail} (row {row}, {called})")
