"""Hidden units that all carry the same load."""

import numpy as np
import pytest

from service.core.several_outputs.weights.equalised import equal_loads


@pytest.mark.parametrize(("rank", "width"), [(1, 1), (1, 6), (3, 3), (3, 8), (10, 31)])
def test_equal_loads(rank: int, width: int) -> None:
    values = np.sort(np.random.default_rng(rank).exponential(size=rank))[::-1]
    rows = equal_loads(values, width)
    assert rows @ rows.T == pytest.approx(np.eye(rank), abs=1e-13)
    assert np.diag(rows.T * values @ rows) == pytest.approx(np.full(width, values.sum() / width), abs=1e-13)
