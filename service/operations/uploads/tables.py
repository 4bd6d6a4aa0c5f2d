"""What every reader of a format gives, and how wrong entries are named."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError
from service.operations.uploads.fields import NUMBER, Reading
from service.operations.uploads.text_labels import MAX_NAME, TextLabels

BLOCK_NUMBERS: Final = 1 << 17
"""Numbers of one block: a million bytes, which the caches of a core still hold beside what is made of them."""


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
    label_names : list of str or None
        Where the labels are texts: the text of label 0, of label 1, ..., as far as the file was read.
    readings : tuple of Reading
        How each column is read.
    left_out : mapping of int to str
        Columns that are not data, and why.
    levels : mapping of int to TextLabels
        The texts of each category among the chosen columns, as far as the file was read.
    """

    names: tuple[str, ...] | None
    columns: int
    rows: int | None
    targets: int

    @property
    def readings(self) -> tuple[Reading, ...]:
        """How each column is read; categories that were chosen among them."""
        ...

    @property
    def left_out(self) -> Mapping[int, str]:
        """Columns that are not data, and why."""
        ...

    @property
    def levels(self) -> Mapping[int, TextLabels]:
        """The texts of each category that was chosen."""
        ...

    @property
    def label_names(self) -> list[str] | None:
        """Texts of the labels, as far as the file was read."""
        ...

    def choose(self, columns: Sequence[int], labels: int | None, categories: Sequence[int] = (), /) -> None:
        """Say, before blocks are asked for, which columns matter; the entries of others mean nothing.

        Parameters
        ----------
        columns : sequence of int
            Positions.
        labels : int or None
            The one among them that holds labels, which may be texts.
        categories : sequence of int
            Those among them that are read as categories whatever they hold.

        Raises
        ------
        InputError
            If the file says beforehand that such a column holds something else.
        """
        ...

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks (m, columns) of at least one row, each valid until the next is asked for.

        Missing values are NaN, those of a category, too; they and entries that are not finite are for the caller.

        Raises
        ------
        InputError
            Naming row and column of what is not a number.
        MalformedBody
            If the file ends early or cannot be unpacked.
        """
        ...


class TableOfNumbers:
    """A format whose columns hold numbers only, and cost nothing where they do not matter."""

    columns: int
    names: tuple[str, ...] | None
    label_names: list[str] | None = None
    left_out: Mapping[int, str] = MappingProxyType({})
    levels: Mapping[int, TextLabels] = MappingProxyType({})

    @property
    def readings(self) -> tuple[Reading, ...]:
        """Numbers throughout."""
        return (NUMBER,) * self.columns

    def choose(self, _columns: Sequence[int], _labels: int | None, categories: Sequence[int] = (), /) -> None:
        """Every column is read; see `Table`."""
        if categories:
            detail = "belongs to csv and Parquet files: numbers of an array are numbers"
            raise InputError.at(("categories",), detail, "parameter")


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
