"""Several squared errors at once: that of the prediction, and what noise adds to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.ground.enclosures.sources import UNIT, Local, Source, gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property


@dataclass(frozen=True)
class Part:
    """A squared error with a non-negative factor.

    Attributes
    ----------
    source : Source
    factor : float
    """

    source: Source
    factor: float


@dataclass(frozen=True)
class Combined:
    """A sum of squared errors."""

    parts: Sequence[Part]

    @cached_property
    def sizes(self) -> FloatArray:
        """Root mean squares of the inputs, shape (d,), all parts together."""
        return np.sqrt(sum(part.factor * part.source.sizes**2 for part in self.parts))

    def near(self, end_to_end_map: FloatArray, low: FloatArray, precise: bool) -> Local:
        """The sum near a map (k, d); see `Source`."""
        value = value_error = 0.0
        slope, slope_error = np.zeros_like(end_to_end_map), np.zeros(end_to_end_map.shape[1])
        rounding = gamma(len(self.parts) + 1.0)
        for part in self.parts:
            local = part.source.near(end_to_end_map, low, precise)
            value += part.factor * local.value
            value_error += part.factor * (local.value_error + rounding * abs(local.value))
            slope = slope + part.factor * local.slope
            slope_error += part.factor * (local.slope_error + rounding * np.linalg.norm(local.slope, axis=0))
        return Local(value, 1.01 * value_error, slope, 1.01 * slope_error)

    def slope_along(self, end_to_end_map: FloatArray, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Half the negative gradient (k, r) along directions (d, r); see `Source`."""
        slope, error = np.zeros((len(end_to_end_map), directions.shape[1])), np.zeros(directions.shape[1])
        rounding = gamma(len(self.parts) + 1.0)
        for part in self.parts:
            found, wrong = part.source.slope_along(end_to_end_map, directions)
            slope = slope + part.factor * found
            error += part.factor * (wrong + rounding * np.linalg.norm(found, axis=0))
        return slope, 1.01 * error

    def second(self, directions: FloatArray, units: FloatArray, precise: bool) -> tuple[FloatArray, FloatArray]:
        """Second moments along directions (d, r) in units (r,); see `Source`."""
        count = directions.shape[1]
        gram, error = np.zeros((count, count)), np.zeros((count, count))
        for part in self.parts:
            found, wrong = part.source.second(directions, units, precise)
            lengths = np.sqrt(np.abs(found.diagonal()) + wrong.diagonal())
            gram += part.factor * found
            off = 8.0 * UNIT * np.outer(lengths, lengths)
            error += part.factor * (wrong + off)
        return gram, 1.01 * error
