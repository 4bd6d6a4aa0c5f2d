"""The explicit table of the formats that are read."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import BinaryIO, Final

from service.errors import UnsupportedMediaType
from service.operations.uploads.arff_file import ArffTable
from service.operations.uploads.csv_file import CsvTable
from service.operations.uploads.feather_file import feather_table
from service.operations.uploads.npy_file import NpyTable
from service.operations.uploads.npz_file import NpzTable
from service.operations.uploads.parquet_file import parquet_table
from service.operations.uploads.spool import on_disk
from service.operations.uploads.svmlight_file import SvmlightTable
from service.operations.uploads.tables import Table
from service.operations.uploads.xlsx_file import xlsx_table
from service.schemas.datasets import Format, UploadOptions
from service.settings import UploadLimits

PACKED: Final = ("gz", "zst")
PACKED_TYPES: Final = ("application/gzip", "application/zstd")
SILENT: Final = ("", "application/octet-stream", *PACKED_TYPES)
"""Content types that do not say what a file holds, so that the ending of its name does."""


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
    begins : tuple of bytes
        First bytes of its files, where all have some of these.
    open : callable
        Reads the beginning of a file that can be read only once; what it opens besides is closed with the stack.
    extra, library : str
        What a server needs to read it, and the module that comes with it; empty where it needs nothing.
    """

    name: Format
    media_types: tuple[str, ...]
    endings: tuple[str, ...]
    begins: tuple[bytes, ...]
    open: Callable[[BinaryIO, UploadOptions, UploadLimits, ExitStack], Table]
    extra: str = ""
    library: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether this server reads it."""
        return not self.library or find_spec(self.library) is not None


FORMATS: Final[tuple[FileFormat, ...]] = (
    FileFormat(
        "csv",
        ("text/csv", "text/tab-separated-values", "text/plain", "application/csv"),
        ("csv", "tsv", "tab", "txt", "dat", "data"),
        (),
        lambda file, options, _limits, _opened: CsvTable(file, options),
    ),
    FileFormat(
        "npy",
        ("application/x-npy",),
        ("npy",),
        (b"\x93NUMPY",),
        lambda file, _options, _limits, opened: NpyTable(file, opened),
    ),
    FileFormat(
        "npz",
        ("application/x-npz", "application/zip"),
        ("npz",),
        (b"PK",),
        lambda file, _options, limits, opened: NpzTable(on_disk(file, opened), limits.max_upload_bytes, opened),
    ),
    FileFormat(
        "parquet",
        ("application/vnd.apache.parquet", "application/x-parquet"),
        ("parquet", "pq"),
        (b"PAR1",),
        lambda file, _options, _limits, opened: parquet_table(on_disk(file, opened)),
        "parquet",
        "pyarrow",
    ),
    FileFormat(
        "feather",
        ("application/vnd.apache.arrow.file", "application/x-feather"),
        ("feather", "arrow", "ftr"),
        (b"ARROW1", b"FEA1"),
        lambda file, _options, _limits, opened: feather_table(on_disk(file, opened)),
        "parquet",
        "pyarrow",
    ),
    FileFormat(
        "arff",
        ("application/x-arff", "text/x-arff"),
        ("arff",),
        (),
        lambda file, options, _limits, _opened: ArffTable(file, options),
    ),
    FileFormat(
        "svmlight",
        ("application/x-svmlight", "application/x-libsvm"),
        ("svmlight", "libsvm", "svm"),
        (),
        lambda file, _options, limits, opened: SvmlightTable(on_disk(file, opened), limits.max_inputs),
    ),
    FileFormat(
        "xlsx",
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
        ("xlsx", "xlsm"),
        (b"PK",),
        lambda file, options, limits, opened: xlsx_table(on_disk(file, opened), options, limits.max_upload_bytes),
        "xlsx",
        "openpyxl",
    ),
)
FORMAT_BY_NAME: Final[Mapping[str, FileFormat]] = {row.name: row for row in FORMATS}
SAVED_OTHERWISE: Final = {
    **dict.fromkeys(
        ("xls", "xlsb", "ods", "numbers"), "files of this kind are not read: save the sheet as csv or xlsx"
    ),
    **dict.fromkeys(
        ("pkl", "pickle", "joblib"),
        "pickles can run code and are never opened: save the table by `to_csv` or `to_parquet`",
    ),
    **dict.fromkeys(
        ("dta", "sav", "sas7bdat", "rds", "rda", "rdata", "h5", "hdf5", "mat"),
        "files of this kind are not read: save the table as csv or Parquet",
    ),
    "json": "JSON is read as samples inside a problem, `data.kind` samples: save the table as csv to upload it",
}
"""By the ending of a file's name: what to do instead."""


def format_of(media_type: str, file_name: str = "") -> FileFormat:
    """The format that a content type announces, or the ending of a file's name where the type says nothing.

    Raises
    ------
    UnsupportedMediaType
    """
    kind = media_type.partition(";")[0].strip().lower()
    endings = file_name.lower().split(".")[1:]
    packed = bool(endings) and endings[-1] in PACKED
    ending = (endings[:-1] if packed else endings)[-1:] or [""]
    for row in FORMATS:
        if kind in row.media_types or (kind in SILENT and ending[0] in row.endings):
            return row
    if kind in SILENT and ending[0] in SAVED_OTHERWISE:
        raise UnsupportedMediaType(SAVED_OTHERWISE[ending[0]])
    if kind in PACKED_TYPES or packed:
        # nothing says what is in it: most often it is text
        return FORMATS[0]
    raise UnsupportedMediaType(what_is_read())


def what_is_read() -> str:
    """The content types that this server reads, and those that installing an extra adds."""
    read = ", ".join(row.media_types[0] for row in FORMATS if row.is_installed)
    missing = [row for row in FORMATS if not row.is_installed]
    more = "".join(f"; the extra `{row.extra}` of the server adds {row.media_types[0]}" for row in missing)
    return f"send a file with the content type {read}, or a form with one as the part `file`{more}"


def check_beginning(beginning: bytes, announced: FileFormat) -> None:
    """Refuse a file whose first bytes are those of another format than the announced one.

    Raises
    ------
    UnsupportedMediaType
        Naming the content type to send it with.
    """
    if announced.begins and beginning.startswith(announced.begins):
        return
    found = [row for row in FORMATS if row.begins and beginning.startswith(row.begins)]
    if found:
        kinds = " or ".join(f"{row.name} ({row.media_types[0]})" for row in found)
        raise UnsupportedMediaType(f"the file is no {announced.name} but {kinds}: send it with that content type")
