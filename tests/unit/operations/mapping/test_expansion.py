"""Categories, missing values and labels become the columns that a table made by hand has, however blocks are cut."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.ground.numbers.factor import factor_of_samples
from service.errors import InputError
from service.operations.datasets import ReducedDataset, reduce_upload
from service.operations.mapping.counted import FEW
from service.operations.uploads import csv_file, tables
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import Missing, UploadOptions
from service.settings import UploadLimits
from tests.support.tables import assert_same_factor

LEVELS = ("a", "b", "c")


def read(content: bytes, **options: object) -> ReducedDataset:
    asked = UploadOptions.model_validate(options)
    return reduce_upload(io.BytesIO(content), FORMAT_BY_NAME["csv"], asked, UploadLimits())


def tabled(seed: int, rows: int) -> tuple[bytes, np.ndarray, np.ndarray, np.ndarray]:
    """A file, its levels (-1 for none), its numbers (NaN for none) and its targets."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 3, rows)
    levels[:6] = [0, 1, 2, 0, 1, 2]
    numbers = np.round(rng.normal(size=rows) + 10.0 ** (seed % 4), 4)
    target = np.round(rng.normal(size=rows), 4)
    levels[6:][rng.random(rows - 6) < 0.1] = -1
    numbers[6:][rng.random(rows - 6) < 0.2] = np.nan
    lines = ["kind,size,y"]
    for level, number, value in zip(levels.tolist(), numbers.tolist(), target.tolist(), strict=True):
        lines.append(f"{LEVELS[level] if level >= 0 else 'NA'},{'' if np.isnan(number) else number!r},{value!r}")
    return "\n".join(lines).encode(), levels, numbers, target


@given(
    st.integers(0, 1_000),
    st.integers(20, 90),
    st.sampled_from(["drop_rows", "mean", "indicator"]),
    st.sampled_from([64, 1 << 19]),
)
def test_the_table_made_by_hand(seed: int, rows: int, missing: Missing, block: int) -> None:
    content, levels, numbers, target = tabled(seed, rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "BLOCK_NUMBERS", 32)
        patched.setattr(csv_file, "BLOCK_BYTES", block)
        found = read(content, missing=missing, keep_samples=True)
    gaps = np.isnan(numbers)
    columns = [levels == 1, levels == 2]
    names = ["kind=b", "kind=c"]
    if missing == "drop_rows":
        kept = ~gaps & (levels >= 0)
        columns = [column[kept] for column in columns]
        columns.append(numbers[kept])
        target = target[kept]
        assert found.rows_left_out == int((~kept).sum())
    else:
        if (levels < 0).any():
            columns.append(levels < 0)
            names.append("kind=missing")
        columns.append(np.where(gaps, numbers[~gaps].mean(), numbers))
        if missing == "indicator" and gaps.any():
            columns.append(gaps)
    x = np.column_stack(columns).astype(np.float64)
    assert_same_factor(found.factor, factor_of_samples(x, target[:, np.newaxis]), 1e-10)
    assert [column.name for column in found.input_columns][: len(names)] == names
    assert found.samples is not None
    np.testing.assert_allclose(found.samples.x, x, rtol=1e-12)


@pytest.mark.parametrize("missing", [1, 2])
def test_a_few_rows_are_left_out_and_more_are_not(missing: int) -> None:
    rows = [[float(number), 0.5 * number] for number in range(20)]
    text = "\n".join(
        ",".join("" if at < missing and place == 0 else str(v) for place, v in enumerate(row))
        for at, row in enumerate(rows)
    )
    if missing <= FEW * len(rows):
        found = read(text.encode(), header="absent")
        assert (found.factor.n, found.rows_left_out) == (19, 1)
        return
    with pytest.raises(InputError, match="is missing"):
        read(text.encode(), header="absent")


def test_what_is_told_of_the_columns_of_a_file() -> None:
    content = b"id,kind,day,on,size,y\n" + b"".join(
        f"p{row},{'xyz'[row % 3]},2020-01-{row + 1:02d},{'yes' if row % 2 else 'no'},{row or ''},{row / 2}\n".encode()
        for row in range(12)
    )
    found = read(content, missing="mean")
    told = {column.name: column for column in found.file_columns}
    assert [column.kind for column in told.values()] == ["text", "category", "date", "boolean", "number", "number"]
    assert [column.role for column in told.values()] == ["left_out", "input", "input", "input", "input", "target"]
    assert told["id"].done == "left out: it holds the labels of the rows"
    assert told["kind"].levels == ["x", "y", "z"]
    assert (told["size"].missing, told["size"].least, told["size"].greatest) == (1, 1.0, 11.0)
    assert "mean of the others" in told["size"].done
    assert told["day"].least == 18_262.0
    assert told["kind"].least is None
    assert set(told["kind"].reasons) == {"least", "greatest"}


def test_a_text_as_the_target_is_a_class() -> None:
    content = b"a,b,kind\n" + b"".join(f"{row},{row % 5},{'uvw'[row % 3]}\n".encode() for row in range(12))
    found = read(content)
    assert found.options.one_hot
    assert found.class_names == ("u", "v", "w")


def test_every_column_of_texts_is_named_at_once() -> None:
    names = [f"text {place}" for place in range(8)]
    lines = [",".join([*names, "size", "y"])]
    lines += [",".join([f"{name}-{row}" for name in names] + [str(row), str(row * row)]) for row in range(60)]
    content = "\n".join(lines).encode()
    with pytest.raises(InputError) as refused:
        # the first column holds the labels of the rows, and is left out without a word
        read(content)
    (told,) = refused.value.fields
    assert "text 1" in told.detail
    assert told.detail.endswith("; text 2, text 3, text 4, text 5, text 6 and 1 more as well")
    # what the message says is enough
    assert read(content, ignore=names).factor.inputs == 1


def test_too_many_levels_are_refused() -> None:
    content = b"a,y\n" + b"".join(f"t{row},{row}\n".encode() for row in range(60))
    with pytest.raises(InputError, match="texts of many kinds"):
        read(b"x," + content.replace(b"\n", b"\n1,", 60), header="present")
