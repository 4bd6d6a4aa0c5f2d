"""Shells of maps of nearly equal norm with the chord of the decay in its place: a bound in closed form.

On a shell ``s1 <= ||v||^2 <= s2`` the concave decay term ``(D+1) kappa s^(q/2)`` lies above its chord
``k s + d``, and what remains is a convex quadratic.  Statement and proof: ``docs/theory/norm-bound.md``.
"""

from typing import NamedTuple

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON


class Relaxation(NamedTuple):
    """Shells with the chord of the decay in its place; each of shape (m,).

    ``slope`` and ``constant`` are the chord's, ``shrunk`` is the minimum of the quadratic part, reached at a map
    of length ``norm``, and ``arithmetic`` bounds the rounding of the sums.
    """

    slope: FloatArray
    constant: FloatArray
    shrunk: FloatArray
    norm: FloatArray
    arithmetic: FloatArray


def relaxation(
    values: FloatArray,
    squares: FloatArray,
    fitted: FloatArray,
    ends: tuple[FloatArray, FloatArray],
    paid: tuple[FloatArray, FloatArray],
) -> Relaxation:
    """Relax shells: ``excess >= sum a^2 k / (c (c + k)) + d`` with the chord ``k s + d`` of the decay.

    Parameters
    ----------
    values, squares, fitted : (n,) or (m, n) arrays
        Eigenvalues c, squared projections a^2 and a^2/c: of one problem, or of the problem of each shell.
    ends : two (m,) arrays
        Least and largest norm of each shell.
    paid : two (m,) arrays
        Decay at these norms.

    Returns
    -------
    Relaxation
    """
    (low, high), (at_low, at_high) = ends, paid
    s_low = low * low
    slope = (at_high - at_low) / (high * high - s_low)
    constant = at_low - slope * s_low
    resolvent = 1.0 / (values + slope[:, None])
    shrunk = np.vecdot(resolvent, fitted) * slope
    resolvent *= resolvent
    norm = np.sqrt(np.vecdot(resolvent, squares))
    arithmetic = 64.0 * EPSILON * (shrunk + np.abs(constant) + at_high)
    return Relaxation(slope, constant, shrunk, norm, arithmetic)
