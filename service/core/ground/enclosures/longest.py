"""Norms beyond which no end-to-end map can beat a loss that is reached."""

from math import exp, log

import numpy as np

from service.core.ground.enclosures.expansion import ExpandedError
from service.core.ground.numbers.arrays import FloatArray

ROUNDED = 1.0 + 1e-9
"""Makes up for the rounding of logarithms and of sums of a few terms."""
RIDGES = 2.0 ** np.arange(-6.0, 15.0)
"""Ridges to try, relative to that at which the decay of a map of the longest norm changes."""
SHELL = 0.75
"""Inner norm of a shell that is excluded at once, as a share of the outer one."""
MOST_SHELLS = 48


def longest_useful(decays: FloatArray, upper: float) -> float:
    """A norm of the map beyond which decays (L,) alone cost more than ``upper``; infinite if one is zero.

    Notes
    -----
    Weights with product W cost at least ``L G ||W||_F^(2/L)``, G the geometric mean of the decays.
    """
    if not np.all(decays > 0.0):
        return np.inf
    log_decay = float(np.mean(np.log(decays)))
    return exp(min(0.5 * decays.size * (log(max(upper, 1e-300) / decays.size) - log_decay), 340.0)) * ROUNDED


def least_decay(decays: FloatArray, norm: float) -> float:
    """What weights whose product has this norm cost at least, rounded down; decays (L,) positive."""
    log_decay = float(np.mean(np.log(decays)))
    return decays.size * exp(min(log_decay + 2.0 / decays.size * log(max(norm, 1e-300)), 690.0)) / ROUNDED


def without_shells(below: ExpandedError, decays: FloatArray, upper: float, norm: float) -> float:
    """A norm beyond which no map of norm up to ``norm`` costs less than ``upper``.

    Parameters
    ----------
    below : ExpandedError
        Below the squared error of all maps of norm up to ``norm``, whatever their ridge.
    decays : (L,) array
        Positive.
    upper, norm : float

    Notes
    -----
    Maps in a shell ``a <= ||W|| <= b`` cost at least ``min_V (error(V) + p ||V||^2) - p b^2`` for each p > 0, and
    their decay is at least that of the norm a.  Shells are taken off from outside while this exceeds ``upper``.
    O(d) for each of some twenty ridges.
    """
    ridges = RIDGES * (least_decay(decays, norm) / (decays.size * norm * norm))
    minima = np.array([below.ridge_minimum(ridge) for ridge in ridges.tolist()])
    for _ in range(MOST_SHELLS):
        inner = SHELL * norm
        charges = ridges * (norm * norm) * ROUNDED
        error = float(np.max(minima - charges))
        if not max(error, 0.0) + least_decay(decays, inner) > upper * ROUNDED:
            break
        norm = inner
    return norm
