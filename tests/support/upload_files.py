"""Tables as files of every format, and each way in which a file can be wrong."""

import gzip
import io
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # ships no types
from backports import zstd
from openpyxl import Workbook  # type: ignore[import-untyped]  # ships no types

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, LimitExceeded, MalformedBody, ServiceError, UnsupportedMediaType

RNG = np.random.default_rng(7)
TABLE = RNG.normal(size=(97, 4)) * [1.0, 1e-3, 1e4, 2.0] + [0.0, 5.0, -1e6, 3.0]
NAMES = ("age", "dose", "time", "effect")


def as_csv(table: FloatArray, names: tuple[str, ...] = (), line: str = "\n", delimiter: str = ",") -> bytes:
    rows = [delimiter.join(map(repr, row)) for row in table.tolist()]
    return line.join([delimiter.join(names), *rows] if names else rows).encode()


def as_npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def as_npz(*, packed: bool = False, **arrays: Any) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(stream, **arrays)
    return stream.getvalue()


def as_parquet(table: FloatArray, names: tuple[str, ...] = NAMES, **options: Any) -> bytes:
    return written(pa.table(dict(zip(names, table.T, strict=True))), **options)


def written(table: Any, **options: Any) -> bytes:
    """A table of Arrow as a file of Parquet."""
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def as_xlsx(table: Any, names: tuple[str, ...] = NAMES) -> bytes:
    book, stream = Workbook(), io.BytesIO()
    for row in [names, *table.tolist()] if names else table.tolist():
        book.active.append(list(row))
    book.save(stream)
    return stream.getvalue()


def bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        header = as_npy(np.zeros((1 << 17, 8)))
        archive.writestr("x.npy", header)
        archive.writestr("y.npy", as_npy(np.zeros(1 << 17)))
    return stream.getvalue()


def lying(content: bytes) -> bytes:
    """An archive whose directory announces fewer bytes for each entry than there are."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.infolist()[0].file_size
    return content.replace(size.to_bytes(4, "little"), (size - 8).to_bytes(4, "little"))


@dataclass(frozen=True)
class Case:
    """A file, how it is to be read, and what is said about it."""

    content: bytes
    form: str
    error: type[ServiceError]
    pointer: str | None
    says: str
    options: dict[str, Any]
    limits: dict[str, Any]


def case(content: bytes, form: str, error: type[ServiceError], pointer: str | None, says: str, **more: Any) -> Case:
    limits = {name: more.pop(name) for name in list(more) if name.startswith("max_")}
    return Case(content, form, error, pointer, says, more, limits)


ARFF = b"@relation t\n@attribute a real\n@attribute b real\n@attribute y real\n@data\n1,2,0\n3,4,1\n5,7,1\n"
CSV = b"a,b,y\n1,2,0\n3,4,1\n5,7,1\n"
GOOD = np.arange(12.0).reshape(4, 3)
WRONG = {
    "empty": case(b"", "csv", InputError, "", "at least one row"),
    "a header alone": case(b"a,b\n", "csv", InputError, "", "at least one row"),
    "a field that is not a number": case(b"a,b\n1,2\n\n3,x\n", "csv", InputError, "/rows/1/b", "line 4 of the file"),
    "a missing field": case(b"1,2\n,4\n", "csv", InputError, "/rows/1/0", "is missing"),
    "a column without any value": case(b"a,b,c\n1,,2\n3,,4\n", "csv", InputError, "/header/b", "has no value in any"),
    "a row too short": case(b"1,2\n3\n", "csv", InputError, "/rows/1", "must have 2 fields"),
    "a row too long": case(b"1,2\n3,4,5\n", "csv", InputError, "/rows/1", "has 3"),
    "not UTF-8": case(b"1,2\n3,\xff\n", "csv", InputError, "/rows/1", "UTF-8", encoding="utf-8"),
    "no number in Latin-1": case(b"1,2\n3,\xff\n", "csv", InputError, "/rows/1/1", "must be a number"),
    "not a number": case(b"1,2\n3,nan\n", "csv", InputError, "/rows/1/1", "is missing"),
    "a missing field, however few": case(
        b"1,2\n" * 99 + b"3,\n", "csv", InputError, "/rows/99/1", "is missing", missing="refuse"
    ),
    "an infinite number": case(b"1,2\n3,inf\n", "csv", InputError, "/rows/1/1", "finite"),
    "an integer of 400 digits": case(b"1,2\n3," + b"9" * 400, "csv", InputError, "/rows/1/1", "finite"),
    "names that repeat": case(b"a,a\n1,2\n", "csv", InputError, "/header/1", "must not repeat"),
    "a name that is empty": case(b"a,\n1,2\n", "csv", InputError, "/header/1", "must name column 1"),
    "a text above numbers that is no name": case(
        b"a,2\n1,2\n", "csv", InputError, "/rows/0/0", "line 1 of the file", header="absent"
    ),
    "a line without end": case(b"1,2\n" + b"1" * (5 << 20), "csv", InputError, "/rows/1", "longer than"),
    "texts of many kinds": case(b"1,a,2\n3,b,4\n5,c,6\n", "csv", InputError, "/header/1", "holds texts of many kinds"),
    "a category of one level": case(b"a,y\nred,1\nred,2\n", "csv", InputError, "", "a category of one level"),
    "a field without an end": case(
        b'a,b\n1,2\n"' + b"x" * 200_000 + b"\n", "csv", InputError, "/rows/1", "without a line break in them"
    ),
    "packed, and too large unpacked": case(
        gzip.compress(CSV * 1000), "csv", LimitExceeded, "", "unpacked", max_upload_bytes=10_000
    ),
    "npy: categories": case(
        as_npy(GOOD), "npy", InputError, "/categories", "belongs to csv and Parquet", categories=["0"]
    ),
    "parquet: numbers as categories": case(
        as_parquet(TABLE), "parquet", InputError, "/categories", "must name columns of texts", categories=["age"]
    ),
    "parquet: too many texts": case(
        written(pa.table({"a": [f"t{row}" for row in range(60)], "y": np.arange(60.0)})),
        "parquet",
        InputError,
        "/header/a",
        "more than 50 different texts",
    ),
    "the wrong delimiter": case(b"1;2\n3;4\n", "csv", InputError, "", "`delimiter` says", delimiter="comma"),
    "one column": case(b"1\n2\n", "csv", InputError, "", "at least one column besides"),
    "an unknown target": case(CSV, "csv", InputError, "/targets/1", "name of a column", targets=["y", "z"]),
    "a target twice": case(CSV, "csv", InputError, "/targets/1", "twice", targets=["y", "2"]),
    "a position beyond": case(CSV, "csv", InputError, "/targets/0", "position", targets=["-4"]),
    "an ignored target": case(CSV, "csv", InputError, "/ignore", "must not name a target", ignore=["y"]),
    "one-hot of two targets": case(CSV, "csv", InputError, "/one_hot", "one target", targets=["a", "b"], one_hot=True),
    "a fractional label": case(b"1,2\n3,0.5\n", "csv", InputError, "/rows/1/1", "integer label", one_hot=True),
    "one class": case(b"1,2\n3,2\n", "csv", InputError, "/columns/1", "two classes", one_hot=True),
    "a constant column": case(
        b"a,b\n0.1,1\n0.1,2\n0.1,4\n", "csv", InputError, "/columns/a", "constant", standardise=True
    ),
    "one row": case(b"1,2\n", "csv", InputError, "/columns/0", "constant", standardise=True),
    "targets too large": case(b"a,b\n1,1e155\n2,2\n", "csv", InputError, "/columns/b", "up to about 1e+154"),
    "targets that overflow": case(
        b"a,b\n1,-1.7e308\n2,1.7e308\n", "csv", InputError, "/columns/b", "up to about 1e+154"
    ),
    "samples that overflow when they are centred": case(
        b"a,b\n-1.7e308,1\n1.7e308,2\n1.7e308,2\n",
        "csv",
        InputError,
        "/columns/a",
        "within double precision",
        centre=True,
        keep_samples=True,
    ),
    "too many numbers": case(CSV, "csv", LimitExceeded, "", "max_dataset_numbers = 8", max_dataset_numbers=8),
    "too many announced": case(as_npy(GOOD), "npy", LimitExceeded, "", "max_dataset_numbers", max_dataset_numbers=11),
    "too many inputs": case(CSV, "csv", LimitExceeded, "", "max_inputs = 1", max_inputs=1),
    "too many outputs": case(CSV, "csv", LimitExceeded, "", "max_outputs", max_outputs=1, targets=["b", "y"]),
    "too many classes": case(as_npy(GOOD), "npy", LimitExceeded, "", "max_outputs", max_outputs=3, one_hot=True),
    "too many to keep": case(
        CSV, "csv", LimitExceeded, "", "max_kept_numbers = 8", max_kept_numbers=8, keep_samples=True
    ),
    "a header for npy": case(as_npy(GOOD), "npy", InputError, "/header", "csv only", header="absent"),
    "npy: nothing": case(b"", "npy", MalformedBody, None, "not a readable .npy"),
    "npy: a header that is not Python": case(
        as_npy(GOOD).replace(b"(4, 3)", b"(4, 3 "), "npy", MalformedBody, None, "not a readable .npy"
    ),
    "npy: a header of brackets": case(
        as_npy(GOOD).replace(b"{'descr'", b"((((((((", 1), "npy", MalformedBody, None, "not a readable .npy"
    ),
    "csv: not UTF-8 where nobody looks": case(
        b"a,b,y\n1,2,3\n2,\xff,3\n", "csv", InputError, "/rows/2", "UTF-8", ignore=["b"], encoding="utf-8"
    ),
    "npy: truncated": case(as_npy(GOOD)[:-1], "npy", MalformedBody, None, "number of bytes that differs"),
    "npy: objects": case(as_npy(np.array([[1, None]], dtype=object)), "npy", MalformedBody, None, "never unpickled"),
    "npy: text": case(as_npy(np.array([["a", "b"]])), "npy", MalformedBody, None, "matrix of numbers"),
    "npy: complex": case(as_npy(GOOD * 1j), "npy", MalformedBody, None, "must hold numbers"),
    "npy: a vector": case(as_npy(GOOD[0]), "npy", MalformedBody, None, "one row a sample"),
    "npy: no rows": case(as_npy(GOOD[:0]), "npy", InputError, "", "at least one row"),
    "npy: infinite": case(as_npy(np.where(GOOD == 7, np.inf, GOOD)), "npy", InputError, "/rows/2/1", "finite"),
    "npy: long double": case(
        as_npy(GOOD.astype(np.longdouble) * np.longdouble("1e4000")), "npy", InputError, "/rows/0/1", "finite"
    ),
    "npz: no archive": case(b"PK", "npz", MalformedBody, None, "not a readable .npz"),
    "npz: truncated": case(as_npz(x=GOOD, y=GOOD)[:-30], "npz", MalformedBody, None, "not a readable .npz"),
    "npz: other names": case(as_npz(a=GOOD), "npz", InputError, "", "the arrays x"),
    "npz: rows differ": case(as_npz(x=GOOD, y=GOOD[1:]), "npz", InputError, "/y", "must have 4 rows"),
    "npz: x a vector": case(as_npz(x=GOOD[0], y=GOOD[0]), "npz", InputError, "/x", "matrix"),
    "npz: objects": case(as_npz(x=GOOD, y=np.array([None] * 4)), "npz", MalformedBody, None, "never unpickled"),
    "npz: a bomb": case(bomb(), "npz", LimitExceeded, "", "max_upload_bytes", max_upload_bytes=1 << 20),
    "npz: a directory that lies": case(lying(as_npz(x=GOOD, y=GOOD)), "npz", MalformedBody, None, ""),
    "npz: a byte changed": case(
        as_npz(x=GOOD, y=GOOD).replace(GOOD[3].tobytes(), GOOD[2].tobytes(), 1),
        "npz",
        MalformedBody,
        None,
        "not a readable .npz",
    ),
    "npz: targets named": case(as_npz(x=GOOD, y=GOOD), "npz", InputError, "/targets", "one table", targets=["0"]),
    "an unknown column to leave out": case(
        b"a,y\n1,2\n3,4\n", "csv", InputError, "/ignore/0", "must be the name of a column", ignore=["b"]
    ),
    "parquet: two columns of one name": case(
        written(pa.Table.from_arrays([pa.array([1.0, 2.0])] * 3, names=["a", "a", "y"])),
        "parquet",
        InputError,
        "/header",
        "alike",
    ),
    "parquet: a column of lists": case(
        written(pa.table({"a": [1.0, 2.0], "b": [[1], [2]], "y": [0.0, 1.0]})),
        "parquet",
        InputError,
        "/header/b",
        "must be a column of numbers, dates or texts",
    ),
    "zstandard: a bomb": case(zstd.compress(CSV * 1000), "csv", LimitExceeded, "", "unpacked", max_upload_bytes=10_000),
    "zstandard: cut short": case(zstd.compress(CSV * 1000)[:-9], "csv", MalformedBody, None, "ends early"),
    "a workbook sent as csv": case(as_xlsx(TABLE), "csv", UnsupportedMediaType, None, "send it with that content type"),
    "arff: no @data": case(b"@relation a\n", "arff", InputError, "/header", "must end in a line @data"),
    "arff: no attributes": case(b"@relation a\n@data\n1,2\n", "arff", InputError, "/header", "in lines @attribute"),
    "arff: an attribute without a type": case(
        ARFF.replace(b" real", b"", 1), "arff", InputError, "/header", "name type"
    ),
    "arff: an attribute of another type": case(
        ARFF.replace(b"real", b"relational", 1), "arff", InputError, "/header", "numeric, nominal {..}, date or string"
    ),
    "arff: two attributes of one name": case(
        ARFF.replace(b"@attribute b", b"@attribute a"), "arff", InputError, "/header", "alike"
    ),
    "arff: more fields than attributes": case(
        ARFF.replace(b"1,2,0", b"1,2,0,9"), "arff", InputError, "/rows/0", "one for each @attribute"
    ),
    "arff: a field that is not a number": case(
        ARFF.replace(b"3,4,1", b"3,x,1"), "arff", InputError, "/rows/1/b", "line 7 of the file"
    ),
    "arff: sparse rows": case(
        ARFF.partition(b"1,2")[0] + b"{0 1, 2 5}\n", "arff", InputError, "/rows/0", "read as svmlight"
    ),
    "arff: a delimiter": case(ARFF, "arff", InputError, "/delimiter", "csv only", delimiter="comma"),
    "svmlight: no label": case(b"1:2 2:3\n", "svmlight", InputError, "/rows/0", "must begin with a label"),
    "svmlight: no index": case(b"1 1:2\n0 2\n", "svmlight", InputError, "/rows/1", "index:value"),
    "svmlight: indices that fall": case(b"1 2:2 1:3\n", "svmlight", InputError, "/rows/0", "indices that ascend"),
    "svmlight: labels alone": case(b"1\n0\n", "svmlight", InputError, "", "at least one feature"),
    "svmlight: nothing": case(b"# nothing\n", "svmlight", InputError, "", "at least one row"),
    "svmlight: too many columns": case(b"1 3000:1\n", "svmlight", LimitExceeded, "", "max_inputs"),
    "svmlight: an infinite value": case(b"1 1:inf\n0 1:1\n", "svmlight", InputError, "/rows/0/1", "finite"),
    "svmlight: a line without end": case(b"1 " + b"1" * (5 << 20), "svmlight", InputError, "/rows/0", "longer than"),
    "xlsx: none": case(b"PK", "xlsx", MalformedBody, None, "not a readable xlsx"),
    "xlsx: cut short": case(as_xlsx(TABLE)[:-30], "xlsx", MalformedBody, None, "not a readable xlsx"),
    "xlsx: no rows": case(as_xlsx(TABLE[:0], ()), "xlsx", InputError, "", "at least one row"),
    "xlsx: larger than it may be, unpacked": case(
        as_xlsx(TABLE), "xlsx", LimitExceeded, "", "once unpacked", max_upload_bytes=2_000
    ),
    "xlsx: a text among numbers": case(
        as_xlsx(np.array([["a", "y"], [1, 2], [3, 4], ["x", 5]], dtype=object), ()),
        "xlsx",
        InputError,
        "/rows/2/a",
        "line 4 of the file",
    ),
    "parquet: none": case(b"PAR1", "parquet", MalformedBody, None, "not a readable Parquet"),
    "parquet: truncated": case(as_parquet(TABLE)[:-9], "parquet", MalformedBody, None, "not a readable Parquet"),
    "parquet: missing": case(
        as_parquet(np.where(TABLE[5, 1] == TABLE, np.nan, TABLE)),
        "parquet",
        InputError,
        "/rows/5/dose",
        "is missing",
        missing="refuse",
    ),
}


def opened(case: Case) -> io.BytesIO:
    """The file of a case, to be read."""
    return io.BytesIO(case.content)
