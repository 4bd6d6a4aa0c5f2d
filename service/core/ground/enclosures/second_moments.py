"""Enclosures from second moments, taken as exact numbers."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from service.core.ground.enclosures.sources import UNIT, Local, gamma
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.twofold import Twofold, added, column_slices, exactly, negated, product, product_error

ENTRY = 4.0
"""Largest modulus of second moments in units of powers of two just below the root mean squares."""
TAKEN_OFF = 2.0**-90
"""Error of a product of two means that was taken off, in the same units."""


class _Scaled(NamedTuple):
    """Moments in units of the inputs, means taken off; each to about twice the working precision."""

    xx: Twofold
    xy: Twofold
    yy: Twofold


@dataclass(frozen=True)
class SecondMoments:
    """Moments as data.

    Attributes
    ----------
    xx : (d, d) array
    xy : (d, k) array
    yy : float
    x_mean : (d,) array or None
    y_mean : (k,) array or None
        Taken off, where they are given: the error is then that about the means.
    """

    xx: FloatArray
    xy: FloatArray
    yy: float
    x_mean: FloatArray | None = None
    y_mean: FloatArray | None = None

    @cached_property
    def sizes(self) -> FloatArray:
        """Root mean squares of the inputs, shape (d,), means taken off where they are."""
        return np.sqrt(np.maximum(self._scaled.xx.high.diagonal(), 0.0)) * self._scale

    @cached_property
    def _scale(self) -> FloatArray:
        return powers_of_two(np.sqrt(np.maximum(self.xx.diagonal(), 0.0)))

    @cached_property
    def _scaled(self) -> _Scaled:
        scale = self._scale
        inverse = 1.0 / scale
        xx, xy = exactly(self.xx * inverse * inverse[:, None]), exactly(self.xy * inverse[:, None])
        yy = exactly(np.array([[self.yy]]))
        if self.x_mean is None or self.y_mean is None:
            return _Scaled(xx, xy, yy)
        column, row = (self.x_mean / scale)[:, None], self.y_mean[None, :]
        return _Scaled(
            added(xx, negated(product(column, column.T))),
            added(xy, negated(product(column, row))),
            added(yy, negated(product(row, row.T))),
        )

    @property
    def _taken_off(self) -> float:
        return 0.0 if self.x_mean is None else TAKEN_OFF

    @cached_property
    def _present(self) -> BoolArray:
        """Mask (d,) of the inputs that are not zero, to the last digit: along those the slope is zero without error."""
        diagonal = self.xx.diagonal()
        if float(diagonal.min()) > 0.0:
            return np.ones(len(diagonal), dtype=np.bool_)
        xx, xy = self._scaled.xx, self._scaled.xy
        parts = (xx.high.any(axis=0), xx.low.any(axis=0), xy.high.any(axis=1), xy.low.any(axis=1))
        means = self.x_mean is not None
        present: BoolArray = np.logical_or.reduce(parts) | (means & (diagonal != 0.0))
        return present

    @cached_property
    def _slices(self) -> list[FloatArray]:
        # entries are at most ENTRY
        return column_slices(self._scaled.xx.high, 2)

    @cached_property
    def _target(self) -> float:
        """Root mean square of the targets before means are taken off."""
        return float(np.sqrt(max(self.yy, 0.0)))

    def near(self, end_to_end_map: FloatArray, low: FloatArray, precise: bool) -> Local:
        """The squared error near a map (k, d); see `Source`.

        Notes
        -----
        ``yy - <W, xy'> - <W, slope>``: a difference, whose error is relative to the moduli of its terms, in double
        precision or in about its square.  O(k d^2).
        """
        whole, below = end_to_end_map * self._scale, low * self._scale
        if not whole.any() and not below.any() and self._scaled.yy.rounded().item() == 0.0:
            # targets that do not vary, to rounding: of the nearest data that have these moments they do not at all
            return Local(0.0, 0.0, np.zeros_like(whole), np.zeros(whole.shape[1]))
        return self._precisely(whole, below) if precise else self._plainly(whole, below)

    def _plainly(self, whole: FloatArray, below: FloatArray) -> Local:
        moments, size = self._scaled, np.abs(whole)
        xy = moments.xy.high.T
        at = whole + below if below.any() else whole
        slope = xy - at @ moments.xx.high
        wrong = gamma(len(self._scale) + 8.0) * (np.abs(xy) + size @ np.abs(moments.xx.high) + np.abs(slope))
        wrong = wrong + self._taken_off * (size.sum(axis=1, keepdims=True) + self._target)
        yy = moments.yy.high.item()
        value = yy - float(np.vdot(at, xy + slope))
        terms = float(np.vdot(size, np.abs(xy) + np.abs(slope)))
        error = gamma(whole.size + 8.0) * (abs(yy) + terms) + float(np.vdot(size, wrong))
        return self._local(value, error + self._taken_off * self._target**2, slope, wrong)

    def _precisely(self, whole: FloatArray, below: FloatArray) -> Local:
        moments, inputs, size = self._scaled, len(self._scale), np.abs(whole)
        fitted = product(whole, moments.xx.high, self._slices)
        fitted = Twofold(fitted.high, fitted.low + (below @ moments.xx.high + whole @ moments.xx.low))
        xy = Twofold(moments.xy.high.T, moments.xy.low.T)
        slope = added(xy, negated(fitted))
        reach = size.sum(axis=1, keepdims=True)
        wrong = ENTRY * (product_error(inputs) + 16.0 * (inputs + 8.0) * UNIT**2) * reach
        wrong = wrong + ENTRY * gamma(inputs + 8.0) * np.abs(below).sum(axis=1, keepdims=True)
        wrong = wrong + self._taken_off * (reach + self._target) + 8.0 * UNIT**2 * np.abs(moments.xy.high).T
        terms = added(xy, slope)
        flat = whole.reshape(1, -1)
        dot = product(flat, np.ascontiguousarray(terms.high.reshape(-1, 1)))
        dot = Twofold(dot.high, dot.low + flat @ terms.low.reshape(-1, 1) + np.sum(below * terms.high))
        value = added(moments.yy, negated(dot)).rounded().item()
        largest = float(np.abs(terms.high).max(initial=0.0)) * float(size.max(initial=0.0))
        error = (product_error(flat.size) + 16.0 * (flat.size + 8.0) * UNIT**2) * largest
        error += float(np.sum(size * wrong)) + 2.0 * UNIT * abs(value) + self._taken_off * self._target**2
        error += gamma(whole.size + 8.0) * float(np.sum(np.abs(below) * np.abs(terms.high)))
        return self._local(value, error, slope.rounded(), wrong + UNIT * np.abs(slope.high))

    def _local(self, value: float, error: float, slope: FloatArray, wrong: FloatArray) -> Local:
        off = np.sqrt(np.einsum("ij,ij->j", wrong, wrong)) * self._present
        return Local(value, 1.01 * error, slope * self._scale, 1.01 * off * self._scale)

    def slope_along(self, end_to_end_map: FloatArray, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Half the negative gradient (k, r) along directions (d, r); see `Source`.

        Notes
        -----
        Second moments are multiplied with the directions first: along those where moments show next to nothing, what is
        left is small, and so is the rounding of all that follows.  O(d^2 r + k d r).
        """
        moments, turned = self._scaled, directions * self._scale[:, None]
        size, inputs = np.abs(end_to_end_map * self._scale), len(self._scale)
        seen, seen_low = product(moments.xx.high, turned), moments.xx.low @ turned
        aimed, aimed_low = product(np.ascontiguousarray(moments.xy.high.T), turned), moments.xy.low.T @ turned
        slope = (aimed.rounded() + aimed_low) - (end_to_end_map * self._scale) @ (seen.rounded() + seen_low)
        unit = product_error(inputs) + 4.0 * (inputs + 8.0) * UNIT**2
        reach, largest = np.abs(turned).sum(axis=0), float(np.abs(moments.xy.high).max(initial=0.0))
        wrong = size.sum(axis=1, keepdims=True) * (ENTRY * unit + TAKEN_OFF) * reach
        wrong = wrong + (unit * largest + TAKEN_OFF * self._target) * reach
        terms = size @ (np.abs(seen.high) + np.abs(seen_low)) + np.abs(aimed.high) + np.abs(aimed_low)
        wrong = wrong + gamma(inputs + 8.0) * terms
        return slope, 1.01 * np.sqrt(np.einsum("ij,ij->j", wrong, wrong))

    def second(self, directions: FloatArray, units: FloatArray, precise: bool) -> tuple[FloatArray, FloatArray]:
        """Second moments along directions (d, r) in units (r,); see `Source`.  O(d^2 r)."""
        moments, scaled = self._scaled.xx, directions * self._scale[:, None] / units
        size, inputs = np.abs(scaled), len(self._scale)
        if not precise:
            gram = scaled.T @ moments.high @ scaled
            return gram, gamma(2.0 * inputs + 8.0) * (size.T @ np.abs(moments.high) @ size)
        inner = product(moments.high, scaled)
        outer = product(np.ascontiguousarray(scaled.T), inner.high)
        gram = outer.rounded() + scaled.T @ (inner.low + moments.low @ scaled)
        reach = size.sum(axis=0)
        unit = ENTRY * (3.0 * inputs * product_error(inputs) + 32.0 * (inputs + 8.0) * UNIT**2) + self._taken_off
        return gram, unit * np.outer(reach, reach) + 4.0 * UNIT * np.abs(gram)
