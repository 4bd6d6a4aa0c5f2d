"""The squared error that a decayed map beside another one leaves: ``min_S error(V + S) + decay ||S||^2``.

For the V at hand S is found by refinement in about twice the working precision; how far it is from the best enters the
value to second order.  Derivation: ``docs/theory/enclosures.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.enclosures.directions import LARGEST_SHARE
from service.core.ground.enclosures.sources import UNIT, Local, Source, from_whole_slope, gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.twofold import Twofold, added, exactly

REFINEMENTS = 3
RAISED = 8.0
"""Size, in units of their rounding, to which directions are raised that are smaller than that."""


@dataclass(frozen=True)
class Eliminated:
    """The error that is left of a base.

    Attributes
    ----------
    base : Source
    decay : float
        Positive.
    vectors : (d, d) array
        Nearly orthonormal directions in which second moments are nearly diagonal.
    values : (d,) array
        Second moments along them, or estimates; validity does not depend on either.
    """

    base: Source
    decay: float
    vectors: FloatArray
    values: FloatArray

    @cached_property
    def sizes(self) -> FloatArray:
        """Root mean squares of the inputs, shape (d,), which the best S only shortens."""
        sizes: FloatArray = np.minimum(self.base.sizes, np.sqrt(self.decay) * (1.0 + 4.0 * UNIT))
        return sizes

    def near(self, end_to_end_map: FloatArray, low: FloatArray, precise: bool) -> Local:
        """The error that is left near a map (k, d); see `Source`."""
        beside = exactly(np.zeros_like(end_to_end_map))
        local = self.base.near(end_to_end_map, low, precise)
        rest = local.slope
        for _ in range(REFINEMENTS):
            step = ((rest @ self.vectors) / (self.values + self.decay)) @ self.vectors.T
            beside = added(beside, exactly(step))
            whole = added(Twofold(end_to_end_map, low), beside)
            local = self.base.near(whole.high, whole.low, precise)
            rest = (local.slope - self.decay * beside.high) - self.decay * beside.low
        cost, lengths = self.decay * float(np.sum(beside.high**2)), np.linalg.norm(beside.high, axis=0)
        # the sum of map and skip is rounded far below either
        moved = 8.0 * UNIT**2 * (np.linalg.norm(end_to_end_map, axis=0) + lengths)
        shifted, steepness = float(self.base.sizes @ moved), np.linalg.norm(local.slope, axis=0)
        wrong = local.slope_error + shifted * self.base.sizes
        wrong = wrong + np.linalg.norm(rest, axis=0) + 4.0 * UNIT * (steepness + self.decay * lengths)
        short = float(np.linalg.norm(wrong))
        value_error = local.value_error + 2.0 * float(steepness @ moved) + shifted * shifted
        value_error += gamma(64.0) * cost + 4.0 * UNIT * abs(local.value) + short * short / self.decay
        slope = self.decay * (beside.high + beside.low)
        return Local(local.value + cost, 1.01 * value_error, slope, 1.01 * (short + 4.0 * UNIT * self.decay * lengths))

    @cached_property
    def _frame(self) -> tuple[FloatArray, float, float] | None:
        """What is left along the directions (d,), by which share that is off, and by how much the norm; None if lost.

        Notes
        -----
        ``Q -> decay Q (Q + decay)^-1`` grows with Q, so that relative bounds of Q are bounds of it.
        Directions of the size of their rounding are raised to it, which changes what is left by no more.
        """
        roots, inputs = np.sqrt(np.maximum(self.values, 0.0)), len(self.values)
        floor = 20.0 * inputs * gamma(inputs + 8.0) * (self.base.sizes @ np.abs(self.vectors))
        raised = np.where(roots < floor, RAISED * floor, 0.0)
        sides = np.where(raised > 0.0, raised, roots)
        present = sides > 0.0
        units = powers_of_two(sides)
        gram, error = self.base.second(self.vectors, units, True)
        scale = np.where(present, units / np.where(present, sides, 1.0), 1.0)
        departure = np.abs(gram * scale * scale[:, None] - np.diag(np.where(raised > 0.0, 0.0, 1.0) * present))
        departure += error * scale * scale[:, None]
        share = 1.01 * float(np.linalg.norm(departure)) + 2.0 * self._leaning
        if share > LARGEST_SHARE:
            return None
        squares = sides * sides
        return self.decay * squares / (squares + self.decay), 2.0 * share, float(np.max(raised)) ** 2

    @cached_property
    def _leaning(self) -> float:
        """Bound on the norm of ``vectors' vectors - 1``."""
        inputs = len(self.values)
        departure = self.vectors.T @ self.vectors - np.eye(inputs)
        return 1.01 * (float(np.linalg.norm(departure)) + gamma(inputs + 2.0) * inputs)

    def slope_along(self, end_to_end_map: FloatArray, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Half the negative gradient (k, r) along directions (d, r); see `Source`."""
        return from_whole_slope(self, end_to_end_map, directions)

    def second(
        self,
        directions: FloatArray,
        units: FloatArray,
        precise: bool,
    ) -> tuple[FloatArray, FloatArray]:
        """Second moments that are left along directions (d, r) in units (r,); see `Source`.  O(d^3)."""
        lengths = np.linalg.norm(directions, axis=0) / units
        if self._frame is None:
            gram, error = self.base.second(directions, units, precise)
            squares = np.minimum(np.maximum(gram.diagonal(), 0.0) + error.diagonal(), self.decay * lengths**2)
            most = np.sqrt(squares) * (1.0 + 4.0 * UNIT)
            return np.zeros_like(gram), np.outer(most, most)
        left, share, lost = self._frame
        roots, size = np.sqrt(left)[:, None], np.abs(self.vectors.T) @ np.abs(directions)
        along = (roots * (self.vectors.T @ directions)) / units
        wrong = gamma(len(left) + 6.0) * np.linalg.norm(roots * size, axis=0) / units
        # directions are not orthonormal but nearly, and their inverse not quite their transpose
        wrong = wrong + 2.0 * self._leaning * float(np.linalg.norm(roots)) * lengths
        gram = along.T @ along
        most = np.linalg.norm(along, axis=0) + wrong
        error = np.outer(wrong, most) + np.outer(most, wrong) + (share + gamma(len(left) + 4.0)) * np.outer(most, most)
        return gram, 1.01 * error + 1.01 * lost * np.outer(lengths, lengths)
