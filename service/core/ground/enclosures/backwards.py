"""The squared error of a transposed map under a fixed last matrix, on inputs that are white.

Derivation: ``docs/theory/enclosures.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.enclosures.rows import Rows
from service.core.ground.enclosures.sources import UNIT, Local, Source, from_whole_slope, gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.twofold import Twofold, exactly, matrix_times, product_error


@dataclass(frozen=True)
class Backwards:
    """``error(last V')`` of maps V (d, p), on inputs whose second moments are nearly a multiple of the identity.

    Attributes
    ----------
    base : Source
    last : (k, p) array
    least, largest : float
        Bounds of the second moments of the inputs along all directions that V has.
    """

    base: Source
    last: FloatArray
    least: float
    largest: float

    @cached_property
    def _lengths(self) -> FloatArray:
        lengths: FloatArray = np.linalg.norm(self.last, axis=0)
        return lengths

    @cached_property
    def sizes(self) -> FloatArray:
        """Root mean squares of what V reads, shape (p,)."""
        sizes: FloatArray = self._lengths * (np.sqrt(self.largest) * (1.0 + 1e-12))
        return sizes

    def near(self, end_to_end_map: FloatArray, low: FloatArray, precise: bool) -> Local:
        """The squared error near a map (d, p); see `Source`."""
        turned, below = np.ascontiguousarray(end_to_end_map.T), np.ascontiguousarray(low.T)
        size, inner = float(np.linalg.norm(self.last)), self.last.shape[1]
        if precise:
            whole = matrix_times(self.last, Twofold(turned, below))
            unit = 16.0 * (4.0 * product_error(inner) + 64.0 * inner * UNIT**2)
        else:
            whole, unit = exactly(self.last @ (turned + below)), gamma(inner + 4.0)
        moved = unit * size * np.linalg.norm(turned, axis=0)
        local = self.base.near(whole.high, whole.low, precise)
        shifted = float(self.base.sizes @ moved)
        steepness = np.linalg.norm(local.slope, axis=0)
        value_error = local.value_error + 2.0 * float(steepness @ moved) + shifted * shifted
        wrong = float(np.linalg.norm(local.slope_error + shifted * self.base.sizes))
        wrong += gamma(len(self.last) + 2.0) * float(np.linalg.norm(local.slope))
        slope = np.ascontiguousarray((self.last.T @ local.slope).T)
        return Local(local.value, 1.01 * value_error, slope, 1.01 * wrong * self._lengths)

    @cached_property
    def _rows(self) -> Rows:
        outputs = np.zeros((len(self.last), 1))
        return Rows(self.last * (np.sqrt(self.least) * (1.0 - 4.0 * UNIT)), outputs, 1.0)

    def slope_along(self, end_to_end_map: FloatArray, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Half the negative gradient (k, r) along directions (d, r); see `Source`."""
        return from_whole_slope(self, end_to_end_map, directions)

    def second(self, directions: FloatArray, units: FloatArray, precise: bool) -> tuple[FloatArray, FloatArray]:
        """No more than the second moments along directions (p, r) in units (r,); see `Source`."""
        gram, error = self._rows.second(directions, units, precise)
        lengths = np.sqrt(np.maximum(gram.diagonal(), 0.0) + error.diagonal())
        return gram, error + 8.0 * UNIT * np.outer(lengths, lengths)
