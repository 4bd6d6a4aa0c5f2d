"""One symmetric eigendecomposition a problem, shared by checks, solvers and certificates."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dnrm2
from scipy.linalg.lapack import dsyevd

from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.cached import cached_property

EPSILON = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Spectrum:
    """Eigenpairs of a symmetric matrix and the coordinates of some vectors in them.

    Attributes
    ----------
    values : (d,) array
        Eigenvalues, ascending; exactly zero where the data decided that a direction is absent.
    vectors : (d, d) array
        Orthonormal eigenvectors as columns.
    projections : (d, k) array
        ``vectors^T xy``.
    rank_tolerance : float
        Eigenvalues at or below it count as zero.
    response : (d, k) array
        ``projections / sqrt(values)``, to the accuracy that the data have; zero along absent directions.
    residual : float or None
        Squared error that no map removes, as a sum of squares; None where only the moments give it, as a difference.
    plain : bool
        Whether the moments were well enough scaled and conditioned to be decomposed as they are.
    """

    values: FloatArray
    vectors: FloatArray
    projections: FloatArray
    rank_tolerance: float
    response: FloatArray
    residual: float | None = None
    plain: bool = False

    @cached_property
    def active(self) -> BoolArray:
        """Mask (d,) of the eigenvalues that count as positive."""
        mask: BoolArray = self.values > self.rank_tolerance
        return mask

    @cached_property
    def rank(self) -> int:
        """Number of active eigenvalues."""
        return int(np.count_nonzero(self.active))

    @cached_property
    def condition_number(self) -> float:
        """Largest over smallest active eigenvalue; 1 if none is active."""
        active = self.values[self.active]
        return float(active[-1] / active[0]) if active.size else 1.0

    @cached_property
    def explained(self) -> float:
        """Squared error that the least-squares map removes."""
        return float(np.vdot(self.response, self.response))

    def least_residual(self, total: float) -> float:
        """Squared error that no map removes, ``total`` being that of the zero map."""
        if self.residual is not None:
            return self.residual
        return max(total - self.explained, 0.0)


def spectrum_of(matrix: FloatArray, columns: FloatArray) -> Spectrum:
    """Eigendecomposition of ``matrix`` (d, d) with ``columns`` (d, k) in its coordinates.

    Parameters
    ----------
    matrix : (d, d) array
        Symmetric, and well scaled unless it is diagonal: small eigenvalues carry the rounding of the largest.
    columns : (d, k) array

    Notes
    -----
    O(d^3); O(d^2) for diagonal matrices, those of white inputs among them, whose eigenvalues are exact.
    """
    diagonal = matrix.diagonal()
    if np.count_nonzero(matrix) == np.count_nonzero(diagonal):
        order = np.argsort(diagonal, kind="stable")
        values, vectors = diagonal[order], np.eye(len(diagonal))[:, order]
        tolerance = 0.0
    else:
        values, vectors = eigenpairs(matrix)
        tolerance = matrix.shape[0] * EPSILON * max(abs(float(values[0])), abs(float(values[-1])))
    projections = vectors.T @ columns
    if values.size and values[0] > tolerance:
        return Spectrum(values, vectors, projections, tolerance, projections / np.sqrt(values)[:, None], plain=True)
    seen = values > tolerance
    roots = np.sqrt(np.where(seen, values, 1.0))
    response = np.where(seen[:, None], projections / roots[:, None], 0.0)
    return Spectrum(values, vectors, projections, tolerance, response, plain=True)


def eigenpairs(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (d,), ascending, and orthonormal eigenvectors (d, d) of a symmetric matrix (d, d).  O(d^3).

    The routine of `numpy.linalg.eigh`, called directly: small matrices spend half of their time on the way to it.
    """
    values, vectors, failed = dsyevd(matrix, lower=1)
    if failed:
        raise np.linalg.LinAlgError("eigenvalues did not converge")
    return values, vectors


def length_of(vector: FloatArray) -> float:
    """Euclidean norm of the entries (any shape), also where their squares would leave double precision."""
    return float(dnrm2(vector.ravel()))
