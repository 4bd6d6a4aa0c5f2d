"""What fields say, by hand and by a table."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.operations.uploads.fields import (
    CATEGORY,
    DATE_FORMATS,
    MISSING_WORDS,
    NUMBER,
    TEXT,
    date_format,
    date_of,
    is_missing,
    number_of,
    reading_of,
)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (["1", "2.5", "NA"], "number"),
        (["NA", ""], "number"),
        (["1", "x"], "number"),
        (["yes", "No", "YES"], "boolean"),
        (["2020-01-31", "?", "2021-12-01"], "date"),
        (["a", "b", "a", "b"], "category"),
        (["a", "b", "c"], "text"),
        (["2020-01-31", "soon"], "text"),
        (["2020-13-01", "2020-12-01"], "text"),
    ],
)
def test_the_kind_of_a_column(fields: list[str], kind: str) -> None:
    assert reading_of(fields).kind == kind


def test_too_many_texts_are_no_category() -> None:
    assert reading_of([f"t{number // 2}" for number in range(100)]) == CATEGORY
    assert reading_of([f"t{number // 2}" for number in range(102)]) == TEXT


@given(st.floats(allow_nan=False))
def test_every_number_is_one(value: float) -> None:
    assert number_of(repr(value)) == value
    assert reading_of([repr(value)]) == NUMBER


@given(st.sampled_from(sorted(MISSING_WORDS)), st.sampled_from([str.upper, str.title, str.lower]))
def test_a_missing_value_is_no_number(word: str, written: "type[str]") -> None:
    assert is_missing(f" {written(word)} ")
    assert number_of(word) is None


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.sampled_from(DATE_FORMATS))  # noqa: DTZ001 - written without a zone
def test_a_date_is_read_as_it_was_written(moment: datetime, form: str) -> None:
    text = moment.replace(tzinfo=UTC).strftime(form)
    expected = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is set below
    expected = expected if expected.tzinfo else expected.replace(tzinfo=UTC)
    assert date_of(text, form) == expected.timestamp() / 86_400.0


def test_of_two_formats_that_fit_the_first_is_taken() -> None:
    assert date_format(["01/02/2020"]) == "%m/%d/%Y"
    assert date_format(["01/02/2020", "13/02/2020"]) == "%d/%m/%Y"
