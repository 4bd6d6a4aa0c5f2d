"""Means and scatter of the columns of a table, block by block, and the moments of the table prepared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.problems import Moments

CONSTANT = 1e-13
"""Standard deviation, relative to the mean, that rounding alone can give a constant column."""


class Scatter:
    """Joint first and second moments of the columns of a table in one pass and constant memory.

    Parameters
    ----------
    columns : int
        Number c of columns.

    Attributes
    ----------
    n : int
        Rows so far.
    mean : (c,) array
    products : (c, c) array
        Sums of products of deviations from the mean.

    Notes
    -----
    Blocks are merged as in Chan, Golub, LeVeque, *Updating formulae and a pairwise algorithm for computing sample
    variances* (1979): a large mean does not swallow a small variance, and how a table is cut changes the rounding only.
    """

    def __init__(self, columns: int) -> None:
        self.n = 0
        self.mean: FloatArray = np.zeros(columns)
        self.products: FloatArray = np.zeros((columns, columns))
        self._room: FloatArray = np.empty((0, columns))

    @np.errstate(over="ignore", invalid="ignore")  # the caller refuses what overflows, with the column's name
    def add(self, rows: FloatArray) -> bool:
        """Add rows (m, c), m >= 1; O(m c^2).

        Returns
        -------
        bool
            Whether the means are still finite, which a single NaN or infinity prevents.
        """
        count = len(rows)
        ones = np.ones(count)
        mean = (ones @ rows) / count
        deviations = self._room_for(count)
        np.subtract(rows, mean, out=deviations)
        # what the sum above rounded is left in the deviations
        rest = (ones @ deviations) / count
        mean += rest
        self.products -= np.outer(count * rest, rest)
        step = mean - self.mean
        total = self.n + count
        self.products += deviations.T @ deviations
        self.products += np.outer(step * (self.n * count / total), step)
        self.mean = self.mean + step * (count / total)
        self.n = total
        return bool(np.isfinite(self.mean).all())

    def _room_for(self, count: int) -> FloatArray:
        """An array (count, c), the same for every block: fresh memory takes as long as the arithmetic in it."""
        if self._room.shape[0] < count or self._room.shape[1] != len(self.mean):
            self._room = np.empty((count, len(self.mean)))
        return self._room[:count]

    def widen(self, columns: int) -> None:
        """Make room for ``columns`` in all; the new ones were zero in every row so far."""
        new = columns - len(self.mean)
        self.mean = np.pad(self.mean, (0, new))
        self.products = np.pad(self.products, ((0, new), (0, new)))

    def take(self, columns: Sequence[int]) -> "Scatter":
        """The same of the given columns, in their order."""
        taken = Scatter(0)
        taken.n, taken.mean, taken.products = self.n, self.mean[columns], self.products[np.ix_(columns, columns)]
        return taken

    @property
    def deviations(self) -> FloatArray:
        """Standard deviation of each column (mean over the rows, not ``n - 1``), 0 for a constant one."""
        with np.errstate(over="ignore", invalid="ignore"):
            found: FloatArray = np.sqrt(np.diagonal(self.products) / self.n)
            return np.where(found > CONSTANT * np.abs(self.mean), found, np.where(np.isnan(found), np.inf, 0.0))


@dataclass(frozen=True)
class Preparation:
    """What is done to each column: ``(value - shift) / scale``.

    Attributes
    ----------
    shift, scale : (c,) array
        The scale is positive.
    """

    shift: FloatArray
    scale: FloatArray


@np.errstate(over="ignore", invalid="ignore")
def prepared_moments(scatter: Scatter, preparation: Preparation, inputs: int) -> Moments:
    """Moments of prepared columns, the first ``inputs`` of which are the inputs and the others the targets.

    The scatter is scaled, and means are added back only where they are kept, so that centring loses no digits.
    """
    scale = preparation.scale
    mean = (scatter.mean - preparation.shift) / scale
    second = scatter.products / scatter.n / scale / scale[:, np.newaxis] + np.outer(mean, mean)
    return Moments(
        xx=second[:inputs, :inputs],
        xy=second[:inputs, inputs:],
        yy=float(np.trace(second[inputs:, inputs:])),
        n=scatter.n,
        x_mean=mean[:inputs],
        y_mean=mean[inputs:],
    )


def signed_moments(moments: Moments) -> Moments:
    """Moments of two classes coded -1 and +1 by one output, from those of their one-hot coding.

    With ``e`` the indicator of the second class the target is ``2 e - 1``, whose square is 1; the means are known.
    """
    assert moments.x_mean is not None  # noqa: S101 - the moments of a table have their means
    assert moments.y_mean is not None  # noqa: S101 - as above
    return Moments(
        xx=moments.xx,
        xy=2.0 * moments.xy[:, 1:] - moments.x_mean[:, np.newaxis],
        yy=1.0,
        n=moments.n,
        x_mean=moments.x_mean,
        y_mean=2.0 * moments.y_mean[1:] - 1.0,
    )
