"""The evidence bound of a linear variational autoencoder: its exact value and gradient, and a bound from below.

Shares nothing with the closed form of the minimum.  Proof of the bound: ``docs/theory/autoencoders.md``.
"""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import powers_of_two
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Moments
from service.core.ground.results import Terms
from service.core.models.linear_vae import LinearVae
from service.core.several_outputs.squared_error.quadratic import Quadratic

HALVINGS = 70
BRACKET = 1e-6
NEAR_ONE = 0.5
"""Distance from one up to which a logarithm is taken of the distance."""
LARGEST_LOGARITHM = 1500.0
"""More than the logarithm of a ratio of two doubles."""


@dataclass(frozen=True, slots=True)
class Autoencoder:
    """Parameters: decoder (k, latent), encoder (latent, d), encoder variances (latent,), decoder variance."""

    decoder: FloatArray
    encoder: FloatArray
    noise: FloatArray
    variance: float

    @property
    def norm(self) -> float:
        """Of all weights."""
        return float(np.sqrt(np.sum(self.decoder**2) + np.sum(self.encoder**2)))

    def in_units(self, sizes: FloatArray) -> "Autoencoder":
        """The same for inputs measured in powers of two near ``sizes`` (d,)."""
        return replace(self, encoder=self.encoder * powers_of_two(sizes))


def terms_of(model: LinearVae, moments: Moments, at: Autoencoder) -> Terms:
    """The bound of one sample: error of the mean and the learned ``(k/2) log v``; error by the noise; divergence."""
    fit = moments.error(at.decoder @ at.encoder) / (2.0 * at.variance)
    if model.decoder_variance is None:
        fit += 0.5 * moments.outputs * float(np.log(at.variance))
    noise = float(np.sum(at.decoder**2 * at.noise)) / (2.0 * at.variance)
    spread = moments.mean_square(at.encoder) / model.prior_variance
    divergence = 0.5 * (spread + float(np.sum(departures(at.noise, model.prior_variance))))
    return Terms(fit, noise, model.beta * divergence)


def departures(noise: FloatArray, prior: float) -> FloatArray:
    """``r - 1 - log r`` for the ratios r of variances (latent,) to the prior's; not negative."""
    above, logarithms = parts_of_departures(noise, prior)
    found: FloatArray = np.maximum(above - logarithms, 0.0)
    return found


def parts_of_departures(noise: FloatArray, prior: float) -> tuple[FloatArray, FloatArray]:
    """``r - 1`` and ``log r``, shape (latent,) each, right to their own size."""
    above = (noise - prior) / prior
    near = np.abs(above) < NEAR_ONE
    return above, np.where(near, np.log1p(np.where(near, above, 0.0)), np.log(noise / prior))


def gradient_norm(model: LinearVae, moments: Moments, at: Autoencoder) -> float:
    """Norm of the gradient in decoder, encoder and the logarithms of all learned variances.

    Inputs are measured in powers of two near their root mean squares, so that their units do not matter.
    """
    misfit = at.decoder @ (at.encoder @ moments.xx) - moments.xy.T
    decoder = (misfit @ at.encoder.T + at.decoder * at.noise) / at.variance
    encoder = at.decoder.T @ misfit / at.variance + model.beta / model.prior_variance * at.encoder @ moments.xx
    encoder = encoder / powers_of_two(np.sqrt(moments.xx.diagonal()))
    pulls = np.sum(at.decoder**2, axis=0) / at.variance + model.beta / model.prior_variance
    noise = 0.5 * (at.noise * pulls - model.beta)
    total = float(np.sum(decoder**2) + np.sum(encoder**2) + np.sum(noise**2))
    if model.decoder_variance is None:
        terms = terms_of(model, moments, at)
        error = terms.fit - 0.5 * moments.outputs * float(np.log(at.variance)) + terms.noise
        total += (0.5 * moments.outputs - error) ** 2
    return float(np.sqrt(total))


def lower_bound(model: LinearVae, quadratic: Quadratic, variance: float) -> tuple[float, float]:
    """Lower bound of the evidence bound over all parameters; the learned variance is bracketed around ``variance``.

    Parameters
    ----------
    model : LinearVae
    quadratic : Quadratic
        A squared error whose numbers are taken as exact; its residual may be negative.
    variance : float

    Returns
    -------
    float
        The bound, its own rounding taken off; minus infinity where none was found.
    float
        What was taken off.

    Notes
    -----
    In ``tau = log v`` the bound is convex, so that tangents on both sides of its minimum hold it from below.
    """
    middle, width, outputs = float(np.log(variance)), BRACKET, quadratic.target.shape[0]
    squares, off = _squares(quadratic)
    if model.decoder_variance is not None:
        value, _, rounding = _at(model, quadratic, squares, 1.0 / variance, 0.0)
        return value - rounding, rounding + _lost(model, squares, off, variance)
    if quadratic.residual + float(np.sum(squares[model.latent :])) < 0.0:
        return -float("inf"), 0.0
    while width < 100.0:
        sides = [
            _at(model, quadratic, squares, float(np.exp(-middle - step)), middle + step) for step in (-width, width)
        ]
        (low, down, left), (high, up, right) = sides
        if down <= 0.0 <= up:
            # exp(-tau) and tau itself are off by some units in the last place
            rounding = left + right + 8.0 * EPSILON * (1.0 + abs(middle)) * (abs(down) + abs(up) + outputs)
            meet = (low - high + 2.0 * width * up) / (up - down) if up > down else 0.0
            reached = min(low, high) if up == down else low + down * float(np.clip(meet, 0.0, 2.0 * width))
            rounding += 16.0 * EPSILON * (abs(low) + abs(high) + abs(down) * width)
            return reached - rounding, rounding + _lost(model, squares, off, variance)
        width *= 10.0
    return -float("inf"), 0.0


def _squares(quadratic: Quadratic) -> tuple[FloatArray, FloatArray]:
    """Squares of the target's singular values, rounded down, and what may be missing of each.

    Singular values are right to some eps of the largest, which only those that are small beside it feel.
    """
    values = quadratic.svd[1]
    off = 4.0 * sum(quadratic.target.shape) * EPSILON * float(np.max(values, initial=0.0))
    low = np.maximum(values - off, 0.0) ** 2 * (1.0 - 4.0 * EPSILON)
    return low, values * values - low


def _lost(model: LinearVae, squares: FloatArray, off: FloatArray, variance: float) -> float:
    """What rounding singular values down takes off the bound: a share of an active latent's price, or of its square."""
    shares, missing = 0.5 * squares / variance, 0.5 * off / variance
    inside = shares[: model.latent]
    rate = np.minimum(1.0, 0.5 * model.beta / np.maximum(inside, 1e-300))
    return float(np.sum(missing[: model.latent] * rate)) + float(np.sum(missing[model.latent :]))


def _at(
    model: LinearVae, quadratic: Quadratic, squares: FloatArray, precision: float, log_variance: float
) -> tuple[float, float, float]:
    """Value from below and slope in the logarithm of the decoder variance, and the rounding of the value.

    Everything else is at its best.  The terms are positive but for the residual and the logarithm.
    """
    shares = 0.5 * squares * precision
    left_over, tail = 0.5 * quadratic.residual * precision, float(np.sum(shares[model.latent :]))
    values, remains = _latents(shares[: model.latent], 0.5 * model.beta)
    value, slope = left_over + tail + float(np.sum(values)), -left_over - tail - float(np.sum(remains))
    size = abs(left_over) + tail + float(np.sum(np.abs(values)))
    if model.decoder_variance is None:
        constant = 0.5 * quadratic.target.shape[0]
        value, slope = value + constant * log_variance, slope + constant
        size += abs(constant * log_variance)
    return value, slope, 2.0 * (len(squares) + 32.0) * EPSILON * size


def _latents(shares: FloatArray, price: float) -> tuple[FloatArray, FloatArray]:
    """``min over s >= 0 of a exp(-s) + price s`` from below, and ``a exp(-s)`` there, by bisection of the slope."""
    # where the slope is not positive s is at most log(a / price), less than both
    low, high = np.zeros_like(shares), np.clip(shares / price - 1.0, 0.0, LARGEST_LOGARITHM)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        falling = shares * np.exp(-middle) > price
        low, high = np.where(falling, middle, low), np.where(falling, high, middle)
    remains = shares * np.exp(-low)
    slope = np.minimum(price - remains, 0.0)
    values: FloatArray = remains + price * low + slope * (high - low)
    return values, remains
