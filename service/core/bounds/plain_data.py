"""How far the eigenpairs of well-scaled data may be from the data, all rounding counted in advance."""

from math import sqrt
from typing import NamedTuple

from service.core.ground.as_sent import reflections
from service.core.ground.data.conditioned import Moments
from service.core.ground.enclosures.sources import UNIT, gamma
from service.core.ground.numbers.spectrum import Spectrum, length_of

MOST_CONDITION = 1e6
"""Condition of the second moments up to which eigenpairs may stand for the data."""


class PlainError(NamedTuple):
    """Errors of what a solver takes for the data.

    Attributes
    ----------
    second : float
        Of the second moments as the eigenpairs have them, in the spectral norm.
    correlation : float
        Of the correlations with the targets in their coordinates, in the norm.
    variance : float
        Of the mean square of the targets.
    """

    second: float
    correlation: float
    variance: float

    def of_error(self, norm: float) -> float:
        """Error of the squared error of a map of this norm."""
        return self.second * norm * norm + 2.0 * self.correlation * norm + self.variance


def plain_error(data: Moments, spectrum: Spectrum) -> PlainError | None:
    """Error of the data and of their eigenpairs; None where it is not known in advance.

    Notes
    -----
    Decomposing d x d moments has a backward error of a modest multiple of ``d eps`` (LAPACK Users' Guide, section 4.7)
    of their norm, here two, and some more for small d; so have the products of eigenvectors and correlations.
    """
    if not spectrum.plain or spectrum.rank < data.inputs or spectrum.condition_number > MOST_CONDITION:
        return None
    size, trace = float(spectrum.values[-1]), float(spectrum.values.sum())
    unit, moved = (4.0 * data.inputs + 48.0) * UNIT, gamma(reflections(data))
    yy = data.yy
    linear = unit * length_of(spectrum.projections) + moved * sqrt(trace * yy)
    return PlainError(unit * size + moved * trace, linear, (unit + moved) * yy)
