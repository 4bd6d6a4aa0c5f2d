"""Files as people have them: one table in many dialects and formats, and what each must become."""

import codecs
import gzip
import io
import itertools
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # ships no types
from backports import zstd
from openpyxl import Workbook  # type: ignore[import-untyped]  # ships no types
from pyarrow import feather

from service.core.ground.numbers.arrays import FloatArray

ROWS: Final = 40
RNG: Final = np.random.default_rng(11)
INPUTS: Final = np.round(RNG.normal(size=(ROWS, 3)) * [3.0, 900.0, 40_000.0] + [1.0, 4000.0, 250_000.0], 2)
TARGET: Final = np.round(INPUTS @ [1.0, 0.01, -1e-4] + RNG.normal(size=ROWS), 3)
TABLE: Final = np.column_stack([INPUTS, TARGET])
NAMES: Final = ("age", "income", "price", "effect")
DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}


@dataclass(frozen=True)
class Animal:
    """A file and what must become of it.

    Attributes
    ----------
    name : str
    content : bytes
    form : str
    expected : (n, c) array or str
        The inputs, then the target; or a part of the message of its refusal.
    options : dict
    inputs : tuple of str or None
        Names of the inputs, where they matter.
    """

    name: str
    content: bytes
    form: str = "csv"
    expected: FloatArray | str = field(default_factory=lambda: TABLE)
    options: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] | None = None


def text(
    rows: Sequence[Sequence[Any]] = TABLE.tolist(),
    names: Sequence[str] = NAMES,
    *,
    delimiter: str = ",",
    decimal: str = ".",
    quote: str = "",
    quoted: str = "",
    line: str = "\n",
    thousands: str = "",
    after: str = "",
) -> str:
    """A table as text.

    Parameters
    ----------
    quote, quoted : str
        A mark, and what stands in it: ``names``, ``numbers``, or both.
    """

    def number(value: Any) -> str:
        if isinstance(value, str):
            return value
        found = f"{value:,.3f}" if thousands else f"{value:.10g}"
        found = found.replace(",", "\0").replace(".", decimal).replace("\0", thousands)
        return f"{quote}{found}{quote}" if "numbers" in quoted else found

    lines = [delimiter.join(map(number, row)) + after for row in rows]
    if names:
        lines.insert(
            0, delimiter.join(f"{quote}{name}{quote}" if "names" in quoted else name for name in names) + after
        )
    return line.join([*lines, ""])


def csv_files() -> Iterator[Animal]:
    """The table as text in every dialect."""
    for (name, mark), header in itertools.product(DELIMITERS.items(), (True, False)):
        told = "with names" if header else "without names"
        names = NAMES if header else ()
        yield Animal(f"{name}, {told}", text(names=names, delimiter=mark).encode())
        yield Animal(f"{name}, {told}, Windows", text(names=names, delimiter=mark, line="\r\n").encode())
        if mark != ",":
            yield Animal(f"{name}, decimal comma, {told}", text(names=names, delimiter=mark, decimal=",").encode())
        for quote, quoted in itertools.product("\"'", ("names", "names numbers")):
            if header or "numbers" in quoted:
                content = text(names=names, delimiter=mark, quote=quote, quoted=quoted).encode()
                yield Animal(f"{name}, {told}, {quoted} in {quote}", content)
    for encoding, mark_bytes in (
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("latin-1", b""),
    ):
        names = ("âge", "größe", "preço", "effect")
        content = mark_bytes + text(names=names).encode(encoding)
        yield Animal(f"{encoding}{' with a mark' if mark_bytes else ''}", content, inputs=names[:3])
    plain = text().encode()
    yield Animal("gzip", gzip.compress(plain))
    yield Animal("two gzip files, one after the other", gzip.compress(plain[:500]) + gzip.compress(plain[500:]))
    yield Animal("gzip, cut short", gzip.compress(plain)[:-20], expected="damaged or ends early")
    yield Animal("the mark of zstandard before text", b"\x28\xb5\x2f\xfd" + plain, expected="damaged or ends early")
    yield Animal("old Mac", text(line="\r").encode())
    yield Animal("no line end at the end", plain.rstrip(b"\n"))
    yield Animal("blank lines", plain.replace(b"\n", b"\n\n"))
    yield Animal("lines of blanks at the end", plain + b"  \n \n")
    for comment in ("#", "%", "//"):
        yield Animal(f"comments after {comment}", f"{comment} made by hand\n".encode() + plain)
    yield Animal("comments in between", b"# first\n" + plain.replace(b"\n", b"\n# more, of it\n", 3))
    yield Animal("a title above", b"Measured in 2020\n\n" + plain)
    yield Animal("three lines above", b"Source: nobody\nUnits: none\nContact: nobody, really\n" + plain)
    yield Animal("counts above, as scikit-learn has them", b"40,3\n" + text(names=()).encode())
    for name, mark in (("semicolon", ";"), ("comma", ","), ("tab", "\t")):
        yield Animal(f"a {name} at every end", text(delimiter=mark, after=mark).encode())
        rows = text(names=(), delimiter=mark, after=mark)
        yield Animal(f"a {name} at the ends of rows", f"{mark.join(NAMES)}\n{rows}".encode(), inputs=NAMES[:3])
    yield Animal("thousands: 1,234.5 in tabs", text(delimiter="\t", thousands=",").encode())
    yield Animal("thousands: 1.234,5 in semicolons", text(delimiter=";", decimal=",", thousands=".").encode())
    yield Animal("thousands: 1 234,5 in semicolons", text(delimiter=";", decimal=",", thousands=" ").encode())
    yield Animal("thousands: 1'234.5 in semicolons", text(delimiter=";", thousands="'").encode())
    yield Animal('thousands: "1,234.5" in commas', text(thousands=",", quote='"', quoted="numbers").encode())
    yield Animal("runs of blanks", text(delimiter="    ").encode())
    yield Animal("blanks after commas", text(delimiter=", ").encode())
    yield Animal(
        "exponents", "\n".join([",".join(NAMES), *(",".join(f"{v:.12e}" for v in row) for row in TABLE)]).encode()
    )
    yield Animal("signs", text().replace("\n", "\n+", 1).encode())
    yield from _labelled()
    yield from _with_kinds()
    yield from _with_missing()
    yield from _wrong()


def _labelled() -> Iterator[Animal]:
    """Labels of rows, as pandas, R and people write them."""
    numbered = [[float(row), *values] for row, values in enumerate(TABLE.tolist())]
    yield Animal("pandas: an index without a name", text(numbered, ("", *NAMES)).encode(), inputs=NAMES[:3])
    yield Animal("pandas: Unnamed: 0", text(numbered, ("Unnamed: 0", *NAMES)).encode(), inputs=NAMES[:3])
    yield Animal("pandas: columns without names", text(names=("0", "1", "2", "3")).encode(), inputs=("0", "1", "2"))
    yield Animal("pandas: neither names nor index named", text(numbered, ("", "0", "1", "2", "3")).encode())
    labels = [f"subject {row}" for row in range(ROWS)]
    named = [[label, *values] for label, values in zip(labels, TABLE.tolist(), strict=True)]
    yield Animal("texts of rows first", text(named, ("who", *NAMES)).encode(), inputs=NAMES[:3])
    yield Animal(
        "R: row names",
        text([[f'"{row + 1}"', *v] for row, v in enumerate(TABLE.tolist())], [f'"{n}"' for n in NAMES]).encode(),
    )
    yield Animal(
        "R: row names in tabs",
        text([[label, *v] for label, v in zip(labels, TABLE.tolist(), strict=True)], NAMES, delimiter="\t").encode(),
    )
    whole = np.column_stack([np.arange(4.0), np.ones((4, 2)), np.arange(4.0)])
    yield Animal(
        "counting columns that are data",
        b"0,1,2,3\n1,1,2,5\n7,5,2,8\n",
        expected=np.array([[0, 1, 2, 3], [1, 1, 2, 5], [7, 5, 2, 8.0]]),
        options={"header": "absent"},
    )
    yield Animal("years above", text(whole.tolist(), ("place", "2001", "2002", "2003")).encode(), expected=whole)


def _with_kinds() -> Iterator[Animal]:
    """Dates, truth values and categories beside numbers."""
    base = TABLE[:, [0, 3]]
    days = np.arange(ROWS) * 7.0 + 14_610.0
    moments = np.datetime64("1970-01-01") + days.astype(int).astype("timedelta64[D]")
    formats = {
        "ISO": "%Y-%m-%d",
        "slashes": "%Y/%m/%d",
        "US": "%m/%d/%Y",
        "German": "%d.%m.%Y",
        "Jan 1 2000": "%b %d %Y",
        "1-Jan-2000": "%d-%b-%Y",
        "ISO with time": "%Y-%m-%dT%H:%M:%S",
    }
    for name, form in formats.items():
        rows = [
            [moment.strftime(form), *values] for moment, values in zip(moments.tolist(), base.tolist(), strict=True)
        ]
        yield Animal(
            f"dates: {name}",
            text(rows, ("day", "age", "effect"), delimiter=";").encode(),
            expected=np.column_stack([days, base]),
        )
    quarters = [f"{1980 + row // 4}Q{row % 4 + 1}" for row in range(ROWS)]
    starts = [np.datetime64(f"{1980 + row // 4}-{3 * (row % 4) + 1:02d}-01").astype(int) for row in range(ROWS)]
    yield Animal(
        "dates: quarters",
        text([[q, *v] for q, v in zip(quarters, base.tolist(), strict=True)], ("when", "age", "effect")).encode(),
        expected=np.column_stack([starts, base]),
    )
    truth = np.arange(ROWS) % 3 == 0
    for yes, no in (("True", "False"), ("yes", "no"), ("T", "F"), ("TRUE", "FALSE")):
        rows = [[yes if said else no, *values] for said, values in zip(truth.tolist(), base.tolist(), strict=True)]
        yield Animal(
            f"truth: {yes}", text(rows, ("smokes", "age", "effect")).encode(), expected=np.column_stack([truth, base])
        )
    levels = ["red", "green", "blue"]
    colours = [levels[row % 3] for row in range(ROWS)]
    rows = [[colour, *values] for colour, values in zip(colours, base.tolist(), strict=True)]
    coded = np.column_stack([[c == "green" for c in colours], [c == "red" for c in colours], base]).astype(float)
    yield Animal(
        "a category",
        text(rows, ("colour", "age", "effect")).encode(),
        expected=coded,
        inputs=("colour=green", "colour=red", "age"),
    )
    quoted = [[f'"{row[0]}, bright"', *row[1:]] for row in rows]
    yield Animal(
        "a category with commas in its texts", text(quoted, ("colour", "age", "effect")).encode(), expected=coded
    )
    numbers = np.array([7.0 if c == "red" else 3.0 if c == "green" else 1.0 for c in colours])
    yield Animal(
        "numbers read as a category",
        text(np.column_stack([numbers, base]).tolist(), ("code", "age", "effect")).encode(),
        expected=np.column_stack([numbers == 3, numbers == 7, base]).astype(float),
        options={"categories": ["code"]},
    )


def _with_missing() -> Iterator[Animal]:
    """Missing values by every name, and everything that can be done about them."""
    gap = TABLE.tolist()
    few = np.delete(TABLE, [5], axis=0)
    for word in ("", "NA", "N/A", "nan", "NaN", "null", "None", "?", "-", ".", "#N/A"):
        rows = [list(row) for row in gap]
        rows[5][1] = word
        yield Animal(f"missing: {word or 'nothing'}", text(rows).encode(), expected=few)
    rows = [list(row) for row in gap]
    for row in range(0, ROWS, 4):
        rows[row][1] = "NA"
    missing = np.arange(ROWS) % 4 == 0
    mean = TABLE[~missing, 1].mean()
    filled = TABLE.copy()
    filled[missing, 1] = mean
    content = text(rows).encode()
    yield Animal("much missing", content, expected="`missing` says what to do")
    yield Animal("much missing, rows dropped", content, expected=TABLE[~missing], options={"missing": "drop_rows"})
    yield Animal("much missing, means", content, expected=filled, options={"missing": "mean"})
    marked = np.column_stack([filled[:, :2], missing, filled[:, 2:]])
    yield Animal(
        "much missing, marked",
        content,
        expected=marked,
        options={"missing": "indicator"},
        inputs=("age", "income", "income is missing", "price"),
    )
    yield Animal(
        "a target missing, means",
        text([*gap[:5], [*gap[5][:3], "NA"]]).encode(),
        expected="in a target",
        options={"missing": "mean"},
    )
    yield Animal(
        "few missing, refused",
        text([*gap, ["NA", *gap[0][1:]]]).encode(),
        expected="is missing",
        options={"missing": "refuse"},
    )


def _wrong() -> Iterator[Animal]:
    """What must be refused, with the word that repairs it."""
    named = [[f"name {row}", *values] for row, values in enumerate(TABLE.tolist())]
    moved = [[values[1], values[0], *values[2:]] for values in named]
    yield Animal(
        "texts of many kinds", text(moved, ("age", "who", "income", "price", "effect")).encode(), expected="`ignore`"
    )
    yield Animal(
        "texts of many kinds, left out",
        text(moved, ("age", "who", "income", "price", "effect")).encode(),
        options={"ignore": ["who"]},
    )
    typo = [list(row) for row in TABLE.tolist()]
    typo[7][2] = "12o"
    yield Animal("a typo", text(typo).encode(), expected="line 9")
    yield Animal("one column", b"1\n2\n3\n", expected="`delimiter`")
    yield Animal(
        "the wrong delimiter", text(delimiter=";").encode(), expected="`delimiter`", options={"delimiter": "tab"}
    )
    yield Animal("a row too long", text().encode() + b"1,2,3,4,5\n", expected="has 5")
    yield Animal("two names alike", text(names=("a", "a", "b", "y")).encode(), expected="repeat")
    yield Animal("empty", b"", expected="at least one row")
    yield Animal("names alone", b"a,b,c\n", expected="at least one row")
    yield Animal("beyond double precision", text().encode() + b"1,2,1e999,4\n", expected="finite")


def array_files() -> Iterator[Animal]:
    """The table as arrays of numpy."""
    small, positive, truth = np.clip(TABLE, -100.0, 100.0), np.clip(TABLE, 0.0, 100.0), TABLE.mean(axis=0) < TABLE
    kinds = {"u2": positive, "?": truth} | dict.fromkeys(
        ("f8", "f4", ">f8", ">f4", "f2", "i8", "i4", "i1", "longdouble"), small
    )
    for kind, values in kinds.items():
        for name, ordered in (("rows", np.ascontiguousarray), ("columns", np.asfortranarray)):
            table = ordered(values.astype(kind))
            yield Animal(f"npy of {kind} by {name}", _npy(table), "npy", table.astype(np.float64))
    gappy = TABLE.copy()
    gappy[3, 1] = np.nan
    yield Animal("npy with a missing value", _npy(gappy), "npy", np.delete(TABLE, [3], axis=0))
    yield Animal("npy with an infinite value", _npy(np.where(TABLE[3, 1] == TABLE, np.inf, TABLE)), "npy", "finite")
    yield Animal("npy of texts", _npy(TABLE.astype("U8")), "npy", "numbers")
    yield Animal("npy of complex numbers", _npy(TABLE.astype(complex)), "npy", "numbers")
    yield Animal("npy of one side", _npy(TABLE[:, 0]), "npy", "one row a sample")
    yield Animal("npy of three sides", _npy(np.zeros((2, 2, 2))), "npy", "must be a matrix")
    yield Animal("npy cut short", _npy(TABLE)[:-7], "npy", "differs from its header")
    for packed in (False, True):
        x, y = TABLE[:, :3], TABLE[:, 3:]
        yield Animal(f"npz, {packed=}", _npz(packed, x=x, y=y), "npz")
        yield Animal(f"npz with a vector, {packed=}", _npz(packed, x=x, y=y[:, 0]), "npz")
        yield Animal(f"npz without y, {packed=}", _npz(packed, x=x), "npz", "y")
        yield Animal(f"npz of other lengths, {packed=}", _npz(packed, x=x, y=y[:-1]), "npz", "rows")


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _npz(packed: bool, **arrays: Any) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(stream, **arrays)
    return stream.getvalue()


def parquet_files() -> Iterator[Animal]:
    """The table as Parquet, with the types and the compressions that writers use."""
    plain = dict(zip(NAMES, TABLE.T, strict=True))
    for codec in ("none", "snappy", "gzip", "zstd", "lz4", "brotli"):
        yield Animal(f"Parquet, {codec}", _parquet(pa.table(plain), compression=codec), "parquet")
    for version in ("1.0", "2.4", "2.6"):
        yield Animal(f"Parquet {version}", _parquet(pa.table(plain), version=version), "parquet")
    yield Animal("Parquet in groups of 7 rows", _parquet(pa.table(plain), row_group_size=7), "parquet")
    yield Animal("Parquet with dictionaries", _parquet(pa.table(plain), use_dictionary=True), "parquet")
    yield Animal("Parquet with pages 2.0", _parquet(pa.table(plain), data_page_version="2.0"), "parquet")
    whole = np.rint(TABLE[:, 0])
    for kind in ("int8", "int16", "int32", "int64", "float16", "float32", "float64"):
        column = pa.array(whole.astype(kind if kind != "float16" else "float16"))
        found = np.column_stack([whole, TABLE[:, 3]])
        yield Animal(f"Parquet of {kind}", _parquet(pa.table({"a": column, "y": TABLE[:, 3]})), "parquet", found)
    cents = [Decimal(f"{value:.2f}") for value in TABLE[:, 1]]
    yield Animal(
        "Parquet of decimals", _parquet(pa.table({"a": pa.array(cents), "y": TABLE[:, 3]})), "parquet", TABLE[:, [1, 3]]
    )
    truth = TABLE[:, 0] > 1.0
    yield Animal(
        "Parquet of truth values",
        _parquet(pa.table({"a": truth, "y": TABLE[:, 3]})),
        "parquet",
        np.column_stack([truth, TABLE[:, 3]]).astype(float),
    )
    nullable = [None if row == 3 else value for row, value in enumerate(TABLE[:, 0].tolist())]
    yield Animal(
        "Parquet with a null",
        _parquet(pa.table({"a": nullable, "y": TABLE[:, 3]})),
        "parquet",
        np.delete(TABLE[:, [0, 3]], [3], axis=0),
    )
    days = np.arange(ROWS) + 10_000
    for unit in ("s", "ms", "us", "ns"):
        stamps = pa.array(days.astype("datetime64[D]").astype(f"datetime64[{unit}]"))
        yield Animal(
            f"Parquet of times in {unit}",
            _parquet(pa.table({"a": stamps, "y": TABLE[:, 3]})),
            "parquet",
            np.column_stack([days, TABLE[:, 3]]),
        )
    zoned = pa.array(days.astype("datetime64[D]").astype("datetime64[ms]"), pa.timestamp("ms", "Europe/Berlin"))
    yield Animal(
        "Parquet of times with a zone",
        _parquet(pa.table({"a": zoned, "y": TABLE[:, 3]})),
        "parquet",
        np.column_stack([days, TABLE[:, 3]]),
    )
    yield Animal(
        "Parquet of dates",
        _parquet(pa.table({"a": pa.array(days.astype("datetime64[D]")), "y": TABLE[:, 3]})),
        "parquet",
        np.column_stack([days, TABLE[:, 3]]),
    )
    colours = [("red", "green", "blue")[row % 3] for row in range(ROWS)]
    coded = np.column_stack([[c == "green" for c in colours], [c == "red" for c in colours], TABLE[:, 3]]).astype(float)
    for name, column in (
        ("texts", pa.array(colours)),
        ("large texts", pa.array(colours, pa.large_string())),
        ("categories", pa.array(colours).dictionary_encode()),
    ):
        yield Animal(f"Parquet of {name}", _parquet(pa.table({"a": column, "y": TABLE[:, 3]})), "parquet", coded)
    indexed = pa.table({**plain, "__index_level_0__": np.arange(ROWS)})
    yield Animal(
        "Parquet of pandas with an index",
        _parquet(indexed.select([*NAMES[:3], "__index_level_0__", "effect"])),
        "parquet",
        inputs=NAMES[:3],
    )
    described = pa.table({"id": np.arange(ROWS), **plain}).replace_schema_metadata(
        {"pandas": '{"index_columns": ["id"], "columns": [], "column_indexes": []}'}
    )
    yield Animal("Parquet of pandas with a named index", _parquet(described), "parquet", inputs=NAMES[:3])
    yield Animal("Parquet of lists", _parquet(pa.table({"a": [[1]] * ROWS, "y": TABLE[:, 3]})), "parquet", "`ignore`")
    yield Animal(
        "Parquet of many texts",
        _parquet(pa.table({"a": [f"t{row}" for row in range(60)], "y": np.arange(60.0)})),
        "parquet",
        "`ignore`",
    )
    for at in (200, 300, 500):
        checked = bytearray(
            _parquet(pa.table(plain), compression="none", use_dictionary=False, write_page_checksum=True)
        )
        checked[at] ^= 1
        yield Animal(f"Parquet with checksums, byte {at} changed", bytes(checked), "parquet", "not a readable Parquet")
    yield Animal("Parquet cut short", _parquet(pa.table(plain))[:-9], "parquet", "not a readable Parquet file")


def _parquet(table: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def feather_files() -> Iterator[Animal]:
    """The table as Feather, packed in the ways that it knows."""
    plain = pa.table(dict(zip(NAMES, TABLE.T, strict=True)))
    for packed in ("uncompressed", "lz4", "zstd"):
        yield Animal(f"Feather, {packed}", _feather(plain, compression=packed), "feather")
    yield Animal("Feather in batches of 7 rows", _feather(plain, chunksize=7), "feather")
    colours = pa.array([("red", "green", "blue")[row % 3] for row in range(ROWS)])
    coded = np.column_stack(
        [[row % 3 == 1 for row in range(ROWS)], [row % 3 == 0 for row in range(ROWS)], TABLE[:, 3]]
    ).astype(float)
    for name, column in (("texts", colours), ("categories", colours.dictionary_encode())):
        table = pa.table({"a": column, "y": TABLE[:, 3]})
        yield Animal(f"Feather of {name}", _feather(table), "feather", coded)
    whole = _feather(plain)
    named = whole.replace(b"effect", b"eff\xffct")
    yield Animal("Feather with a name that is no text", named, "feather", "not a readable Feather file")
    yield Animal("Feather without columns", _feather(plain.select([])), "feather", "has no columns")
    yield Animal("Feather cut short", whole[:-9], "feather", "not a readable Feather file")
    yield Animal(
        "Feather of the first version", b"FEA1" + bytes(60) + b"FEA1", "feather", "not a readable Feather file"
    )


def _feather(table: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    feather.write_feather(table, stream, **options)
    return stream.getvalue()


def packed_files() -> Iterator[Animal]:
    """Files of every kind, packed as a whole."""
    content, plain = text().encode(), pa.table(dict(zip(NAMES, TABLE.T, strict=True)))
    kinds = {"csv": content, "npy": _npy(TABLE), "parquet": _parquet(plain), "arff": _arff(), "svmlight": _svmlight()}
    for form, whole in kinds.items():
        yield Animal(f"{form}, packed by gzip", gzip.compress(whole), form)
        yield Animal(f"{form}, packed by zstandard", zstd.compress(whole), form)
    half = len(content) // 2
    yield Animal("csv in two frames of zstandard", zstd.compress(content[:half]) + zstd.compress(content[half:]))
    yield Animal("zstandard cut short", zstd.compress(content)[:-9], expected="damaged or ends early")
    changed = bytearray(zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1}))
    changed[len(changed) // 2] ^= 1
    yield Animal("zstandard with a changed bit", bytes(changed), expected="damaged or ends early")
    window = {zstd.CompressionParameter.window_log: 30, zstd.CompressionParameter.content_size_flag: 0}
    looks_far = zstd.ZstdCompressor(options={int(name): value for name, value in window.items()})
    far = looks_far.compress(content) + looks_far.flush()
    yield Animal("zstandard that looks back a gigabyte", far, expected="damaged or ends early")


def _arff(rows: Sequence[Sequence[Any]] = TABLE.tolist(), kinds: Sequence[str] = ("numeric",) * 4) -> bytes:
    header = [f"@ATTRIBUTE {name} {kind}" for name, kind in zip(NAMES, kinds, strict=True)]
    return "\n".join(["% written by Weka", "@relation test", "", *header, "", "@data", text(rows, ())]).encode()


def arff_files() -> Iterator[Animal]:
    """The table as Weka writes it."""
    yield Animal("arff", _arff(), "arff", inputs=NAMES[:3])
    yield Animal("arff of real and integer", _arff(kinds=("real", "REAL", "integer", "Numeric")), "arff")
    yield Animal("arff with lines of Windows", _arff().replace(b"\n", b"\r\n"), "arff")
    yield Animal("arff with remarks between rows", _arff().replace(b"@data\n", b"@DATA % rows\n% a remark\n"), "arff")
    spaced = _arff().replace(b"income", b"'income a year'")
    yield Animal("arff with a name in quotes", spaced, "arff", inputs=("age", "income a year", "price"))
    rows = TABLE.tolist()
    rows[5][1] = "?"
    yield Animal("arff with a missing value", _arff(rows), "arff", np.delete(TABLE, [5], axis=0))
    colours = ["red", "green", "blue"]
    rows = [[*values[:1], f"'{colours[row % 3]}'", *values[2:]] for row, values in enumerate(TABLE.tolist())]
    third = np.arange(ROWS) % 3
    coded = np.column_stack([TABLE[:, 0], third == 1, third == 0, TABLE[:, 2:]]).astype(float)
    nominal = ("numeric", "{red, green, blue}", "numeric", "numeric")
    yield Animal("arff with a nominal attribute", _arff(rows, nominal), "arff", coded)
    rows = [[*values[:1], 7 if row % 2 else 1, *values[2:]] for row, values in enumerate(TABLE.tolist())]
    coded = np.column_stack([TABLE[:, 0], np.arange(ROWS) % 2, TABLE[:, 2:]])
    yield Animal("arff with numbers as categories", _arff(rows, ("numeric", "{1,7}", "real", "real")), "arff", coded)
    days = (np.arange(ROWS) + 10_000).astype("datetime64[D]")
    rows = [[*values[:1], f'"{day}"', *values[2:]] for day, values in zip(days, TABLE.tolist(), strict=True)]
    dated = ("numeric", 'date "yyyy-MM-dd"', "numeric", "numeric")
    yield Animal(
        "arff with dates", _arff(rows, dated), "arff", np.column_stack([TABLE[:, 0], days.astype(float), TABLE[:, 2:]])
    )
    typo = TABLE.tolist()
    typo[3][2] = "12o"
    yield Animal("arff with a typo", _arff(typo), "arff", "line 13")
    yield Animal("arff with strings", _arff(kinds=("string", *["real"] * 3)), "arff", "`ignore`")
    yield Animal("arff without data", _arff().partition(b"@data")[0], "arff", "@data")
    yield Animal("arff of a class", _arff(kinds=("relational", *["real"] * 3)), "arff", "nominal")
    yield Animal("arff with a column too few", _arff().replace(b"@ATTRIBUTE age numeric\n", b""), "arff", "@attribute")
    sparse = _arff().partition(b"@data")[0] + b"@data\n{0 1.5, 3 2}\n"
    yield Animal("sparse arff", sparse, "arff", "svmlight")


def _svmlight(first: int = 1, table: FloatArray = TABLE, zeros: bool = True) -> bytes:
    lines = [
        " ".join([repr(row[-1]), *(f"{at}:{value!r}" for at, value in enumerate(row[:-1], first) if zeros or value)])
        for row in table.tolist()
    ]
    return "\n".join([*lines, ""]).encode()


def svmlight_files() -> Iterator[Animal]:
    """The table as sparse rows."""
    yield Animal("svmlight", _svmlight(), "svmlight", inputs=("1", "2", "3"))
    yield Animal("svmlight that counts from 0", _svmlight(0), "svmlight", inputs=("0", "1", "2"))
    gappy = TABLE.copy()
    gappy[::3, 1] = 0.0
    yield Animal("svmlight with zeros left out", _svmlight(table=gappy, zeros=False), "svmlight", gappy)
    remarks = _svmlight().replace(b" 1:", b" qid:4 1:").replace(b"\n", b" # a remark\n")
    yield Animal("svmlight with queries and remarks", b"# a remark\n" + remarks, "svmlight")
    yield Animal(
        "svmlight with blank lines and tabs", _svmlight().replace(b"\n", b"\n\n").replace(b" ", b"\t"), "svmlight"
    )
    yield Animal("svmlight with lines of Windows", _svmlight().replace(b"\n", b"\r\n"), "svmlight")
    labels = np.where(TABLE[:, 3] > np.median(TABLE[:, 3]), 1.0, -1.0)
    classes = np.column_stack([TABLE[:, :3], labels < 0, labels > 0]).astype(float)
    marked = _svmlight(table=np.column_stack([TABLE[:, :3], labels])).replace(b"\n1.0", b"\n+1")
    yield Animal("svmlight with classes", marked, "svmlight", classes, {"one_hot": True})
    yield Animal("svmlight with a typo", _svmlight() + b"1 1:2 2=3\n", "svmlight", "row 40, behind index 1")
    yield Animal("svmlight with indices that fall", b"1 2:3 1:4\n", "svmlight", "ascend")
    yield Animal("svmlight with an index twice", b"1 2:3 2:4\n", "svmlight", "ascend")
    yield Animal("svmlight with several labels", b"1,2 1:3\n", "svmlight", "a label that is a number")
    yield Animal("svmlight with a value that is none", b"1 1:x\n", "svmlight", "index:value")
    yield Animal("svmlight with labels alone", b"1\n2\n", "svmlight", "at least one feature")
    yield Animal("svmlight, empty", b"", "svmlight", "at least one row")
    yield Animal("svmlight of a billion columns", b"1 999999999:1\n", "svmlight", "max_inputs")
    yield Animal("svmlight with an infinite value", _svmlight() + b"1 1:inf\n", "svmlight", "finite")
    yield Animal("a csv file sent as svmlight", text().encode(), "svmlight", "a label that is a number")


def _xlsx(rows: Sequence[Sequence[Any]], *more: Sequence[Sequence[Any]]) -> bytes:
    book, stream = Workbook(), io.BytesIO()
    sheets = [book.active, *(book.create_sheet() for _ in more)]
    for sheet, table in zip(sheets, (rows, *more), strict=True):
        for row in table:
            sheet.append(list(row))
    book.save(stream)
    return stream.getvalue()


def xlsx_files() -> Iterator[Animal]:
    """The table as workbooks."""
    plain: list[Sequence[Any]] = [NAMES, *TABLE.tolist()]
    yield Animal("xlsx", _xlsx(plain), "xlsx", inputs=NAMES[:3])
    yield Animal("xlsx without a header", _xlsx(plain[1:]), "xlsx")
    yield Animal("xlsx with a second sheet", _xlsx(plain, [["notes"]]), "xlsx")
    yield Animal("xlsx with blank rows above", _xlsx([[], [], *plain]), "xlsx")
    yield Animal("xlsx with a title above", _xlsx([["a survey"], [], *plain]), "xlsx", inputs=NAMES[:3])
    indexed = [["", *NAMES], *([row, *values] for row, values in enumerate(TABLE.tolist()))]
    yield Animal("xlsx of pandas with its index", _xlsx(indexed), "xlsx", inputs=NAMES[:3])
    gappy = [list(row) for row in plain]
    gappy[6][1] = None
    yield Animal("xlsx with an empty cell", _xlsx(gappy), "xlsx", np.delete(TABLE, [5], axis=0))
    gappy[6][1] = "#N/A"
    yield Animal("xlsx with an error in a cell", _xlsx(gappy), "xlsx", np.delete(TABLE, [5], axis=0))
    gappy[6][1] = "twelve"
    yield Animal("xlsx with a text among numbers", _xlsx(gappy), "xlsx", "must be a number")
    colours = [("red", "green", "blue")[row % 3] for row in range(ROWS)]
    third = np.arange(ROWS) % 3
    mixed = [["colour", "effect"], *([a, b] for a, b in zip(colours, TABLE[:, 3].tolist(), strict=True))]
    yield Animal(
        "xlsx with a category",
        _xlsx(mixed),
        "xlsx",
        np.column_stack([third == 1, third == 0, TABLE[:, 3]]).astype(float),
    )
    days = [date(1998, 5, 1) + timedelta(days=row) for row in range(ROWS)]
    since = np.array([(day - date(1970, 1, 1)).days for day in days], dtype=float)
    dated = [["day", "effect"], *([a, b] for a, b in zip(days, TABLE[:, 3].tolist(), strict=True))]
    yield Animal("xlsx with dates", _xlsx(dated), "xlsx", np.column_stack([since, TABLE[:, 3]]))
    truth = [["yes", "effect"], *([bool(row % 2), b] for row, b in enumerate(TABLE[:, 3].tolist()))]
    yield Animal("xlsx with truth values", _xlsx(truth), "xlsx", np.column_stack([np.arange(ROWS) % 2, TABLE[:, 3]]))
    formulas = [["a", "effect"], *(["=1+1", b] for b in TABLE[:, 3].tolist())]
    yield Animal("xlsx with formulas that nobody computed", _xlsx(formulas), "xlsx", "has no value")
    yield Animal("xlsx, empty", _xlsx([]), "xlsx", "at least one row")
    whole = _xlsx(plain)
    yield Animal("xlsx cut short", whole[:-30], "xlsx", "not a readable xlsx")
    yield Animal("an archive of arrays sent as xlsx", _npz(True, x=TABLE), "xlsx", "not a readable xlsx")
    yield Animal("xlsx sent as csv", whole, "csv", "spreadsheetml")
    yield Animal("npy sent as csv", _npy(TABLE), "csv", "application/x-npy")
    yield Animal("Parquet sent as csv", _parquet(pa.table({"a": TABLE[:, 0]})), "csv", "vnd.apache.parquet")
    yield Animal("xlsx of a bomb of texts", _with_texts(whole, 80 << 20), "xlsx", "beside its sheets")


def _with_texts(book: bytes, size: int) -> bytes:
    """A workbook with so many bytes more of shared texts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as found, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in found.infolist():
            made.writestr(entry, found.read(entry))
        made.writestr("xl/more.xml", bytes(size))
    return stream.getvalue()


ZOO: Final = (
    *csv_files(),
    *array_files(),
    *parquet_files(),
    *feather_files(),
    *packed_files(),
    *arff_files(),
    *svmlight_files(),
    *xlsx_files(),
)
