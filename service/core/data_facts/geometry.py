"""Ranks, whiteness and near-orthogonality of the inputs."""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Moments

WHITE = 1e-9
MAX_GRAM = 4_000
"""Samples beyond which the Gram matrix between samples is not formed."""


@dataclass(frozen=True)
class Gram:
    """What the inner products between the inputs say.

    Attributes
    ----------
    scale : float
        Mean squared length c of an input.
    deviation : float
        ``max |x_i.x_j - c delta_ij| / c``: zero if the inputs are orthogonal and of equal length.
    largest_product : float
        ``max_{i != j} |x_i.x_j|``.
    shortest, longest : float
        Lengths of the inputs.
    """

    scale: float
    deviation: float
    largest_product: float
    shortest: float
    longest: float

    def orthogonality_ratio(self, slope: float) -> float:
        """``3 slope^-3 (longest/shortest)^2 n max|x_i.x_j| / shortest^2`` without the factor n."""
        if self.shortest == 0.0 or slope == 0.0:
            return float("inf")
        try:
            return 3.0 * slope**-3 * (self.longest / self.shortest) ** 2 * self.largest_product / self.shortest**2
        except ArithmeticError:
            # lengths so unequal, or so small, that their ratio has no square
            return float("inf")


def gram_of(x: FloatArray) -> Gram | None:
    """Facts about ``x x^T`` for samples ``x`` (n, d); None for more than 4,000 of them."""
    if len(x) > MAX_GRAM:
        return None
    gram = x @ x.T
    lengths = np.diagonal(gram).copy()
    scale = float(lengths.mean())
    np.fill_diagonal(gram, 0.0)
    largest = float(np.abs(gram).max(initial=0.0))
    spread = float(np.abs(lengths - scale).max(initial=0.0))
    deviation = max(largest, spread) / scale if scale > 0.0 else float("inf")
    return Gram(scale, deviation, largest, float(np.sqrt(lengths.min())), float(np.sqrt(lengths.max())))


def whiteness_of(moments: Moments) -> tuple[float, float]:
    """Scale c and relative deviation ``||xx - c I||_max / c`` of the second moments."""
    scale = float(np.trace(moments.xx)) / moments.inputs
    if scale <= 0.0:
        return scale, float("inf")
    return scale, float(np.abs(moments.xx - scale * np.eye(moments.inputs)).max()) / scale


def rank_of(matrix: FloatArray) -> int:
    """Numerical rank of a matrix (m, n): singular values above ``max(m, n) eps sigma_1``."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return int(np.count_nonzero(values > max(matrix.shape) * EPSILON * values.max(initial=0.0)))
