"""Sparse rows of svmlight and libsvm, `label index:value ...`: read once for the number of columns, once for rows."""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.errors import InputError, LimitExceeded
from service.operations.uploads.fields import number_of
from service.operations.uploads.tables import TableOfNumbers, rows_of_a_block

READ_BYTES: Final = 1 << 20
LONGEST_LINE: Final = 1 << 22
LONGEST_NUMBER: Final = 64
"""Characters; an array of texts is as wide as the longest."""
LARGEST_INDEX: Final = 2**31
BESIDE: Final = re.compile(rb"(?m)#.*$|\bqid:\S*")
"""What stands in a line and is not a feature: a remark, the number of a query."""
PAIR: Final = re.compile(rb"([0-9]{1,10}):(\S+)")
FORM: Final = "must be a label, then `index:value` with indices that ascend"


class SvmlightTable(TableOfNumbers):
    """The features, then the label; what is not written is zero; see `Table`.

    Indices count from 1 unless one of them is 0.

    Parameters
    ----------
    file : binary stream
        It can be sought.
    max_inputs : int
        More columns than that are refused before any array is made.
    """

    targets = 1

    def __init__(self, file: BinaryIO, max_inputs: int) -> None:
        self._file = file
        least, greatest, self._rows = LARGEST_INDEX, -1, 0
        for first, lines in self._lines():
            _, indices, _, _ = _parsed(lines, first)
            if indices.size:
                least, greatest = min(least, int(indices.min())), max(greatest, int(indices.max()))
            self._rows = first + len(lines)
        if not self._rows:
            raise InputError.at((), "must be a table of at least one row; it has none")
        if greatest < 0:
            raise InputError.at((), "must have at least one feature `index:value`")
        self._base = 0 if least == 0 else 1
        inputs = greatest + 1 - self._base
        if inputs > max_inputs:
            raise LimitExceeded((), "max_inputs", max_inputs, "inputs")
        self.rows: int | None = self._rows
        self.names: tuple[str, ...] | None = (*map(str, range(self._base, greatest + 1)), "label")
        self.columns = inputs + 1

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks (m, columns) of rows."""
        step = rows_of_a_block(self.columns)
        for first, lines in self._lines():
            for start in range(0, len(lines), step):
                labels, indices, values, counts = _parsed(lines[start : start + step], first + start)
                block = np.zeros((len(labels), self.columns))
                block[np.repeat(np.arange(len(labels)), counts), indices - self._base] = values
                block[:, -1] = labels
                yield block

    def _lines(self) -> Iterator[tuple[int, list[bytes]]]:
        """Lines that say something, in portions, each with the number of its first."""
        self._file.seek(0)
        rest, first = b"", 0
        while True:
            content = self._file.read(READ_BYTES)
            if content and len(rest) > LONGEST_LINE:
                raise InputError.at(("rows", first), f"must not be longer than {LONGEST_LINE} bytes")
            text, _, rest = (rest + content).rpartition(b"\n") if content else (rest, b"", b"")
            lines = [line for line in BESIDE.sub(b"", text).split(b"\n") if line.strip()]
            if lines:
                yield first, lines
                first += len(lines)
            if not content:
                return


def _parsed(lines: Sequence[bytes], first: int) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """Labels (m,) of lines, then all indices and values, and how many each line has."""
    counts = np.array([line.count(b":") for line in lines], dtype=np.intp)
    tokens = b"\n".join(lines).replace(b":", b" : ").split()
    numbers = [token for token in tokens if token != b":"]
    if max(map(len, numbers), default=0) > LONGEST_NUMBER or any(b"_" in number for number in numbers):
        raise _fault(lines, first)
    try:
        found = np.array(numbers, dtype="S").astype(np.float64)
    except ValueError:
        raise _fault(lines, first) from None
    if len(numbers) != int(np.sum(1 + 2 * counts)) or len(tokens) - len(numbers) != int(counts.sum()):
        raise _fault(lines, first)
    starts = np.concatenate(([0], np.cumsum(1 + 2 * counts)[:-1]))
    rest = np.delete(found, starts)
    indices = rest[0::2]
    steps = np.diff(indices)
    # between one line and the next an index may fall
    inside = np.ones(max(0, len(indices) - 1), dtype=bool)
    ends = np.cumsum(counts)
    inside[(ends[(ends > 0) & (ends < len(indices))] - 1)] = False
    sound = (indices >= 0) & (indices < LARGEST_INDEX) & (indices == np.rint(indices))
    if not sound.all() or not np.all(steps[inside] > 0) or np.isnan(found).any():
        raise _fault(lines, first)
    return found[starts], indices.astype(np.intp), rest[1::2], counts


def _fault(lines: Sequence[bytes], first: int) -> InputError:
    """The first line that is not of the form, and what in it."""
    for row, line in enumerate(lines, first):
        label, *pairs = line.split()
        before = -1
        if number_of(label.decode("latin-1")) is None:
            return InputError.at(("rows", row), f"must begin with a label that is a number (row {row})")
        for pair in pairs:
            cut = PAIR.fullmatch(pair)
            value = None if cut is None else number_of(cut[2].decode("latin-1"))
            if cut is None or value is None or not before < int(cut[1]) < LARGEST_INDEX:
                place = f" (row {row}, behind index {before})" if before >= 0 else f" (row {row})"
                return InputError.at(("rows", row), f"{FORM}{place}")
            before = int(cut[1])
    return InputError.at(("rows", first), f"{FORM} (row {first})")
