"""The reduction of a one-output network to ``min_w w'Qw - 2 c.w + v + (D+1) G ||w||^(2/(D+1))``.

Noise and widths enter through ``C = prod_i (1 + s_i / d_i)`` only, decays through their geometric mean
``G`` only.  Statement and proof: ``docs/theory/scalar-output.md``; with biases and input noise:
``docs/theory/bias-and-input-noise.md``.
"""

from dataclasses import dataclass
from math import exp, expm1, fsum, inf, log, log1p, sqrt

import numpy as np

from service.core.ground.data.least_squares import LeastSquares
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.spectrum import Spectrum
from service.core.ground.problems import Moments, Network, Problem
from service.errors import NumericalError
from service.vocabulary import Bias

MOST_NOISE = 690.0
"""Logarithm of the largest factor by which second moments are multiplied."""


@dataclass(frozen=True)
class ReducedProblem:
    """One-output problem in the coordinates of its quadratic form.

    With ``v = C w`` where ``Q`` is a multiple of C (`log_factor` = log C), else ``v = w`` (`log_factor` = 0),
    the minimum is ``variance - H / C`` with ``H = max_v 2 a.v - v'Av - (D+1) kappa ||v||^q``.

    Attributes
    ----------
    n_hidden : int
        Number D of hidden layers.
    spectrum : Spectrum
        Of A, with a as its only column.
    variance : float
        Loss of the zero map, biases at their best.
    log_factor : float
    log_noise_factor : float
        log C of the network, whatever the coordinates.
    log_kappa : float
        ``log(G) + (D-1)/(D+1) log_factor``; minus infinity if a decay is zero.
    noise_base : Moments or None
        Whose second moment the hidden noise multiplies; None for a problem below another one, which has no noise.
    input_noise : (d,) array
        Variance that noise adds to each input.
    """

    n_hidden: int
    spectrum: Spectrum
    variance: float
    log_factor: float
    log_noise_factor: float
    log_kappa: float
    noise_base: Moments | None
    input_noise: FloatArray

    @property
    def power(self) -> float:
        """Exponent q = 2/(D+1) of the norm."""
        return 2.0 / (self.n_hidden + 1)

    @property
    def noise_share(self) -> float:
        """Exponent (D-1)/(D+1) with which the noise factor enters the effective decay."""
        return (self.n_hidden - 1) / (self.n_hidden + 1)

    @property
    def log_decay(self) -> float:
        """log G, the logarithm of the geometric mean of the decays."""
        return self.log_kappa - self.noise_share * self.log_factor

    @cached_property
    def values(self) -> FloatArray:
        """Active eigenvalues that the target projects on, shape (n,)."""
        return self.spectrum.values[self._seen]

    @cached_property
    def squares(self) -> FloatArray:
        """Squared projections of the target on them, shape (n,)."""
        squares: FloatArray = self.spectrum.projections[self._seen, 0] ** 2
        return squares

    @cached_property
    def undecayed_loss(self) -> float:
        """Least loss without any decay: what no weights explain, plus the noise that remains; a sum of both."""
        return self.residual - self.explained * expm1(-self.log_factor)

    @cached_property
    def residual(self) -> float:
        """Squared error that no weights remove, noise left out where it is a factor of the form; not negative."""
        residual = self.spectrum.residual
        return max(self.variance - self.explained, 0.0) if residual is None else residual

    def losses_at(self, log_ridges: FloatArray) -> FloatArray:
        """Losses at stationary points of effective ridge rho (m,): every summand is non-negative."""
        ridges = np.exp(np.minimum(log_ridges, 600.0))[:, None]
        resolvent = 1.0 / (self.values + ridges)
        # rho a^2/(c (c + rho)) + D rho a^2/(c + rho)^2
        excess = (ridges * resolvent * (1.0 / self.values + self.n_hidden * resolvent)).dot(self.squares)
        losses: FloatArray = excess * exp(-self.log_factor)
        losses += self.undecayed_loss
        return losses

    @cached_property
    def _seen(self) -> BoolArray:
        column = self.spectrum.projections[:, 0]
        floor = 1e-300
        mask: BoolArray = self.spectrum.active & (column**2 > floor)
        return mask

    @cached_property
    def explained(self) -> float:
        """``sum a_k^2/c_k``: by how much the undecayed map beats the zero map, times C."""
        coordinates = self.spectrum.response[self._seen, 0]
        return float(coordinates.dot(coordinates))

    @cached_property
    def correlation(self) -> float:
        """Norm of a (within the range of A)."""
        return sqrt(self.squares.sum().item())

    def prediction_variance(self, end_to_end_map: FloatArray) -> float:
        """``(C-1) w'Bw + C sum_j s_j w_j^2`` for a map w (d,): the variance that noise adds, free of cancellation."""
        log_c = self.log_noise_factor
        # the map falls with C: times its root it keeps its size where C itself would leave double precision
        grown = end_to_end_map * exp(0.5 * min(log_c, 1400.0))
        hidden = 0.0
        if log_c and self.noise_base is not None:
            hidden = -float(np.expm1(-log_c)) * self.noise_base.mean_square(grown[None, :])
        inputs = float(self.input_noise @ grown**2) if self.input_noise.any() else 0.0
        return float(hidden + inputs)

    def ridge_of(self, norm: float) -> float:
        """Effective ridge of the decay at maps of this norm, in the units of the loss: ``G ||w||^(q-2)``."""
        return exp(min(self.log_decay + (self.power - 2.0) * log(max(norm, 1e-300)), 690.0))

    def map_at(self, ridge: float) -> FloatArray:
        """End-to-end map ``w = (A + ridge I)^{-1} a / C`` in input coordinates, shape (d,)."""
        seen = self._seen
        coordinates = self.spectrum.projections[seen, 0] / (self.spectrum.values[seen] + ridge)
        direction: FloatArray = self.spectrum.vectors[:, seen] @ coordinates
        direction *= np.exp(-self.log_factor)
        return direction


def log_noise_factor_of(network: Network) -> float:
    """``log C = sum_i log(1 + s_i / d_i)`` over the hidden layers; never overflows."""
    return fsum(log1p(layer.noise_variance / layer.width) for layer in network.layers[:-1])


def log_decay_of(network: Network) -> float:
    """``log G``, the mean of the logarithms of the decays; minus infinity if one is zero."""
    decays = [layer.weight_decay for layer in network.layers]
    return sum(map(log, decays)) / len(decays) if min(decays) > 0.0 else -inf


def centres_the_mean(network: Network, moments: Moments) -> bool:
    """Whether a free bias takes the mean off the error; false where there is nothing to take off."""
    free = network.bias is Bias.ALL or network.bias is Bias.OUTPUT
    return free and not moments.centred


def noise_changes_form(network: Network, moments: Moments) -> bool:
    """Whether noise changes the shape of the quadratic form: a bias that centres the mean but not the noise."""
    return network.bias is Bias.OUTPUT and network.n_hidden > 0 and centres_the_mean(network, moments)


def reduce(network: Network, moments: Moments, log_noise_factor: float | None = None) -> ReducedProblem:
    """Reduce a one-output linear network on data with checked moments.

    Parameters
    ----------
    network : Network
        One output, linear, squared loss; biases undecayed or data centred.
    moments : Moments
    log_noise_factor : float, optional
        Replaces log C of the network, to ask how the minimum depends on the noise.

    Returns
    -------
    ReducedProblem

    Notes
    -----
    O(d^3) for the eigendecomposition, shared with ``moments.spectrum`` where Q is a multiple of ``xx``.
    """
    log_c = log_noise_factor_of(network) if log_noise_factor is None else log_noise_factor
    depth = network.n_hidden
    input_noise = network.input_noise_variance * moments.xx.diagonal()
    seen = moments.central if centres_the_mean(network, moments) else moments
    # an output bias centres the mean but not the noise; hidden biases centre what the noise multiplies
    uniform = log_c == 0.0 or not noise_changes_form(network, moments)
    if uniform:
        factor = log_c
        quadratic = seen.xx + np.diag(input_noise) if network.input_noise_variance else seen.xx

        def change(root: LeastSquares) -> LeastSquares:
            return root.stacked(np.diag(np.sqrt(input_noise)))

    else:
        factor = 0.0
        if log_c > MOST_NOISE:
            raise NumericalError("noise under an output bias multiplies second moments beyond double precision")
        quadratic = seen.xx + np.expm1(log_c) * moments.xx + np.exp(log_c) * np.diag(input_noise)

        def change(root: LeastSquares) -> LeastSquares:
            on_inputs = np.exp(0.5 * log_c) * np.diag(np.sqrt(input_noise))
            noisy = np.concatenate((np.sqrt(np.expm1(log_c)) * moments.root.root, on_inputs))
            return root.stacked(noisy)

    plain = uniform and network.input_noise_variance == 0.0
    spectrum = seen.spectrum if plain else seen.decomposed(quadratic, change)
    return ReducedProblem(
        n_hidden=depth,
        spectrum=spectrum,
        variance=seen.yy,
        log_factor=factor,
        log_noise_factor=log_c,
        log_kappa=log_decay_of(network) + (depth - 1) / (depth + 1) * factor,
        noise_base=moments if noise_changes_form(network, moments) else seen,
        input_noise=input_noise,
    )


def reduced_of(problem: Problem) -> ReducedProblem:
    """`reduce` of a problem, computed once and shared by its solver and its certificate."""
    return problem.once("one_output.reduced", lambda: reduce(problem.network, problem.data))
