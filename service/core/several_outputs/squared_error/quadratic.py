"""The squared error of a linear map in coordinates where the inputs are white.

Every linear network sees its data through ``E||W x - y||^2 = residual + ||coordinates(W) - target||^2``.  An
undecayed output bias and multiplicative noise on the inputs only change the moments, so they are folded in here.
"""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.data.conditioned import Moments
from service.core.ground.data.least_squares import LeastSquares
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.spectrum import Spectrum
from service.core.ground.problems import Problem

WHITE_TOLERANCE = 1e-12


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
        """Thin singular value decomposition of the target: (k, m), (m,) and (rho, m) with ``m = min(k, rho)``."""
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
    """Largest singular value of a matrix (m, n), 0 for an empty one."""
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
    network = problem.network
    centre = network.has_bias(network.n_layers - 1)
    return problem.once(
        "several_outputs.quadratic",
        lambda: quadratic_of_moments(problem.data, network.input_noise_variance, centre),
    )


def quadratic_of_moments(moments: Moments, input_noise: float = 0.0, centre: bool = False) -> Quadratic:
    """`quadratic_of` from the moments alone; ``centre`` stands for an undecayed output bias."""
    means = centre and moments.x_mean is not None and moments.y_mean is not None
    seen = moments.central if means else moments
    spectrum = seen_spectrum(moments, input_noise, means)
    x_mean, y_mean = (moments.x_mean, moments.y_mean) if means else (None, None)
    diagonal = seen.xx.diagonal()
    white = diagonal[0] > 0.0 and np.all(diagonal == diagonal[0]) and np.count_nonzero(seen.xx) == len(diagonal)
    order = np.flatnonzero(spectrum.active)[::-1]
    basis = None if white and not input_noise and order.size == len(diagonal) else spectrum.vectors[:, order]
    target = spectrum.response[order].T if basis is not None else seen.xy.T / np.sqrt(diagonal)
    scales = np.sqrt(spectrum.values[order])
    residual = spectrum.least_residual(seen.yy)
    return Quadratic(basis, scales, target, residual, seen.yy, x_mean, y_mean, spectrum.rank_tolerance)


def quadratic_of_root(root: LeastSquares, total: float) -> Quadratic:
    """A squared error by its root, without bias; ``total`` is that of the zero map."""
    spectrum = root.spectrum()
    order = np.flatnonzero(spectrum.active)[::-1]
    scales, target = np.sqrt(spectrum.values[order]), spectrum.response[order].T
    return Quadratic(spectrum.vectors[:, order], scales, target, spectrum.least_residual(total), total, None, None, 0.0)


def seen_spectrum(moments: Moments, input_noise: float, centre: bool) -> Spectrum:
    """Eigenpairs of the second moments that a linear map meets, noise on the inputs added, means taken off or not."""
    seen = moments.central if centre else moments
    if input_noise == 0.0:
        return seen.spectrum
    added = input_noise * moments.xx.diagonal()

    def change(root: LeastSquares) -> LeastSquares:
        return root.stacked(np.diag(np.sqrt(added)))

    return seen.decomposed(seen.xx + np.diag(added), change)


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
    shrunk = quadratic.target * (np.sqrt(ridge) / scales)
    residual = quadratic.residual + float(np.sum(shrunk * shrunk))
    return replace(quadratic, scales=scales, target=target, residual=residual)
