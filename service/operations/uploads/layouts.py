"""What the beginning of a text table says about all of it: its names, what stands before it, and what columns hold."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from service.errors import InputError
from service.operations.uploads.dialects import Dialect
from service.operations.uploads.fields import TEXT, Reading, is_missing, is_number, reading_of
from service.schemas.datasets import UploadOptions

MAX_PREAMBLE: Final = 20
"""Lines before a table, at most."""
TYPICAL: Final = 0.8
"""Share of lines with as many fields as most, without which nothing is taken for a preamble."""
INDEX_NAMES: Final = ("", "unnamed: 0", "__index_level_0__")
"""Names, in lower case, that libraries give a column that holds the labels of the rows."""
ROW_LABELS: Final = "it holds the labels of the rows"


class Line(NamedTuple):
    """A line of the file that says something."""

    number: int
    fields: list[str]


@dataclass(frozen=True, slots=True)
class Layout:
    """The shape of a table.

    Attributes
    ----------
    names : tuple of str or None
    columns : int
    skipped : int
        Lines of the file before the first row, the header among them.
    preamble : int
        Lines of the file before the table.
    readings : tuple of Reading
    left_out : dict of int to str
        Columns that are not data, and why.
    """

    names: tuple[str, ...] | None
    columns: int
    skipped: int
    preamble: int
    readings: tuple[Reading, ...]
    left_out: dict[int, str]


def layout_of(text: str, dialect: Dialect, options: UploadOptions) -> Layout:
    """The layout of a table that begins with these lines.

    Raises
    ------
    InputError
        If there is no row, or a name is missing or repeated.
    """
    lines = list(_cut(text, dialect))
    if not lines:
        raise InputError.at((), "must be a table of at least one row")
    usual = Counter(len(line.fields) for line in lines).most_common(1)[0][0]
    labelled = _has_labels_without_name(lines, usual, dialect)
    start = 0 if labelled else _preamble(lines, usual)
    first = lines[start]
    columns = usual if labelled else len(first.fields)
    body = [_as_numbers(line, dialect) for line in lines[start + 1 :] if len(line.fields) == columns]
    has_header = labelled or _is_header(first.fields, _as_numbers(first, dialect), body, options)
    names = _names(["", *first.fields] if labelled else first.fields) if has_header else None
    if not has_header:
        body.insert(0, _as_numbers(first, dialect))
    held = [[fields[column] for fields in body] for column in range(columns)]
    readings = tuple(map(reading_of, held))
    return Layout(
        names,
        columns,
        skipped=first.number if has_header else first.number - 1,
        preamble=first.number - 1 if start else 0,
        readings=readings,
        left_out=_left_out(names, readings, held),
    )


def _cut(text: str, dialect: Dialect) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or (dialect.comment and line.lstrip().startswith(dialect.comment)):
            continue
        fields = dialect.fields(line)
        if fields is None:
            # named when it is read
            fields = [line]
        yield Line(number, fields)


def _as_numbers(line: Line, dialect: Dialect) -> list[str]:
    return [dialect.number(field) for field in line.fields]


def _preamble(lines: Sequence[Line], usual: int) -> int:
    """Lines before the table: a few whose number of fields differs by far from that of nearly all others."""
    start = next(index for index, line in enumerate(lines) if len(line.fields) == usual)
    alike = sum(len(line.fields) == usual for line in lines[start:])
    is_one = alike >= TYPICAL * (len(lines) - start) and alike > start + 2
    differs = all(len(line.fields) == 1 or abs(len(line.fields) - usual) > 1 for line in lines[:start])
    return start if start <= MAX_PREAMBLE and is_one and differs else 0


def _has_labels_without_name(lines: Sequence[Line], usual: int, dialect: Dialect) -> bool:
    """Whether rows begin with labels that have no name in the header, as R writes them."""
    header, rows = lines[0].fields, [line.fields for line in lines[1:] if len(line.fields) == usual]
    if (
        len(header) != usual - 1
        or len(rows) < len(lines) - 1
        or any(is_number(dialect.number(field)) for field in header)
    ):
        return False
    labels = [fields[0].strip() for fields in rows]
    counted = [str(number) for number in range(1, len(rows) + 1)]
    return len(set(labels)) == len(labels) and (labels == counted or not any(map(is_number, labels)))


def _is_header(
    first: Sequence[str], numbers: Sequence[str], body: Sequence[Sequence[str]], options: UploadOptions
) -> bool:
    """Whether the first line names the columns."""
    if options.header != "auto":
        return options.header == "present"
    if not any(map(is_number, numbers)):
        return not all(map(is_missing, numbers)) or len(numbers) == 1
    counted = [str(column) for column in range(len(first))]
    named = [field.strip() for field in first]
    if (len(first) > 1 and named == counted) or (len(first) > 2 and not named[0] and named[1:] == counted[:-1]):
        return bool(body)
    years = [field for field in numbers if is_number(field)]
    if len(years) < len(numbers) and _counts_on(years) and len(set(named)) == len(named):
        # years above a wide table
        return bool(body)
    return any(
        not is_number(field) and not is_missing(field) and _is_column_of_numbers([row[column] for row in body])
        for column, field in enumerate(numbers)
    )


def _counts_on(fields: Sequence[str]) -> bool:
    """Whether there are at least three whole numbers, each one more than the one before."""
    if len(fields) < 3 or not all(field.strip().isdecimal() for field in fields):
        return False
    return all(int(after) == int(before) + 1 for before, after in pairwise(fields))


def _is_column_of_numbers(fields: Sequence[str]) -> bool:
    there = [field for field in fields if not is_missing(field)]
    return bool(there) and all(map(is_number, there))


def _names(fields: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns; the first may be missing, as it is where labels of rows were written."""
    names = tuple(field.strip() for field in fields)
    for column, name in enumerate(names):
        if not name and column:
            raise InputError.at(("header", column), f"must name column {column}; leave the header out or name all")
        if name in names[:column]:
            raise InputError.at(("header", column), f"must not repeat the name of column {names.index(name)}")
    return names


def _left_out(
    names: Sequence[str] | None, readings: Sequence[Reading], held: Sequence[Sequence[str]]
) -> dict[int, str]:
    """Columns that are not data: labels of rows."""
    found: dict[int, str] = {}
    if len(held) < 2:
        return found
    labels = [field.strip() for field in held[0]]
    unnamed = names is not None and names[0].lower() in INDEX_NAMES
    unlike = len(labels) > 1 and len(set(labels)) == len(labels)
    if unnamed or (readings[0] == TEXT and unlike):
        found[0] = ROW_LABELS
    return found
