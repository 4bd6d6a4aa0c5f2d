"""A column without any value is told by name: nothing fills it, and leaving out its rows leaves none."""

import io

import pytest

from service.errors import InputError
from service.operations.datasets import reduce_upload
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.settings import UploadLimits

TEXT = b"age,income,effect\n" + b"".join(b"%d,,%d.5\n" % (20 + row, row) for row in range(12))


def upload(**options: object) -> int:
    form = FORMAT_BY_NAME["csv"]
    found = reduce_upload(io.BytesIO(TEXT), form, UploadOptions.model_validate(options), UploadLimits())
    return found.factor.n


@pytest.mark.parametrize("missing", [None, "drop_rows", "mean", "indicator"])
def test_nothing_fills_a_column_without_a_value(missing: str | None) -> None:
    with pytest.raises(
        InputError, match="has no value in any of the 12 rows; `ignore` leaves the column out"
    ) as caught:
        upload(**({} if missing is None else {"missing": missing}))
    assert caught.value.fields[0].location == ("header", "income")


def test_it_may_be_left_out() -> None:
    assert upload(ignore=["income"]) == 12
