"""The squared error of a map through fixed ones: data as they were sent, seen from behind frozen layers and skips.

Nothing is multiplied into the data.  The whole map is put together in about twice the working precision, and the error,
its slope and its curvature are those of the data at that map.  Derivation: ``docs/theory/enclosures.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.enclosures.sources import UNIT, Local, Source, from_whole_slope, gamma
from service.core.ground.enclosures.sums import times_precisely
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.twofold import Twofold, added, exactly, product_error, times, two_sum


@dataclass(frozen=True)
class Composed:
    """``error(before V behind + beside) - constant`` of maps V.

    Attributes
    ----------
    base : Source
    behind : Twofold of shape (p, d) or None
        What makes the inputs of V; None for nothing.
    before : tuple of Twofold of shape (k, r)
        What its outputs go through, from V on; the columns of their product are nearly orthonormal.
    beside : (k, d) array or None
        What is added.
    constant : float
        Any number.
    """

    base: Source
    behind: Twofold | None = None
    before: tuple[Twofold, ...] = ()
    beside: FloatArray | None = None
    constant: float = 0.0

    @cached_property
    def _leaning(self) -> float:
        """Bound on the norm of ``before' before - 1``."""
        if not self.before:
            return 0.0
        whole = self.before[0]
        for matrix in self.before[1:]:
            whole = times(matrix, whole)
        columns = whole.rounded()
        departure = columns.T @ columns - np.eye(columns.shape[1])
        return 1.01 * float(np.linalg.norm(departure)) + gamma(4.0 * len(columns) + 16.0) * int(columns.shape[1])

    @property
    def _rows(self) -> int:
        """Inputs of V."""
        return 0 if self.behind is None else len(self.behind.high)

    @cached_property
    def sizes(self) -> FloatArray:
        """Root mean squares of the inputs of V, not too small by rounding, shape (p,)."""
        longer = 1.0 + self._leaning
        if self.behind is None:
            return self.base.sizes * longer
        behind = np.ascontiguousarray(self.behind.high.T)
        reach = self.base.sizes @ np.abs(behind)
        units = powers_of_two(reach)
        gram, error = self._through(behind, units, reach / units)
        squares = np.maximum(gram.diagonal(), 0.0) + error.diagonal()
        return np.minimum(np.sqrt(squares) * units, reach) * (1.0 + 1e-12) * longer

    def near(self, end_to_end_map: FloatArray, low: FloatArray, precise: bool) -> Local:
        """The squared error near a map (r, p); see `Source`.

        Notes
        -----
        Rounding of the whole map is charged by the slope there.  O(d (p + k)^2) beside the data.
        """
        whole, moved = self._whole(end_to_end_map, low, precise)
        local = self.base.near(whole.high, whole.low, precise)
        sizes = self.base.sizes
        shifted = float(sizes @ moved)
        steepness = np.linalg.norm(local.slope, axis=0)
        value = local.value - self.constant
        value_error = local.value_error + 2.0 * float(steepness @ moved) + shifted * shifted + UNIT * abs(value)
        slope, slope_error = local.slope, local.slope_error + shifted * sizes
        if self.before:
            # nearly orthonormal columns do not lengthen; rounding is relative to each factor
            turned = float(np.prod([np.linalg.norm(matrix.high) for matrix in self.before]))
            count = sum(len(matrix.high) + 3.0 for matrix in self.before)
            slope_error = (1.0 + self._leaning) * slope_error + gamma(count) * turned * steepness
            for matrix in reversed(self.before):
                slope = matrix.high.T @ slope
        if self.behind is not None:
            size = np.abs(self.behind.high)
            slope_error = size @ (slope_error + gamma(size.shape[1] + 3.0) * np.linalg.norm(slope, axis=0))
            slope = slope @ self.behind.high.T
        return Local(value, 1.01 * value_error, slope, 1.01 * slope_error)

    def _whole(self, end_to_end_map: FloatArray, low: FloatArray, precise: bool) -> tuple[Twofold, FloatArray]:
        """The whole map (k, d), and a bound on the norm of the error of each of its columns."""
        whole, moved = Twofold(end_to_end_map, low), np.zeros(end_to_end_map.shape[1])
        if self.behind is not None:
            behind, count = self.behind.high, len(self.behind.high) + 5.0
            if precise:
                high, below, moved = times_precisely(end_to_end_map, np.ascontiguousarray(behind.T), self.base.sizes)
                below = below + low @ behind + end_to_end_map @ self.behind.low
                lows = np.abs(low) @ np.abs(behind) + np.abs(end_to_end_map) @ np.abs(self.behind.low)
                moved = moved + gamma(count) * np.linalg.norm(lows, axis=0)
                whole = two_sum(high, below)
            else:
                whole = exactly((end_to_end_map + low) @ behind)
                moved = gamma(count) * np.linalg.norm(np.abs(end_to_end_map) @ np.abs(behind), axis=0)
        for matrix in self.before:
            size, inner = float(np.linalg.norm(matrix.high)), matrix.high.shape[1]
            length = np.linalg.norm(whole.high, axis=0)
            if precise:
                whole = times(matrix, whole)
                unit = 4.0 * product_error(inner) + 64.0 * inner * UNIT**2
                moved = size * moved + 16.0 * unit * size * length
            else:
                whole = exactly(matrix.high @ (whole.high + whole.low))
                moved = size * moved + gamma(inner + 5.0) * size * length
        if self.beside is not None:
            whole = added(whole, exactly(self.beside))
            moved = moved + 4.0 * UNIT**2 * np.linalg.norm(np.abs(whole.high) + np.abs(self.beside), axis=0)
        return whole, moved

    def slope_along(self, end_to_end_map: FloatArray, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Half the negative gradient (k, r) along directions (d, r); see `Source`."""
        return from_whole_slope(self, end_to_end_map, directions)

    def second(self, directions: FloatArray, units: FloatArray, precise: bool) -> tuple[FloatArray, FloatArray]:
        """Second moments along directions (p, r) in units (r,); see `Source`.

        Notes
        -----
        Directions are rounded where they come to the inputs of the data, by less than what makes them up.
        """
        if self.behind is None:
            gram, error = self.base.second(directions, units, precise)
            return gram, error + _between(gram, error, self._leaning)
        behind = self.behind.high
        spans = (self.base.sizes @ (np.abs(behind.T) @ np.abs(directions))) / units
        gram, error = self._through(behind.T @ directions, units, spans)
        return gram, error + _between(gram, error, self._leaning)

    def _through(self, through: FloatArray, units: FloatArray, spans: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Second moments along rounded directions (d, r), with the spans (r,) of what makes them up."""
        gram, error = self.base.second(through, units, True)
        moved = gamma(self._rows + 8.0) * spans
        lengths = np.sqrt(np.maximum(gram.diagonal(), 0.0) + error.diagonal())
        off = np.outer(moved, lengths + moved) + np.outer(lengths, moved)
        return gram, 1.01 * (error + off)


def _between(gram: FloatArray, error: FloatArray, share: float) -> FloatArray:
    """A share of the products of lengths."""
    lengths = np.sqrt(np.maximum(gram.diagonal(), 0.0) + error.diagonal())
    return share * np.outer(lengths, lengths)
