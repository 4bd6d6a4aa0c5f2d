"""Recomputes a claimed minimum of a linear variational autoencoder from its parameters, without the closed form."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.losses import DenseParameters, end_to_end
from service.core.models.evidence_bound import Autoencoder, terms_of
from service.core.models.linear_vae import LinearVae
from service.core.models.vae_minima import seen_moments, vae_certificate
from service.core.problems import Problem
from service.core.results import Certificate, GlobalMinimum
from service.core.verification.comparison import Comparison, Verification


@dataclass(frozen=True)
class Claim:
    """What an answer says: the minimum and certificate, and the variances that are no weights."""

    minimum: GlobalMinimum
    certificate: Certificate
    encoder_variances: FloatArray
    decoder_variance: float


def verify_vae(problem: Problem, model: LinearVae, claim: Claim) -> Verification:
    """Compare loss, terms, map, gradient and bounds with what the returned parameters give."""
    skipped = dict.fromkeys(("stationary_points", "origin", "thresholds"), "recomputed for one output only")
    skipped["global_minimum.uniqueness"] = "a statement in words"
    if claim.minimum.parameters is None:
        return Verification((), skipped | {"global_minimum.weights": "no weights were returned"})
    return Verification(tuple(_compared(problem, model, claim)), skipped)


def _compared(problem: Problem, model: LinearVae, claim: Claim) -> Iterator[Comparison]:
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
    fresh = vae_certificate(problem, model, minimum, at)
    unit = problem.unit(fresh.upper_bound)
    slack = 1e-9 * unit + 8.0 * fresh.rounding_allowance
    terms = terms_of(model, moments, at)
    product, offset = end_to_end(dense)
    pairs = [
        ("global_minimum.loss", minimum.loss, fresh.upper_bound),
        ("certificate.upper_bound", claim.certificate.upper_bound, fresh.upper_bound),
        ("certificate.lower_bound", claim.certificate.lower_bound, fresh.lower_bound),
        ("global_minimum.terms.fit", minimum.terms.fit, terms.fit),
        ("global_minimum.terms.noise", minimum.terms.noise, terms.noise),
        ("global_minimum.terms.decay", minimum.terms.decay, terms.decay),
    ]
    for field, claimed, found in pairs:
        yield Comparison(field, claimed, found, bool(abs(claimed - found) <= slack))
    noise = float(np.sum(decoder**2 * at.noise))
    near = bool(abs(minimum.prediction_variance - noise) <= 1e-9 * noise + 1e-300)
    yield Comparison("global_minimum.prediction_variance", minimum.prediction_variance, noise, near)
    size = max(float(np.linalg.norm(product)), float(np.linalg.norm(offset)), 1e-300)
    for field, one, other in (
        ("global_minimum.end_to_end_map", minimum.end_to_end_map, product),
        ("global_minimum.output_offset", minimum.output_offset, offset),
        ("global_minimum.singular_values", minimum.singular_values, np.linalg.svd(product, compute_uv=False)),
    ):
        worst = float(np.max(np.abs(one - other), initial=0.0)) if one.shape == other.shape else float("inf")
        yield Comparison(field, "as returned", f"off by {worst:.1e}", worst <= 1e-9 * size)
    gradient = fresh.checks[0]
    yield Comparison(
        "global_minimum.weights", "stationary", f"gradient norm {gradient.value:.1e}", bool(gradient.passed)
    )
