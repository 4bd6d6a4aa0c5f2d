"""The linear variational autoencoder: which latents collapse to the prior, in closed form.

Lucas et al. (2019); Wang, Ziyin (2022).  See ``docs/theory/autoencoders.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.exceeding import exceeding
from service.core.ground.problems import Moments
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of_moments
from service.errors import FieldError, InputError


@dataclass(frozen=True, slots=True)
class LinearVae:
    """``E||U z - y||^2 / (2 v) + beta sum_i KL_i`` with ``z = W x + eps``, ``eps_i ~ N(0, sigma_i^2)`` learnable.

    Attributes
    ----------
    latent : int
        Number of latents, at least 1.
    beta : float
        Weight of the divergence from the prior, positive.
    decoder_variance : float or None
        v > 0; ``None`` learns it with the term ``(k/2) log v``.
    prior_variance : float
        Of the latents, positive.
    """

    latent: int
    beta: float
    decoder_variance: float | None
    prior_variance: float = 1.0

    def check(self) -> None:
        """Raise `InputError` naming what is out of range."""
        problems: list[FieldError] = []
        if self.latent < 1:
            problems.append(FieldError(("network", "latent"), "must be at least 1"))
        for name, value in (("beta", self.beta), ("prior_variance", self.prior_variance)):
            if not (np.isfinite(value) and value > 0.0):
                problems.append(FieldError(("network", name), "must be positive"))
        if self.decoder_variance is not None and not self.decoder_variance > 0.0:
            problems.append(FieldError(("network", "decoder_variance"), "must be positive"))
        if problems:
            raise InputError(problems)


@dataclass(frozen=True, slots=True)
class VaeSolution:
    """The global minimum.

    Attributes
    ----------
    loss : float
    decoder_variance : float
        As given, or learned.
    strengths : (m,) array
        Singular values of ``E[y x^T] E[x x^T]^(-1/2)``, descending.
    active : tuple of bool
        Of each latent; the others have collapsed to the prior.
    collapse_betas : tuple of float
        Weight of the divergence from which on a latent has collapsed, the decoder variance fixed.
    decoder : (k, latent) array
    encoder : (latent, d) array
    encoder_variances : (latent,) array
    """

    loss: float
    decoder_variance: float
    strengths: FloatArray
    active: tuple[bool, ...]
    collapse_betas: tuple[float, ...]
    decoder: FloatArray
    encoder: FloatArray
    encoder_variances: FloatArray


def solve_vae(model: LinearVae, moments: Moments) -> VaeSolution:
    """Global minimum of the linear variational autoencoder; ``y = x`` is the usual case.

    Raises
    ------
    InputError
        If a parameter is out of range, or the decoder variance is to be learned and its loss has no minimum.

    Notes
    -----
    One eigendecomposition and one singular value decomposition.
    """
    model.check()
    quadratic = quadratic_of_moments(moments)
    squares = quadratic.svd[1] ** 2
    variance = model.decoder_variance
    if variance is None:
        variance = _best_variance(model, quadratic)
    latents = min(model.latent, squares.size)
    active = exceeding(squares[:latents], model.beta * variance)
    kept = int(np.count_nonzero(active))
    left, values, right = quadratic.svd
    sizes = np.sqrt(squares[:kept] - model.beta * variance) / np.sqrt(model.prior_variance)
    noise = np.full(model.latent, model.prior_variance)
    noise[:kept] *= model.beta * variance / squares[:kept]
    decoder = np.zeros((moments.outputs, model.latent))
    decoder[:, :kept] = left[:, :kept] * sizes
    encoder = np.zeros((model.latent, moments.inputs))
    # given the decoder, the encoder of a latent is a ridge regression on its own direction
    gains = sizes * values[:kept] / (sizes**2 + model.beta * variance / model.prior_variance)
    encoder[:kept] = gains[:, None] * quadratic.expand(right[:, :kept] / quadratic.scales[:, None]).T
    return VaeSolution(
        _loss(model, quadratic, variance, learned=model.decoder_variance is None),
        variance,
        values,
        tuple(bool(flag) for flag in active) + (False,) * (model.latent - latents),
        tuple(float(square) / variance for square in squares[:latents]) + (0.0,) * (model.latent - latents),
        decoder,
        encoder,
        noise,
    )


def _loss(model: LinearVae, quadratic: Quadratic, variance: float, learned: bool) -> float:
    squares = quadratic.svd[1] ** 2
    inside = squares[: model.latent]
    ratio = np.maximum(inside / (model.beta * variance), 1.0)
    kept = inside > model.beta * variance
    value = float(np.sum(np.where(kept, 0.5 * model.beta * (1.0 + np.log(ratio)), 0.5 * inside / variance)))
    value += 0.5 * (float(np.sum(squares[model.latent :])) + quadratic.residual) / variance
    return value + (0.5 * quadratic.target.shape[0] * float(np.log(variance)) if learned else 0.0)


def _best_variance(model: LinearVae, quadratic: Quadratic) -> float:
    """Stationary decoder variances for each number of active latents, in closed form; the best of them."""
    squares = quadratic.svd[1] ** 2
    outputs = quadratic.target.shape[0]
    candidates: list[float] = []
    for kept in range(min(model.latent, squares.size) + 1):
        left_over = quadratic.residual + float(np.sum(squares[kept:]))
        freedom = outputs - kept * model.beta
        if freedom <= 0.0:
            break
        if left_over <= 1e-14 * quadratic.total:
            detail = "cannot be learned: the latents explain the targets completely and the loss has no minimum"
            raise InputError.at(("network", "decoder_variance"), detail)
        candidates.append(left_over / freedom)
    return min(candidates, key=lambda variance: _loss(model, quadratic, variance, learned=True))
