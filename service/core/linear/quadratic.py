"""The squared error of a linear map in coordinates where the inputs are white.

Every linear network sees its data through ``E||W x - y||^2 = residual + ||coordinates(W) - target||^2``.  An
undecayed output bias and multiplicative noise on the inputs only change the moments, so they are folded in here.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np

from service.core.arrays import FloatArray
from service.core.linalg import EPSILON
from service.core.problems import Moments, Problem

WHITE_TOLERANCE = 1e-12
MEMO = "linear.quadratic"


@dataclass(frozen=True)
class Quadratic:
    """``E||W x - y||^2 = residual + ||W basis diag(scales) - target||_F^2``.

    Attributes
    ----------
    basis : (d, rho) array or None
        Orthonormal directions in which the inputs vary; ``None`` stands for the identity.
    scales : (rho,) array
        Root mean square of the inputs along them, descending, positive.
    target : (k, rho) array
        Least-squares map in these coordinates.
    residual : float
        Squared error that no linear map removes.
    total : float
        Squared error of the zero map.
    x_mean, y_mean : arrays or None
        What an output bias has to compensate; ``None`` without one.
    rank_tolerance : float
        Relative eigenvalue below which a direction counts as absent.
    """

    basis: FloatArray | None
    scales: FloatArray
    target: FloatArray
    residual: float
    total: float
    x_mean: FloatArray | None
    y_mean: FloatArray | None
    rank_tolerance: float

    @property
    def rank(self) -> int:
        """Number of directions in which the inputs vary."""
        return int(self.scales.size)

    @cached_property
    def spread(self) -> float:
        """Relative difference of the largest and the smallest second moment; 0 for white inputs."""
        if self.rank == 0:
            return 0.0
        return float(1.0 - (self.scales[-1] / self.scales[0]) ** 2)

    @property
    def largest_scale(self) -> float:
        """Largest root mean square of the inputs, 1 if they are zero."""
        return float(self.scales[0]) if self.rank else 1.0

    @property
    def least_scale(self) -> float:
        """Least root mean square over the directions present, 1 if the inputs are zero."""
        return float(self.scales[-1]) if self.rank else 1.0

    @property
    def mean_square(self) -> float:
        """Mean second moment over the directions present, 1 if the inputs are zero."""
        return float(np.mean(self.scales**2)) if self.rank else 1.0

    @property
    def white(self) -> bool:
        """Whether all directions have the same second moment, to rounding."""
        return self.spread <= WHITE_TOLERANCE

    @cached_property
    def svd(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Thin singular value decomposition ``(left, values, right)`` of the target; columns are vectors."""
        left, values, right = np.linalg.svd(self.target, full_matrices=False)
        return left, values, right.T

    @cached_property
    def correlation(self) -> FloatArray:
        """``E[y x^T]`` in the basis, shape (k, rho)."""
        product: FloatArray = self.target * self.scales
        return product

    @cached_property
    def correlation_norm(self) -> float:
        """Spectral norm of ``E[y x^T]``: zero is stationary and the steepest way off it."""
        if self.rank and self.scales[0] == self.scales[-1]:
            return float(self.scales[0] * self.svd[1][0])
        return spectral_norm(self.correlation)

    def expand(self, directions: FloatArray) -> FloatArray:
        """Columns (rho, r) in the basis as columns (d, r) in the input space."""
        return directions if self.basis is None else self.basis @ directions

    def restrict(self, end_to_end_map: FloatArray) -> FloatArray:
        """Part (k, rho) of a map (k, d) that acts on the directions present."""
        return end_to_end_map if self.basis is None else end_to_end_map @ self.basis

    def coordinates(self, end_to_end_map: FloatArray) -> FloatArray:
        """A map (k, d) in white coordinates (k, rho)."""
        product: FloatArray = self.restrict(end_to_end_map) * self.scales
        return product

    def fit(self, end_to_end_map: FloatArray) -> float:
        """Squared error of a map (k, d), any folded input noise included.  O(k d rho)."""
        return self.residual + float(np.sum((self.coordinates(end_to_end_map) - self.target) ** 2))

    def offset(self, end_to_end_map: FloatArray) -> FloatArray:
        """Best output bias (k,) for a map; zero where there is none."""
        if self.x_mean is None or self.y_mean is None:
            return np.zeros(self.target.shape[0])
        best: FloatArray = self.y_mean - end_to_end_map @ self.x_mean
        return best


def spectral_norm(matrix: FloatArray) -> float:
    """Largest singular value, 0 for an empty matrix."""
    return float(np.linalg.norm(matrix, 2)) if matrix.size else 0.0


def quadratic_of(problem: Problem) -> Quadratic:
    """Squared error of the mean prediction of ``problem``, with bias and input noise folded in.

    Raises
    ------
    ValueError
        If the problem has no data.

    Notes
    -----
    With an undecayed output bias the moments are centred; input noise of variance v adds ``v diag(E[x x^T])``,
    which sees the uncentred moments.  O(d^3 + k d^2); O(d^2) if the inputs are exactly white.
    """
    if MEMO not in problem.memo:
        centre = problem.network.has_bias(problem.network.n_layers - 1)
        problem.memo[MEMO] = quadratic_of_moments(problem.data, problem.network.input_noise_variance, centre)
    return cast(Quadratic, problem.memo[MEMO])


def quadratic_of_moments(moments: Moments, input_noise: float = 0.0, centre: bool = False) -> Quadratic:
    """`quadratic_of` from the moments alone; ``centre`` stands for an undecayed output bias."""
    xx, xy, yy = moments.xx, moments.xy, moments.yy
    x_mean = y_mean = None
    if centre and moments.x_mean is not None and moments.y_mean is not None:
        x_mean, y_mean = moments.x_mean, moments.y_mean
        xx = xx - np.outer(x_mean, x_mean)
        xy = xy - np.outer(x_mean, y_mean)
        yy = max(yy - float(y_mean @ y_mean), 0.0)
    if input_noise:
        xx = xx + input_noise * np.diag(moments.xx.diagonal())
    basis, scales, tolerance = _white_coordinates(xx, moments.n, moments if xx is moments.xx else None)
    correlation = xy.T if basis is None else xy.T @ basis
    target = correlation / scales
    residual = max(yy - float(np.sum(target * target)), 0.0)
    return Quadratic(basis, scales, target, residual, yy, x_mean, y_mean, tolerance)


def _white_coordinates(
    xx: FloatArray, n: int | None, decomposed: Moments | None
) -> tuple[FloatArray | None, FloatArray, float]:
    """Directions and root mean squares of the inputs, absent directions dropped; ``decomposed`` has them already."""
    tolerance = max(xx.shape[0], n or 0) * EPSILON
    diagonal = xx.diagonal()
    if not diagonal.size:
        return np.zeros((0, 0)), np.zeros(0), tolerance
    if diagonal[0] > 0.0 and np.all(diagonal == diagonal[0]) and np.count_nonzero(xx) == xx.shape[0]:
        return None, np.sqrt(diagonal), tolerance
    if decomposed is None:
        values, vectors = np.linalg.eigh(xx)
    else:
        values, vectors = decomposed.spectrum.values, decomposed.spectrum.vectors
    present = values > tolerance * max(float(values[-1]), 0.0)
    order = np.flatnonzero(present)[::-1]
    return vectors[:, order], np.sqrt(values[order]), tolerance


def with_ridge(quadratic: Quadratic, ridge: float) -> Quadratic:
    """The squared error plus ``ridge ||W||_F^2``, again as a squared error in changed coordinates.

    Notes
    -----
    Directions in which the inputs do not vary stay out: any part of W there only costs.
    """
    if ridge == 0.0:
        return quadratic
    scales = np.sqrt(quadratic.scales**2 + ridge)
    target = quadratic.correlation / scales
    residual = max(quadratic.total - float(np.sum(target * target)), 0.0)
    return replace(quadratic, scales=scales, target=target, residual=residual)
