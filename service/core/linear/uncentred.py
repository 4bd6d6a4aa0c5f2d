"""Hidden noise under an output bias on data with means: the error sees the covariance, the noise the second moment.

In coordinates where the second moments of the inputs are white the error is a least-squares problem on other inputs
and the noise is ``mu ||V||_*^2``, which is convex.  See ``docs/theory/dropout.md``.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.optimize import brentq

from service.core.arrays import FloatArray
from service.core.linear.nuclear import NuclearSolution, minimise
from service.core.linear.quadratic import Quadratic, quadratic_of_moments
from service.core.linear.water_filling import effective_noise
from service.core.problems import Moments, Problem

MEMO = "linear.uncentred"


@dataclass(frozen=True)
class NoiseCoordinates:
    """``V = W basis diag(scales)``, in which noise costs ``mu ||V||_*^2``.

    Attributes
    ----------
    basis : (d, rho) array
        Directions in which the second moments of the inputs do not vanish.
    scales : (rho,) array
        Root mean squares along them.
    error : Quadratic
        The squared error of V.
    mu : float
    """

    basis: FloatArray
    scales: FloatArray
    error: Quadratic
    mu: float

    def of_map(self, end_to_end_map: FloatArray) -> FloatArray:
        """V (k, rho) of a map (k, d)."""
        product: FloatArray = (end_to_end_map @ self.basis) * self.scales
        return product

    def inner(self, right: FloatArray) -> FloatArray:
        """Right singular vectors of V as columns (d, r) for the inputs as they are."""
        columns: FloatArray = self.basis @ (right / self.scales[:, None])
        return columns


def noise_coordinates(problem: Problem) -> NoiseCoordinates:
    """The coordinates of a problem with means, a free output bias and noise.  O(d^3)."""
    if MEMO not in problem.memo:
        problem.memo[MEMO] = _coordinates(problem)
    return cast(NoiseCoordinates, problem.memo[MEMO])


def _coordinates(problem: Problem) -> NoiseCoordinates:
    data, variance = problem.data, problem.network.input_noise_variance
    second = data.xx + variance * np.diag(data.xx.diagonal())
    values, vectors = np.linalg.eigh(second)
    kept = values > max(data.inputs, data.n or 0) * np.finfo(float).eps * max(float(values[-1]), 0.0)
    basis, scales = vectors[:, kept], np.sqrt(values[kept])
    mean = np.zeros(data.inputs) if data.x_mean is None else data.x_mean
    y_mean = np.zeros(data.outputs) if data.y_mean is None else data.y_mean
    along = (basis.T @ mean) / scales
    inside = np.eye(scales.size) - np.outer(along, along)
    correlation = (basis.T @ (data.xy - np.outer(mean, y_mean))) / scales[:, None]
    total = max(data.yy - float(y_mean @ y_mean), 0.0)
    error = quadratic_of_moments(Moments(0.5 * (inside + inside.T), correlation, total, data.n))
    return NoiseCoordinates(basis, scales, error, effective_noise(problem.network))


def least_point(coordinates: NoiseCoordinates) -> NuclearSolution:
    """Minimiser of the error plus ``mu ||V||_*^2``, in the basis of the error's inputs.

    Notes
    -----
    ``mu n^2 = max over t of 2 mu t n - mu t^2``: the nuclear-norm problem whose solution has the norm t that it was
    penalised with.  The norm falls with t, so that t is bracketed and found by bisection and secants.
    """
    error, mu = coordinates.error, coordinates.mu
    largest = float(np.sum(np.linalg.svd(error.target / error.scales, compute_uv=False)))
    if largest == 0.0 or error.correlation_norm == 0.0:
        return minimise(error, 1.0 + error.correlation_norm)

    def excess(level: float) -> float:
        return float(np.sum(minimise(error, mu * level).values)) - level

    # at the bracket's lower end the norm is that of least squares, which exceeds it
    level = float(brentq(excess, 1e-9 * largest, largest, xtol=1e-15 * largest, rtol=4 * np.finfo(float).eps))
    return minimise(error, mu * level)
