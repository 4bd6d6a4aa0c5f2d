"""Splits into folds, and data that are merged."""

import numpy as np
import pytest

from service.core.ground.data.conditioned import Moments, moments_of, moments_of_factor
from service.core.ground.data.fold_turns import FoldsInTurn
from service.core.ground.data.merged import merged_factor, merged_moments
from service.core.ground.numbers.factor import factor_of_samples


@pytest.mark.parametrize(("n", "folds"), [(5, 5), (23, 5), (100, 7), (8, 2)])
def test_folds_are_even_and_repeat_by_their_seed(n: int, folds: int) -> None:
    found = FoldsInTurn(folds, 3).next(n)
    counts = np.bincount(found, minlength=folds)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1
    assert (found == FoldsInTurn(folds, 3).next(n)).all()
    assert n <= folds or (found != FoldsInTurn(folds, 4).next(n)).any()


def test_a_table_in_blocks_is_split_as_a_whole_one() -> None:
    whole, parts = FoldsInTurn(5, 1).next(50), FoldsInTurn(5, 1)
    assert np.concatenate([parts.next(count) for count in (1, 0, 7, 30, 12)]).tolist() == whole.tolist()


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_merged_factors_are_those_of_all_samples(offset: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)) * [1.0, 1e3, 1e-4, 1.0] + offset, rng.normal(size=(60, 2))
    x[:, 3] = 2.5
    parts = [factor_of_samples(x[part], y[part]) for part in (slice(0, 9), slice(9, 10), slice(10, 60))]
    whole, merged = factor_of_samples(x, y), merged_factor(parts)
    assert merged.n == 60
    assert (merged.scale == whole.scale).all()
    assert merged.x_mean == pytest.approx(whole.x_mean, rel=1e-14)
    # means are doubles: what they are off by, relative to the deviations, is what the offset costs
    lost = 1e-13 * max(1.0, offset * 1e4)
    # the factor is one of many where a column is constant, its Gram matrix is not
    assert np.abs(merged.r.T @ merged.r - whole.r.T @ whole.r).max() < lost * 60.0
    assert not merged.r[:, 3].any()


def test_merged_moments_are_weighted_by_their_samples() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 3)) + 1.0, rng.normal(size=(30, 1))
    whole = moments_of(x, y)
    parts = [moments_of(x[:8], y[:8]), moments_of(x[8:], y[8:])]
    bare = [Moments(each.xx, each.xy, each.yy, each.n, each.x_mean, each.y_mean) for each in parts]
    for merged in (merged_moments(parts), merged_moments(bare)):
        assert merged.n == 30
        assert merged.xx == pytest.approx(whole.xx, rel=1e-13)
        assert merged.xy == pytest.approx(whole.xy, rel=1e-12)
        assert merged.yy == pytest.approx(whole.yy, rel=1e-13)
        assert merged.x_mean == pytest.approx(whole.x_mean)
    assert merged_moments(parts).factor is not None
    assert merged_moments([bare[0], Moments(bare[1].xx, bare[1].xy, bare[1].yy, bare[1].n)]).x_mean is None
    assert moments_of_factor(merged_factor([factor_of_samples(x, y)])).yy == pytest.approx(whole.yy, rel=1e-14)
