"""How large the numbers of a request may be, where double precision sets the limit.

Inputs may have any size, since they are rescaled.  A loss is made of the squares of targets, added over samples and
outputs.
"""

from typing import Final

import numpy as np

from service.core.factor import Factor
from service.core.preparation import deviations_of
from service.errors import InputError, Location

LARGEST_TARGET: Final = 1e150
"""Root mean squares of targets: their squares, times any number of samples and outputs, are still numbers."""
TOO_LARGE: Final = f"must have entries of at most some {LARGEST_TARGET:g}: a loss is made of the squares of targets"


def too_large_targets(factor: Factor) -> list[int]:
    """Positions of the targets whose squares leave double precision."""
    with np.errstate(over="ignore"):
        sizes = np.hypot(factor.y_mean, deviations_of(factor)[factor.inputs :])
    found: list[int] = np.flatnonzero(~(sizes <= LARGEST_TARGET)).tolist()
    return found


def check_targets(factor: Factor, at: Location) -> None:
    """`InputError` at ``at`` if squares of targets leave double precision."""
    if too_large_targets(factor):
        raise InputError.at(at, TOO_LARGE)


def check_yy(yy: float, at: Location) -> None:
    """`InputError` at ``at`` for a mean square that leaves too little room above it."""
    if yy > LARGEST_TARGET**2:
        raise InputError.at(at, f"must be at most {LARGEST_TARGET**2:g}: losses are multiples of it")
