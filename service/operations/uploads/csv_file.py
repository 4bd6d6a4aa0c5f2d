"""Tables of text, block by block: `numpy.loadtxt`, or pyarrow where it is installed and takes the block.

Both round correctly, so that they read the same numbers.  What they refuse is cut into fields by the `csv` module and
read column by column, and what is not a value there is named.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, counted
from service.operations.uploads.arrow import fast_numbers
from service.operations.uploads.canonical import canonical
from service.operations.uploads.dialects import Dialect, dialect_of
from service.operations.uploads.fields import CATEGORY, NUMBER, TEXT, Reading, is_missing
from service.operations.uploads.layouts import layout_of
from service.operations.uploads.plain_text import PlainText
from service.operations.uploads.tables import name_of, wrong_entry
from service.operations.uploads.text_labels import TextLabels, fault
from service.schemas.datasets import Delimiter, TextDialect, UploadOptions

BLOCK_BYTES: Final = 1 << 22
SAMPLE_BYTES: Final = 1 << 16
"""Of the beginning, from which dialect and layout are found."""
MOST_NAMED: Final = 5
LINE_FEED: Final = ord("\n")
COUNTED_AT_ONCE: Final = 1 << 16
NEVER_IN_A_NUMBER: Final = "\x1f"
WHAT_TEXTS_MAY_BE: Final = (
    "`ignore` leaves the column out, `categories` reads it as one input a text, `one_hot` as the labels of a target"
)
MARKS: Final = {".": "point", ",": "comma"}


class CsvTable:
    """A table of text; see `Table`.

    Attributes
    ----------
    dialect : TextDialect
        As it was found, or as the options say.
    readings : tuple of Reading
        Of each column.
    left_out : dict of int to str
        Columns that are not data, and why.
    levels : dict of int to TextLabels
        The texts of each category, as far as the file was read.
    """

    rows: int | None = None
    targets = 0

    def __init__(self, file: BinaryIO, options: UploadOptions) -> None:
        encoding = None if options.encoding == "auto" else options.encoding
        self._file = PlainText(file, encoding)
        # what is looked at before the rows are read
        self._beginning = io.BytesIO(self._file.read(max(BLOCK_BYTES, SAMPLE_BYTES)))
        sample = self._sample()
        self._dialect = self._dialect_of(sample, options)
        if self._dialect.fields(sample.lstrip("\n").partition("\n")[0]) is None:
            raise _long_field(0)
        layout = layout_of(sample, self._dialect, options)
        self.names, self.columns, self.left_out = layout.names, layout.columns, layout.left_out
        self.readings: tuple[Reading, ...] = layout.readings
        self.delimiter: Delimiter = self._dialect.name
        self.dialect = TextDialect(
            encoding=self._file.encoding,
            decimal=MARKS[self._dialect.decimal],  # type: ignore[arg-type]  # one of the two
            quote=self._dialect.quote,  # type: ignore[arg-type]  # one of the two
            thousands=self._dialect.thousands,
            comment=self._dialect.comment,
            skipped_lines=layout.preamble,
        )
        for _ in range(layout.skipped):
            self._beginning.readline()
        self._row, self._line = 0, layout.skipped
        self._chosen: Sequence[int] = range(self.columns)
        self._label: int | None = None
        self.levels: dict[int, TextLabels] = {}

    @property
    def label_names(self) -> list[str] | None:
        """Texts of the labels, as far as the file was read."""
        texts = None if self._label is None else self.levels.get(self._label)
        return None if texts is None else texts.names

    def choose(self, columns: Sequence[int], labels: int | None, categories: Sequence[int] = ()) -> None:
        """Read these columns, some of them as categories whatever they hold.

        Raises
        ------
        InputError
            If one of them holds texts of too many kinds.
        """
        self._chosen, self._label = sorted(columns), labels
        readings = list(self.readings)
        for column in self._chosen:
            forced = column in categories or (column == labels and readings[column] != NUMBER)
            if forced:
                readings[column] = CATEGORY
            if readings[column] == TEXT:
                name = name_of(column, self.names)
                detail = f"holds texts of many kinds: {WHAT_TEXTS_MAY_BE} (column {column}, {name})"
                # a caller who is told of one at a time would come back for each
                others = [
                    str(name_of(later, self.names))
                    for later in self._chosen
                    if later > column and readings[later] == TEXT and later not in (*categories, labels)
                ]
                if others:
                    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
                    detail += f"; {', '.join(others[:MOST_NAMED])}{more} as well"
                raise InputError.at(("header", name), detail)
            if readings[column] == CATEGORY:
                self.levels[column] = TextLabels(column)
        self.readings = tuple(readings)

    def _dialect_of(self, sample: str, options: UploadOptions) -> Dialect:
        """How lines are cut; formats that say so themselves do not look for it."""
        return dialect_of(sample, options)

    def _sample(self) -> str:
        content = self._beginning.getvalue()
        end = len(content) if len(content) < SAMPLE_BYTES else content.rfind(b"\n", 0, SAMPLE_BYTES) + 1
        if not end:
            end = content.find(b"\n") + 1
        if not end and len(content) >= BLOCK_BYTES:
            raise _long_line(0)
        sample = _text(content[: end or len(content)], 0).replace("\r\n", "\n")
        if not sample.strip():
            raise InputError.at((), "must be a table of at least one row; it has none")
        return sample

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks of rows (m, columns), each of some `BLOCK_BYTES` of text."""
        room, rest = bytearray(2 * BLOCK_BYTES), 0
        text = memoryview(room)
        while read := self._read_into(text[rest : rest + BLOCK_BYTES]):
            end = room.rfind(b"\n", 0, rest + read) + 1
            if not end and rest + read >= BLOCK_BYTES:
                raise _long_line(self._row)
            yield from self._block(text[:end], returns=room.find(b"\r", 0, end) >= 0)
            self._line += _lines(text[:end])
            rest += read - end
            room[:rest] = room[end : end + rest]
        yield from self._block(text[:rest], returns=room.find(b"\r", 0, rest) >= 0)

    def _read_into(self, room: memoryview) -> int:
        return self._beginning.readinto(room) or self._file.readinto(room)

    def _block(self, content: memoryview, *, returns: bool) -> Iterator[FloatArray]:
        """Arrays of the lines in ``content``, which has carriage returns or none."""
        found = None
        if not returns or _only_ends_lines(bytes(content)):
            found = self._quickly(content)
        for block in found or [self._numbers(bytes(content))]:
            if len(block):
                self._row += len(block)
                yield block

    def _quickly(self, content: memoryview) -> list[FloatArray] | None:
        """By pyarrow, where it is content and every column that matters holds numbers, or texts of one column."""
        others = [column for column in self._chosen if self.readings[column] != NUMBER]
        if any(self.readings[column] != CATEGORY for column in others) or len(others) > 1:
            return None
        plain: bytes | memoryview | None = content
        if not self._dialect.is_plain:
            plain = None if others else canonical(bytes(content), self._dialect)
        if plain is None:
            return None
        numbers = [column for column in self._chosen if column not in others]
        texts = self.levels[others[0]] if others else None
        return fast_numbers(memoryview(plain), self._dialect.delimiter, self.columns, numbers, texts)

    def _numbers(self, content: bytes) -> FloatArray:
        text = _text(content, self._row)
        lines = (text.replace("\r\n", "\n") if "\r" in text else text).split("\n")
        comment = self._dialect.comment
        filled = [line for line in lines if line.strip() and not (comment and line.lstrip().startswith(comment))]
        if not filled:
            return np.empty((0, self.columns))
        found = None
        if len(self._chosen) == self.columns and all(reading == NUMBER for reading in self.readings):
            found = self._loaded(filled)
        if found is None or found.shape != (len(filled), self.columns):
            found = self._converted(filled)
        if found is None:
            raise self._wrong(lines)
        return found

    def _loaded(self, filled: list[str]) -> FloatArray | None:
        """A table of nothing but numbers."""
        dialect = self._dialect
        if dialect.is_plain:
            return _loaded(filled, dialect.delimiter, quotechar=dialect.quote)
        plain = canonical("\n".join(filled).encode(), dialect)
        return None if plain is None else _loaded(plain.decode().split("\n"), dialect.delimiter)

    def _converted(self, filled: list[str]) -> FloatArray | None:
        """The columns that matter, field by field, with zeros in the others; None if something is wrong."""
        rows = [self._dialect.fields(line) for line in filled]
        if any(fields is None or len(fields) != self.columns for fields in rows):
            return None
        found = np.zeros((len(rows), self.columns))
        for column in self._chosen:
            values = self._column(column, [fields[column] for fields in rows if fields is not None])
            if values is None:
                return None
            found[:, column] = values
        return found

    def _column(self, column: int, fields: list[str]) -> FloatArray | None:
        """The numbers that stand for the fields of a column, NaN for missing ones; None if something is wrong."""
        reading = self.readings[column]
        if reading == CATEGORY:
            return self._coded(column, fields)
        if reading == NUMBER:
            fields = [self._dialect.number(field) for field in fields]
            # the reader would skip empty ones
            loaded = _loaded(fields, NEVER_IN_A_NUMBER) if all(map(str.strip, fields)) else None
            if loaded is not None and loaded.shape == (len(fields), 1):
                return loaded[:, 0]
        values = [np.nan if is_missing(field) else reading.number(field) for field in fields]
        return None if None in values else np.array(values, dtype=np.float64)

    def _coded(self, column: int, fields: list[str]) -> FloatArray | None:
        met, places = np.unique([field.strip() for field in fields], return_inverse=True)
        missing = np.array([is_missing(text) for text in met.tolist()])
        codes = np.full(len(met), np.nan)
        there = self.levels[column].numbered(met[~missing].tolist(), np.arange(int((~missing).sum())))
        if there is None:
            return None
        codes[~missing] = there
        return np.asarray(codes[places], dtype=np.float64)

    def _wrong(self, lines: list[str]) -> InputError:
        """The first entry of these lines that is not a value, or the first row of another length."""
        row, comment = self._row - 1, self._dialect.comment
        for number, line in enumerate(lines, self._line + 1):
            if not line.strip() or (comment and line.lstrip().startswith(comment)):
                continue
            row += 1
            fields = self._dialect.fields(line)
            if fields is None:
                return _long_field(row)
            if len(fields) != self.columns:
                detail = f"must have {counted(self.columns, 'field')}, as the first line has, and has {len(fields)}"
                return InputError.at(("rows", row), f"{detail} (row {row}, line {number} of the file)")
            for column in self._chosen:
                why = self._fault(column, fields[column])
                if why is not None:
                    return wrong_entry(row, column, self.names, f"{why}, in line {number} of the file")
        return InputError.at(("rows", self._row), "must hold numbers that are separated as the options say")

    def _fault(self, column: int, field: str) -> str | None:
        """What is wrong with an entry, if anything is."""
        reading = self.readings[column]
        if reading == CATEGORY:
            return None if is_missing(field) else fault(field)
        value = self._dialect.number(field) if reading == NUMBER else field
        if is_missing(value) or reading.number(value) is not None:
            return None
        if column == self._label:
            return "must be a number, as the label of the first row is"
        if reading == NUMBER:
            return f"must be a number, as most of its column are: correct it, or {WHAT_TEXTS_MAY_BE}"
        return f"must be a {reading.kind}, as the first rows of its column are: {WHAT_TEXTS_MAY_BE}"


def _only_ends_lines(content: bytes) -> bool:
    """Whether a carriage return is only met before a line feed: on its own it would end a line for pyarrow alone."""
    return content.count(b"\r") == content.count(b"\r\n")


def _lines(content: memoryview) -> int:
    """Line feeds, counted many at once, in parts that the caches hold: `bytes.count` takes three times as long."""
    octets, found = np.frombuffer(content, np.uint8), np.empty(min(len(content), COUNTED_AT_ONCE), np.bool_)
    parts = (octets[at : at + COUNTED_AT_ONCE] for at in range(0, len(octets), COUNTED_AT_ONCE))
    return sum(int(np.count_nonzero(np.equal(part, LINE_FEED, out=found[: len(part)]))) for part in parts)


def _loaded(lines: list[str], delimiter: str, quotechar: str | None = None) -> FloatArray | None:
    try:
        return np.loadtxt(lines, delimiter=delimiter, comments=None, quotechar=quotechar, ndmin=2)
    except ValueError:
        return None


def _text(content: bytes, row: int) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        row += content.count(b"\n", 0, error.start)
        detail = f"must be text in UTF-8 (near row {row}); `encoding` says what else it is"
        raise InputError.at(("rows", row), detail) from None


def _long_field(row: int) -> InputError:
    detail = f"must hold fields of at most {csv.field_size_limit()} characters, without a line break in them"
    return InputError.at(("rows", row), f"{detail} (row {row})")


def _long_line(row: int) -> InputError:
    return InputError.at(("rows", row), f"must not be longer than {BLOCK_BYTES} bytes")
