"""Squared error of the best affine map to samples, right to its own size on ill-conditioned inputs, too."""

from typing import Final

import numpy as np

from service.core.ground.conditioning import scaled_condition
from service.core.ground.data.conditioned import Moments
from service.core.ground.enclosures.rows import Rows
from service.core.ground.problems import Samples

HARD: Final = 1e4
"""Scaled condition from which a factorisation of the samples leaves digits of the error to gain."""
STEPS: Final = 3


def refined_residual(moments: Moments, samples: Samples) -> float | None:
    """Mean squared error of the best affine map, or None where a factorisation of the samples gives it as well.

    Parameters
    ----------
    moments : Moments
        Of the samples, with their factor and means.
    samples : Samples

    Notes
    -----
    Iterative refinement: slopes from the samples themselves in twice the working precision, steps by the eigenpairs of
    the factor.  What the last slope can still gain is taken off.  O(n d k) a step.
    """
    if moments.factor is None or moments.x_mean is None or moments.y_mean is None:
        return None
    central = moments.central
    spectrum = central.spectrum
    if not spectrum.rank or scaled_condition(central) < HARD:
        return None
    vectors, values = spectrum.vectors[:, spectrum.active], spectrum.values[spectrum.active]
    shift = np.concatenate((moments.x_mean, moments.y_mean))
    source = Rows(samples.x, samples.y, float(len(samples.x)), shift=shift)
    found = (vectors @ (spectrum.projections[spectrum.active] / values[:, None])).T
    best = np.inf
    for _ in range(STEPS):
        local = source.near(found, np.zeros_like(found), precise=True)
        along = local.slope @ vectors
        gain = float(np.sum(along * along / values))
        if local.value >= best:
            break
        best = local.value
        if gain <= 1e-12 * best:
            return max(best - gain, 0.0)
        found = found + (along / values) @ vectors.T
    return best
