"""Packed files: read as they come, bounded, and refused with what helps where a library is missing."""

import io
import sys
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from backports import zstd

from service.errors import LimitExceeded, ServiceError, UnsupportedMediaType
from service.operations.datasets import reduce_upload
from service.operations.uploads import formats
from service.operations.uploads.formats import FORMAT_BY_NAME, FORMATS, format_of, what_is_read
from service.schemas.datasets import UploadOptions
from service.settings import UploadLimits
from tests.support.file_zoo import TABLE, ZOO, text
from tests.support.upload_files import as_npy, as_xlsx


def read(content: bytes, form: str, **limits: int) -> int:
    return reduce_upload(io.BytesIO(content), FORMAT_BY_NAME[form], UploadOptions(), UploadLimits(**limits)).factor.n


@pytest.mark.parametrize("form", ["csv", "npy", "svmlight"])
def test_a_bomb_is_refused_in_constant_memory(form: str) -> None:
    rows = 1 << 23
    bomb = zstd.compress(
        {"csv": b"1,2\n" * rows, "npy": as_npy(np.zeros((rows, 2))), "svmlight": b"1 1:2\n" * rows}[form]
    )
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded) as caught:
            read(bomb, form, max_upload_bytes=1 << 22)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.limit == "max_upload_bytes"


def test_packing_changes_no_number() -> None:
    plain = text().encode()
    found = [
        reduce_upload(io.BytesIO(content), FORMAT_BY_NAME["csv"], UploadOptions(), UploadLimits()).factor.r
        for content in (plain, zstd.compress(plain))
    ]
    assert np.array_equal(found[0], found[1])


@pytest.mark.parametrize(
    ("name", "kind", "form"),
    [
        ("a.csv.gz", "", "csv"),
        ("a.npy.zst", "application/octet-stream", "npy"),
        ("a.b.arff", "", "arff"),
        ("a.svmlight.gz", "application/gzip", "svmlight"),
        ("a.zst", "", "csv"),
        ("a", "application/zstd", "csv"),
        ("a.csv", "application/x-npy", "npy"),
        ("a.XLSX", "", "xlsx"),
    ],
)
def test_a_format_is_told_by_its_type_or_by_the_ending_before_the_packing(name: str, kind: str, form: str) -> None:
    assert format_of(kind, name).name == form


@pytest.mark.parametrize("ending", ["xls", "pkl", "json", "sav"])
def test_other_files_are_refused_with_what_to_save_instead(ending: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="save"):
        format_of("", f"table.{ending}")


def test_what_an_extra_adds_is_said_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "extra" not in what_is_read()
    monkeypatch.setattr(formats, "find_spec", lambda _name: None)
    told = what_is_read()
    for row in FORMATS:
        assert (f"the extra `{row.extra}` of the server adds {row.media_types[0]}" in told) == bool(row.extra)


@pytest.mark.parametrize(
    ("content", "form", "library", "extra"),
    [
        (zstd.compress(text().encode()), "csv", "backports", "zstd"),
        (as_xlsx(TABLE), "xlsx", "openpyxl", "xlsx"),
    ],
)
def test_without_its_library_the_extra_is_named(
    content: bytes, form: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnsupportedMediaType, match=f"analytic-minima-server\\[{extra}\\]"):
        read(content, form)


@pytest.mark.parametrize("seed", range(40))
def test_changed_bytes_are_read_or_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    new = [animal for animal in ZOO if animal.form in ("arff", "svmlight", "xlsx") or "zstandard" in animal.name]
    animal = new[int(rng.integers(len(new)))]
    changed = bytearray(animal.content)
    for place in rng.integers(len(changed), size=5) if changed else ():
        changed[place] = int(rng.integers(256))
    # whatever else happens ends the test
    with suppress(ServiceError):
        read(bytes(changed), animal.form)
