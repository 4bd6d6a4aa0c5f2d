"""Bounds of the evidence bound of a linear variational autoencoder that hold in floating point.

The squared error enters as for any linear network (`docs/theory/enclosures.md`): enclosed at the returned weights, and
bounded for all weights by a diagonal quadratic below it. The same quadratic is below the mean squares of the latents.
"""

import numpy as np

from service.core.ground.as_sent import prediction_source, without_targets
from service.core.ground.enclosures.measured import measure
from service.core.ground.enclosures.sources import UNIT, gamma
from service.core.ground.parameters import Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, Terms
from service.core.losses.dense import DenseParameters
from service.core.losses.enclosed import loss_of_weights
from service.core.models.evidence_bound import Autoencoder, departures, lower_bound, parts_of_departures
from service.core.models.linear_vae import LinearVae
from service.core.several_outputs.squared_error.expanded import quadratic_of_expansion
from service.core.several_outputs.squared_error.quadratic import seen_spectrum

POSITIVE = 256.0
"""Roundings of a sum of terms of one sign that come from a few products each."""
FAR = 1e6
"""Norm, relative to the map's, up to which a bound holds that collinear inputs keep from holding for all maps."""


def gap_unit(problem: Problem, model: LinearVae, loss: float, variance: float) -> float:
    """What gaps between evidence bounds are relative to; positive.

    Notes
    -----
    A learned decoder variance v adds ``(k/2) log v``, which other units of the targets shift by a constant: it may be
    negative, or make a bound vanish that is not small. Without it the bound is a sum of positive terms, of which those
    of the error come to k/2 where v is at its best. As everywhere, no less than 1e-6 of what zero weights cost counts.
    """
    shift = 0.5 * problem.data.outputs * float(np.log(variance)) if model.decoder_variance is None else 0.0
    return max(loss - shift, 1e-6 * problem.spread / (2.0 * variance), 1e-300)


def enclosed_terms(
    problem: Problem, model: LinearVae, at: Autoencoder, parameters: Parameters | None
) -> tuple[Terms, float]:
    """The evidence bound of parameters, and a bound on its error.

    Notes
    -----
    The divergence of a latent is ``w E[x x'] w' / p + r - 1 - log r``, r the ratio of its variance to the prior's p.
    The first is a mean square, enclosed like an error without targets; the others are rounded relative to
    ``|r - 1| + |log r|``, since r - 1 comes of one subtraction that is exact where r is near one.
    """
    dense = _dense(at, parameters)
    loss = loss_of_weights(problem, problem.network, dense, parameters)
    variance, prior = at.variance, model.prior_variance
    fit, error = loss.terms.fit / (2.0 * variance), loss.error / (2.0 * variance)
    noise = float(np.sum(at.decoder**2 * at.noise)) / (2.0 * variance)
    spread, off = _mean_squares(problem, at, dense)
    above, logarithms = parts_of_departures(at.noise, prior)
    divergence = 0.5 * (spread / prior + float(np.sum(departures(at.noise, prior))))
    error += 0.5 * model.beta * (off / prior + gamma(32.0) * float(np.sum(np.abs(above) + np.abs(logarithms))))
    error += gamma(POSITIVE) * (fit + noise + model.beta * spread / prior)
    if model.decoder_variance is None:
        constant = 0.5 * problem.data.outputs * float(np.log(variance))
        fit, error = fit + constant, error + gamma(8.0) * (abs(constant) + abs(fit))
    terms = Terms(fit, noise, model.beta * divergence)
    return terms, 1.01 * error + 8.0 * UNIT * (abs(fit) + noise + abs(terms.decay))


def bound_below(
    problem: Problem, model: LinearVae, minimum: GlobalMinimum, variance: float, unit: float, *, precise: bool
) -> tuple[float, float, float | None]:
    """Lower bound for all parameters, its allowance for rounding, and the norm of the map up to which it holds.

    Notes
    -----
    With the curvature of the quadratic below the squared error in the place of ``E[x x']`` neither the error nor the
    mean squares of the latents are larger, and the evidence bound grows with both.
    """
    data, end_map = problem.data, minimum.end_to_end_map
    centre = _centred(problem)
    spectrum = seen_spectrum(data, 0.0, centre)
    source = prediction_source(problem, centre)
    measured = measure(source, spectrum.vectors, spectrum.values, end_map, 2.0 * variance * unit, precise)
    expansion = measured.charged(0.0, np.inf)
    limit, cost = None, 0.0
    if not expansion.known.all():
        # a map that has collapsed has no size: that of one which predicts the targets from the strongest input has
        natural = float(np.sqrt(problem.spread / max(float(spectrum.values[-1]), 1e-300)))
        limit = FAR * max(float(np.linalg.norm(end_map)), natural)
        cost = expansion.weak_cost(limit)
    value, rounding = lower_bound(model, quadratic_of_expansion(expansion, cost), variance)
    missing = (expansion.upper - expansion.value + cost) / (2.0 * variance)
    return value, rounding + missing, limit


def _centred(problem: Problem) -> bool:
    """Whether free biases take the means off."""
    data = problem.data
    return bool(problem.network.bias_layers) and data.x_mean is not None and data.y_mean is not None


def _dense(at: Autoencoder, parameters: Parameters | None) -> DenseParameters:
    """Encoder and decoder as the two layers of a network, with their biases."""
    biases = (None, None) if parameters is None else parameters.biases
    columns = tuple(None if bias is None else bias.dense()[:, 0] for bias in biases)
    return DenseParameters((at.encoder, at.decoder), columns)


def _mean_squares(problem: Problem, at: Autoencoder, dense: DenseParameters) -> tuple[float, float]:
    """Mean squares of the latents' means, all together, and a bound on their error."""
    data = problem.data
    bias, x_mean = dense.biases[0], data.x_mean
    source = without_targets(prediction_source(problem, _centred(problem)))
    rows, height = at.encoder, data.outputs
    # a source takes as many rows as there are outputs
    padded = np.concatenate((rows, np.zeros((-len(rows) % height, rows.shape[1]))))
    total = error = 0.0
    for block in padded.reshape(-1, height, rows.shape[1]):
        found = source.near(block, np.zeros_like(block), precise=False)
        if found.value_error > 1e-10 * found.value:
            found = source.near(block, np.zeros_like(block), precise=True)
        total, error = total + max(found.value, 0.0), error + found.value_error
    if bias is not None and x_mean is not None:
        moduli = np.abs(rows) @ np.abs(x_mean) + np.abs(bias)
        missed = np.abs(rows @ x_mean + bias) + gamma(data.inputs + 4.0) * moduli
        error += float(np.sum(missed * missed))
    return total, error
