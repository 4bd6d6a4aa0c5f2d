"""Parquet by pyarrow, an extra: batches of rows, so that a group of rows is never in memory as a whole."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from service.errors import MalformedBody, UnsupportedMediaType
from service.operations.uploads.arrow_table import ArrowTable, OpenedTable, arrow_table

BUFFER_BYTES: Final = 1 << 20
MISSING: Final = (
    "this server reads Parquet once it has the extra analytic-minima-server[parquet]; csv, npy and npz are read"
)


def parquet_table(file: BinaryIO) -> ArrowTable:
    """Columns of a file that can be sought; checksums of its pages are compared where it has them.

    Raises
    ------
    UnsupportedMediaType
        Without pyarrow.
    MalformedBody
    """
    try:
        import pyarrow  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra that ships no types
        import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415 - as above
    except ImportError:
        raise UnsupportedMediaType(MISSING) from None
    errors = (pyarrow.ArrowException, OSError, ValueError)
    try:
        found: Any = pyarrow.parquet.ParquetFile(
            file, buffer_size=BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
        )
    except errors as error:
        raise MalformedBody("the file is not a readable Parquet file") from error
    schema = found.schema_arrow

    def batches(rows: int, names: Sequence[str]) -> Iterator[Any]:
        some = None if len(names) == len(schema) else list(names)
        batched: Iterator[Any] = found.iter_batches(rows, columns=some, use_threads=False)
        return batched

    return arrow_table(OpenedTable("Parquet", schema, found.metadata.num_rows, batches, errors, pyarrow.types))
