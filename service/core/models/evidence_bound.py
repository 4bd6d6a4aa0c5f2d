"""The evidence bound of a linear variational autoencoder: its exact value and gradient, and a bound from below.

Shares nothing with the closed form of the minimum.  Proof of the bound: ``docs/theory/autoencoders.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.linear.quadratic import Quadratic
from service.core.models.linear_vae import LinearVae
from service.core.problems import Moments
from service.core.results import Terms

HALVINGS = 70
BRACKET = 1e-6


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


def terms_of(model: LinearVae, moments: Moments, at: Autoencoder) -> Terms:
    """The bound of one sample: error of the mean and the learned ``(k/2) log v``; error by the noise; divergence."""
    product = at.decoder @ at.encoder
    error = float(np.sum((product @ moments.xx) * product) - 2.0 * np.sum(product * moments.xy.T)) + moments.yy
    fit = max(error, 0.0) / (2.0 * at.variance)
    if model.decoder_variance is None:
        fit += 0.5 * moments.outputs * float(np.log(at.variance))
    noise = float(np.sum(at.decoder**2 * at.noise)) / (2.0 * at.variance)
    spread = np.sum((at.encoder @ moments.xx) * at.encoder, axis=1)
    ratio = at.noise / model.prior_variance
    divergence = 0.5 * float(np.sum(spread / model.prior_variance + ratio - 1.0 - np.log(ratio)))
    return Terms(fit, noise, model.beta * divergence)


def gradient_norm(model: LinearVae, moments: Moments, at: Autoencoder) -> float:
    """Norm of the gradient in decoder, encoder and the logarithms of all learned variances."""
    misfit = at.decoder @ (at.encoder @ moments.xx) - moments.xy.T
    decoder = (misfit @ at.encoder.T + at.decoder * at.noise) / at.variance
    encoder = at.decoder.T @ misfit / at.variance + model.beta / model.prior_variance * at.encoder @ moments.xx
    pulls = np.sum(at.decoder**2, axis=0) / at.variance + model.beta / model.prior_variance
    noise = 0.5 * (at.noise * pulls - model.beta)
    total = float(np.sum(decoder**2) + np.sum(encoder**2) + np.sum(noise**2))
    if model.decoder_variance is None:
        terms = terms_of(model, moments, at)
        error = terms.fit - 0.5 * moments.outputs * float(np.log(at.variance)) + terms.noise
        total += (0.5 * moments.outputs - error) ** 2
    return float(np.sqrt(total))


def lower_bound(model: LinearVae, quadratic: Quadratic, variance: float) -> float:
    """No parameters have a smaller evidence bound; the learned variance is bracketed around ``variance``.

    Notes
    -----
    In ``tau = log v`` the bound is convex, so that tangents on both sides of its minimum hold it from below.
    """
    if model.decoder_variance is not None:
        return _at(model, quadratic, float(np.log(variance)))[0]
    middle, width = float(np.log(variance)), BRACKET
    while width < 100.0:
        (low, down), (high, up) = (_at(model, quadratic, middle + step) for step in (-width, width))
        if down <= 0.0 <= up:
            if up == down:
                return min(low, high)
            meet = (low - high + 2.0 * width * up) / (up - down)
            return low + down * meet
        width *= 10.0
    return -float("inf")


def _at(model: LinearVae, quadratic: Quadratic, log_variance: float) -> tuple[float, float]:
    """Value from below and slope in the logarithm of the decoder variance, everything else at its best."""
    shares = 0.5 * quadratic.svd[1] ** 2 * np.exp(-log_variance)
    left_over = 0.5 * quadratic.residual * float(np.exp(-log_variance)) + float(np.sum(shares[model.latent :]))
    values, remains = _latents(shares[: model.latent], 0.5 * model.beta)
    value, slope = left_over + float(np.sum(values)), -left_over - float(np.sum(remains))
    if model.decoder_variance is None:
        value += 0.5 * quadratic.target.shape[0] * log_variance
        slope += 0.5 * quadratic.target.shape[0]
    return value, slope


def _latents(shares: FloatArray, price: float) -> tuple[FloatArray, FloatArray]:
    """``min over s >= 0 of a exp(-s) + price s`` from below, and ``a exp(-s)`` there, by bisection of the slope."""
    low, high = np.zeros_like(shares), np.maximum(shares / price - 1.0, 0.0)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        falling = shares * np.exp(-middle) > price
        low, high = np.where(falling, middle, low), np.where(falling, high, middle)
    remains = shares * np.exp(-low)
    slope = np.minimum(price - remains, 0.0)
    values: FloatArray = remains + price * low + slope * (high - low)
    return values, remains
