"""Files of every format reduced to moments, however they are cut, and each way in which a file can be wrong."""

import io
import sys
import zipfile
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.arrays import FloatArray
from service.core.data import moments_of_factor
from service.core.factor import factor_of_samples
from service.core.moments import check
from service.core.preparation import Preparation, prepared_rows, signed_factor
from service.errors import InputError, LimitExceeded, MalformedBody, ServiceError, UnsupportedMediaType
from service.operations.datasets import ReducedDataset, identity_of, reduce_upload
from service.operations.uploads import csv_file, tables
from service.operations.uploads.arrow import fast_numbers
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.settings import UploadLimits
from service.web.problem_details import pointer
from tests.support.tables import KINDS, assert_same_factor

RNG = np.random.default_rng(7)
TABLE = RNG.normal(size=(97, 4)) * [1.0, 1e-3, 1e4, 2.0] + [0.0, 5.0, -1e6, 3.0]
NAMES = ("age", "dose", "time", "effect")


def read(content: bytes, form: str, limits: UploadLimits | None = None, **options: Any) -> ReducedDataset:
    asked = UploadOptions(**options)
    return reduce_upload(io.BytesIO(content), FORMAT_BY_NAME[form], asked, limits or UploadLimits())


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
    stream = io.BytesIO()
    pq.write_table(pa.table(dict(zip(names, table.T, strict=True))), stream, **options)
    return stream.getvalue()


FILES: dict[str, tuple[bytes, str]] = {
    "csv": (as_csv(TABLE), "csv"),
    "csv with a header, a mark and blank lines": (
        b"\xef\xbb\xbf" + as_csv(TABLE, NAMES, "\r\n").replace(b"\r\n", b"\r\n\r\n", 3) + b"\r\n\r\n",
        "csv",
    ),
    "csv of quoted fields": (
        as_csv(TABLE, NAMES).replace(b",", b'","').replace(b"\n", b'"\n"')[:-1].join([b'"', b'"']),
        "csv",
    ),
    "npy": (as_npy(TABLE), "npy"),
    "npy by columns": (as_npy(np.asfortranarray(TABLE)), "npy"),
    "npy of the other byte order": (as_npy(TABLE.astype(">f8")), "npy"),
    "npz": (as_npz(x=TABLE[:, :3], y=TABLE[:, 3]), "npz"),
    "npz, packed, by columns": (as_npz(packed=True, x=np.asfortranarray(TABLE[:, :3]), y=TABLE[:, 3:]), "npz"),
    "parquet": (as_parquet(TABLE), "parquet"),
    "parquet of many groups": (as_parquet(TABLE, row_group_size=10, compression="gzip"), "parquet"),
}


ECHOED: dict[str, dict[str, Any]] = {
    "nothing asked": {},
    "a header": {"header": "present"},
    "semicolons": {"delimiter": "semicolon"},
    "tabs": {"delimiter": "tab"},
    "targets by name": {"targets": ["dose", "effect"]},
    "a target by position": {"targets": ["0"]},
    "ignored": {"ignore": ["time"]},
    "centred": {"centre": True},
    "standardised": {"standardise": True},
    "samples kept": {"keep_samples": True},
}
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}


@pytest.mark.parametrize("asked", ECHOED.values(), ids=ECHOED)
def test_options_come_back_as_they_were_applied(asked: dict[str, Any]) -> None:
    delimiter = asked.get("delimiter", "comma")
    applied = read(as_csv(TABLE, NAMES, delimiter=SEPARATORS[delimiter]), "csv", **asked).options
    places = {name: place for place, name in enumerate(NAMES)}
    standardised = asked.get("standardise", False)
    assert applied.model_dump() == {
        "header": "present",
        "delimiter": delimiter,
        "targets": [places.get(name, 0) for name in asked.get("targets", ["effect"])],
        "ignore": [places[name] for name in asked.get("ignore", [])],
        "one_hot": False,
        "centre": asked.get("centre", standardised),
        "standardise": standardised,
        "keep_samples": asked.get("keep_samples", False),
    }


def test_what_a_form_has_not_comes_back_as_nothing() -> None:
    assert read(as_csv(TABLE), "csv").options.header == "absent"
    for content, form in ((as_npy(TABLE), "npy"), (as_npz(x=TABLE[:, :3], y=TABLE[:, 3]), "npz")):
        applied = read(content, form).options
        assert (applied.header, applied.delimiter) == ("absent", None)
    applied = read(as_parquet(TABLE), "parquet").options
    assert (applied.header, applied.delimiter) == ("present", None)
    labels = np.column_stack([TABLE[:, :2], np.arange(len(TABLE)) % 3])
    assert read(as_npy(labels), "npy", one_hot=True).options.one_hot


@pytest.mark.parametrize("arrow", [True, False], ids=["pyarrow", "numpy alone"])
@pytest.mark.parametrize("block", [16, 1 << 19])
@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_moments_of_its_rows(
    name: str, block: int, arrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, form = FILES[name]
    monkeypatch.setattr(tables, "BLOCK_NUMBERS", block)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 16 * block)
    if not arrow:
        if form == "parquet":
            monkeypatch.setitem(sys.modules, "pyarrow", None)
            with pytest.raises(UnsupportedMediaType, match="analytic-minima-server\\[parquet\\]"):
                read(content, form)
            return
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    found = read(content, form)
    assert_same_factor(found.factor, factor_of_samples(TABLE[:, :3], TABLE[:, 3:]), 1e-14)
    check(moments_of_factor(found.factor))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=3, max_size=30))
def test_both_readers_of_text_read_the_same_numbers(values: list[float]) -> None:
    rows = np.array(values[: len(values) // 3 * 3]).reshape(-1, 3)
    text = as_csv(rows)
    fast = fast_numbers(memoryview(text), ",", 3, range(3), None)
    assert fast is not None
    slow = csv_file.CsvTable(io.BytesIO(text), UploadOptions())._numbers(text)
    assert np.concatenate(fast).tobytes() == slow.tobytes() == rows.tobytes()


def test_preparation_is_what_the_answer_says() -> None:
    content = as_csv(TABLE[:, [3, 0, 1, 2]], ("effect", "age", "dose", "time"))
    options: dict[str, Any] = {"targets": ["effect"], "ignore": ["-1"], "keep_samples": True}
    chosen = TABLE[:, [0, 1, 3]]
    scaled = (chosen - chosen.mean(axis=0)) / chosen.std(axis=0)
    for prepared, rows in (("standardise", scaled), ("centre", chosen - chosen.mean(axis=0)), ("", chosen)):
        asked = {**options, prepared: True} if prepared else options
        found = read(content, "csv", **asked)
        assert_same_factor(found.factor, factor_of_samples(rows[:, :2], rows[:, 2:]), 1e-11)
        assert found.samples is not None
        assert_same_factor(factor_of_samples(found.samples.x, found.samples.y), found.factor, 1e-11)
        columns = [*found.input_columns, *found.target_columns]
        assert [column.name for column in columns] == ["age", "dose", "effect"]
        told = Preparation(np.array([c.shift for c in columns]), np.array([c.scale for c in columns]))
        np.testing.assert_allclose(prepared_rows(chosen, told), rows, rtol=1e-9, atol=1e-12)
        assert found.options.targets == [0]
        assert found.options.ignore == [3]
        assert found.options.header == "present"
        check(moments_of_factor(found.factor))
    applied = [read(content, "csv", **options, centre=centre).options for centre in (False, True)]
    assert len({identity_of("csv", "digest", each) for each in applied}) == 2


@pytest.mark.parametrize("block", [2, 1 << 19])
def test_classes_that_appear_late(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BLOCK_NUMBERS", block)
    labels = np.array([3, 3, -1, 3, 7, -1, 7, 7])
    table = np.column_stack([TABLE[:8, :2], labels])
    found = read(as_npy(table), "npy", one_hot=True, standardise=True, keep_samples=True)
    assert found.classes == (-1, 3, 7)
    x = (table[:, :2] - table[:, :2].mean(axis=0)) / table[:, :2].std(axis=0)
    y = np.eye(3)[np.searchsorted([-1, 3, 7], labels)]
    assert_same_factor(found.factor, factor_of_samples(x, y), 1e-14)
    assert [column.name for column in found.target_columns] == ["2=-1", "2=3", "2=7"]
    assert found.samples is not None
    assert found.samples.y[:, 0].tolist() == labels.tolist()


def test_two_classes_on_one_output() -> None:
    labels = (TABLE[:, 1] > 5.0).astype(float)
    found = read(as_npy(np.column_stack([TABLE[:, :2], labels])), "npy", one_hot=True)
    expected = factor_of_samples(TABLE[:, :2], 2.0 * labels[:, np.newaxis] - 1.0)
    assert_same_factor(signed_factor(found.factor), expected, 1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_keeps_its_digits(kind: str) -> None:
    """From a file as from samples, prepared or not."""
    table = KINDS[kind](np.random.default_rng(8), 900)
    expected = factor_of_samples(table[:, :-1], table[:, -1:])
    for content, form in ((as_csv(table), "csv"), (as_npy(table), "npy")):
        assert_same_factor(read(content, form).factor, expected, 1e-13)
    centred = read(as_npy(table), "npy", centre=True).factor
    assert_same_factor(centred, replace(expected, x_mean=0 * expected.x_mean, y_mean=0 * expected.y_mean), 1e-13)
    if np.ptp(table, axis=0).all():
        scaled = read(as_npy(table), "npy", standardise=True).factor
        deviations = np.sqrt((scaled.r**2).sum(axis=0) / 900) * scaled.scale
        np.testing.assert_allclose(deviations, 1.0, rtol=1e-13)
        assert not scaled.x_mean.any()


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


CSV = b"a,b,y\n1,2,0\n3,4,1\n5,7,1\n"
GOOD = np.arange(12.0).reshape(4, 3)
CASES = {
    "empty": case(b"", "csv", InputError, "", "at least one row"),
    "a header alone": case(b"a,b\n", "csv", InputError, "", "at least one row"),
    "a field that is no number": case(b"a,b\n1,2\n\n3,x\n", "csv", InputError, "/rows/1/b", "line 4 of the file"),
    "a missing field": case(b"1,2\n,4\n", "csv", InputError, "/rows/1/0", "is empty"),
    "a row too short": case(b"1,2\n3\n", "csv", InputError, "/rows/1", "must have 2 fields"),
    "a row too long": case(b"1,2\n3,4,5\n", "csv", InputError, "/rows/1", "has 3"),
    "not UTF-8": case(b"1,2\n3,\xff\n", "csv", InputError, "/rows/1", "UTF-8"),
    "not a number": case(b"1,2\n3,nan\n", "csv", InputError, "/rows/1/1", "finite"),
    "an integer of 400 digits": case(b"1,2\n3," + b"9" * 400, "csv", InputError, "/rows/1/1", "finite"),
    "names that repeat": case(b"a,a\n1,2\n", "csv", InputError, "/header/1", "must not repeat"),
    "a name that is empty": case(b"a,\n1,2\n", "csv", InputError, "/header/1", "must name column 1"),
    "numbers among names": case(b"a,2\n1,2\n", "csv", InputError, "/rows/0/0", "line 1 of the file"),
    "a line without end": case(b"1,2\n" + b"1" * (5 << 20), "csv", InputError, "/rows/1", "longer than"),
    "the wrong delimiter": case(b"1;2\n3;4\n", "csv", InputError, "", "at least one column besides"),
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
    "targets too large": case(b"a,b\n1,1e155\n2,2\n", "csv", InputError, "/columns/b", "at most some 1e+154"),
    "targets that overflow": case(
        b"a,b\n1,-1.7e308\n2,1.7e308\n", "csv", InputError, "/columns/b", "at most some 1e+154"
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
    "npy: nothing": case(b"", "npy", MalformedBody, None, "no readable .npy"),
    "npy: a header that is no Python": case(
        as_npy(GOOD).replace(b"(4, 3)", b"(4, 3 "), "npy", MalformedBody, None, "no readable .npy"
    ),
    "npy: a header of brackets": case(
        as_npy(GOOD).replace(b"{'descr'", b"((((((((", 1), "npy", MalformedBody, None, "no readable .npy"
    ),
    "csv: not UTF-8 where nobody looks": case(
        b"a,b,y\n1,2,3\n2,\xff,3\n", "csv", InputError, "/rows/1", "UTF-8", ignore=["b"]
    ),
    "npy: truncated": case(as_npy(GOOD)[:-1], "npy", MalformedBody, None, "another number of bytes"),
    "npy: objects": case(as_npy(np.array([[1, None]], dtype=object)), "npy", MalformedBody, None, "never unpickled"),
    "npy: text": case(as_npy(np.array([["a", "b"]])), "npy", MalformedBody, None, "matrix of numbers"),
    "npy: complex": case(as_npy(GOOD * 1j), "npy", MalformedBody, None, "something else than numbers"),
    "npy: a vector": case(as_npy(GOOD[0]), "npy", MalformedBody, None, "one row a sample"),
    "npy: no rows": case(as_npy(GOOD[:0]), "npy", InputError, "", "at least one row"),
    "npy: infinite": case(as_npy(np.where(GOOD == 7, np.inf, GOOD)), "npy", InputError, "/rows/2/1", "finite"),
    "npy: long double": case(
        as_npy(GOOD.astype(np.longdouble) * np.longdouble("1e4000")), "npy", InputError, "/rows/0/1", "finite"
    ),
    "npz: no archive": case(b"PK", "npz", MalformedBody, None, "no readable .npz"),
    "npz: truncated": case(as_npz(x=GOOD, y=GOOD)[:-30], "npz", MalformedBody, None, "no readable .npz"),
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
        "no readable .npz",
    ),
    "npz: targets named": case(as_npz(x=GOOD, y=GOOD), "npz", InputError, "/targets", "one table", targets=["0"]),
    "parquet: none": case(b"PAR1", "parquet", MalformedBody, None, "no readable Parquet"),
    "parquet: truncated": case(as_parquet(TABLE)[:-9], "parquet", MalformedBody, None, "no readable Parquet"),
    "parquet: missing": case(
        as_parquet(np.where(TABLE[5, 1] == TABLE, np.nan, TABLE)), "parquet", InputError, "/rows/5/dose", "finite"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_named(name: str) -> None:
    wrong = CASES[name]
    with pytest.raises(wrong.error) as caught:
        read(wrong.content, wrong.form, UploadLimits(**wrong.limits), **wrong.options)
    assert type(caught.value) is wrong.error
    assert wrong.says in caught.value.detail
    if isinstance(caught.value, InputError):
        assert [pointer(problem.location) for problem in caught.value.problems] == [wrong.pointer]


FLOWERS = {
    "note": ["x", "y, z", "", "w", "v", "u"],
    "width": [1.5, 2.5, 0.25, 4.0, -1.0, 3.0],
    "species": ["virginica", " setosa", "versicolor", "setosa", "virginica ", "a 7"],
}
FLOWERS_CSV = b"""note,width,species
x,1.5,virginica

"y, z",2.5, setosa
,.25,"versicolor"
w,4,setosa
v,-1,virginica\x20
u,3,a 7
"""


def flowers(form: str) -> bytes:
    if form == "csv":
        return FLOWERS_CSV
    stream = io.BytesIO()
    labels = pa.array(FLOWERS["species"])
    pq.write_table(
        pa.table(FLOWERS | {"species": labels.dictionary_encode() if form == "categories" else labels}), stream
    )
    return stream.getvalue()


@pytest.mark.parametrize("block", [6, 1 << 19])
@pytest.mark.parametrize(
    ("form", "arrow"), [("csv", True), ("csv", False), ("parquet", True), ("categories", True)], ids=str
)
def test_texts_are_classes_and_ignored_columns_hold_anything(
    form: str, block: int, arrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "BLOCK_NUMBERS", block)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 4 * block)
    if not arrow:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    kind = "csv" if form == "csv" else "parquet"
    found = read(flowers(form), kind, one_hot=True, ignore=["note"], keep_samples=True)
    assert found.class_names == ("a 7", "setosa", "versicolor", "virginica")
    assert found.classes == (0, 1, 2, 3)
    assert [column.name for column in found.target_columns][:2] == ["species=a 7", "species=setosa"]
    labels = [3, 1, 2, 1, 3, 0]
    assert found.samples is not None
    assert found.samples.y[:, 0].tolist() == labels
    expected = factor_of_samples(np.array(FLOWERS["width"])[:, np.newaxis], np.eye(4)[labels])
    assert_same_factor(found.factor, expected, 1e-14)


def test_labels_that_are_numbers_have_no_names() -> None:
    found = read(b"a,y\n1,10\n2,9\n", "csv", one_hot=True)
    assert (found.classes, found.class_names) == ((9, 10), None)


@pytest.mark.parametrize("arrow", [True, False], ids=["pyarrow", "numpy alone"])
@pytest.mark.parametrize(
    ("content", "at", "says"),
    [
        (b"1,b\n2,\n", "/rows/1/1", "must be a label and is missing, in line 2"),
        (b"1,b\n2,NaN\n", "/rows/1/1", "must be a label and is missing"),
        (b"1,b\n2," + b"c" * 101, "/rows/1/1", "at most 100 characters"),
        (b"1,b\n2,c\x00c\n", "/rows/1/1", "control characters"),
        (b"1,1\n2,b\n", "/rows/1/1", "as the label of the first row"),
        (b"1,b\nx,c\n", "/rows/1/0", "must be a number: a text is read as a label with `one_hot`"),
        (b'1,b\n2,"c\nd"\n', "/rows/1", "without a line break"),
        (b'1,b\n2,c\n3,"c\n', "/rows/2", "without a line break"),
        (b"1,b\n2,c,d\n", "/rows/1", "must have 2 fields"),
        (b"1,b\r2,c\n", "/rows/0", "without a line break"),
        (b"1,2\n3,4\r5,6\n", "/rows/1", "without a line break"),
        (b"1,b\n2," + b"c" * 200_000, "/rows/1", "at most 131072 characters"),
    ],
)
def test_a_wrong_label_is_named(
    content: bytes, at: str, says: str, arrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not arrow:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError) as caught:
        read(content, "csv", one_hot=True)
    assert [pointer(problem.location) for problem in caught.value.problems] == [at]
    assert says in caught.value.detail


def test_a_missing_label_in_parquet_is_named() -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0, 2.0, 3.0], "b": ["x", "y", None]}), stream)
    with pytest.raises(InputError, match=r"must be a label and is missing \(row 2, column 1 \(b\)\)"):
        read(stream.getvalue(), "parquet", one_hot=True)


def test_a_column_of_text_in_parquet_is_named() -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0, 2.0], "b": ["x", "y"], "c": [1, None]}), stream)
    with pytest.raises(InputError, match=r"column 1, b"):
        read(stream.getvalue(), "parquet")
    stream = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0, 2.0], "c": [1, None]}), stream)
    with pytest.raises(InputError, match=r"row 1, column 1 \(c\)"):
        read(stream.getvalue(), "parquet")
