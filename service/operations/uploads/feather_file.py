"""Feather, which is a file of Arrow, by pyarrow, an extra: batches as they were written."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from service.errors import MalformedBody, UnsupportedMediaType
from service.operations.uploads.arrow_table import ArrowTable, OpenedTable, arrow_table

MISSING: Final = (
    "this server reads Feather once it has the extra analytic-minima-server[parquet]; csv, npy and npz are read"
)


def feather_table(file: BinaryIO) -> ArrowTable:
    """Columns of a file that can be sought.

    Raises
    ------
    UnsupportedMediaType
        Without pyarrow.
    MalformedBody
        Also for the first version of the format, which no library writes any more.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra that ships no types
        import pyarrow.ipc  # type: ignore[import-untyped]  # noqa: PLC0415 - as above
    except ImportError:
        raise UnsupportedMediaType(MISSING) from None
    errors = (pyarrow.ArrowException, OSError, ValueError)
    try:
        found: Any = pyarrow.ipc.open_file(file)
    except errors as error:
        raise MalformedBody("the file is not a readable Feather file") from error

    def batches(rows: int, _names: Sequence[str]) -> Iterator[Any]:
        for index in range(found.num_record_batches):
            batch = found.get_batch(index)
            # Arrow checks neither offsets nor lengths of its own accord
            batch.validate(full=True)
            for start in range(0, batch.num_rows, rows):
                yield batch.slice(start, rows)

    return arrow_table(OpenedTable("Feather", found.schema, None, batches, errors, pyarrow.types))
