"""What noise on a hidden layer takes off each singular value, against a convex search."""

import numpy as np
import pytest
from scipy.optimize import minimize

from service.core.ground.numbers.arrays import FloatArray
from service.core.several_outputs.noise.water_filling import fill


@pytest.mark.parametrize("seed", range(8))
def test_water_filling_against_a_convex_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.sort(rng.exponential(size=4))[::-1]
    mu, gam = rng.uniform(0.05, 1.0, 2) * 0.5

    def objective(s: FloatArray) -> float:
        return float(np.sum((values - s) ** 2) + mu * s.sum() ** 2 + 2 * gam * s.sum())

    level = fill(values, mu, gam, 4)
    own = np.maximum(values - level.amount, 0.0)
    searched = minimize(objective, values, bounds=[(0, None)] * 4, options={"ftol": 1e-15, "gtol": 1e-12})
    assert objective(own) <= searched.fun + 1e-12
    assert own.sum() == pytest.approx(level.total, abs=1e-13)
