"""Parquet by pyarrow, an extra: batches of rows, so that a group of rows is never in memory as a whole."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, MalformedBody, UnsupportedMediaType
from service.operations.uploads.arrow import numbered
from service.operations.uploads.tables import name_of, rows_of_a_block, wrong_entry
from service.operations.uploads.text_labels import HOW_TEXTS_ARE_READ, TextLabels, fault

BUFFER_BYTES: Final = 1 << 20
MISSING: Final = (
    "this server reads Parquet once it has the extra analytic-minima-server[parquet]; csv, npy and npz are read"
)


class ParquetTable:
    """Columns of a file that can be sought: numbers, and labels; see `Table`.

    A number that is missing is NaN, and refused as such.
    """

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
            raise MalformedBody("the file is not a readable Parquet file") from error
        schema = self._file.schema_arrow
        self.names: tuple[str, ...] | None = tuple(schema.names)
        self.columns, self.rows = len(schema), self._file.metadata.num_rows
        if len(set(schema.names)) != len(schema):
            raise InputError.at(("header",), "must not name two columns alike")
        self._types, self._kinds = pyarrow.types, schema.types
        self._numbers_in: Sequence[int] = range(self.columns)
        self._texts: TextLabels | None = None

    @property
    def label_names(self) -> list[str] | None:
        """Texts of the labels, as far as the file was read."""
        return None if self._texts is None else self._texts.names

    def choose(self, columns: Sequence[int], labels: int | None) -> None:
        """Read these columns; their types say which hold numbers."""
        if labels is not None and self._is_text(self._kinds[labels]):
            self._texts = TextLabels(labels)
        self._numbers_in = [column for column in columns if self._texts is None or column != labels]
        for column in self._numbers_in:
            kind, types = self._kinds[column], self._types
            if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
                name, hint = name_of(column, self.names), f": {HOW_TEXTS_ARE_READ}" if self._is_text(kind) else ""
                detail = f"must be a column of numbers{hint} (column {column}, {name})"
                raise InputError.at(("header", name), detail)

    def _is_text(self, kind: Any) -> bool:
        types = self._types
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return bool(types.is_string(kind) or types.is_large_string(kind))

    def blocks(self) -> Iterator[FloatArray]:
        """Blocks of rows."""
        assert self.names is not None  # noqa: S101 - a Parquet file names its columns
        texts = [] if self._texts is None else [self._texts.column]
        wanted = [self.names[column] for column in (*self._numbers_in, *texts)]
        some = None if len(wanted) == self.columns else wanted
        batches = self._file.iter_batches(rows_of_a_block(self.columns), columns=some, use_threads=False)
        row = 0
        try:
            for batch in batches:
                if batch.num_rows:
                    yield self._numbers(batch, row)
                    row += batch.num_rows
        except self._errors as error:
            raise MalformedBody("the file is not a readable Parquet file, or it ends early") from error

    def _numbers(self, batch: Any, row: int) -> FloatArray:
        assert self.names is not None  # noqa: S101 - as above
        block = np.zeros((batch.num_rows, self.columns))
        for column in self._numbers_in:
            block[:, column] = batch.column(self.names[column]).to_numpy(zero_copy_only=False)
        if self._texts is not None:
            column = self._texts.column
            labels = batch.column(self.names[column])
            found = numbered(labels, self._texts)
            if found is None:
                wrong, detail = next((at, why) for at, text in enumerate(labels.to_pylist()) if (why := fault(text)))
                raise wrong_entry(row + wrong, column, self.names, detail)
            block[:, column] = found
        return block
