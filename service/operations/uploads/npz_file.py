"""Archives of numpy with the arrays ``x`` and ``y``: unpacked as they are read, never beyond what they announce."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO, Final, cast

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, LimitExceeded, MalformedBody, UnsupportedMediaType, counted
from service.operations.uploads.archives import COMPRESSIONS, UNREADABLE, UNREADABLE_ARCHIVE, opened_archive
from service.operations.uploads.npy_file import NpyArray
from service.operations.uploads.tables import TableOfNumbers, rows_of_a_block

WORKBOOK: Final = "[Content_Types].xml"
"""An entry of every workbook."""
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WANTED: Final = "must hold the arrays x (samples x inputs) and y (samples, or samples x outputs) and no other"


class NpzTable(TableOfNumbers):
    """The matrices ``x`` and ``y`` of an archive that can be sought, side by side; see `Table`."""

    names: tuple[str, ...] | None = None

    def __init__(self, file: BinaryIO, max_bytes: int, opened: ExitStack) -> None:
        try:
            self._x, self._y = (NpyArray(stream, name, opened) for name, stream in _entries(file, max_bytes))
        except UNREADABLE as error:
            raise MalformedBody(UNREADABLE_ARCHIVE) from error
        if len(self._x.header.shape) != 2:
            raise InputError.at(("x",), "must be a matrix: one row a sample")
        if self._x.rows != self._y.rows:
            raise InputError.at(("y",), f"must have {counted(self._x.rows, 'row')}, as x has, and has {self._y.rows}")
        self.rows: int | None = self._x.rows
        self.columns = self._x.columns + self._y.columns
        self.targets = self._y.columns

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks of rows (m, columns)."""
        rows, step = self._x.rows, rows_of_a_block(self.columns)
        for first in range(0, rows, step):
            count = min(step, rows - first)
            try:
                block = np.hstack([self._x.read(first, count), self._y.read(first, count)])
                if first + count == rows:
                    self._x.finish()
                    self._y.finish()
            except UNREADABLE as error:
                raise MalformedBody(UNREADABLE_ARCHIVE) from error
            yield block


def _entries(file: BinaryIO, max_bytes: int) -> Iterator[tuple[str, BinaryIO]]:
    """The arrays ``x`` and ``y``; what an entry announces is the most that is ever unpacked of it."""
    archive = opened_archive(file)
    entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
    if WORKBOOK in entries:
        raise UnsupportedMediaType(f"the file is not npz but xlsx: send it with the content type {XLSX}")
    if set(entries) != {"x", "y"} or len(archive.infolist()) != 2:
        raise InputError.at((), WANTED)
    if sum(entry.file_size for entry in entries.values()) > max_bytes:
        raise LimitExceeded((), "max_upload_bytes", max_bytes, "bytes, once unpacked")
    for name in ("x", "y"):
        if entries[name].compress_type not in COMPRESSIONS:
            raise MalformedBody("the archive uses a compression other than deflate")
        yield name, cast("BinaryIO", archive.open(entries[name]))
