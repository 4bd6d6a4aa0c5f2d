"""Arrays of numpy: a header that is never trusted, then numbers, in the order of rows or of columns."""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from tokenize import TokenError
from typing import Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from service.core.ground.numbers.arrays import FloatArray
from service.errors import MalformedBody
from service.operations.uploads.spool import on_disk
from service.operations.uploads.tables import TableOfNumbers, rows_of_a_block

NUMERIC_KINDS: Final = "biuf"
MAX_HEADER: Final = 10_000
MAX_SIDES: Final = 4
MAX_BYTES: Final = 2**50
# numpy reads a header with Python's parser and, where that fails, its tokenizer
UNREADABLE_HEADER: Final = (
    ValueError,
    SyntaxError,
    TokenError,
    RecursionError,
    MemoryError,
    TypeError,
    LookupError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a ``.npy`` file says about itself."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]

    @property
    def bytes(self) -> int:
        """Bytes of the numbers."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: BinaryIO, name: str) -> Header:
    """The header of an array of numbers or text.

    Raises
    ------
    MalformedBody
        If there is none, or the array holds objects, which are never unpickled, or anything but numbers and text.
    """
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran_order, dtype = read(stream, max_header_size=MAX_HEADER)
    except UNREADABLE_HEADER as error:
        raise MalformedBody(f"the array {name} is not a readable .npy file") from error
    if dtype.hasobject or dtype.kind not in NUMERIC_KINDS + "U":
        raise MalformedBody(f"the array {name} must hold numbers; Python objects are never unpickled")
    if any(side < 0 for side in shape):
        raise _another_size(name)
    if not dtype.itemsize:
        raise MalformedBody(f"the array {name} must hold numbers; its entries have no bytes")
    # rows without numbers could be as many as a header can say
    rows_of_nothing = bool(shape) and shape[0] > 0 and not all(shape)
    if rows_of_nothing or len(shape) > MAX_SIDES:
        raise MalformedBody(f"the array {name} must have rows of numbers, and at most {MAX_SIDES} sides")
    if dtype.itemsize * math.prod(max(side, 1) for side in shape) > MAX_BYTES:
        raise _another_size(name)
    return Header(shape, fortran_order, dtype)


def _another_size(name: str) -> MalformedBody:
    return MalformedBody(f"the array {name} has a number of bytes that differs from its header")


class NpyArray:
    """A matrix, or a vector as one column, in a stream that is read once from its beginning to its end.

    In the order of columns it is read from many places at once, and put on disk for that.
    """

    def __init__(self, stream: BinaryIO, name: str, opened: ExitStack) -> None:
        self._name = name
        self._room: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
        self.header = read_header(stream, name)
        shape = self.header.shape
        if self.header.dtype.kind not in NUMERIC_KINDS or len(shape) not in (1, 2):
            raise MalformedBody(f"the array {name} must be a matrix of numbers")
        self.rows, self.columns = (*shape, 1)[:2]
        self._stream = on_disk(stream, opened) if self.header.fortran_order else stream
        if self.header.fortran_order and self._stream.seek(0, 2) != self.header.bytes:
            raise _another_size(name)

    def read(self, first: int, count: int) -> FloatArray:
        """Rows ``first`` to ``first + count`` (count, columns), valid until the next call: memory may be used again.

        In the order of rows they must be asked for one after another.
        """
        if not self.header.fortran_order:
            return self._numbers(count * self.columns).reshape(count, self.columns)
        columns = np.empty((self.columns, count))
        for column in range(self.columns):
            self._stream.seek((column * self.rows + first) * self.header.dtype.itemsize)
            columns[column] = self._numbers(count)
        return np.ascontiguousarray(columns.T)

    def finish(self) -> None:
        """Refuse a stream that goes on; at the end an archive compares its checksum."""
        if not self.header.fortran_order and self._stream.read(1):
            raise _another_size(self._name)

    def _numbers(self, count: int) -> FloatArray:
        wanted = count * self.header.dtype.itemsize
        if len(self._room) < wanted:
            self._room = np.empty(wanted, np.uint8)
        content = self._room[:wanted]
        view, found = content.data, 0
        while found < wanted:
            # a stream that unpacks gives less than it is asked for
            got = cast("Any", self._stream).readinto(view[found:])
            if not got:
                raise _another_size(self._name)
            found += got
        return _as_floats(content.view(self.header.dtype))


def _as_floats(numbers: npt.NDArray[Any]) -> FloatArray:
    # a long double that overflows becomes infinite, and is refused with its row and column; so is a signalling NaN
    with np.errstate(over="ignore", invalid="ignore"):
        return numbers.astype(np.float64, copy=False)


class NpyTable(TableOfNumbers):
    """One matrix; see `Table`."""

    names: tuple[str, ...] | None = None
    targets = 0

    def __init__(self, file: BinaryIO, opened: ExitStack) -> None:
        self._array = NpyArray(file, "of the file", opened)
        if len(self._array.header.shape) != 2:
            raise MalformedBody("the array of the file must be a matrix: one row a sample")
        self.rows: int | None = self._array.rows
        self.columns = self._array.columns

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks of rows (m, columns)."""
        rows = self._array.rows
        step = rows_of_a_block(self.columns)
        for first in range(0, rows, step):
            yield self._array.read(first, min(step, rows - first))
        self._array.finish()
