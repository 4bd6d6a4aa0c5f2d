"""Factors prepared without their samples are those of prepared samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.ground.data.preparation import (
    Preparation,
    chosen_targets,
    means_of,
    prepared_factor,
    prepared_rows,
    signed_factor,
    standardising,
)
from service.core.ground.numbers.factor import factor_of_samples, powers_of_two
from tests.support.tables import KINDS, assert_same_factor


@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(sorted(KINDS)))
def test_standardised_columns_have_mean_zero_and_variance_one(seed: int, kind: str) -> None:
    table = KINDS[kind](np.random.default_rng(seed), 60)
    factor = factor_of_samples(table[:, :-1], table[:, -1:])
    preparation = standardising(factor, table.shape[1], centre=False, standardise=True)
    found = prepared_factor(factor, preparation)
    moving = np.ptp(table, axis=0) > 0.0
    np.testing.assert_array_equal(means_of(found), 0.0)
    np.testing.assert_allclose(found.deviations, moving, rtol=1e-14)
    rows = prepared_rows(table, preparation)
    expected = factor_of_samples(rows[:, :-1], rows[:, -1:])
    # centring rounds the rows to the last digit of their offset, and scaling brings that up
    offsets = np.abs(table).max(axis=0) / np.where(moving, table.std(axis=0), 1.0)
    assert_same_factor(found, expected, 1e-14 * float(offsets[moving].max()))


def test_only_what_is_changed_is_changed() -> None:
    table = np.random.default_rng(0).normal(size=(30, 3)) + 5.0
    factor = factor_of_samples(table[:, :2], table[:, 2:])
    found = prepared_factor(factor, standardising(factor, 2, centre=True, standardise=False))
    np.testing.assert_array_equal(found.x_mean, 0.0)
    np.testing.assert_array_equal(found.y_mean, factor.y_mean)
    np.testing.assert_array_equal(found.r, factor.r)


def test_two_classes_on_one_output() -> None:
    rng = np.random.default_rng(1)
    x, labels = rng.normal(1e6, 1.0, size=(40, 2)), rng.integers(0, 2, size=40)
    found = signed_factor(factor_of_samples(x, np.eye(2)[labels]))
    assert_same_factor(found, factor_of_samples(x, np.where(labels[:, np.newaxis] == 1, 1.0, -1.0)), 1e-14)


def test_targets_in_another_order_and_classes_that_never_occur() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 3))
    found = chosen_targets(factor_of_samples(x, y), [2, None, 0])
    expected = factor_of_samples(x, np.column_stack([y[:, 2], np.zeros(40), y[:, 0]]))
    assert_same_factor(found, expected, 1e-14)


def test_rows_near_the_largest_number() -> None:
    biggest = np.finfo(np.float64).max
    rows = np.array([[biggest], [-biggest], [-biggest]])
    preparation = Preparation(np.array([-biggest / 3.0]), np.array([biggest]))
    np.testing.assert_allclose(prepared_rows(rows, preparation)[:, 0], [4.0 / 3.0, -2.0 / 3.0, -2.0 / 3.0])
    assert np.isinf(prepared_rows(rows, Preparation(np.array([-biggest / 3.0]), np.ones(1)))).any()


@pytest.mark.parametrize("size", [1e-320, 1e300])
def test_sizes_at_the_edges_come_out_as_one(size: float) -> None:
    x = np.array([[size], [2.0 * size], [4.0 * size]])
    factor = factor_of_samples(x, x)
    found = prepared_factor(factor, standardising(factor, 2, centre=True, standardise=True))
    np.testing.assert_allclose(found.deviations, 1.0, rtol=1e-3)


@given(sizes=st.lists(st.floats(min_value=0.0, allow_nan=False), max_size=6))
def test_powers_of_two_lie_just_below(sizes: list[float]) -> None:
    for size, power in zip(sizes, powers_of_two(np.array(sizes)).tolist(), strict=True):
        if size == 0.0:
            assert power == 1.0
        elif np.isfinite(size):
            assert np.frexp(power)[0] == 0.5
            assert power <= size < 2.0 * power
