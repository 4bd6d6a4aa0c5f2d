"""Numbers standardised on the way in, and maps reported in the numbers as they were sent on the way out."""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.data.preparation import Preparation, prepared_factor, prepared_rows
from service.core.ground.data.preparation import standardising as standardising_columns
from service.core.ground.extremes import Extremes
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, powers_of_two
from service.core.ground.problems import Moments
from service.errors import InputError, Location
from service.operations.mapping.sizes import COMFORTABLE
from service.schemas.minima import PreparedColumn

VANISHING = 2.0**1023
"""A unit in which inputs below ``1 / COMFORTABLE`` are zero in double precision."""
BEYOND = "must stay within double precision when it is divided by the deviations of the data"


@dataclass(frozen=True)
class Units:
    """What was done to inputs and targets: ``(value - shift) / scale``.

    Attributes
    ----------
    columns : Preparation
        Of the inputs, then the targets; shift 0 and scale 1 for labels.
    inputs : int
    extremes : Extremes or None
        Where weights decay, what changes of the problem with the units.
    """

    columns: Preparation
    inputs: int
    extremes: Extremes | None = None

    @property
    def is_scale(self) -> bool:
        """Whether inputs alone are scaled and nothing is shifted."""
        return not self.columns.shift.any() and bool((self.columns.scale[self.inputs :] == 1.0).all())

    def factor(self, factor: Factor, at: Location) -> Factor:
        """The factor of prepared columns; `InputError` at ``at`` where they leave double precision."""
        found = prepared_factor(factor, self.columns)
        if not all(np.isfinite(part).all() for part in (found.x_mean, found.y_mean, found.scale, found.r)):
            raise InputError.at(at, BEYOND)
        return found

    def samples(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Prepared inputs (n, d) and targets (n, k)."""
        rows = prepared_rows(np.hstack([x, y]), self.columns)
        return rows[:, : self.inputs], rows[:, self.inputs :]

    def moments(self, moments: Moments) -> Moments:
        """Moments of scaled inputs, where nothing is shifted and the scales are powers of two."""
        scale = self.columns.scale[: self.inputs]
        xx, xy = moments.xx / scale / scale[:, np.newaxis], moments.xy / scale[:, np.newaxis]
        return replace(moments, xx=xx, xy=xy, x_mean=None if moments.x_mean is None else moments.x_mean / scale)

    def columns_reported(self) -> tuple[list[PreparedColumn], list[PreparedColumn]]:
        """What was done to each input and to each target, as an upload reports it."""
        pairs = zip(self.columns.shift.tolist(), self.columns.scale.tolist(), strict=True)
        reported = [PreparedColumn(shift=shift, scale=scale) for shift, scale in pairs]
        return reported[: self.inputs], reported[self.inputs :]

    def map_sent(self, matrix: FloatArray, offset: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The map (k, d) and offset (k,) of prepared numbers as those of the numbers that were sent."""
        x_shift, y_shift = np.split(self.columns.shift, [self.inputs])
        x_scale, y_scale = np.split(self.columns.scale, [self.inputs])
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            sent = matrix / x_scale * y_scale[:, np.newaxis]
            return sent, y_shift + y_scale * (offset - matrix @ (x_shift / x_scale))


def standardising(factor: Factor, at: Location, *, numeric: bool, constant: bool) -> Units:
    """What standardises the data.

    Parameters
    ----------
    factor : Factor
    at : tuple
        Of the data, for errors.
    numeric : bool
        Whether targets are standardised as well.
    constant : bool
        Whether constant columns are allowed; they become zero.

    Raises
    ------
    InputError
        For a constant column, which has no deviation to divide by.
    """
    changed = factor.inputs + (factor.outputs if numeric else 0)
    still = np.flatnonzero(factor.deviations[:changed] == 0.0)
    if len(still) and not constant:
        column = int(still[0])
        name, place = ("x", column) if column < factor.inputs else ("y", column - factor.inputs)
        raise InputError.at((*at, name), f"must not be constant in column {place} to be standardised: leave it out")
    return Units(standardising_columns(factor, changed, centre=True, standardise=True), factor.inputs)


def within_range(factor: Factor, *, decayed: bool) -> Units | None:
    """Units in which no input is too large or too small to be computed with; None where none is.

    Parameters
    ----------
    factor : Factor
    decayed : bool
        Whether the weights of every layer decay.

    Notes
    -----
    Powers of two, so that no digit changes.  Columns get the size one.  Beside decay units matter: a large one is
    lowered to where its weights are as free as they were, and a small one, whose weights are worth nothing, to zero.
    """
    return _in_range(factor.sizes, factor.outputs, decayed=decayed)


def moments_within_range(moments: Moments, *, decayed: bool) -> Units | None:
    """The same for moments, whose diagonal shows the sizes."""
    if moments.least_square >= COMFORTABLE**-2 and moments.largest_square <= COMFORTABLE**2:
        return None
    return _in_range(np.sqrt(np.maximum(moments.xx.diagonal(), 0.0)), moments.outputs, decayed=decayed)


def _in_range(sizes: FloatArray, outputs: int, *, decayed: bool) -> Units | None:
    if float(sizes.min()) >= 1.0 / COMFORTABLE and float(sizes.max()) <= COMFORTABLE:
        return None
    own = powers_of_two(sizes)
    large, small = sizes > COMFORTABLE, (sizes < 1.0 / COMFORTABLE) & (sizes > 0.0)
    scale = np.where(large | small, own, 1.0)
    if decayed:
        scale = np.where(large, own / COMFORTABLE, np.where(small, VANISHING, 1.0))
    if (scale == 1.0).all():
        return None
    extremes = Extremes(large, np.where(small, sizes, 0.0)) if decayed else None
    columns = Preparation(np.zeros(len(sizes) + outputs), np.concatenate((scale, np.ones(outputs))))
    return Units(columns, len(sizes), extremes)
