"""The squared error of a linear map as a distance: a root of the data, whose condition is not squared.

``E||W x - y||^2 = ||W root' - response'||_F^2 + rest``.  From samples the root is their triangular factor, from moments
a root of the scaled second moments.  Every error is then a sum of squares, and each singular value of the root is known
to its own size, however far apart the scales of the columns lie (Demmel, Veselic, *Jacobi's method is more accurate
than QR*, 1992; Drmac, Veselic, *New fast and accurate Jacobi SVD algorithm*, 2008).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import qr

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor, powers_of_two, triangle
from service.core.ground.numbers.graded import GRADED, graded_svd_of_full_rank
from service.core.ground.numbers.spectrum import EPSILON, Spectrum

NEGLIGIBLE = 10.0
"""A singular value of the scaled root below this many ``d eps`` of the largest counts as zero."""

SQUARES_VANISH = 1e-145
"""Singular values of a root whose squares leave no room for digits above the least double."""


@dataclass(frozen=True)
class LeastSquares:
    """A squared error by a root of the data.

    Attributes
    ----------
    root : (m, d) array
        ``root' root = E[x x']``.
    response : (m, k) array
        ``root' response = E[x y']``.
    rest : float
        What no map removes, beside the part of the response outside the range of the root; not negative.
    scale : (d,) array
        Powers of two near the norms of the root's columns.
    projected : float
        Largest change, relative to the scales, that made moments those of some data; 0 for samples.
    """

    root: FloatArray
    response: FloatArray
    rest: float
    scale: FloatArray
    projected: float = 0.0

    @property
    def inputs(self) -> int:
        """Number of inputs d."""
        return int(self.root.shape[1])

    def fit(self, end_to_end_map: FloatArray) -> float:
        """Squared error of a map (k, d), a sum of squares.  O(k m d)."""
        misfit = self.root @ end_to_end_map.T - self.response
        return self.rest + float(np.sum(misfit * misfit))

    def stacked(self, rows: FloatArray) -> "LeastSquares":
        """The same error plus ``||W rows'||^2`` for rows (q, d)."""
        root = np.concatenate((rows, self.root))
        response = np.concatenate((np.zeros((len(rows), self.response.shape[1])), self.response))
        return replace(self, root=root, response=response, scale=powers_of_two(np.linalg.norm(root, axis=0)))

    def seen_through(self, columns: FloatArray) -> "LeastSquares":
        """The error of maps V of coordinates, ``W = V columns'`` for columns (d, r)."""
        root = self.root @ columns
        return replace(self, root=root, scale=powers_of_two(np.linalg.norm(root, axis=0)))

    def residual_of(self, spectrum: Spectrum) -> float:
        """Squared error of the least-squares map by eigenpairs of the second moments, a sum of squares."""
        seen = spectrum.active
        coordinates = spectrum.projections[seen] / spectrum.values[seen, None]
        return self.fit((spectrum.vectors[:, seen] @ coordinates).T)

    def spectrum(self) -> Spectrum:
        """Singular values and right singular vectors of the root as eigenpairs of the second moments.

        Notes
        -----
        Rank is decided where columns have one size: a QR decomposition of the scaled root with column pivoting.  What
        is left has full row rank; Jacobi's method finds its singular values where scales are far apart.  O(m d^2).
        """
        if not self.inputs:
            unexplained = self.rest + float(np.sum(self.response * self.response))
            nothing = np.zeros((0, self.response.shape[1]))
            return Spectrum(np.zeros(0), np.zeros((0, 0)), nothing, 0.0, nothing, unexplained)
        basis, upper, order = qr(self.root / self.scale, mode="economic", pivoting=True, check_finite=False)
        rank = _rank_of(np.asarray(upper, dtype=np.float64))
        rows = np.zeros((rank, self.inputs))
        rows[:, order] = upper[:rank]
        inside = basis[:, :rank].T @ self.response
        outside = self.response - basis[:, :rank] @ inside
        residual = self.rest + float(np.sum(outside * outside))
        with np.errstate(over="ignore"):
            spread = float(self.scale.max() / self.scale.min())
        left, values, right = _decomposed(rows * self.scale, spread)
        along, unseen = left.T @ inside, values < SQUARES_VANISH
        # what these directions explain is left over where their second moments vanish in double precision
        residual += float(np.sum(along[unseen] ** 2))
        values, along = np.where(unseen, 0.0, values), np.where(unseen[:, None], 0.0, along)
        return _spectrum(right, values, along, residual)


def _rank_of(upper: FloatArray) -> int:
    """Numerical rank from the pivoted triangular factor (p, d) of a matrix with columns of norm near one."""
    diagonal = np.abs(np.diagonal(upper))
    if not diagonal.size or diagonal[0] == 0.0:
        return 0
    return int(np.count_nonzero(diagonal > NEGLIGIBLE * upper.shape[1] * EPSILON * diagonal[0]))


def _decomposed(rows: FloatArray, spread: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """``rows = left diag(values) right'`` for rows (r, d) of full row rank, values descending.

    Returns
    -------
    (r, r), (r,), (d, r) arrays
    """
    if spread > GRADED:
        return graded_svd_of_full_rank(rows)
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    return left, values, right.T


def _spectrum(right: FloatArray, values: FloatArray, response: FloatArray, residual: float) -> Spectrum:
    """Ascending eigenpairs, directions without data first with eigenvalue zero."""
    inputs, rank = right.shape
    absent = inputs - rank
    null = np.linalg.qr(right, mode="complete")[0][:, rank:] if absent else np.zeros((inputs, 0))
    padded = np.concatenate((np.zeros(absent), values[::-1]))
    turned = np.concatenate((np.zeros((absent, response.shape[1])), response[::-1]))
    vectors = np.concatenate((null, right[:, ::-1]), axis=1)
    return Spectrum(padded * padded, vectors, padded[:, None] * turned, 0.0, turned, residual)


def centred_root(factor: Factor) -> LeastSquares:
    """Squared error about the means of samples: what a free output bias leaves."""
    inputs, size = factor.inputs, float(np.sqrt(factor.n))
    x_scale, y_scale = factor.scale[:inputs] / size, factor.scale[inputs:] / size
    below = factor.r[inputs:, inputs:] * y_scale
    return LeastSquares(
        root=factor.r[:inputs, :inputs] * x_scale,
        response=factor.r[:inputs, inputs:] * y_scale,
        rest=float(np.sum(below * below)),
        scale=factor.scale[:inputs],
    )


def raw_root(factor: Factor) -> LeastSquares:
    """Squared error of samples without a bias: the row of means joins the factor, and is triangularised with it.

    Columns are scaled before, so that a large mean costs the digits of its own column only.
    """
    inputs, size = factor.inputs, float(np.sqrt(factor.n))
    mean = np.concatenate((factor.x_mean, factor.y_mean))
    rows = np.concatenate((mean[None, :], factor.r * (factor.scale / size)))
    scale = powers_of_two(np.linalg.norm(rows, axis=0))
    upper = triangle(rows / scale)
    below = upper[inputs:, inputs:] * scale[inputs:]
    return LeastSquares(
        root=upper[:inputs, :inputs] * scale[:inputs],
        response=upper[:inputs, inputs:] * scale[inputs:],
        rest=float(np.sum(below * below)),
        scale=scale[:inputs],
    )
