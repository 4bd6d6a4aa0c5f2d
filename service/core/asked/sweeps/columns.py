"""What a sweep finds, as one array for each quantity, in the order of the points."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.vocabulary import PointClass

ORIGIN_CLASSES: Final = (
    PointClass.GLOBAL_MINIMUM,
    PointClass.LOCAL_MINIMUM,
    PointClass.STRICT_SADDLE,
    PointClass.NON_STRICT_SADDLE,
    PointClass.DEGENERATE,
    PointClass.NOT_STATIONARY,
)
"""Classes the origin may have, in the order of their codes in a sweep."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One entry for each value, in the core's convention.

    Attributes
    ----------
    loss, fit, noise, decay : (m,) arrays
    norm : (m,) array
        Frobenius norm of the end-to-end map.
    parameter_norm : (m,) array
        Norm of all weights; NaN where the infimum is not attained.
    trivial, attained : (m,) arrays of bool
    rank : (m,) array of int
    minima : (m,) array of int
        Number of levels of local minima, the origin included where it is one.
    origin : (m,) array of int
        Class of the origin, as a place in `ORIGIN_CLASSES`.
    prediction_variance : (m,) array
    evaluation_fit : (m,) array or None
    """

    loss: FloatArray
    fit: FloatArray
    noise: FloatArray
    decay: FloatArray
    norm: FloatArray
    parameter_norm: FloatArray
    trivial: BoolArray
    attained: BoolArray
    rank: IntArray
    minima: IntArray
    origin: IntArray
    prediction_variance: FloatArray
    evaluation_fit: FloatArray | None


def replaced(sweep: Sweep, part: Sweep, places: IntArray) -> Sweep:
    """A sweep with other values at some of its points, ``places`` (m,)."""
    columns: dict[str, Any] = {}
    for field in fields(Sweep):
        column, values = getattr(sweep, field.name), getattr(part, field.name)
        columns[field.name] = None if column is None else np.array(column)
        if column is not None:
            columns[field.name][places] = values
    return Sweep(**columns)


def joined(pieces: Sequence[Sweep], places: IntArray) -> Sweep:
    """Sweeps of groups of points, put in the order of ``places`` (m,)."""
    order = np.argsort(places, kind="stable")
    columns: dict[str, Any] = {}
    for field in fields(Sweep):
        parts = [getattr(piece, field.name) for piece in pieces]
        columns[field.name] = None if parts[0] is None else np.concatenate(parts)[order]
    return Sweep(**columns)
