"""One symmetric eigendecomposition a problem, shared by checks, solvers and certificates."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg.blas import dnrm2

from service.core.arrays import BoolArray, FloatArray

EPSILON = float(np.finfo(float).eps)
MOST_SAMPLES = 10**7
"""Samples beyond which summing more does not make the moments less certain."""


@dataclass(frozen=True)
class Spectrum:
    """Eigenpairs of a symmetric matrix and the coordinates of some vectors in them.

    Attributes
    ----------
    values : (d,) array
        Eigenvalues, ascending.
    vectors : (d, d) array
        Orthonormal eigenvectors as columns.
    projections : (d, k) array
        ``vectors^T xy``.
    rank_tolerance : float
        Eigenvalues at or below it count as zero: ``max(d, min(n, 10^7)) eps max|value|``.
    """

    values: FloatArray
    vectors: FloatArray
    projections: FloatArray
    rank_tolerance: float

    @cached_property
    def active(self) -> BoolArray:
        """Mask of the eigenvalues that count as positive."""
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


def spectrum_of(matrix: FloatArray, columns: FloatArray, n: int | None) -> Spectrum:
    """Eigendecomposition of ``matrix`` (d, d) with ``columns`` (d, k) in its coordinates.

    Notes
    -----
    O(d^3); O(d^2) for diagonal matrices, those of white inputs among them.
    """
    diagonal = matrix.diagonal()
    if np.count_nonzero(matrix) == np.count_nonzero(diagonal):
        order = np.argsort(diagonal, kind="stable")
        values, vectors = diagonal[order], np.eye(len(diagonal))[:, order]
    else:
        values, vectors = np.linalg.eigh(matrix)
    scale = max(abs(float(values[0])), abs(float(values[-1])))
    tolerance = max(matrix.shape[0], min(n or 0, MOST_SAMPLES)) * EPSILON * scale
    return Spectrum(values, vectors, vectors.T @ columns, tolerance)


def length_of(vector: FloatArray) -> float:
    """Euclidean norm of the entries, also where their squares would leave double precision."""
    return float(dnrm2(vector.ravel()))
