"""Moments as a root: the nearest data that have them, where rounding left moments that no data have."""

from dataclasses import dataclass

import numpy as np

from service.core.ground.data.least_squares import LeastSquares
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.spectrum import EPSILON

NEGLIGIBLE = 2.0
"""Eigenvalues of scaled moments up to this many ``d eps`` count as zero: their rounding, and that of finding them."""
MOST_RAISES = 40
"""How often the diagonal of scaled moments is doubled in what is added to it, until some data have them."""


@dataclass(frozen=True)
class ScaledMoments:
    """Second moments with a diagonal near one, and their eigenpairs.

    Attributes
    ----------
    scale : (d,) array
        Powers of two near the root mean squares of the inputs, as they were before means were taken off.
    values : (d,) array
        Ascending.
    vectors : (d, d) array
    xy : (d, k) array
        Scaled moments with the targets.
    """

    scale: FloatArray
    values: FloatArray
    vectors: FloatArray
    xy: FloatArray

    @property
    def tolerance(self) -> float:
        """Eigenvalues up to here are rounding."""
        return NEGLIGIBLE * self.values.size * EPSILON * max(float(self.values[-1]), 1.0)


def scaled_moments(xx: FloatArray, xy: FloatArray, sizes: FloatArray) -> ScaledMoments:
    """Scale moments by the root mean squares ``sizes`` (d,) of the inputs.  O(d^3)."""
    scale = powers_of_two(sizes)
    matrix = xx / scale / scale[:, None]
    values, vectors = np.linalg.eigh(matrix)
    return ScaledMoments(scale, values, vectors, xy / scale[:, None])


def root_of_moments(scaled: ScaledMoments, yy: float) -> LeastSquares:
    """A root of moments; what rounding alone takes them off those of real data is projected away.

    Notes
    -----
    Eigenvalues up to the tolerance are dropped.  Where the explained targets exceed ``yy``, the weakest directions
    claim what rounding put there: every eigenvalue is raised by the least power of two that mends it.
    """
    kept = scaled.values > scaled.tolerance
    values, vectors = scaled.values[kept], scaled.vectors[:, kept]
    along = vectors.T @ scaled.xy
    raised = 0.0
    explained = float(np.sum(along * along / values[:, None])) if values.size else 0.0
    for power in range(MOST_RAISES):
        if explained <= yy:
            break
        raised = scaled.tolerance * 2.0 ** (power - 4)
        explained = float(np.sum(along * along / (values + raised)[:, None]))
    roots = np.sqrt(values + raised)
    # rows in the order of falling size keep what is small from being rounded to the size of what is large
    order = np.argsort(-roots, kind="stable")
    root = (vectors * roots).T[order] * scaled.scale
    response = (along / roots[:, None])[order]
    least = max(float(-scaled.values[0]), 0.0) if scaled.values.size else 0.0
    dropped = scaled.values[~kept]
    changed = max(raised, least, float(np.abs(dropped).max(initial=0.0)))
    return LeastSquares(root, response, max(yy - explained, 0.0), scaled.scale, changed)
