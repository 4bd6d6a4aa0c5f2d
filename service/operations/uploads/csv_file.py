"""Comma-separated values, block by block: `numpy.loadtxt`, or pyarrow where it is installed and content.

Both round correctly, so that they read the same numbers; what they refuse is found and named by the `csv` module.
"""

import csv
import math
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np

from service.core.arrays import FloatArray
from service.errors import InputError
from service.operations.uploads.arrow import fast_numbers
from service.operations.uploads.tables import wrong_entry
from service.schemas.datasets import UploadOptions

DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}
BLOCK_BYTES: Final = 1 << 22
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class CsvTable:
    """A table of text; see `Table`."""

    rows: int | None = None
    targets = 0

    def __init__(self, file: BinaryIO, options: UploadOptions) -> None:
        self._file = file
        self._delimiter = DELIMITERS[options.delimiter]
        self._row = 0
        first = self._first_fields()
        has_header = options.header == "present" or (options.header == "auto" and not any(map(_is_number, first)))
        self.columns = len(first)
        self.names = _names(first) if has_header else None
        self._line = 1 if has_header else 0
        if not has_header:
            self._file.seek(self._start)

    def _first_fields(self) -> list[str]:
        self._start = len(BYTE_ORDER_MARK) if self._file.read(3) == BYTE_ORDER_MARK else 0
        self._file.seek(self._start)
        line = self._file.readline(BLOCK_BYTES)
        if not line.strip():
            raise InputError.at((), "must be a table of at least one row; its first line is empty")
        if len(line) == BLOCK_BYTES:
            raise _long_line(0)
        return _fields(_text(line, 0), self._delimiter)

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks of some `BLOCK_BYTES` of text."""
        rest = b""
        while read := self._file.read(BLOCK_BYTES):
            content = rest + read
            end = content.rfind(b"\n") + 1
            if not end and len(content) >= BLOCK_BYTES:
                raise _long_line(self._row)
            rest = content[end:]
            yield from self._block(content[:end])
        yield from self._block(rest)

    def _block(self, content: bytes) -> Iterator[FloatArray]:
        found = fast_numbers(content, self._delimiter, self.columns)
        if found is None:
            found = self._numbers(content)
        self._line += content.count(b"\n")
        if len(found):
            self._row += len(found)
            yield found

    def _numbers(self, content: bytes) -> FloatArray:
        lines = _text(content, self._row).replace("\r\n", "\n").split("\n")
        filled = [line for line in lines if line.strip()]
        if not filled:
            return np.empty((0, self.columns))
        try:
            found = np.loadtxt(filled, delimiter=self._delimiter, comments=None, quotechar='"', ndmin=2)
        except ValueError:
            raise self._wrong(lines) from None
        if found.shape != (len(filled), self.columns):
            raise self._wrong(lines)
        return found

    def _wrong(self, lines: list[str]) -> InputError:
        """The first entry of these lines that is no number, or the first row of another length."""
        row = self._row - 1
        for number, line in enumerate(lines, self._line + 1):
            if not line.strip():
                continue
            row += 1
            fields = _fields(line, self._delimiter)
            if len(fields) != self.columns:
                detail = f"must have {self.columns} fields, as the first line has, and has {len(fields)}"
                return InputError.at(("rows", row), f"{detail} (row {row}, line {number} of the file)")
            for column, field in enumerate(fields):
                if not _is_number(field):
                    detail = "must be a number" if field.strip() else "must be a number and is empty"
                    return wrong_entry(row, column, self.names, f"{detail}, in line {number} of the file")
        return InputError.at(("rows", self._row), "must hold numbers that are separated as the options say")


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])


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


def _long_line(row: int) -> InputError:
    return InputError.at(("rows", row), f"must not be longer than {BLOCK_BYTES} bytes")
