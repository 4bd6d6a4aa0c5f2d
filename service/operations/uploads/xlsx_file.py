"""Workbooks by openpyxl, an extra: the rows of the first sheet as lines of text, which the reader of text takes.

So headers, labels of rows, categories, dates and missing values are found as they are in text.
"""

import csv
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import ParseError

from service.errors import LimitExceeded, MalformedBody, UnsupportedMediaType
from service.operations.uploads.archives import UNREADABLE, opened_archive
from service.operations.uploads.csv_file import CsvTable
from service.operations.uploads.dialects import Dialect
from service.schemas.datasets import UploadOptions

MISSING: Final = (
    "this server reads xlsx once it has the extra analytic-minima-server[xlsx]; save the sheet as csv, which is read"
)
MAX_ENTRIES: Final = 1000
MAX_BESIDE: Final = 1 << 26
"""Bytes, unpacked, of all that is not a sheet: texts and styles, which are held in memory."""
SHEET: Final = re.compile(r"xl/(work|chart)sheets/[^/]+\.xml")
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
NOT_READABLE: Final = "the file is not a readable xlsx file"
ERRORS: Final = (*UNREADABLE, ParseError, LookupError, TypeError, AttributeError)
"""What openpyxl raises for files that are none; it checks little of what it reads."""


class SheetTable(CsvTable):
    """The rows of a sheet; see `Table`."""

    def _dialect_of(self, sample: str, options: UploadOptions) -> Dialect:  # noqa: ARG002 - these lines are our own
        return Dialect()


def xlsx_table(file: BinaryIO, options: UploadOptions, max_bytes: int) -> SheetTable:
    """The table of the first sheet of a workbook that can be sought.

    Raises
    ------
    UnsupportedMediaType
        Without openpyxl.
    LimitExceeded
        If it unpacks to more than ``max_bytes``, or its texts to more than is held in memory.
    MalformedBody
    """
    try:
        from openpyxl import load_workbook  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra without types
    except ImportError:
        raise UnsupportedMediaType(MISSING) from None
    try:
        _check_sizes(file, max_bytes)
        with warnings.catch_warnings():
            # of styles and extensions that say nothing of the numbers
            warnings.simplefilter("ignore")
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheets = book.worksheets
        if not sheets:
            raise MalformedBody("the workbook has no sheet with a table")
        rows = sheets[0].iter_rows(max_row=MAX_ROWS, max_col=MAX_COLUMNS, values_only=True)
        return SheetTable(_Lines(rows), options.model_copy(update={"encoding": "utf-8"}))  # type: ignore[arg-type]  # a stream of bytes
    except ERRORS as error:
        raise MalformedBody(NOT_READABLE) from error


def _check_sizes(file: BinaryIO, max_bytes: int) -> None:
    """By what the directory announces, beyond which an entry is never unpacked."""
    entries = opened_archive(file, MAX_ENTRIES).infolist()
    if sum(entry.file_size for entry in entries) > max_bytes:
        raise LimitExceeded((), "max_upload_bytes", max_bytes, "bytes, once unpacked")
    if sum(entry.file_size for entry in entries if not SHEET.fullmatch(entry.filename)) > MAX_BESIDE:
        raise MalformedBody(f"the workbook has more than {MAX_BESIDE} bytes beside its sheets: save the sheet as csv")


class _Lines:
    """Rows of cells as lines of text, made when they are read."""

    def __init__(self, rows: Iterator[Sequence[Any]]) -> None:
        self._rows, self._held, self._width = rows, b"", 0

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        while not self._held:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    row = next(self._rows, None)
            except ERRORS as error:
                raise MalformedBody(NOT_READABLE) from error
            if row is None:
                return b""
            self._held = self._line(row).encode("utf-8", "replace")
        size = len(self._held) if size < 0 else size
        found, self._held = self._held[:size], self._held[size:]
        return found

    def readinto(self, room: Any) -> int:
        """Fill some of the room; 0 at the end."""
        found = self.read(len(room))
        room[: len(found)] = found
        return len(found)

    def _line(self, row: Sequence[Any]) -> str:
        fields = [_field(value) for value in row]
        while fields and not fields[-1]:
            fields.pop()
        if not fields:
            return "\n"
        # sheets have no width: that of the first row that says something is theirs
        self._width = self._width or len(fields)
        fields += [""] * (self._width - len(fields))
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(fields)
        return line.getvalue()


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else " ".join(str(value).split())
