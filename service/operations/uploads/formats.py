"""The explicit table of the formats that are read."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, Final

from service.errors import UnsupportedMediaType
from service.operations.uploads.csv_file import CsvTable
from service.operations.uploads.feather_file import feather_table
from service.operations.uploads.npy_file import NpyTable
from service.operations.uploads.npz_file import NpzTable
from service.operations.uploads.parquet_file import parquet_table
from service.operations.uploads.spool import on_disk
from service.operations.uploads.tables import Table
from service.schemas.datasets import Format, UploadOptions
from service.settings import UploadLimits


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A row of the table.

    Attributes
    ----------
    name : str
    media_types : tuple of str
        Content types that announce it; the first is the usual one.
    endings : tuple of str
        Of the names of its files.
    is_text : bool
        Whether it may come packed by gzip.
    open : callable
        Reads the beginning of a file that can be read only once; what it opens besides is closed with the stack.
    """

    name: Format
    media_types: tuple[str, ...]
    endings: tuple[str, ...]
    is_text: bool
    open: Callable[[BinaryIO, UploadOptions, UploadLimits, ExitStack], Table]


FORMATS: Final[tuple[FileFormat, ...]] = (
    FileFormat(
        "csv",
        ("text/csv", "text/tab-separated-values", "text/plain", "application/csv", "application/gzip"),
        ("csv", "tsv", "tab", "txt", "dat", "data", "gz"),
        True,
        lambda file, options, limits, _opened: CsvTable(file, options, limits.max_upload_bytes),
    ),
    FileFormat(
        "npy",
        ("application/x-npy",),
        ("npy",),
        False,
        lambda file, _options, _limits, opened: NpyTable(file, opened),
    ),
    FileFormat(
        "npz",
        ("application/x-npz", "application/zip"),
        ("npz",),
        False,
        lambda file, _options, limits, opened: NpzTable(on_disk(file, opened), limits.max_upload_bytes, opened),
    ),
    FileFormat(
        "parquet",
        ("application/vnd.apache.parquet", "application/x-parquet"),
        ("parquet", "pq"),
        False,
        lambda file, _options, _limits, opened: parquet_table(on_disk(file, opened)),
    ),
    FileFormat(
        "feather",
        ("application/vnd.apache.arrow.file", "application/x-feather"),
        ("feather", "arrow", "ftr"),
        False,
        lambda file, _options, _limits, opened: feather_table(on_disk(file, opened)),
    ),
)
FORMAT_BY_NAME: Final[Mapping[str, FileFormat]] = {row.name: row for row in FORMATS}


def format_of(media_type: str, file_name: str = "") -> FileFormat:
    """The format that a content type announces, or the ending of a file's name where the type says nothing.

    Raises
    ------
    UnsupportedMediaType
    """
    kind = media_type.partition(";")[0].strip().lower()
    ending = file_name.rpartition(".")[2].lower()
    for row in FORMATS:
        if kind in row.media_types or (kind in ("", "application/octet-stream") and ending in row.endings):
            return row
    announced = ", ".join(row.media_types[0] for row in FORMATS)
    raise UnsupportedMediaType(f"send a file with the content type {announced}, or a form with one as the part `file`")
