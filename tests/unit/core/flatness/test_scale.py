"""The least largest eigenvalue over one scale."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from service.core.flatness.scale import Pencil, least_over_scales
from service.core.ground.numbers.arrays import FloatArray


def semidefinite(rng: np.random.Generator, size: int, rank: int) -> FloatArray:
    root = rng.normal(size=(size, rank))
    return np.asarray(root @ root.T, dtype=np.float64)


def test_by_hand() -> None:
    # 4 a^2 + 9 / a^2 is least at a^2 = 3 / 2, where it is 12
    found = least_over_scales(Pencil(np.array([[4.0]]), np.array([[9.0]]), None, 2))
    assert found.value == pytest.approx(12.0, rel=1e-13)
    assert np.exp(2.0 * found.scale) == pytest.approx(1.5, rel=1e-6)


def test_a_kink_by_hand() -> None:
    # one direction for each layer: max(a^2, 1 / a^2) is least at a = 1, where the slopes are 2 and -2
    found = least_over_scales(Pencil(np.diag([1.0, 0.0]), np.diag([0.0, 1.0]), None, 2))
    assert found.value == pytest.approx(1.0, rel=1e-12)
    assert np.allclose(found.mixture @ found.mixture.T, np.diag([0.5, 0.5]), atol=1e-6)


def test_a_constant_that_decides() -> None:
    found = least_over_scales(Pencil(np.diag([1.0, 0.0]), np.diag([1.0, 0.0]), np.diag([0.0, 7.0]), 3))
    assert [found.value, found.lower_bound] == pytest.approx([7.0, 7.0])


@pytest.mark.parametrize("seed", range(12))
def test_against_a_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, layers = int(rng.integers(1, 6)), int(rng.integers(2, 6))
    rank = int(rng.integers(1, size + 1))
    first, rest = semidefinite(rng, size, size), semidefinite(rng, size, rank) * np.exp(3.0 * rng.normal())
    constant = semidefinite(rng, size, 1) if rng.random() < 0.5 else None
    pencil = Pencil(first, rest, constant, layers)
    found = least_over_scales(pencil)
    searched = minimize_scalar(lambda scale: pencil.at(scale).value, (pencil.start() - 1.0, pencil.start() + 1.0))
    assert found.lower_bound <= found.value <= float(searched.fun) * (1.0 + 1e-12)
    assert found.value - found.lower_bound <= 1e-11 * found.value
    assert pencil.at(found.scale).value == pytest.approx(found.value, rel=1e-12)
