"""Triangular factors of the wire to the core's, and their targets in the coding of a problem."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from service.core.ground.data.preparation import chosen_targets, signed_factor
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, powers_of_two
from service.errors import InputError, Location, counted
from service.operations.mapping.arrays import matrix
from service.operations.mapping.labels import Coding
from service.schemas import data as wire


def factor_of(data: wire.EvaluationFactor, at: Location) -> Factor:
    """The factor that ``data`` describe, its scales moved to powers of two near the standard deviations.

    Raises
    ------
    InputError
        If shapes disagree, a scale is not positive, something stands below the diagonal, a column leaves double
        precision, a single sample deviates from its mean, or classes are not labels of the targets.
    """
    x_mean, y_mean, scale = np.array(data.x_mean), np.array(data.y_mean), np.array(data.scale)
    columns = len(x_mean) + len(y_mean)
    if len(scale) != columns:
        raise InputError.at(
            (*at, "scale"), f"must have {counted(columns, 'entry', 'entries')}, one for each input and target"
        )
    small = np.flatnonzero(~(scale > 0.0))
    if len(small):
        raise InputError.at((*at, "scale", int(small[0])), "must be greater than 0")
    r = matrix(data.r, (*at, "r"))
    if r.shape != (columns, columns):
        detail = f"must be {columns} x {columns}: one row and one column for each input and target"
        raise InputError.at((*at, "r"), detail)
    below = np.argwhere(np.tril(r, -1) != 0.0)
    if len(below):
        raise InputError.at((*at, "r", *below[0].tolist()), "must be 0: it stands below the diagonal")
    if data.n == 1 and r.any():
        raise InputError.at((*at, "r"), "must be zero: a single sample does not deviate from its mean")
    r, scale = _normalised(r, scale, data.n, at)
    factor = Factor(data.n, x_mean, y_mean, scale, r)
    if data.classes is not None:
        _check_classes(factor, data.classes, (*at, "classes"))
    return factor


def coding_of_classes(classes: Sequence[int], width: int, at: Location) -> Coding:
    """The coding of one-hot targets for a network of so many outputs; `InputError` at ``at`` if none fits."""
    if width == len(classes) or (width == 1 and len(classes) == 2):
        return Coding(tuple(classes), width)
    wanted = "1 or 2" if len(classes) == 2 else str(len(classes))
    raise InputError.at(at, f"must be {wanted}: the targets are {len(classes)} classes")


def recoded(factor: Factor, classes: Sequence[int], coding: Coding, at: Location) -> Factor:
    """One-hot targets of ``classes`` in the form of ``coding``; `InputError` at ``at`` for a foreign class."""
    foreign = [index for index, label in enumerate(classes) if label not in coding.classes]
    if foreign:
        raise InputError.at((*at, foreign[0]), "must be a class of the data")
    if tuple(classes) != coding.classes:
        place = {label: index for index, label in enumerate(classes)}
        factor = chosen_targets(factor, [place.get(label) for label in coding.classes])
    return signed_factor(factor) if coding.outputs == 1 else factor


def _normalised(r: FloatArray, scale: FloatArray, n: int, at: Location) -> tuple[FloatArray, FloatArray]:
    """The same columns with scales that are powers of two; no step overflows on the way."""
    largest = np.abs(r).max(axis=0)
    constant = largest == 0.0
    own, given = np.frexp(np.where(constant, 1.0, largest))[1], np.frexp(scale)[1]
    # both are near one now, whatever the caller's units
    r = np.ldexp(r, -own) * np.ldexp(scale, -given)
    power = powers_of_two(np.sqrt(np.einsum("ij,ij->j", r, r) / n))
    exponents = np.where(constant, 0, own + given + np.frexp(power)[1] - 1)
    beyond = np.flatnonzero((exponents > 1023) | (exponents < -1074))
    if len(beyond):
        detail = "must leave the standard deviation of its column within double precision"
        raise InputError.at((*at, "scale", int(beyond[0])), detail)
    return r / power, np.ldexp(1.0, exponents)


def _check_classes(factor: Factor, classes: Sequence[int], at: Location) -> None:
    if len(classes) != factor.outputs or len(classes) < 2:
        raise InputError.at(at, "must have as many entries as there are targets, at least two")
    for index, (one, other) in enumerate(pairwise(classes)):
        if other <= one:
            raise InputError.at((*at, index + 1), "must be greater than the entry before")
    if abs(float(factor.y_mean.sum()) - 1.0) > 1e-9:
        raise InputError.at(at, "must be left out: the means of one-hot targets add up to 1")
