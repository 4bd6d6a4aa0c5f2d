"""Tables factored as they arrive: as good as all at once, at any size, however they are cut."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.ground.data.scatter import Scatter
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, factor_of_samples
from tests.support.tables import KINDS, assert_same_factor


def streamed(table: FloatArray, rows: int = 200) -> Factor:
    found = Scatter(table.shape[1])
    for start in range(0, len(table), rows):
        assert found.add(table[start : start + rows])
    return found.factor(table.shape[1] - 1)


def at_once(table: FloatArray) -> Factor:
    return factor_of_samples(table[:, :-1], table[:, -1:])


@pytest.mark.parametrize("rows", [1, 37, 700])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_is_that_of_its_rows(kind: str, rows: int) -> None:
    table = KINDS[kind](np.random.default_rng(1), 1500 if rows > 1 else 300)
    found = streamed(table, rows)
    assert_same_factor(found, at_once(table), 1e-13)
    np.testing.assert_array_equal(found.scale, at_once(table).scale)
    np.testing.assert_array_equal(np.tril(found.r, -1), 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_table_is_the_same_to_the_last_bit_however_it_arrives(kind: str) -> None:
    table = KINDS[kind](np.random.default_rng(9), 82)
    expected = at_once(table)
    for rows in (1, 7, 82):
        found = streamed(table, rows)
        for name in ("x_mean", "y_mean", "scale", "r"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert (np.diagonal(expected.r) >= 0.0).all()


@given(
    cuts=st.lists(st.integers(1, 599), max_size=8, unique=True),
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(sorted(KINDS)),
)
def test_how_a_table_is_cut_changes_the_rounding_only(cuts: list[int], seed: int, kind: str) -> None:
    table = KINDS[kind](np.random.default_rng(seed), 600)
    found = Scatter(table.shape[1])
    for first, last in pairwise([0, *sorted(cuts), 600]):
        assert found.add(table[first:last])
    assert_same_factor(found.factor(table.shape[1] - 1), at_once(table), 1e-13)


@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(sorted(KINDS)), data=st.data())
def test_units_that_are_powers_of_two_change_no_digit(seed: int, kind: str, data: Any) -> None:
    table = KINDS[kind](np.random.default_rng(seed), 600)
    powers = data.draw(st.lists(st.integers(-40, 40), min_size=table.shape[1], max_size=table.shape[1]))
    plain, scaled = streamed(table), streamed(np.ldexp(table, powers))
    np.testing.assert_array_equal(scaled.r, plain.r)
    moving = plain.r.any(axis=0)
    np.testing.assert_array_equal(scaled.scale[moving], np.ldexp(plain.scale, powers)[moving])
    np.testing.assert_array_equal(scaled.x_mean, np.ldexp(plain.x_mean, powers[:-1]))


@pytest.mark.parametrize("kind", ["timestamps", "money", "near_duplicates", "polynomials"])
def test_the_condition_is_not_squared(kind: str) -> None:
    """The residual of least squares, next to columns that a Gram matrix no longer tells apart."""
    rng = np.random.default_rng(4)
    table = KINDS[kind](rng, 3000)
    x = table[:, :-1] - table[:, :-1].mean(axis=0)
    # the mean that rounding left
    x -= x.mean(axis=0)
    x /= x.std(axis=0)
    table[:, -1] = x @ rng.normal(size=x.shape[1]) + 1e-9 * rng.normal(size=3000)
    target = table[:, -1] - table[:, -1].mean()
    residual = target - x @ np.linalg.lstsq(x, target, rcond=None)[0]
    found = streamed(table)
    assert abs(found.r[-1, -1]) * found.scale[-1] == pytest.approx(float(np.linalg.norm(residual)), rel=1e-5)
    gram = np.column_stack([x, target]).T @ np.column_stack([x, target])
    squared = np.linalg.eigvalsh(gram)[0]
    assert abs(squared**0.5 if squared > 0.0 else 0.0) != pytest.approx(float(np.linalg.norm(residual)), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_most_rows_go_the_quick_way(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow: list[int] = []
    carefully = Scatter._add_carefully

    def counted(self: Scatter, rows: FloatArray) -> None:
        slow.append(len(rows))
        carefully(self, rows)

    monkeypatch.setattr(Scatter, "_add_carefully", counted)
    streamed(KINDS[kind](np.random.default_rng(2), 20_000), 1000)
    assert sum(slow) <= 0.2 * 20_000


BIGGEST = float(np.finfo(np.float64).max)
EXTREMES: dict[str, list[list[float]]] = {
    "the largest numbers": [[BIGGEST, 1.0], [-BIGGEST, 2.0], [BIGGEST, 3.0]],
    "constant and the largest": [[BIGGEST, 1.0], [BIGGEST, 2.0]],
    "the smallest numbers": [[5e-324, 1.0], [0.0, 2.0], [1e-323, 2.0]],
    "beyond 1e300 and below 1e-300": [[1e305, 1e-305], [3e305, 2e-305], [-1e304, 7e-305]],
    "one row": [[3.0, 4.0]],
    "two equal rows": [[3.0, 4.0], [3.0, 4.0]],
    "zeros": [[0.0, 1.0], [0.0, 2.0]],
    "a tenth, which adds up to no tenth": [[0.1, 1.0]] * 7 + [[0.1, 2.0]],
}


@pytest.mark.parametrize("name", EXTREMES)
def test_numbers_of_any_size(name: str) -> None:
    table = np.array(EXTREMES[name])
    with np.errstate(over="ignore"):
        constant = np.ptp(table, axis=0) == 0.0
    for found in (streamed(table, 1), streamed(table), at_once(table)):
        for part in (found.x_mean, found.y_mean, found.scale, found.r):
            assert np.isfinite(part).all()
        sizes = np.sqrt((found.r**2).sum(axis=0) / len(table))
        np.testing.assert_array_equal(sizes == 0.0, constant)
        least = found.scale == 5e-324
        assert (constant | (((sizes >= 0.999) | least) & (sizes <= 2.001))).all()
        reference = np.ldexp(table, -np.frexp(np.abs(table).max(axis=0))[1])
        small = np.ldexp(found.scale, -np.frexp(np.abs(table).max(axis=0))[1])
        np.testing.assert_allclose(sizes * small, reference.std(axis=0) * ~constant, rtol=1e-12, atol=1e-16)


def test_sizes_that_no_row_before_had() -> None:
    rng = np.random.default_rng(3)
    table = rng.normal(size=(3000, 3))
    table[:1000, 0] = 7.0
    table[:1500, 1] *= 1e-12
    table[2500:, 2] *= 1e9
    table[2900, 0] = 1e200
    found, expected = streamed(table), at_once(table)
    assert_same_factor(found, expected, 1e-13)
    assert found.scale[0] > 1e190


def test_columns_that_come_late_were_zero_before() -> None:
    rng = np.random.default_rng(6)
    table = rng.normal(size=(2000, 4))
    table[:1200, 3] = 0.0
    found = Scatter(3)
    found.add(table[:1200, :3])
    found.widen(4)
    found.add(table[1200:])
    assert_same_factor(found.factor(3), at_once(table), 1e-14)
    some = found.factor(2, [3, 0, 1])
    assert_same_factor(some, factor_of_samples(table[:, [3, 0]], table[:, 1:2]), 1e-14)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 700, 1999])
def test_what_is_no_number_is_told(row: int, wrong: float) -> None:
    table = np.random.default_rng(0).normal(size=(2000, 3))
    table[row, 1] = wrong
    assert not Scatter(3).add(table)
