import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.jobs.identity import canonical, canonical_json, job_id

scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def reversed_keys(value: object) -> object:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(list(value))}
    if isinstance(value, list):
        return [reversed_keys(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


@given(values)
def test_order_of_keys_and_kind_of_number_do_not_matter(value: object) -> None:
    assert canonical_json(value) == canonical_json(reversed_keys(value))


@given(values)
def test_canonical_form_is_a_fixed_point(value: object) -> None:
    assert canonical_json(canonical(value)) == canonical_json(value)


def test_true_is_not_one_and_minus_zero_is_zero() -> None:
    assert canonical_json(True) != canonical_json(1)
    assert canonical_json(-0.0) == canonical_json(0)


def test_large_seeds_stay_apart() -> None:
    assert canonical_json(2**53 + 1) != canonical_json(2**53 + 2)


@pytest.mark.parametrize(
    ("operation", "request_", "version", "tenant"),
    [
        ("races", {"a": 1}, "1", "t"),
        ("sweeps", {"a": 2}, "1", "t"),
        ("sweeps", {"a": 1}, "2", "t"),
        ("sweeps", {"a": 1}, "1", "u"),
    ],
)
def test_everything_that_decides_a_result_decides_the_id(
    operation: str, request_: dict[str, int], version: str, tenant: str
) -> None:
    base = job_id("sweeps", canonical_json({"a": 1}), "1", "t")
    assert len(base) == 32
    assert job_id(operation, canonical_json(request_), version, tenant) != base
    assert job_id("sweeps", canonical_json({"a": 1.0}), "1", "t") == base


def test_not_a_number_has_no_identity() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json(float("nan"))
