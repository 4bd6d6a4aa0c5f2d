"""Data of several sets as those of all of them together: only sums, so that nothing cancels."""

from collections.abc import Sequence

import numpy as np

from service.core.ground.data.conditioned import Moments, moments_of_factor
from service.core.ground.data.preparation import means_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, powers_of_two, triangle


def merged_factor(factors: Sequence[Factor]) -> Factor:
    """The factor of the samples of several factors of the same columns.

    With ``Z_f`` the deviations of set f from its own mean, those from the common mean have the second moments
    ``sum_f Z_f'Z_f + n_f (m_f - m)(m_f - m)'``: the triangle of all factors above one row for each mean.  Steps between
    means are taken from the first of them, so that an offset is subtracted once.  O(f (d + k)^3).
    """
    n = sum(factor.n for factor in factors)
    means = np.array([means_of(factor) for factor in factors])
    counts = np.array([float(factor.n) for factor in factors])
    steps = means - means[0]
    shift = counts @ steps / n
    between = np.sqrt(counts)[:, None] * (steps - shift)
    rows = np.concatenate([*(factor.r * factor.scale for factor in factors), between])
    scale = powers_of_two(np.sqrt(np.einsum("ij,ij->j", rows, rows) / n))
    mean = means[0] + shift
    inputs = factors[0].inputs
    return Factor(n, mean[:inputs], mean[inputs:], scale, triangle(rows / scale))


def merged_moments(sets: Sequence[Moments]) -> Moments:
    """The moments of several sets whose numbers of samples are known, by their factors where all have one."""
    factors = [each.factor for each in sets if each.factor is not None]
    if len(factors) == len(sets):
        return moments_of_factor(merged_factor(factors))
    counts = np.array([float(each.n or 0) for each in sets])
    share = counts / counts.sum()
    x_means = [each.x_mean for each in sets if each.x_mean is not None]
    y_means = [each.y_mean for each in sets if each.y_mean is not None]
    return Moments(
        xx=_weighted(share, [each.xx for each in sets]),
        xy=_weighted(share, [each.xy for each in sets]),
        yy=float(share @ np.array([each.yy for each in sets])),
        n=round(counts.sum()),
        x_mean=_weighted(share, x_means) if len(x_means) == len(sets) else None,
        y_mean=_weighted(share, y_means) if len(y_means) == len(sets) else None,
    )


def _weighted(share: FloatArray, arrays: Sequence[FloatArray]) -> FloatArray:
    return np.tensordot(share, np.array(arrays), axes=1)
