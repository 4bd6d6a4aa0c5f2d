"""Comma-separated values, block by block: `numpy.loadtxt`, or pyarrow where it is installed and content.

Both round correctly, so that they read the same numbers; what they refuse is found and named by the `csv` module.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, cast

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, counted
from service.operations.uploads.arrow import fast_numbers
from service.operations.uploads.tables import wrong_entry
from service.operations.uploads.text_labels import HOW_TEXTS_ARE_READ, TextLabels, fault
from service.schemas.datasets import UploadOptions

DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}
BLOCK_BYTES: Final = 1 << 22
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
NEW_LINE: Final = ord("\n")
NEVER_IN_A_NUMBER: Final = "\x1f"


class CsvTable:
    """A table of text; see `Table`."""

    rows: int | None = None
    targets = 0

    def __init__(self, file: BinaryIO, options: UploadOptions) -> None:
        self._file = file
        # what is looked at before the rows are read
        self._beginning = io.BytesIO(file.read(BLOCK_BYTES))
        self._delimiter = DELIMITERS[options.delimiter]
        self._row = 0
        first = self._first_fields()
        has_header = options.header == "present" or (options.header == "auto" and not any(map(_is_number, first)))
        self.columns = len(first)
        self.names = _names(first) if has_header else None
        self._line = 1 if has_header else 0
        if not has_header:
            self._beginning.seek(self._start)
        self._numbers_in: Sequence[int] = range(self.columns)
        self._label: int | None = None
        self._texts: TextLabels | None = None

    @property
    def label_names(self) -> list[str] | None:
        """Texts of the labels, as far as the file was read."""
        return None if self._texts is None else self._texts.names

    def choose(self, columns: Sequence[int], labels: int | None) -> None:
        """Read these columns; the label of the first row says whether labels are texts."""
        if labels is not None and not self._label_of_first_row_is_number(labels):
            self._texts = TextLabels(labels)
        self._label = labels
        self._numbers_in = sorted(column for column in columns if self._texts is None or column != labels)

    def _label_of_first_row_is_number(self, column: int) -> bool:
        start, line = self._beginning.tell(), b"\n"
        while line and not line.strip():
            line = self._next_line()
        self._beginning.seek(start)
        fields = self._fields(_text(line, 0), 0)
        return len(fields) != self.columns or _is_number(fields[column])

    def _first_fields(self) -> list[str]:
        self._start = len(BYTE_ORDER_MARK) if self._beginning.read(3) == BYTE_ORDER_MARK else 0
        self._beginning.seek(self._start)
        line = self._next_line()
        if not line.strip():
            raise InputError.at((), "must be a table of at least one row; its first line is empty")
        if len(line) == BLOCK_BYTES:
            raise _long_line(0)
        return self._fields(_text(line, 0), 0)

    def _next_line(self) -> bytes:
        """The next line of the beginning, which reaches further if that is needed, but not without end."""
        start = self._beginning.tell()
        line = self._beginning.readline(BLOCK_BYTES)
        if not line.endswith(b"\n") and start <= BLOCK_BYTES and (more := self._file.read(BLOCK_BYTES)):
            self._beginning.seek(0, io.SEEK_END)
            self._beginning.write(more)
            self._beginning.seek(start)
            line = self._beginning.readline(BLOCK_BYTES)
        return line

    def _fields(self, line: str, row: int) -> list[str]:
        # a quotation that is still open takes the second line along
        lines = csv.reader([line.rstrip("\r\n"), ""], delimiter=self._delimiter)
        try:
            fields = next(lines)
        except csv.Error:
            raise _long_field(row) from None
        if lines.line_num > 1:
            raise _long_field(row)
        return fields

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks of some `BLOCK_BYTES` of text."""
        room, rest = bytearray(2 * BLOCK_BYTES), 0
        text = memoryview(room)
        while read := self._read_into(text[rest : rest + BLOCK_BYTES]):
            end = room.rfind(b"\n", 0, rest + read) + 1
            if not end and rest + read >= BLOCK_BYTES:
                raise _long_line(self._row)
            yield from self._block(text[:end], returns=room.find(b"\r", 0, end) >= 0)
            self._line += int(np.count_nonzero(np.frombuffer(text[:end], np.uint8) == NEW_LINE))
            rest += read - end
            room[:rest] = room[end : end + rest]
        yield from self._block(text[:rest], returns=room.find(b"\r", 0, rest) >= 0)

    def _read_into(self, room: memoryview) -> int:
        return self._beginning.readinto(room) or cast("Any", self._file).readinto(room)

    def _block(self, content: memoryview, *, returns: bool) -> Iterator[FloatArray]:
        """Arrays of the lines in ``content``, which has carriage returns or none."""
        found = None
        if not returns or _only_ends_lines(bytes(content)):
            found = fast_numbers(content, self._delimiter, self.columns, self._numbers_in, self._texts)
        for block in found or [self._numbers(bytes(content))]:
            if len(block):
                self._row += len(block)
                yield block

    def _numbers(self, content: bytes) -> FloatArray:
        lines = _text(content, self._row).replace("\r\n", "\n").split("\n")
        filled = [line for line in lines if line.strip()]
        if not filled:
            return np.empty((0, self.columns))
        every_column = len(self._numbers_in) == self.columns
        found = _loaded(filled, self._delimiter, quotechar='"') if every_column else self._chosen(filled)
        if found is None or found.shape != (len(filled), self.columns):
            raise self._wrong(lines)
        return found

    def _chosen(self, filled: list[str]) -> FloatArray | None:
        """The columns that matter of a table that may hold texts, with zeros in the others."""
        rows = [self._fields(line, row) for row, line in enumerate(filled, self._row)]
        if any(len(fields) != self.columns for fields in rows):
            return None
        found = np.zeros((len(rows), self.columns))
        if self._texts is not None:
            met, places = np.unique([fields[self._texts.column] for fields in rows], return_inverse=True)
            labels = self._texts.numbered(met.tolist(), places)
            if labels is None:
                return None
            found[:, self._texts.column] = labels
        chosen = [NEVER_IN_A_NUMBER.join(fields[column] for column in self._numbers_in) for fields in rows]
        numbers = _loaded(chosen, NEVER_IN_A_NUMBER)
        if numbers is None or numbers.shape != (len(rows), len(self._numbers_in)):
            return None
        found[:, self._numbers_in] = numbers
        return found

    def _wrong(self, lines: list[str]) -> InputError:
        """The first entry of these lines that is not a number, or the first row of another length."""
        row = self._row - 1
        for number, line in enumerate(lines, self._line + 1):
            if not line.strip():
                continue
            row += 1
            fields = self._fields(line, row)
            if len(fields) != self.columns:
                detail = f"must have {counted(self.columns, 'field')}, as the first line has, and has {len(fields)}"
                return InputError.at(("rows", row), f"{detail} (row {row}, line {number} of the file)")
            for column, field in enumerate(fields):
                why = self._fault(column, field)
                if why is not None:
                    return wrong_entry(row, column, self.names, f"{why}, in line {number} of the file")
        return InputError.at(("rows", self._row), "must hold numbers that are separated as the options say")

    def _fault(self, column: int, field: str) -> str | None:
        """What is wrong with an entry, if anything is."""
        if self._texts is not None and column == self._texts.column:
            return fault(field)
        if column not in self._numbers_in or _is_number(field):
            return None
        if not field.strip():
            return "must be a number and is empty"
        if column == self._label:
            return "must be a number, as the label of the first row is"
        return f"must be a number: {HOW_TEXTS_ARE_READ}"


def _only_ends_lines(content: bytes) -> bool:
    """Whether a carriage return is only met before a line feed: on its own it would end a line for pyarrow alone."""
    return content.count(b"\r") == content.count(b"\r\n")


def _loaded(lines: list[str], delimiter: str, quotechar: str | None = None) -> FloatArray | None:
    try:
        return np.loadtxt(lines, delimiter=delimiter, comments=None, quotechar=quotechar, ndmin=2)
    except ValueError:
        return None


def _is_number(field: str) -> bool:
    """What `numpy.loadtxt` reads: digits of ASCII without the underscores that Python knows."""
    try:
        return not math.isnan(float(field)) if field.isascii() and "_" not in field else False
    except ValueError:
        return False


def _names(fields: list[str]) -> tuple[str, ...]:
    names = tuple(field.strip() for field in fields)
    for column, name in enumerate(names):
        if not name:
            raise InputError.at(("header", column), f"must name column {column}; leave the header out or name all")
        if name in names[:column]:
            raise InputError.at(("header", column), f"must not repeat the name of column {names.index(name)}")
    return names


def _text(content: bytes, row: int) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        row += content.count(b"\n", 0, error.start)
        raise InputError.at(("rows", row), f"must be text in UTF-8 (near row {row})") from None


def _long_field(row: int) -> InputError:
    detail = f"must hold fields of at most {csv.field_size_limit()} characters, without a line break in them"
    return InputError.at(("rows", row), f"{detail} (row {row})")


def _long_line(row: int) -> InputError:
    return InputError.at(("rows", row), f"must not be longer than {BLOCK_BYTES} bytes")
