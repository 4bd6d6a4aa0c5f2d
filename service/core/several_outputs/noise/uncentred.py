"""Hidden noise under an output bias on data with means: the error sees the covariance, the noise the second moment.

In coordinates where the second moments of the inputs are white the error is a least-squares problem on other inputs
and the noise is ``mu ||V||_*^2``, which is convex.  See ``docs/theory/dropout.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.bracketed import bracketed_root
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Problem
from service.core.several_outputs.noise.water_filling import effective_noise
from service.core.several_outputs.nuclear_norm.solution import NuclearSolution, minimise
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of_root, seen_spectrum


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
    return problem.once("several_outputs.uncentred", lambda: _coordinates(problem))


def _coordinates(problem: Problem) -> NoiseCoordinates:
    data, variance = problem.data, problem.network.input_noise_variance
    spectrum = seen_spectrum(data, variance, centre=False)
    basis, scales = spectrum.vectors[:, spectrum.active], np.sqrt(spectrum.values[spectrum.active])
    central = data.central if data.x_mean is not None and data.y_mean is not None else data
    root = central.root
    if variance:
        root = root.stacked(np.diag(np.sqrt(variance * data.xx.diagonal())))
    error = quadratic_of_root(root.seen_through(basis / scales), central.yy)
    return NoiseCoordinates(basis, scales, error, effective_noise(problem.network))


def least_point(coordinates: NoiseCoordinates) -> NuclearSolution:
    """Minimiser of the error plus ``mu ||V||_*^2``, in the basis of the error's inputs.

    Notes
    -----
    ``mu n^2 = max over t of 2 mu t n - mu t^2``: the nuclear-norm problem whose solution has the norm t that it was
    penalised with.  The norm n(t) falls with t and is zero from ``mu t = c`` on, c the largest singular value of the
    correlation.  What the solution gains over the zero map is convex in ``mu t``, of derivative ``-2 n`` and at least
    ``(c - mu t)^2 / s^2``, s the largest scale: so ``n >= (c - mu t) / (2 s^2)``, and t lies above
    ``c / (mu + 2 s^2)``.
    """
    error, mu = coordinates.error, coordinates.mu
    largest = float(np.sum(np.linalg.svd(error.target / error.scales, compute_uv=False)))
    if largest == 0.0 or error.correlation_norm == 0.0:
        return minimise(error, 1.0 + error.correlation_norm)

    def excess(level: float) -> float:
        return float(np.sum(minimise(error, mu * level).values)) - level

    high = min(largest, error.correlation_norm / mu)
    low = min(error.correlation_norm / (mu + 2.0 * float(error.scales[0]) ** 2), high)
    # an iteration finds the norms, without a known bound on its rounding: the certificate of the point decides
    level = bracketed_root(excess, low, high, rounding=np.inf, absolute=EPSILON * low)
    return minimise(error, mu * level)
