"""How large the numbers of a request may be, where double precision sets the limit.

Inputs of any size can be measured in other units.  A loss is made of the squares of targets, added over samples and
outputs, and cannot.
"""

from typing import Final

import numpy as np

from service.core.ground.numbers.factor import Factor
from service.errors import InputError, Location

LARGEST_INPUT: Final = 2.0**232
"""Root mean squares of inputs (about 7e69) whose fourth powers, and what they are multiplied by, are still numbers."""
COMFORTABLE: Final = 2.0**100
"""Inputs whose size lies between ``1 / COMFORTABLE`` and `COMFORTABLE`, about 1e30, are computed with as they are."""
LARGEST_TARGET: Final = 1e154
"""Root mean squares of targets, all outputs together, whose squares are still numbers."""
TOO_LARGE: Final = f"must have entries up to about {LARGEST_TARGET:g}: a loss is made of the squares of targets"


def check_inputs(factor: Factor, at: Location) -> None:
    """`InputError` at ``at`` if inputs are too large to be computed with as they are."""
    if not float(factor.sizes.max(initial=0.0)) <= LARGEST_INPUT:
        raise InputError.at(at, f"must have entries up to about {LARGEST_INPUT:.0e}: fourth powers are computed")


def too_large_targets(factor: Factor) -> list[int]:
    """Positions of the targets whose squares leave double precision, each alone or, the largest, together."""
    deviations = factor.deviations[factor.inputs :]
    if float(np.abs(factor.y_mean).sum()) + float(deviations.sum()) <= LARGEST_TARGET:
        return []
    with np.errstate(over="ignore"):
        sizes = np.hypot(factor.y_mean, deviations)
        whole = float(np.linalg.norm(sizes / LARGEST_TARGET))
    found: list[int] = np.flatnonzero(~(sizes <= LARGEST_TARGET)).tolist()
    return found or ([] if whole <= 1.0 else [int(np.argmax(sizes))])


def check_targets(factor: Factor, at: Location) -> None:
    """`InputError` at ``at`` if squares of targets leave double precision."""
    if too_large_targets(factor):
        raise InputError.at(at, TOO_LARGE)


def check_yy(yy: float, at: Location) -> None:
    """`InputError` at ``at`` for a mean square that leaves too little room above it."""
    if yy > LARGEST_TARGET**2:
        raise InputError.at(at, f"must be at most {LARGEST_TARGET**2:g}: losses are multiples of it")
