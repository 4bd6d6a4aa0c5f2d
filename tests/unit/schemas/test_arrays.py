"""Fields of lists that take arrays: checked as a whole, lists in JSON, arrays everywhere else."""

import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from service.jobs.codec import decode, encode
from service.operations.plans.columns import joined
from service.schemas.arrays import Booleans, Integers, Numbers, Rows, StoredColumn
from service.schemas.base import Wire, applicable


class Example(Wire):
    """One field of each kind."""

    numbers: Numbers
    integers: Integers | None = None
    booleans: Booleans | None = None
    rows: Rows | None = None


LISTS: dict[str, Any] = {
    "numbers": [0.0, 0.5],
    "integers": [1, 2, 3],
    "booleans": [True, False],
    "rows": [[1.0, 0.0], [0.5, 2.0]],
}
ARRAYS: dict[str, Any] = {
    "numbers": np.array([0.0, 0.5]),
    "integers": np.array([1, 2, 3], dtype=np.uint8),
    "booleans": np.array([True, False]),
    "rows": np.array([[1.0, 0.0], [0.5, 2.0]]),
}


def test_an_array_is_what_its_list_is_in_json() -> None:
    assert json.loads(Example(**ARRAYS).model_dump_json()) == LISTS == json.loads(Example(**LISTS).model_dump_json())


def test_an_array_travels_as_it_is() -> None:
    document = Example(**ARRAYS).document()
    assert all(document[name] is array for name, array in ARRAYS.items())
    found = decode(encode(document))
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    again = Example.model_validate(found)
    assert again.document().keys() == document.keys()


def test_a_stored_column_is_put_in_where_its_chunks_are_read() -> None:
    parts = [{"$chunk": 0, "hash": "a"}, {"$chunk": 1, "hash": "b"}]
    document = Example(numbers=StoredColumn("loss", parts)).document()
    assert document == {"numbers": {"$column": "loss", "of": parts}}
    stored = ({"loss": np.array([1.0])}, {"loss": np.array([2.0, 3.0])})
    assert joined(document, lambda part: stored[part["$chunk"]])["numbers"].tolist() == [1.0, 2.0, 3.0]


REFUSED: dict[str, dict[str, Any]] = {
    "not a number": {"numbers": np.array([0.0, np.nan])},
    "infinity": {"numbers": np.array([-np.inf, 1.0])},
    "not a number in a list": {"numbers": [0.0, float("nan")]},
    "infinity in a row": {"numbers": [], "rows": np.array([[1.0, np.inf]])},
    "words": {"numbers": np.array(["a"])},
    "objects": {"numbers": np.array([None])},
    "complex numbers": {"numbers": np.array([1j])},
    "numbers that are not whole": {"numbers": [], "integers": np.array([1.0])},
    "numbers for truth values": {"numbers": [], "booleans": np.array([1, 0])},
    "rows for numbers": {"numbers": np.eye(2)},
    "numbers for rows": {"numbers": [], "rows": np.arange(2.0)},
    "a single number": {"numbers": 1.0},
    "nothing": {"numbers": None},
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_such_array_is_refused(kind: str) -> None:
    with pytest.raises(ValidationError):
        Example(**REFUSED[kind])


@pytest.mark.parametrize("empty", [np.array([]), []])
def test_an_empty_array_is_one(empty: Any) -> None:
    assert json.loads(Example(numbers=empty).model_dump_json(exclude_unset=True)) == {"numbers": []}


class Optional(Wire):
    """Parts that may not apply, and one that may be missing."""

    word: str = ""
    number: float | None = None
    numbers: Numbers | None = None
    reasons: dict[str, str]


def test_what_does_not_apply_is_left_out_and_what_is_missing_is_null() -> None:
    made = Optional(word="", number=None, numbers=None, reasons={"number": "it is not known"})
    assert applicable(made, "word", "number", "numbers").document() == {
        "number": None,
        "reasons": {"number": "it is not known"},
    }
    whole = Optional(word="a", number=0.0, numbers=np.array([0.0, 0.0]), reasons={})
    assert applicable(whole, "word", "number", "numbers").document().keys() == whole.model_dump().keys()
