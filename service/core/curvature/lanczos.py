"""Lanczos on a symmetric operator that is only known by its products, and the spectral density it implies.

Ritz values come with residuals: some eigenvalue lies within the residual of each (Parlett, The Symmetric Eigenvalue
Problem, theorem 4.5.1).  That it is the extreme one is likely after many steps from a random start, and not proved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh_tridiagonal

from service.core.ground.numbers.arrays import FloatArray
from service.errors import NumericalError


@dataclass(frozen=True, slots=True)
class Ritz:
    """What one run of Lanczos from a unit vector found.

    Attributes
    ----------
    values : (m,) array
        Ritz values, ascending; together with the weights a quadrature of the spectrum as the start sees it.
    weights : (m,) array
        Squared overlaps of the start with the Ritz vectors, of sum one.
    residuals : (m,) array
        ``||H v - theta v||`` of each Ritz vector.
    """

    values: FloatArray
    weights: FloatArray
    residuals: FloatArray


def lanczos(product: Callable[[FloatArray], FloatArray], start: FloatArray, steps: int) -> Ritz:
    """Run Lanczos with full reorthogonalisation.

    Parameters
    ----------
    product : callable
        Symmetric operator on (P,) vectors.
    start : (P,) array
        Not zero.
    steps : int
        At least 1; ends earlier where the Krylov space is exhausted.

    Raises
    ------
    NumericalError
        If a product is not finite.

    Notes
    -----
    ``steps`` products and O(steps^2 P) operations; ``steps * P`` numbers are kept.
    """
    size = start.size
    steps = min(steps, size)
    basis = np.empty((steps, size))
    vector = start / np.linalg.norm(start)
    diagonal, off = [], []
    for index in range(steps):
        basis[index] = vector
        image = product(vector)
        if not np.all(np.isfinite(image)):
            raise NumericalError("a product with the Hessian left the range of double precision")
        diagonal.append(float(vector @ image))
        for _ in range(2):
            image = image - basis[: index + 1].T @ (basis[: index + 1] @ image)
        length = float(np.linalg.norm(image))
        off.append(length)
        scale = max(abs(value) for value in diagonal) + max(off[:-1], default=0.0)
        if length <= 1e-14 * scale:
            off[-1] = 0.0
            break
        vector = image / length
    if not (np.all(np.isfinite(diagonal)) and np.all(np.isfinite(off))):
        raise NumericalError("Lanczos left the range of double precision")
    values, vectors = eigh_tridiagonal(np.array(diagonal), np.array(off[:-1]))
    return Ritz(np.asarray(values, dtype=np.float64), vectors[0] ** 2, abs(off[-1]) * np.abs(vectors[-1]))


def density(nodes: Sequence[FloatArray], weights: Sequence[FloatArray], grid: FloatArray, width: float) -> FloatArray:
    """Mean over the starts of the spectral density, each node a Gaussian of standard deviation ``width``.

    Parameters
    ----------
    nodes, weights : sequences of (m,) arrays
        Ritz values and weights of each start.
    grid : (g,) array
        Where the density, whose integral is one, is evaluated.
    width : float
        Positive.

    Notes
    -----
    Stochastic Lanczos quadrature (Ubaru, Chen, Saad 2017; Ghorbani, Krishnan, Xiao 2019).
    """
    total = np.zeros_like(grid)
    for values, shares in zip(nodes, weights, strict=True):
        peaks = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2) / (width * np.sqrt(2.0 * np.pi))
        total += peaks @ shares
    smooth: FloatArray = total / len(nodes)
    return smooth
