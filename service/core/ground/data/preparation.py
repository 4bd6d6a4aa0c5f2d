"""Columns of a factor shifted, scaled, chosen and coded anew, without a look at the samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, powers_of_two, triangle


@dataclass(frozen=True)
class Preparation:
    """What is done to each column: ``(value - shift) / scale``.

    Attributes
    ----------
    shift, scale : (c,) array
        The scale is positive.
    """

    shift: FloatArray
    scale: FloatArray


def means_of(factor: Factor) -> FloatArray:
    """Mean of each column (c,), inputs first."""
    return np.concatenate((factor.x_mean, factor.y_mean))


def standardising(factor: Factor, changed: int, *, centre: bool, standardise: bool) -> Preparation:
    """What makes the first ``changed`` columns of mean zero and, if asked, of variance one; constant ones stay zero."""
    deviations = factor.deviations
    shift, scale = np.zeros_like(deviations), np.ones_like(deviations)
    if centre or standardise:
        shift[:changed] = means_of(factor)[:changed]
    if standardise:
        scale[:changed] = np.where(deviations[:changed] > 0.0, deviations[:changed], 1.0)
    return Preparation(shift, scale)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def prepared_factor(factor: Factor, preparation: Preparation) -> Factor:
    """The factor of the prepared columns; infinite where they leave double precision.

    Centring changes the means alone, and a scale each column by one rounding: no digit is lost to either.
    """
    mean = (means_of(factor) - preparation.shift) / preparation.scale
    # a constant column has scale 1, whatever its size
    ratio = np.where(factor.r.any(axis=0), factor.scale / preparation.scale, 1.0)
    power = powers_of_two(ratio)
    return _normalised(factor, mean, power, factor.r * (ratio / power))


def prepared_rows(rows: FloatArray, preparation: Preparation) -> FloatArray:
    """The prepared rows (n, c); infinite only where they leave double precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        found: FloatArray = (rows - preparation.shift) / preparation.scale
        if not np.isfinite(found).all():
            # a difference of numbers near the largest one, which a large scale brings back
            found = (0.25 * rows - 0.25 * preparation.shift) / preparation.scale * 4.0
    return found


def signed_factor(factor: Factor) -> Factor:
    """Two classes coded -1 and +1 by one output, from their one-hot coding.

    With ``e`` the indicator of the second class the target is ``2 e - 1``: the column is chosen and its scale doubled.
    """
    chosen = chosen_targets(factor, (1,))
    scale = chosen.scale.copy()
    scale[-1] *= 2.0
    return Factor(factor.n, factor.x_mean, 2.0 * chosen.y_mean - 1.0, scale, chosen.r)


def chosen_targets(factor: Factor, places: Sequence[int | None]) -> Factor:
    """Targets of the given places in their order, ``None`` for one that is zero in every sample.  O(c^3)."""
    inputs = factor.inputs
    columns = [*range(inputs), *(inputs + place for place in places if place is not None)]
    kept = [*range(inputs), *(inputs + at for at, place in enumerate(places) if place is not None)]
    r = np.zeros((factor.inputs + factor.outputs, inputs + len(places)))
    scale, mean = np.ones(inputs + len(places)), np.zeros(inputs + len(places))
    r[:, kept], scale[kept], mean[kept] = factor.r[:, columns], factor.scale[columns], means_of(factor)[columns]
    return Factor(factor.n, mean[:inputs], mean[inputs:], scale, triangle(r))


def _normalised(like: Factor, mean: FloatArray, scale: FloatArray, r: FloatArray) -> Factor:
    """Scales moved by powers of two to where they are near the standard deviations again."""
    change = powers_of_two(np.sqrt(np.einsum("ij,ij->j", r, r) / like.n))
    inputs = like.inputs
    return Factor(like.n, mean[:inputs], mean[inputs:], scale * change, r / change)
