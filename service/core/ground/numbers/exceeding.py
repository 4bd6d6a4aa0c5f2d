"""One decision for every threshold at which a map appears continuously: within rounding of it, the map is zero.

Both sides of such a comparison are rounded.  One unit in the last place above the threshold a map of the size of
rounding would be listed as learned, with a rank, a class and an origin that the next digit turns; its gain in loss is
the square of that size, which nothing can show.
"""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray

THRESHOLD_ROUNDING: Final = 1e-12
"""Relative distance from a threshold within which a quantity counts as being at it."""


def exceeds(value: float, threshold: float) -> bool:
    """Whether a quantity is above a threshold by more than rounding."""
    return value > threshold * (1.0 + THRESHOLD_ROUNDING)


def exceeding(values: FloatArray, threshold: float) -> BoolArray:
    """`exceeds` of every entry (any shape)."""
    return np.asarray(values > threshold * (1.0 + THRESHOLD_ROUNDING))
