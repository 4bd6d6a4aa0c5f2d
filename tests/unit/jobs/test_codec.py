import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from service.jobs.codec import JSON, NPZ, NotEncodableError, decode, encode
from service.jobs.values import Payload
from service.operations.plans.columns import plain


def example() -> dict[str, Any]:
    return {
        "curve": {"loss": np.linspace(0.0, 1.0, 7), "flags": np.array([True, False])},
        "rows": [np.arange(3), {"deep": np.zeros((2, 0))}],
        "scalar": np.float64(0.1),
        "none": None,
        "text": "a",
    }


def test_arrays_travel_as_npz_and_come_back_equal() -> None:
    payload = encode(example())
    value = decode(payload)
    assert payload.media_type == NPZ
    assert_array_equal(value["curve"]["loss"], example()["curve"]["loss"])
    assert value["rows"][1]["deep"].shape == (2, 0)
    assert value["scalar"] == 0.1
    assert plain(value)["curve"]["flags"] == [True, False]


def test_plain_values_travel_as_json() -> None:
    assert encode({"a": [1, 2.5, None]}) == Payload(JSON, b'{"a":[1,2.5,null]}')


def test_equal_values_give_equal_bytes() -> None:
    assert encode(example()).body == encode(example()).body


@pytest.mark.parametrize(
    "value",
    [
        {"x": float("nan")},
        [float("inf")],
        {"x": np.array([np.nan])},
        {"x": np.array([object()])},
        {"x": object()},
        {"a/b": np.zeros(1), "a": {"b": np.zeros(1)}},
    ],
)
def test_what_cannot_be_carried_is_refused(value: object) -> None:
    with pytest.raises(NotEncodableError):
        encode(value)


def test_a_pickle_is_never_opened() -> None:
    with pytest.raises(ValueError, match="pickle"):
        decode(Payload(NPZ, pickle.dumps({"a": 1})))
