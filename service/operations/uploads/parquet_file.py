"""Parquet by pyarrow, an extra: batches of rows, so that a group of rows is never in memory as a whole."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import numpy as np

from service.core.arrays import FloatArray
from service.errors import InputError, MalformedBody, UnsupportedMediaType
from service.operations.uploads.tables import name_of, rows_of_a_block

BUFFER_BYTES: Final = 1 << 20
MISSING: Final = (
    "this server does not read Parquet: whoever runs it can install analytic-minima[parquet]; csv, npy and npz are read"
)


class ParquetTable:
    """Columns of numbers in a file that can be sought; see `Table`.  An entry that is missing is NaN, and refused as such."""

    targets = 0

    def __init__(self, file: BinaryIO) -> None:
        try:
            import pyarrow  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra that ships no types
            import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415 - as above
        except ImportError:
            raise UnsupportedMediaType(MISSING) from None
        self._errors = (pyarrow.ArrowException, OSError, ValueError)
        try:
            self._file: Any = pyarrow.parquet.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)
        except self._errors as error:
            raise MalformedBody("the file is no readable Parquet file") from error
        schema = self._file.schema_arrow
        self.names: tuple[str, ...] | None = tuple(schema.names)
        self.columns, self.rows = len(schema), self._file.metadata.num_rows
        for column, kind in enumerate(schema.types):
            types = pyarrow.types
            if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
                name = name_of(column, self.names)
                raise InputError.at(("header", name), f"must be a column of numbers (column {column}, {name})")
        if len(set(schema.names)) != len(schema):
            raise InputError.at(("header",), "must not name two columns alike")

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks of rows."""
        batches = self._file.iter_batches(rows_of_a_block(self.columns), use_threads=False)
        try:
            for batch in batches:
                if batch.num_rows:
                    yield _numbers(batch, self.columns)
        except self._errors as error:
            raise MalformedBody("the file is no readable Parquet file, or it ends early") from error


def _numbers(batch: Any, columns: int) -> FloatArray:
    block = np.empty((batch.num_rows, columns))
    for column in range(columns):
        block[:, column] = batch.column(column).to_numpy(zero_copy_only=False)
    return block
