"""How the bundled data are prepared."""

import numpy as np

from service.operations.mapping.examples import EXAMPLES, load, standardised


def test_columns_have_mean_zero_and_variance_one_and_constant_ones_are_zero() -> None:
    columns = np.array([[1.0, 1e6 + 1.0, 7.0], [3.0, 1e6 + 5.0, 7.0]])
    np.testing.assert_array_equal(standardised(columns), [[-1.0, -1.0, 0.0], [1.0, 1.0, 0.0]])


def test_prepared_examples_are_the_published_ones_standardised() -> None:
    for row in EXAMPLES:
        raw, prepared = load(row.name, raw=True), load(row.name, raw=False)
        np.testing.assert_array_equal(prepared.x, standardised(raw.x))
        np.testing.assert_array_equal(prepared.y, raw.y if row.task == "classification" else standardised(raw.y))
        varied = np.ptp(raw.x, axis=0) > 0.0
        assert np.abs(prepared.x.mean(axis=0)).max() < 1e-14
        np.testing.assert_allclose((prepared.x**2).mean(axis=0), varied, rtol=1e-12)
