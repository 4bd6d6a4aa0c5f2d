"""What every enclosure asks of the data: the squared error at one map, its slope there, and its curvature."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON

UNIT = 0.5 * EPSILON
"""Unit roundoff u."""


def gamma(count: float) -> float:
    """``n u / (1 - n u)``, the relative error of a sum of n products in any order (Higham 2002, section 3.1)."""
    return count * UNIT / (1.0 - min(count * UNIT, 0.5))


@dataclass(frozen=True, slots=True)
class Local:
    """The squared error near one map W (k, d): ``error(W + V) = value - 2 <slope, V> + <V, V second>``.

    Attributes
    ----------
    value : float
        Squared error at W.
    value_error : float
        Bound on the error of ``value``.
    slope : (k, d) array
        ``E[(y - W x) x']``, half the negative gradient.
    slope_error : (d,) array
        Bound on the norm of the error of each column of ``slope``.
    mean : (k,) array or None
        Mean of the misfit of rows that were shifted by rounded means, which is not part of the error about the means.
    mean_error : float
        Bound on the norm of its error.
    """

    value: float
    value_error: float
    slope: FloatArray
    slope_error: FloatArray
    mean: FloatArray | None = None
    mean_error: float = 0.0


class Source(Protocol):
    """Data whose numbers are taken as exact."""

    @property
    def sizes(self) -> FloatArray:
        """Root mean squares of the inputs, shape (d,), means taken off where they are."""
        ...

    def near(self, end_to_end_map: FloatArray, low: FloatArray, precise: bool) -> Local:
        """The squared error near the map ``end_to_end_map + low`` (k, d), which is taken as exact.

        Parameters
        ----------
        end_to_end_map, low : (k, d) arrays
        precise : bool
            Whether in about twice the working precision, or in double precision with its error bounds.
        """
        ...

    def slope_along(self, end_to_end_map: FloatArray, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Half the negative gradient at a map W (k, d), along directions that hold next to nothing of the inputs.

        Returns
        -------
        (k, r) array
            ``E[(y - W x) x'] directions``.
        (r,) array
            Bound on the norm of the error of each column, of maps within a rounding of W.
        """
        ...

    def second(self, directions: FloatArray, units: FloatArray, precise: bool) -> tuple[FloatArray, FloatArray]:
        """Second moments of the inputs along directions (d, r), each divided by its unit (r,), a power of two.

        Returns
        -------
        (r, r) array
            ``directions' E[x x'] directions``, entry ij divided by ``units[i] units[j]``.
        (r, r) array
            Bound on the error of each entry.
        """
        ...


def from_whole_slope(
    source: Source, end_to_end_map: FloatArray, directions: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """`Source.slope_along` (k, r) from the whole gradient (k, d), to its own accuracy."""
    local = source.near(end_to_end_map, np.zeros_like(end_to_end_map), True)
    moved = gamma(2.0) * float(source.sizes @ np.linalg.norm(end_to_end_map, axis=0))
    size = np.abs(directions)
    error = (local.slope_error + gamma(len(size) + 4.0) * np.linalg.norm(local.slope, axis=0)) @ size
    return local.slope @ directions, 1.01 * (error + moved * (source.sizes @ size))
