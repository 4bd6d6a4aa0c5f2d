"""The certificate of a linear variational autoencoder, from its parameters alone.

See ``docs/theory/autoencoders.md``.
"""

import numpy as np

from service.core.ground.data.moments import centred
from service.core.ground.problems import Moments, Problem
from service.core.ground.results import Certificate, Check, GlobalMinimum
from service.core.models.evidence_bound import Autoencoder, gradient_norm
from service.core.models.linear_vae import LinearVae
from service.core.models.vae_bounds import bound_below, enclosed_terms, gap_unit

GAP_TOLERANCE = 1e-9
METHOD = (
    "upper bound: the parameters in the exact evidence bound; lower bound: singular values paired in order "
    "(von Neumann), Hadamard's inequality for the variances, one convex scalar problem for each latent"
)


def seen_moments(problem: Problem) -> Moments:
    """Moments as the weights see them: free biases of encoder and decoder take the means off."""
    return centred(problem.data) if problem.network.bias_layers else problem.data


def vae_certificate(problem: Problem, model: LinearVae, minimum: GlobalMinimum, at: Autoencoder) -> Certificate:
    """Bounds and checks from the parameters alone.

    Notes
    -----
    The data are read in double precision first, in about twice that where the gap stays open.
    """
    found = _certificate(problem, model, minimum, at, precise=False)
    if found.relative_gap <= GAP_TOLERANCE:
        return found
    return min(found, _certificate(problem, model, minimum, at, precise=True), key=lambda each: each.relative_gap)


def _certificate(
    problem: Problem, model: LinearVae, minimum: GlobalMinimum, at: Autoencoder, *, precise: bool
) -> Certificate:
    moments = seen_moments(problem)
    terms, error = enclosed_terms(problem, model, at, minimum.parameters)
    upper = terms.loss + error
    unit = gap_unit(problem, model, upper, at.variance)
    lower, allowance, limit = bound_below(problem, model, minimum, at.variance, unit, precise=precise)
    if model.decoder_variance is not None:
        lower = max(lower, 0.0)
    length = max(float(np.linalg.norm(minimum.end_to_end_map)), 1e-300)
    product = at.decoder @ at.encoder - minimum.end_to_end_map
    scale = moments.yy / (2.0 * at.variance) + model.latent * model.beta
    norm = at.in_units(np.sqrt(moments.xx.diagonal())).norm
    tolerance = 1e-8 * scale * max(1.0, 1.0 / max(norm, 1e-300) if norm > 0.0 else 1.0)
    rounding = 4.0 * (error + allowance) / unit
    checks = (
        Check("gradient_norm", gradient_norm(model, moments, at), tolerance),
        Check("claimed_loss", abs(minimum.loss - terms.loss) / unit, 1e-9 + rounding),
        Check("terms_sum", abs(minimum.terms.loss - minimum.loss) / unit, 1e-9 + rounding),
        Check("bounds_in_order", max(0.0, (lower - upper) / unit), 0.0),
        Check("end_to_end_map", float(np.linalg.norm(product)) / length, 1e-9),
    )
    return Certificate(
        upper_bound=upper,
        lower_bound=lower,
        relative_gap=(upper - lower) / unit,
        tolerance=GAP_TOLERANCE,
        method=METHOD,
        rounding_allowance=error + allowance,
        checks=checks,
        terms=terms,
        norm_limit=limit,
    )
