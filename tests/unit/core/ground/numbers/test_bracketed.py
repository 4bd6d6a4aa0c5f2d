"""The law of bracketed roots, on functions whose computed values are off by as much as they are said to be."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.ground.numbers.bracketed import BracketError, bracketed_root

EPSILON = float(np.finfo(float).eps)
SIZES = st.floats(1e-280, 1e150)
POWERS = st.sampled_from([1, 3, 5, 9])


def rounded(function: Callable[[float], float], error: float) -> Callable[[float], float]:
    """The function, off by up to ``error`` in a way that changes with every place."""

    def computed(at: float) -> float:
        return function(at) + error * float(np.sin(1e3 * hash(at) % 1000))

    return computed


@given(root=SIZES, below=st.floats(0.0, 1.0), above=st.floats(1.0, 1e10), rising=st.booleans())
def test_an_exact_function_gives_its_root_to_the_last_bits(
    root: float, below: float, above: float, rising: bool
) -> None:
    sign = 1.0 if rising else -1.0
    found = bracketed_root(lambda at: sign * (at - root), below * root, above * root, rounding=0.0)
    assert below * root <= found <= above * root
    assert abs(found - root) <= 4.0 * EPSILON * root


@given(
    low=st.floats(-1e3, 1e3),
    width=st.floats(1e-6, 1e3),
    place=st.one_of(st.just(0.0), st.just(1.0), st.floats(0.0, 1.0)),
    error=st.floats(0.0, 1e-6),
    power=POWERS,
)
def test_a_rounded_function_gives_a_place_where_it_is_as_small_as_its_rounding(
    low: float, width: float, place: float, error: float, power: int
) -> None:
    high = low + width
    root = min(low + place * width, high)

    def exact(at: float) -> float:
        return float(((at - root) / width) ** power)

    computed = rounded(exact, error)
    found = bracketed_root(computed, low, high, rounding=error)
    assert low <= found <= high
    # as near to the root as the values can tell, and a few units in the last place
    near = 8.0 * EPSILON * (abs(low) + abs(high)) / width
    assert abs(found - root) / width <= error ** (1.0 / power) + near


@given(end=st.sampled_from(["low", "high"]), excess=st.floats(0.0, 1.0), sign=st.sampled_from([-1.0, 1.0]))
def test_an_end_that_rounding_has_turned_is_the_root(end: str, excess: float, sign: float) -> None:
    values = {"low": 1.0, "high": 2.0}
    turned = values[end]

    def computed(at: float) -> float:
        return sign * (excess if at == turned else 1.0 + excess)

    assert bracketed_root(computed, 1.0, 2.0, rounding=excess) == turned
    if excess > 0.0:
        with pytest.raises(BracketError, match="one sign"):
            bracketed_root(computed, 1.0, 2.0, rounding=0.5 * excess)


def test_an_empty_bracket_is_its_only_number() -> None:
    assert bracketed_root(lambda _at: 1e-16, 3.0, 3.0, rounding=1e-15) == 3.0


@pytest.mark.parametrize("ends", [(-np.inf, 1.0), (-1.0, np.inf), (-np.inf, np.inf)])
def test_infinite_values_at_the_ends_are_signs(ends: tuple[float, float]) -> None:
    def function(at: float) -> float:
        return ends[0] if at == 0.0 else ends[1] if at == 1.0 else at - 0.3

    assert bracketed_root(function, 0.0, 1.0, rounding=0.0) == pytest.approx(0.3, rel=4.0 * EPSILON)


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(BracketError, match="not a number"):
        bracketed_root(lambda at: np.nan if at == 0.0 else 1.0, 0.0, 1.0, rounding=np.inf)


def test_tiny_roots_far_below_the_bracket_are_reached() -> None:
    assert bracketed_root(lambda at: at - 1e-290, 0.0, 1e300, rounding=0.0) == pytest.approx(1e-290, rel=1e-14)


def test_no_end_is_evaluated_twice() -> None:
    seen: list[float] = []

    def function(at: float) -> float:
        seen.append(at)
        return at**3 - 0.2

    bracketed_root(function, 0.0, 1.0, rounding=0.0)
    assert len(seen) == len(set(seen))
