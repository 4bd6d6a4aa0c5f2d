"""The rank of the least-squares map is decided where inputs have no units."""

import numpy as np
import pytest

from service.core.ground.numbers.arrays import FloatArray
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.solvers.reduced_rank import numerical_rank


def quadratic(scales: FloatArray, target: FloatArray) -> Quadratic:
    total = float(np.sum(target**2))
    return Quadratic(None, scales, target, 0.0, total, None, None, 1e-14)


@pytest.mark.parametrize("decades", [0, 6, 12, 18])
def test_a_weak_output_counts_whatever_the_units_of_the_inputs(decades: int) -> None:
    rng = np.random.default_rng(decades)
    left, right = (np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(2))
    target = (left[:, :3] * np.array([1.0, 1e-3, 1e-8])) @ right[:, :3].T
    assert numerical_rank(quadratic(np.geomspace(1.0, 10.0**-decades, 4), target)) == 3


@pytest.mark.parametrize("decades", [0, 2, 9])
def test_rounding_does_not_count(decades: int) -> None:
    rng = np.random.default_rng(decades)
    target = np.outer(rng.standard_normal(3), rng.standard_normal(4))
    target *= 1.0 + np.finfo(float).eps * rng.standard_normal(target.shape)
    assert numerical_rank(quadratic(np.geomspace(1.0, 10.0**-decades, 4), target)) == 1


def test_rounding_of_moments_grows_with_the_condition_of_turned_inputs() -> None:
    rng = np.random.default_rng(0)
    frame = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    scales = np.geomspace(1.0, 1e-3, 4)
    root = frame * scales
    map_of_rank_one = np.outer(rng.standard_normal(3), rng.standard_normal(4))
    # every entry of the moment rounds on its own, whatever direction it is in
    correlation = map_of_rank_one @ root @ root.T
    correlation *= 1.0 + np.finfo(float).eps * rng.standard_normal(correlation.shape)
    seen = quadratic(scales, correlation @ frame / scales)
    assert np.count_nonzero(seen.svd[1] > 4 * 4 * np.finfo(float).eps * seen.svd[1][0]) > 1
    assert numerical_rank(seen) == 1


def test_nothing_to_fit_has_rank_zero() -> None:
    assert numerical_rank(quadratic(np.ones(2), np.zeros((3, 2)))) == 0
