"""Files of every format reduced to moments, however they are cut, and each way in which a file can be wrong."""

import io
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.ground.data.conditioned import moments_of_factor
from service.core.ground.data.moments import check
from service.core.ground.data.preparation import Preparation, prepared_rows, signed_factor
from service.core.ground.numbers.factor import factor_of_samples
from service.errors import InputError, UnsupportedMediaType
from service.operations.datasets import ReducedDataset, identity_of, reduce_upload
from service.operations.refusals import pointer
from service.operations.uploads import csv_file, tables
from service.operations.uploads.arrow import fast_numbers
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import AppliedOptions, UploadOptions
from service.settings import UploadLimits
from tests.support.tables import KINDS, assert_same_factor
from tests.support.upload_files import NAMES, TABLE, WRONG, as_csv, as_npy, as_npz, as_parquet


def read(content: bytes, form: str, limits: UploadLimits | None = None, **options: Any) -> ReducedDataset:
    asked = UploadOptions(**options)
    return reduce_upload(io.BytesIO(content), FORMAT_BY_NAME[form], asked, limits or UploadLimits())


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
    "folds": {"folds": 3},
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
        "dialect": {
            "encoding": "utf-8",
            "decimal": "point",
            "quote": '"',
            "thousands": "",
            "comment": "",
            "skipped_lines": 0,
        },
        "missing": "drop_few",
        "categories": [],
        "targets": [places.get(name, 0) for name in asked.get("targets", ["effect"])],
        "ignore": [places[name] for name in asked.get("ignore", [])],
        "one_hot": False,
        "centre": asked.get("centre", standardised),
        "standardise": standardised,
        "keep_samples": asked.get("keep_samples", False),
        "folds": asked.get("folds"),
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


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name: str) -> None:
    wrong = WRONG[name]
    with pytest.raises(wrong.error) as caught:
        read(wrong.content, wrong.form, UploadLimits(**wrong.limits), **wrong.options)
    assert type(caught.value) is wrong.error
    assert wrong.says in caught.value.detail
    if isinstance(caught.value, InputError):
        assert [pointer(problem.location) for problem in caught.value.fields] == [wrong.pointer]


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
        (b"1,b\n2,\n", "/rows/1/1", "is missing"),
        (b"1,b\n2,NaN\n", "/rows/1/1", "is missing"),
        (b"1,b\n2," + b"c" * 101, "/rows/1/1", "at most 100 characters"),
        (b"1,b\n2,c\x00c\n", "/rows/1/1", "control characters"),
        (b"1,1\n2,b\n", "/rows/1/1", "as the label of the first row"),
        (b"1,b\nx,c\n", "/rows/1/0", "must be a number, as most of its column are"),
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
    assert [pointer(problem.location) for problem in caught.value.fields] == [at]
    assert says in caught.value.detail


def test_a_missing_label_in_parquet_is_named() -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0, 2.0, 3.0], "b": ["x", "y", None]}), stream)
    with pytest.raises(InputError, match=r"is missing.* \(row 2, column 1 \(b\)\)"):
        read(stream.getvalue(), "parquet", one_hot=True)


def test_a_column_of_lists_in_parquet_is_named() -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0, 2.0], "b": [[1], [2]], "c": [1, 2]}), stream)
    with pytest.raises(InputError, match=r"column 1, b"):
        read(stream.getvalue(), "parquet")
    stream = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0, 2.0], "c": [1, None]}), stream)
    with pytest.raises(InputError, match=r"row 1, column 1 \(c\)"):
        read(stream.getvalue(), "parquet")


def test_the_id_of_a_file_stays_what_it_was() -> None:
    applied = AppliedOptions(
        header="present",
        delimiter="comma",
        targets=[2],
        ignore=[],
        one_hot=False,
        centre=True,
        standardise=False,
        keep_samples=False,
    )
    assert identity_of("csv", "digest", applied) == "8a5a00c30cb3232c71cd96e041fad427"


def test_texts_as_labels_leave_the_inputs_that_are_kept_as_they_are() -> None:
    content = b"a,b,c,d,kind\n1,2,3,4,pear\n5,6,7,9,apple\n9,1,2,7,fig\n2,8,6,5,apple\n"
    found = read(content, "csv", one_hot=True, keep_samples=True)
    assert found.class_names == ("apple", "fig", "pear")
    assert found.samples is not None
    assert found.samples.x.tolist() == [[1, 2, 3, 4], [5, 6, 7, 9], [9, 1, 2, 7], [2, 8, 6, 5]]
    assert found.samples.y.ravel().tolist() == [2, 0, 1, 0]
