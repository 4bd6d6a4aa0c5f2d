"""Recomputes a claimed minimum of a linear variational autoencoder from its parameters, without the closed form."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from service.core.asked.verification.comparison import (
    BEYOND,
    Comparison,
    Verification,
    close,
    close_arrays,
    close_maps,
    kind,
    losses,
    offset_size,
)
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, GlobalMinimum
from service.core.losses.dense import DenseParameters, end_to_end
from service.core.models.evidence_bound import Autoencoder, gradient_norm, terms_of
from service.core.models.linear_vae import LinearVae
from service.core.models.vae_bounds import gap_unit
from service.core.models.vae_certificate import seen_moments, vae_certificate


@dataclass(frozen=True)
class ClaimedVae:
    """What an answer says: the minimum and certificate, and the variances that are not weights."""

    minimum: GlobalMinimum
    certificate: Certificate
    encoder_variances: FloatArray
    decoder_variance: float


def verify_vae(problem: Problem, model: LinearVae, claim: ClaimedVae) -> Verification:
    """Compare loss, terms, map, gradient and bounds with what the returned parameters give."""
    skipped = dict.fromkeys(("stationary_points", "origin", "thresholds"), "recomputed for one output only")
    if claim.minimum.parameters is None:
        return Verification((), skipped | {"global_minimum.weights": "no weights were returned"})
    with np.errstate(all="ignore"):
        return Verification(tuple(_compared(problem, model, claim)), skipped)


def _compared(problem: Problem, model: LinearVae, claim: ClaimedVae) -> Iterator[Comparison]:
    minimum, parameters = claim.minimum, claim.minimum.parameters
    if parameters is None:
        return
    dense = DenseParameters(
        tuple(weight.dense() for weight in parameters.weights),
        tuple(None if bias is None else bias.dense()[:, 0] for bias in parameters.biases),
    )
    encoder, decoder = dense.weights
    at = Autoencoder(decoder, encoder, claim.encoder_variances, claim.decoder_variance)
    moments = seen_moments(problem)
    terms = terms_of(model, moments, at)
    if not (np.isfinite(terms.loss) and np.isfinite(gradient_norm(model, moments, at))):
        yield BEYOND
        return
    product, offset = end_to_end(dense)
    # with the numbers of the parameters, so that no claimed one widens what the others are held to
    seen = replace(minimum, loss=terms.loss, terms=terms, end_to_end_map=product)
    fresh = vae_certificate(problem, model, seen, at)
    slack = 1e-9 * gap_unit(problem, model, fresh.upper_bound, at.variance) + 8.0 * fresh.rounding_allowance
    yield from losses(minimum, terms, claim.certificate, fresh, slack)
    noise = float(np.sum(decoder**2 * at.noise))
    small = 1e-9 * noise + 1e-300
    yield close("global_minimum.prediction_variance", minimum.prediction_variance, noise, small, scales=False)
    small = 1e-9 * max(float(np.linalg.norm(product)), 1e-300)
    singular = np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64)
    yield close_maps("global_minimum.end_to_end_map", minimum.end_to_end_map, product, problem)
    yield close_arrays("global_minimum.singular_values", minimum.singular_values, singular, small)
    if problem.network.bias_layers:
        # biases are as large as the means that they take off, whatever is claimed of them
        small = 1e-9 * offset_size(problem, product) + 1e-300
        yield close_arrays("global_minimum.output_offset", minimum.output_offset, offset, small)
        yield _biases(problem, dense, small)
    yield kind(claim.certificate, fresh)
    gradient = fresh.checks[0]
    yield Comparison(
        "global_minimum.weights", f"gradient norm {gradient.value:.1e}", gradient.passed or not claim.certificate.holds
    )


def _biases(problem: Problem, dense: DenseParameters, tolerance: float) -> Comparison:
    """Free biases take the means off: the mean latent is zero, the mean prediction that of the targets."""
    data, (first, last) = problem.data, dense.biases
    if first is None or last is None or data.x_mean is None or data.y_mean is None:
        return Comparison("global_minimum.biases", "not in every layer", agrees=False)
    latent = dense.weights[0] @ data.x_mean + first
    off = max(float(np.max(np.abs(latent))), float(np.max(np.abs(last - data.y_mean))))
    return Comparison("global_minimum.biases", f"means off by {off:.1e}", off <= tolerance)
