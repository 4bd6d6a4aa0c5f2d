"""What a layer reads, as a root of its second moments: the error of a replaced layer is a Frobenius norm in it."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import powers_of_two, triangle
from service.core.ground.numbers.spectrum import EPSILON, eigenpairs

NEGLIGIBLE = 2.0
"""Eigenvalues of scaled moments up to this many ``d eps`` count as zero: their rounding, and that of finding them."""

AS_WRONG = 4.0
"""Eigenvalues up to this many times the most negative one may have been made by the same error."""


@dataclass(frozen=True)
class InputRoot:
    """A root R of second moments S = R' R of the inputs of a layer.

    Attributes
    ----------
    root : (q, d) array or None
        None for white inputs, S = I.
    rank : int
        Of S: directions that the inputs have.
    width : int
        Number of inputs d.
    below : float
        By what share of the largest eigenvalue of S, scaled to a diagonal near one, the least one is below zero; 0
        for moments that some data have, but for rounding.
    """

    root: FloatArray | None
    rank: int
    width: int
    below: float = 0.0

    @property
    def is_singular(self) -> bool:
        """Whether some direction never occurs among the inputs."""
        return self.rank < self.width

    def seen(self, matrix: FloatArray) -> FloatArray:
        """``matrix R'`` (o, q), whose squared Frobenius norm is the mean squared output of ``matrix`` (o, d)."""
        return matrix if self.root is None else matrix @ self.root.T


def white(width: int) -> InputRoot:
    """Uncorrelated inputs of second moment one: S = I."""
    return InputRoot(None, width, width)


def of_moments(xx: FloatArray) -> InputRoot:
    """The root of second moments ``xx`` (d, d), symmetric with a diagonal that is not negative.  O(d^3).

    Notes
    -----
    Inputs are scaled by powers of two to a diagonal near one, so that a small input does not drown in the rounding of
    a large one.  Negative eigenvalues only an error can have made: those of a few times their size count as zero.
    """
    scale = powers_of_two(np.sqrt(np.diagonal(xx)))
    values, vectors = eigenpairs(xx / scale / scale[:, None])
    tolerance = NEGLIGIBLE * values.size * EPSILON * max(float(values[-1]), 1.0)
    least = float(values[0])
    kept = values > max(tolerance, -AS_WRONG * least)
    root = (vectors[:, kept] * np.sqrt(values[kept])).T * scale
    below = -least / max(float(values[-1]), -least) if -least > tolerance else 0.0
    return InputRoot(root, int(np.count_nonzero(kept)), values.size, below)


def of_samples(x: FloatArray) -> InputRoot:
    """The root of the second moments of samples ``x`` (n, d), about zero.  O(n d min(n, d)).

    Notes
    -----
    Samples are factored and never squared: small directions keep their digits.
    """
    rows, width = x.shape
    root = (triangle(x) if rows > width else x) / np.sqrt(rows)
    rank = _rank(root / powers_of_two(np.sqrt(np.einsum("ij,ij->j", root, root))))
    return InputRoot(root, rank, width)


def _rank(root: FloatArray) -> int:
    """Rank of a root (q, d) in columns of size near one: by a condition number where it is full, else by an SVD."""
    sides = root.shape
    factor = triangle(root if sides[0] > sides[1] else root.T)
    reciprocal, _ = lapack.dtrcon(factor)
    if reciprocal > max(sides) * EPSILON:
        return int(min(sides))
    values = np.linalg.svd(root, compute_uv=False)
    return int(np.count_nonzero(values > max(sides) * EPSILON * values[0])) if values[0] > 0.0 else 0
