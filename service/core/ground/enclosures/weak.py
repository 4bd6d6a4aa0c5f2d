"""Directions in which moments show next to nothing, found again in about twice the working precision.

Rounding of the moments decides there whether inputs vary at all, and a decay of 1e-12 lets maps grow until that
matters.  Moments that no data have are raised by as little as makes them semidefinite.  See
``docs/theory/enclosures.md``.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from service.core.ground.enclosures.combined import Combined, Part
from service.core.ground.enclosures.rows import on_each_input
from service.core.ground.enclosures.second_moments import SecondMoments
from service.core.ground.enclosures.sources import Source
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.spectrum import EPSILON

FAINT = 1e-12
"""Second moments, relative to the numbers that make them up, of which double precision keeps few digits."""
CERTAIN = 2.0**-72
"""Least second moment, in the same units, that is distinguished from zero in about twice the working precision."""
SAME = 2.0**-55
"""Raised by this share of themselves, second moments are the same doubles."""
MOST_RAISED = 2.0
"""Multiple of ``d eps`` that moments are raised by at most."""


class Found(NamedTuple):
    """What a squared error is measured along.

    Attributes
    ----------
    source : Source
        The data, with what raises moments that no data have.
    basis : (d, d) array
        Faint directions turned among themselves until they do not correlate.
    squares : (d,) array
        Second moments along them, or estimates.
    faint : (d,) array of bool
        Directions whose slope is to be found by `Source.slope_along`.
    raised : float
        What is added to the second moment of each input, relative to it; 0 for moments of data.
    """

    source: Source
    basis: FloatArray
    squares: FloatArray
    faint: BoolArray
    raised: float = 0.0

    def added(self, end_to_end_map: FloatArray) -> float:
        """What raising the moments adds to the squared error of a map (k, d)."""
        return self.raised * float(np.sum((end_to_end_map * self.source.sizes) ** 2))


def found_again(source: Source, basis: FloatArray, squares: FloatArray, outputs: int) -> Found:
    """Measure faint directions of moments; rows of data, whose squares are never negative, are left as they are.

    Parameters
    ----------
    source : Source
    basis : (d, d) array
        Nearly orthonormal directions.
    squares : (d,) array
        Second moments along them, or estimates; zero where there are no data.
    outputs : int

    Notes
    -----
    Twofold arithmetic distinguishes ``1e-17`` from ``-1e-17``: moments that some data certainly have are not changed.
    Others are raised by twice what is missing and less than the last digit of their diagonal.  O(d^2 r) for r faint
    directions.
    """
    unchanged, sizes = as_they_are(source, basis, squares), source.sizes
    spans = sizes @ np.abs(basis)
    nothing = squares <= FAINT * spans * spans
    if not spans[nothing].any() or not _of_moments(source):
        return unchanged
    directions = _apart(basis[:, nothing], sizes > 0.0)
    found = None if directions is None else _measured(source, directions, outputs)
    if directions is None or found is None:
        return unchanged
    source, squares_found, turn, raised = found
    turned, measured, faint = basis.copy(), squares.copy(), np.zeros(len(squares), dtype=bool)
    where, count = np.flatnonzero(nothing), directions.shape[1]
    faint[where[:count]] = True
    measured[where] = 0.0
    measured[faint], turned[:, faint] = squares_found, directions @ turn
    turned[:, where[count:]] = np.eye(len(sizes))[:, sizes == 0.0]
    return Found(source, turned, measured, faint, raised)


def _measured(
    source: Source, directions: FloatArray, outputs: int
) -> tuple[Source, FloatArray, FloatArray, float] | None:
    """The source as it is or raised, second moments (r,) along directions (d, r), how these turn, what was raised.

    None where no rounding explains what is missing.
    """
    inputs, count = directions.shape
    if not count:
        return source, np.zeros(0), np.zeros((0, 0)), 0.0
    unit = float(powers_of_two(np.max(source.sizes @ np.abs(directions), keepdims=True))[0])
    ground, units = on_each_input(source.sizes**2, outputs), np.full(count, unit)
    gram, size = (each.second(directions, units, True)[0] for each in (source, ground))
    least, raised = _least(gram, size), 0.0
    if least < CERTAIN:
        raised = 2.0 * max(-least, 0.0) + SAME
        if raised > MOST_RAISED * inputs * EPSILON:
            return None
        source, gram = Combined((Part(source, 1.0), Part(ground, raised))), gram + raised * size
    values, turn = np.linalg.eigh(gram)
    return source, np.maximum(values, 0.0) * unit * unit, turn, raised


def _least(gram: FloatArray, size: FloatArray) -> float:
    """Least ratio of two quadratic forms; minus infinity where the second is not positive in double precision."""
    try:
        return float(eigh(gram, size, eigvals_only=True)[0])
    except (np.linalg.LinAlgError, ValueError):
        return -np.inf


def _apart(directions: FloatArray, seen: BoolArray) -> FloatArray | None:
    """Those (d, r) of some directions that inputs (d,) span which are not zero; None if zero inputs are not among them.

    Notes
    -----
    Inputs that are zero have directions of their own, along which nothing is rounded.
    """
    absent = int(np.count_nonzero(~seen))
    if not absent:
        return directions
    left, values, _ = np.linalg.svd(directions[seen], full_matrices=False)
    inside = left[:, values > 0.5]
    if inside.shape[1] + absent != directions.shape[1]:
        return None
    padded = np.zeros((len(seen), inside.shape[1]))
    padded[seen] = inside
    return padded


def as_they_are(source: Source, basis: FloatArray, squares: FloatArray) -> Found:
    """The basis (d, d) and squares (d,) as they are: nothing is found again."""
    return Found(source, basis, squares, np.zeros(len(squares), dtype=bool))


def _of_moments(source: Source) -> bool:
    if isinstance(source, Combined):
        return any(_of_moments(part.source) for part in source.parts)
    return isinstance(source, SecondMoments)
