"""Filling missing values in the factor is filling them in the rows."""

import numpy as np
import pytest

from service.core.ground.data.filled import Filling, filled_factor
from service.core.ground.numbers.factor import factor_of_samples
from tests.support.tables import assert_same_factor


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_the_factor_of_filled_rows(offset: float) -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(60, 4)) + np.array([offset, 0.0, 0.0, 0.0])
    gaps = rng.random(60) < 0.3
    rows[gaps, 0] = rows[0, 0]
    mean = rows[~gaps, 0].mean()
    with_gaps = np.column_stack([rows, gaps])
    found = filled_factor(
        factor_of_samples(with_gaps, np.empty((60, 0))), [Filling(0, 4, mean - rows[0, 0])], 3, [1, 0, 4, 2, 3]
    )
    filled = np.where(gaps[:, np.newaxis] & (np.arange(4) == 0), mean, rows)
    expected = np.column_stack([filled[:, [1, 0]], gaps, filled[:, [2, 3]]])
    assert_same_factor(found, factor_of_samples(expected[:, :3], expected[:, 3:]), 1e-9 if offset else 1e-13)
