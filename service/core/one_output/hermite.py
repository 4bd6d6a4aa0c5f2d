"""Quintic Hermite tables: functions known with two derivatives on a grid, evaluated and inverted in bulk."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.core.ground.numbers.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Position:
    """Where points lie in a grid: interval and place in it from 0 to 1, each of shape (m,)."""

    interval: npt.NDArray[np.intp]
    x: FloatArray


class QuinticTable:
    """Piecewise quintic through values and two derivatives.

    Parameters
    ----------
    t : (n,) array
        Ascending nodes.
    value, first, second : (n,) arrays

    Notes
    -----
    The error on an interval of length h is at most ``h^6/46080`` times the sixth derivative.
    """

    def __init__(self, t: FloatArray, value: FloatArray, first: FloatArray, second: FloatArray) -> None:
        self.t = t
        self.value = value
        h = np.diff(t)
        y0, y1 = value[:-1], value[1:]
        d0, d1 = first[:-1] * h, first[1:] * h
        s0, s1 = 0.5 * second[:-1] * h * h, 0.5 * second[1:] * h * h
        rise = y1 - y0
        cubic = 10.0 * rise - 6.0 * d0 - 4.0 * d1 - 3.0 * s0 + s1
        quartic = -15.0 * rise + 8.0 * d0 + 7.0 * d1 + 3.0 * s0 - 2.0 * s1
        quintic = 6.0 * rise - 3.0 * (d0 + d1) - s0 + s1
        self._coefficients = np.stack((y0, d0, s0, cubic, quartic, quintic))

    def at(self, position: Position) -> FloatArray:
        """Values at positions (m,)."""
        c0, c1, c2, c3, c4, c5 = self._coefficients[:, position.interval]
        x = position.x
        value: FloatArray = c0 + x * (c1 + x * (c2 + x * (c3 + x * (c4 + x * c5))))
        return value

    def points(self, position: Position) -> FloatArray:
        """The arguments t at positions (m,)."""
        left = self.t[position.interval]
        points: FloatArray = left + position.x * (self.t[position.interval + 1] - left)
        return points

    def invert(self, levels: FloatArray) -> Position:
        """Positions where an increasing function takes the given values (m,), which must be in its range.

        Newton's method from the secant on each interval, for all levels at once; each stops by itself, so that
        its digits do not depend on the others.
        """
        interval = np.clip(np.searchsorted(self.value, levels) - 1, 0, self.t.size - 2)
        c0, c1, c2, c3, c4, c5 = self._coefficients[:, interval]
        start = c0 - levels
        rise = self.value[interval + 1] - self.value[interval]
        x = np.clip(-start / np.where(rise > 0.0, rise, 1.0), 0.0, 1.0)
        settled = np.zeros(x.shape, dtype=bool)
        for _ in range(40):
            value = start + x * (c1 + x * (c2 + x * (c3 + x * (c4 + x * c5))))
            slope = c1 + x * (2.0 * c2 + x * (3.0 * c3 + x * (4.0 * c4 + x * 5.0 * c5)))
            step = value / np.where(slope > 0.0, slope, 1.0)
            moved = np.where(settled, x, np.clip(x - step, 0.0, 1.0))
            settled |= np.abs(moved - x) <= 1e-13
            x = moved
            if settled.all():
                break
        return Position(interval, x)
