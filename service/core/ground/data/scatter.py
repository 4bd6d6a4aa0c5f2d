"""The triangular factor of a table that arrives block by block, in one pass and constant memory."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from service.core.ground.data.segment import Segment
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.numbers.factor import Factor, out_of_range, powers_of_two, safe_exponents, triangle

FIRST_ROWS: Final = 256
"""Rows, at least, that are factored by reflections before the quick way is tried; two for each column."""
GROWTH: Final = 3
"""Rows of the quick way for each row that its coordinates come from."""


class Scatter:
    """Means, scales and triangular factor of the columns of a table.

    Parameters
    ----------
    columns : int
        Number c of columns.

    Notes
    -----
    The factor R of the centred table is that of Householder reflections where little is known: for the first rows, and
    for rows that lie far outside what was seen.  The others take a quicker way, CholeskyQR with a preconditioner
    (Fukaya et al., *Shifted Cholesky QR*, 2020, in blocks): in the coordinates ``Z = rows R0^-1``, with R0 of the rows
    before, the columns are nearly orthonormal, so that their Gram matrix G squares no condition, and
    ``R = cholesky(A'A + G) R0`` with ``A = R_before R0^-1``.  Solving with R0 is backward stable row by row, hence the
    whole is, column by column, as the reflections are.  Where the scaled columns are well conditioned themselves they
    are the coordinates, and a pass costs one symmetric product.  R0 is made anew whenever the rows have grown fourfold.

    The first rows wait until they are enough, so that a small table is factored as `factor_of_samples` does it, to the
    last bit, however it arrives.

    Means are sums of two numbers, ``mean + rest``, merged as in Chan, Golub, LeVeque, *Updating formulae and a pairwise
    algorithm for computing sample variances* (1979): no block sees the rounding of a mean that is far from zero.
    Scales are powers of two and follow the columns; so do the powers of two of columns beyond ``2^-300 .. 2^300``.
    """

    def __init__(self, columns: int) -> None:
        self._n = 0
        self._waiting: list[FloatArray] = []
        self._mean: FloatArray = np.zeros(columns)
        self._rest: FloatArray = np.zeros(columns)
        self._first: FloatArray = np.zeros(columns)
        self._constant: BoolArray = np.ones(columns, dtype=np.bool_)
        self._scale: FloatArray = np.ones(columns)
        self._r: FloatArray = np.zeros((columns, columns))
        self._exponents: IntArray = np.zeros(columns, dtype=np.int64)
        self._largest: FloatArray = np.zeros(columns)
        self._room: FloatArray = np.empty((0, columns))
        self._segment: Segment | None = None

    @property
    def n(self) -> int:
        """Rows so far."""
        return self._n + sum(map(len, self._waiting))

    @property
    def columns(self) -> int:
        """Number c of columns."""
        return len(self._mean)

    @np.errstate(all="ignore")  # what overflows goes the long way
    def add(self, rows: FloatArray) -> bool:
        """Add rows (m, c), m >= 1; O(m c^2).

        Returns
        -------
        bool
            Whether every entry is finite; nothing more can be added otherwise.
        """
        least = max(FIRST_ROWS, 2 * self.columns)
        start, cautious = 0, least
        if not self._n:
            start = min(least - self.n, len(rows))
            self._waiting.append(rows[:start].copy())
            if not np.isfinite(self._waiting[-1]).all():
                return False
            if self.n >= least:
                self._start()
        while start < len(rows):
            left = rows[start:]
            quick = left[: GROWTH * self._settled]
            if self._add_quickly(quick):
                start += len(quick)
                continue
            part = left[:cautious]
            if not np.isfinite(part).all():
                return False
            self._add_carefully(part)
            start += len(part)
            cautious *= 2
        return True

    def widen(self, columns: int) -> None:
        """Make room for ``columns`` in all; the new ones were zero in every row so far."""
        new = columns - self.columns
        if not new:
            return
        self._close()
        self._waiting = [np.pad(each, ((0, 0), (0, new))) for each in self._waiting]
        for name in ("_mean", "_rest", "_first", "_largest", "_exponents"):
            setattr(self, name, np.pad(getattr(self, name), (0, new)))
        self._constant = np.pad(self._constant, (0, new), constant_values=True)
        self._scale = np.pad(self._scale, (0, new), constant_values=1.0)
        self._r = np.pad(self._r, ((0, new), (0, new)))

    @np.errstate(all="ignore")
    def factor(self, inputs: int, columns: Sequence[int] | None = None) -> Factor:
        """The factor of the given columns, or of all, in their order; the first ``inputs`` are the inputs."""
        self._start()
        self._close()
        every = np.arange(self.columns)
        taken = every if columns is None else np.asarray(columns, dtype=np.int64)
        r = self._r if np.array_equal(taken, every) else triangle(self._r[:, taken])
        scale, r = out_of_range(self._scale[taken], r, self._exponents[taken])
        mean = np.ldexp(self._mean, self._exponents)[taken]
        return Factor(self._n, mean[:inputs], mean[inputs:], scale, r)

    def _start(self) -> None:
        """Factor the rows that wait."""
        if self._waiting:
            first = np.concatenate(self._waiting)
            self._waiting = []
            self._add_carefully(first)

    @property
    def _settled(self) -> int:
        """Rows that the coordinates of the quick way come from."""
        return self._n if self._segment is None else self._n - self._segment.count

    def _add_carefully(self, rows: FloatArray) -> None:
        """By Householder reflections; finite rows of any size."""
        self._close()
        self._largest = np.maximum(self._largest, np.abs(rows).max(axis=0))
        self._set_exponents(safe_exponents(self._largest))
        rows = self._in_range(rows)
        count = len(rows)
        if not self._n:
            self._first = rows[0].copy()
        same = (rows == rows[0]).all(axis=0)
        mean = rows.mean(axis=0)
        deviations = rows - mean
        rest = deviations.mean(axis=0)
        deviations -= rest
        deviations[:, same] = 0.0
        mean, rest = np.where(same, rows[0], mean), np.where(same, 0.0, rest)
        self._constant &= same & (rows[0] == self._first)
        total = self._n + count
        step = (
            np.where(self._constant, 0.0, (mean - self._mean) + (rest - self._rest)) if self._n else np.zeros_like(mean)
        )
        between = np.sqrt(self._n * (count / total)) * step
        if self._n:
            self._move_mean(step * (count / total))
        else:
            self._mean, self._rest = _two_sum(mean, rest)
        squares = np.einsum("ij,ij->j", deviations, deviations)
        if self._n:
            squares += between**2 + np.einsum("ij,ij->j", self._r, self._r) * self._scale**2
        scale = powers_of_two(np.sqrt(squares / total))
        deviations /= scale
        before = np.vstack([self._r * (self._scale / scale), between / scale]) if self._n else deviations[:0]
        self._r, self._scale, self._n = triangle(np.concatenate((before, deviations))), scale, total

    def _add_quickly(self, rows: FloatArray) -> bool:
        """By a Gram matrix, if the rows look like those before; returns whether they did; changes nothing if not."""
        if self._segment is None:
            self._segment = Segment(self._r, self._scale, self._n, self._mean, self._constant)
        rows = self._in_range(rows)
        deviations = self._room_for(len(rows))
        np.subtract(rows, self._mean, out=deviations)
        if self._constant.any() and deviations[:, self._constant].any():
            return False
        if not self._segment.add(deviations):
            return False
        self._n += len(rows)
        if self._segment.count >= GROWTH * self._settled:
            self._close()
        return True

    def _close(self) -> None:
        """Merge the rows of the quick way into the factor."""
        segment, self._segment = self._segment, None
        if segment is None or not segment.count:
            return
        r, shift = segment.merged(self._r, self._scale, self._rest)
        self._move_mean(shift - self._rest)
        r[:, self._constant] = 0.0
        r[self._constant] = 0.0
        # the scales follow the columns, exactly
        change = powers_of_two(np.sqrt(np.einsum("ij,ij->j", r, r) / self._n))
        self._r, self._scale = r / change, self._scale * change

    def _move_mean(self, step: FloatArray) -> None:
        self._mean, self._rest = _two_sum(self._mean, self._rest + step)

    def _set_exponents(self, exponents: IntArray) -> None:
        change = self._exponents - exponents
        if change.any():
            self._scale = np.where(self._constant, 1.0, np.ldexp(self._scale, change))
            for name in ("_mean", "_rest", "_first"):
                setattr(self, name, np.ldexp(getattr(self, name), change))
            self._exponents = exponents

    def _in_range(self, rows: FloatArray) -> FloatArray:
        return np.ldexp(rows, -self._exponents) if self._exponents.any() else rows

    def _room_for(self, count: int) -> FloatArray:
        """An array (count, c), the same for every block: fresh memory takes as long as the arithmetic in it."""
        if self._room.shape[0] < count or self._room.shape[1] != self.columns:
            self._room = np.empty((count, self.columns))
        return self._room[:count]


def _two_sum(large: FloatArray, small: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rounded sum and what rounding took from it (Knuth, *The Art of Computer Programming* 2, 4.2.2)."""
    total = large + small
    part = total - large
    return total, (large - (total - part)) + (small - part)
