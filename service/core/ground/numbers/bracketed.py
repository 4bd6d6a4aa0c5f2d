"""Roots between two numbers that a proof puts around them, found in spite of rounding.

An analytic bracket often ends where the root itself lies to rounding: the computed function then has the same sign at
both ends, although the exact one changes its sign between them.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.optimize import brentq

from service.core.ground.numbers.spectrum import EPSILON

MOST_STEPS: Final = 5_000
"""More than halving takes from the largest number to the smallest one."""


class BracketError(ArithmeticError):
    """The ends do not enclose a root: the function does not have the signs that its caller claims."""


def bracketed_root(
    function: Callable[[float], float],
    low: float,
    high: float,
    rounding: float,
    absolute: float = float(np.finfo(float).tiny),
) -> float:
    """A root of a continuous function that changes its sign between two numbers.

    Parameters
    ----------
    function : callable
        Its computed values at the ends are within ``rounding`` of exact ones whose signs differ, or of which one is
        zero.  It may be infinite at an end.
    low, high : float
        ``low <= high``.
    rounding : float
        Not negative; some units in the last place of the terms that cancel in the function.
    absolute : float
        Distance to the root that is near enough even where it is not so relative to the root.

    Returns
    -------
    float
        A number in ``[low, high]``.  Either the computed function is zero there or changes its sign within four units
        in the last place of it (or ``absolute``); or it is an end at which the computed function is at most
        ``rounding`` while it has one sign at both: the nearer one to zero.

    Raises
    ------
    BracketError
        If the computed function has one sign at both ends and exceeds ``rounding`` there, or is not a number at one.

    Notes
    -----
    Brent's method between ends of different signs.  No end is moved beyond the bracket to look for a change of sign:
    where the exact function changes it, an end that rounding has turned is as good a root as computed values show.
    """
    known = {low: function(low), high: function(high)}
    at_low, at_high = known[low], known[high]
    if at_low == 0.0:
        return low
    if at_high == 0.0:
        return high
    if np.isnan(at_low) or np.isnan(at_high):
        raise BracketError("the function is not a number at an end of the bracket")
    if (at_low > 0.0) != (at_high > 0.0):

        def once(at: float) -> float:
            return known[at] if at in known else function(at)

        return float(brentq(once, low, high, xtol=absolute, rtol=4.0 * EPSILON, maxiter=MOST_STEPS))
    end, value = (low, at_low) if abs(at_low) <= abs(at_high) else (high, at_high)
    if not abs(value) <= rounding:
        raise BracketError("the function has one sign at both ends of the bracket")
    return end
