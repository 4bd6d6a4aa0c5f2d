"""Singular value decompositions of matrices whose columns have units of their own, against sixty digits."""

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs
import numpy as np
import pytest

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.graded import far_apart, graded_svd, graded_svd_of_full_rank
from service.core.several_outputs.weights.layers import product_svd

ROUNDINGS = 1e-13


def exact_svd(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Singular values and right singular vectors (d, r) of rows (r, d), each entry right to a double."""
    with mp.workdps(60):
        _, values, right = mp.svd_r(mp.matrix(rows.tolist()))
        found = np.array([float(value) for value in values])
        return found, np.array(right.tolist(), dtype=np.float64).T


def units(rng: np.random.Generator, inputs: int) -> FloatArray:
    return np.ldexp(1.0, rng.integers(-40, 41, inputs))


@pytest.mark.parametrize("seed", range(6))
def test_every_entry_of_a_square_matrix_has_its_own_digits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs = int(rng.integers(2, 6))
    scale = units(rng, inputs)
    rows = rng.standard_normal((inputs, inputs)) * scale
    condition = float(np.linalg.cond(rows / scale))
    values, right = exact_svd(rows)
    left, found, vectors = graded_svd(rows)
    sizes = scale[:, None] / values
    own_size = ROUNDINGS * condition * np.minimum(sizes, 1.0 / sizes)
    assert np.all(np.abs(np.abs(vectors) - np.abs(right)) <= own_size)
    assert np.all(np.abs(found - values) <= ROUNDINGS * condition * values)
    assert np.all(np.abs((left * found) @ vectors.T - rows) <= ROUNDINGS * scale)


@pytest.mark.parametrize("seed", range(6))
def test_a_column_that_depends_on_a_larger_one_takes_no_digits_from_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 5))
    scale = np.ldexp(1.0, rng.permutation(np.linspace(-40, 40, count).astype(int)))
    rows = rng.standard_normal((count, count)) * scale
    # a copy of the first column in a unit 2^9 less, which is exact
    rows = np.concatenate((rows, np.ldexp(rows[:, :1], -9)), axis=1)
    values, right = exact_svd(rows)
    _, found, vectors = graded_svd_of_full_rank(rows)
    condition = float(np.linalg.cond(rows[:, :count] / scale))
    sizes = np.append(scale, np.ldexp(scale[0], -9))[:, None] / values
    own_size = ROUNDINGS * condition * np.minimum(sizes, 1.0 / sizes)
    assert np.all(np.abs(np.abs(vectors) - np.abs(right)) <= own_size)
    assert np.all(np.abs(found - values) <= ROUNDINGS * condition * values)


@pytest.mark.parametrize("seed", range(8))
def test_a_product_keeps_the_digits_of_every_input(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outputs, inputs, rank = (int(size) for size in rng.integers(1, 6, 3))
    left, scale = rng.standard_normal((outputs, rank)), units(rng, inputs)
    right = rng.standard_normal((inputs, rank)) * scale[:, None]
    outer, values, inner = product_svd(left, right)
    assert values.shape == (min(outputs, inputs, rank),)
    assert np.all(np.diff(values) <= 0.0)
    sizes = np.linalg.norm(left) * np.linalg.norm(right, axis=1)
    assert np.all(np.abs((outer * values) @ inner.T - left @ right.T) <= ROUNDINGS * sizes)


def test_a_matrix_of_rank_one_and_one_of_zeros_have_their_decompositions() -> None:
    rows = np.outer([1.0, 2.0], [2.0**30, 0.0, 2.0**-30])
    left, values, right = graded_svd(rows)
    assert np.all(np.abs((left * values) @ right.T - rows) <= ROUNDINGS * np.abs(rows).max(axis=0))
    left, values, right = graded_svd(np.zeros((2, 3)))
    assert not values.any()
    assert left.shape == (2, 2)
    assert right.shape == (3, 2)


def test_sizes_far_apart_are_told_whatever_is_zero() -> None:
    assert far_apart(np.array([0.0, 1.0, 1e4]))
    assert not far_apart(np.array([0.0, 1.0, 1e2]))
    assert not far_apart(np.zeros(0))
