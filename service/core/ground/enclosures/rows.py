"""Enclosures from rows of data: samples, or the rows of their triangular factor."""

from dataclasses import dataclass

import numpy as np

from service.core.ground.enclosures.sources import UNIT, Local, from_whole_slope, gamma
from service.core.ground.enclosures.sums import (
    BLOCK,
    CAREFUL_BLOCK,
    PAIRWISE,
    block_product,
    careful_error,
    careful_product,
    mean_of,
)
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.twofold import (
    Twofold,
    added,
    exactly,
    negated,
    product,
    product_error,
    scaled,
    two_sum,
)


@dataclass(frozen=True)
class Rows:
    """Data as rows, whose numbers are taken as exact.

    Attributes
    ----------
    x : (m, d) array
    y : (m, k) array
    count : float
        Divisor of sums of squares.
    x_mean : (d,) array or None
    y_mean : (k,) array or None
        One further row of the weight of a mean, where rows are deviations but the error is not that about the mean.
    shift : (d + k,) array or None
        Taken off every row first; the error is then that about the means of the rows, whatever they are.
    roots : (m,) array or None
        Factors of the rows, positive: square roots of the weights of samples.  Means are weighted then as well.
    outputs : (k,) array or None
        Factors of the targets, before anything is taken off them; where there are `roots`.
    """

    x: FloatArray
    y: FloatArray
    count: float
    x_mean: FloatArray | None = None
    y_mean: FloatArray | None = None
    shift: FloatArray | None = None
    roots: FloatArray | None = None
    outputs: FloatArray | None = None

    @cached_property
    def _shifted(self) -> tuple[Twofold, Twofold]:
        """Inputs and targets with the shift taken off, exactly; low parts of shape (1, 1) where there is none.

        Factors multiply to about twice the working precision.
        """
        x, y = Twofold(self.x, np.zeros((1, 1))), Twofold(self.y, np.zeros((1, 1)))
        if self.outputs is not None:
            y = scaled(y, self.outputs)
        if self.shift is not None:
            d = self.x.shape[1]
            x, y = two_sum(self.x, -self.shift[:d]), added(y, exactly(-self.shift[d:]))
        if self.roots is not None:
            x, y = (scaled(part, self.roots[:, None]) for part in (x, y))
        return x, y

    @property
    def _lows(self) -> bool:
        """Whether rows have low parts."""
        return self.shift is not None or self.roots is not None

    @cached_property
    def _column(self) -> FloatArray:
        """What a constant adds to every row, shape (m, 1)."""
        return np.ones((len(self.x), 1)) if self.roots is None else self.roots[:, None]

    @cached_property
    def _norms(self) -> FloatArray:
        """Norms of the columns of the inputs, shape (d,), a row of means aside."""
        x = self._shifted[0].high
        norms: FloatArray = np.sqrt(np.einsum("ij,ij->j", x, x))
        return norms

    @cached_property
    def _size(self) -> float:
        """Norm of the targets, a row of means aside."""
        return float(np.linalg.norm(self._shifted[1].high))

    @cached_property
    def sizes(self) -> FloatArray:
        """Root mean squares of the inputs, shape (d,), means taken off where they are."""
        squares: FloatArray = self._norms**2 / self.count
        if self.x_mean is not None:
            squares = squares + self.x_mean**2
        return np.sqrt(squares)

    def near(self, end_to_end_map: FloatArray, low: FloatArray, precise: bool) -> Local:
        """The squared error near a map (k, d); see `Source`.

        Notes
        -----
        A sum of squares of rounded misfits, so that its error is relative to itself but for that of the misfits, which
        are of the order of ``|y| + |W||x|``.  O(m k d).
        """
        x, x_low = self._shifted[0]
        twofold, wrong = self._misfit(end_to_end_map, low, precise)
        misfit = twofold.high
        mean, mean_error = None, 0.0
        if self.shift is not None and precise:
            mean = self._mean(misfit, precise) + self._mean(twofold.low, precise=False)
            off_mean = 8.0 * UNIT * float(np.linalg.norm(mean)) + gamma(PAIRWISE) * UNIT * float(np.linalg.norm(misfit))
            if self.roots is not None:
                # slices see the largest weight beside the largest misfit
                off_mean += careful_error(len(x)) * float(self.roots.max() * np.linalg.norm(misfit))
            mean_error = 1.01 * (wrong / float(np.sqrt(len(misfit))) + off_mean)
            twofold = added(twofold, exactly(-(self._column * mean)))
            misfit = twofold.high
            wrong += 1.01 * float(np.sqrt(len(misfit))) * off_mean
        elif self.shift is not None:
            mean = self._mean(misfit, precise)
            mean_error = 1.01 * (wrong / float(np.sqrt(len(misfit))) + 8.0 * UNIT * float(np.linalg.norm(mean)))
            mean_error += gamma(PAIRWISE) * float(np.linalg.norm(self._mean(np.abs(misfit), precise=False)))
            misfit = misfit - self._column * mean
            wrong += 4.0 * gamma(PAIRWISE) * float(np.linalg.norm(misfit))
        square = float(np.sum(misfit * misfit))
        length = float(np.sqrt(square))
        # the value is that of the upper halves alone
        value_error = wrong * (2.0 * length + wrong) + gamma(PAIRWISE) * square
        if precise:
            slope = careful_product(misfit, x) + twofold.low.T @ x
            if self._lows:
                slope = slope + misfit.T @ x_low
            off = wrong + gamma(len(x) + 8.0) * 4.0 * UNIT * length
            peaks = float(np.linalg.norm(np.abs(misfit).max(axis=0))) * np.abs(x).max(axis=0)
            rounding = 4.0 * UNIT * np.linalg.norm(slope, axis=0) + careful_error(len(x)) * peaks
        else:
            slope, off = block_product(misfit, x), wrong + gamma(BLOCK + PAIRWISE) * length
            rounding = np.zeros(x.shape[1])
        local = Local(
            square / self.count,
            1.01 * value_error / self.count,
            slope / self.count,
            1.01 * (off * self._norms + rounding) / self.count,
            mean,
            mean_error,
        )
        if self.x_mean is None or self.y_mean is None:
            return local
        return _with_mean_row(local, self.x_mean, self.y_mean, end_to_end_map, low)

    def _misfit(self, whole: FloatArray, low: FloatArray, precise: bool) -> tuple[Twofold, float]:
        """``y - x W'`` (m, k), and a bound on the Frobenius norm of its error."""
        x, y = self._shifted
        lengths = np.sqrt(np.einsum("ij,ij->j", whole, whole))
        reach = self._size + float(self._norms @ lengths)
        if not precise:
            return exactly(y.high - x.high @ (whole + low).T), gamma(whole.shape[1] + 6.0) * reach
        scale = powers_of_two(self._norms)
        right, below = np.ascontiguousarray((whole * scale).T), np.ascontiguousarray((low * scale).T)
        parts = []
        for start in range(0, len(self.x), CAREFUL_BLOCK):
            block = slice(start, start + CAREFUL_BLOCK)
            inner = x.high[block] / scale
            rest = inner @ below
            if self._lows:
                rest = rest + (x.low[block] / scale) @ right - y.low[block]
            parts.append(added(Twofold(y.high[block], -rest), negated(product(inner, right))))
        misfit = Twofold(np.concatenate([part.high for part in parts]), np.concatenate([part.low for part in parts]))
        # columns are scaled to norms in 1..2: what slices leave, products with low parts, and the rounding at the end
        inside = 2.0 * float(np.sqrt(len(scale))) * float(np.linalg.norm(right))
        wrong = (product_error(len(scale)) + gamma(len(scale) + 8.0) * 8.0 * UNIT) * (inside + self._size)
        wrong += gamma(len(scale) + 8.0) * 2.0 * float(np.linalg.norm(below)) * float(np.sqrt(len(scale)))
        return misfit, wrong

    def _mean(self, rows: FloatArray, precise: bool) -> FloatArray:
        """The constant that takes most off rows (m, k): their mean, or that under their weights."""
        if self.roots is None:
            return mean_of(rows, precise)
        share = float(np.mean(self.roots * self.roots))
        weighted = careful_product(self._column, rows)[0] / len(rows) if precise else (rows * self._column).mean(axis=0)
        mean: FloatArray = weighted / share
        return mean

    def slope_along(self, end_to_end_map: FloatArray, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Half the negative gradient (k, r) along directions (d, r); see `Source`.

        Rows of data are never negative where they are squared, and need no more.
        """
        return from_whole_slope(self, end_to_end_map, directions)

    def second(
        self,
        directions: FloatArray,
        units: FloatArray,
        precise: bool,  # noqa: ARG002 - of the protocol: double precision suffices here
    ) -> tuple[FloatArray, FloatArray]:
        """Second moments along directions (d, r) in units (r,); see `Source`.

        Notes
        -----
        The Gram matrix of ``x directions / units``: squares of the data are never formed.  O(m d r).
        """
        x = self._shifted[0].high
        turned = (x @ directions) / units
        reach = (self._norms @ np.abs(directions)) / units
        wrong = gamma(len(directions) + 6.0) * reach
        if self.shift is not None:
            turned = turned - self._column * self._mean(turned, precise=False)
        lengths = np.sqrt(np.einsum("ij,ij->j", turned, turned))
        gram = block_product(turned, turned)
        wrong = wrong + 2.0 * gamma(PAIRWISE) * lengths
        error = np.outer(wrong, lengths + wrong) + np.outer(lengths, wrong)
        error += gamma(BLOCK + PAIRWISE) * np.outer(lengths, lengths)
        if self.x_mean is not None:
            along = (self.x_mean @ directions) / units
            off = gamma(len(directions) + 4.0) * (np.abs(self.x_mean) @ np.abs(directions)) / units
            gram = gram + self.count * np.outer(along, along)
            size = np.abs(along) + off
            error += self.count * (np.outer(off, size) + np.outer(size, off) + 4.0 * UNIT * np.outer(size, size))
        return gram / self.count, 1.01 * error / self.count


def on_each_input(variances: FloatArray, outputs: int) -> Rows:
    """``sum_j variances_j ||W_j||^2`` for variances (d,): what independent noise on the inputs adds."""
    rows = np.diag(np.sqrt(variances))
    return Rows(rows, np.zeros((len(rows), outputs)), 1.0)


def _with_mean_row(local: Local, x_mean: FloatArray, y_mean: FloatArray, whole: FloatArray, low: FloatArray) -> Local:
    """The squared error with that of the means added."""
    scale = powers_of_two(np.abs(x_mean))
    fitted = product(whole * scale, (x_mean / scale)[:, None])
    misfit = (y_mean - fitted.high[:, 0]) - (fitted.low[:, 0] + low @ x_mean)
    largest = np.abs(whole * scale).max(axis=1, initial=0.0)
    wrong = product_error(len(scale)) * 2.0 * largest + gamma(len(scale) + 4.0) * (np.abs(low) @ np.abs(x_mean))
    off = float(np.linalg.norm(wrong + 4.0 * UNIT * np.abs(misfit)))
    length = float(np.linalg.norm(misfit))
    return Local(
        local.value + length * length,
        local.value_error + off * (2.0 * length + off) + 8.0 * UNIT * (local.value + length * length),
        local.slope + np.outer(misfit, x_mean),
        local.slope_error + (off + 4.0 * UNIT * length) * np.abs(x_mean) + 2.0 * UNIT * np.abs(local.slope).max(axis=0),
    )
