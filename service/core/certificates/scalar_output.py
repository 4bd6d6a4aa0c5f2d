"""Certificate of a one-output minimum: exact loss of the weights against a bound by the norm."""

from math import exp, sqrt

import numpy as np

from service.core.linalg import length_of
from service.core.losses import end_to_end, gradient_of, sample_fit, terms_of
from service.core.parameters import Parameters
from service.core.problems import Moments, Problem
from service.core.results import Certificate, Check, Solution, weights_missing
from service.core.scalar.chain import ChainLoss, chain_loss, chain_of
from service.core.scalar.narrow import dense_or_narrow
from service.core.scalar.norm_bound import CANCELLING, GAP_TOLERANCE, NormBound, norm_bound
from service.core.scalar.reduced import ReducedProblem, reduced_of
from service.core.scalar.shells import Scales
from service.core.scalar.weights import approaching_parameters

METHOD = (
    "upper bound: the weights in the exact expected loss; "
    "lower bound: branch and bound on the norm of the end-to-end map, the concave decay term replaced by chords"
)


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Bounds and checks of a claimed one-output minimum.

    Parameters
    ----------
    problem : Problem
    solution : Solution
        Claimed by anybody; only its weights, map and losses are looked at.  Without weights the bounds are those of
        the map; a claim to be attained then fails the check ``weights_given``.

    Returns
    -------
    Certificate

    Notes
    -----
    Shares the eigendecomposition of the data with the solver, and checks it by a probe; shares nothing with
    the search for roots.  O(d^2) besides.
    """
    reduced, minimum, data = reduced_of(problem), solution.minimum, problem.data
    parameters = minimum.parameters
    if parameters is None:
        parameters = approaching_parameters(problem.network, data, minimum.end_to_end_map[0])
    exact = _evaluated(problem, parameters)
    upper = _loss(problem, exact)
    unit = max(abs(upper), 1e-6 * data.yy, 1e-300)
    norm = length_of(exact.end_to_end_map)
    hint = norm * exp(min(reduced.log_factor, 600.0)) if norm > 0.0 else None
    bound = norm_bound(reduced, scales_of(data), 0.2 * GAP_TOLERANCE * unit, upper, hint)
    return Certificate(
        upper_bound=upper,
        lower_bound=bound.lower,
        relative_gap=(upper - bound.lower) / unit,
        tolerance=GAP_TOLERANCE,
        method=METHOD,
        rounding_allowance=bound.allowance,
        checks=_checks(problem, solution, reduced, exact, upper, unit, bound),
    )


def scales_of(data: Moments) -> Scales:
    """Magnitudes of the caller's own numbers, which rounding is proportional to."""
    return Scales(length_of(data.xx), length_of(data.xy[:, 0]), data.yy)


def _evaluated(problem: Problem, parameters: Parameters) -> ChainLoss:
    """Exact loss, split and gradient norm of the weights, whatever their form."""
    network, data = problem.network, problem.data
    chain = chain_of(network, parameters)
    if chain is not None:
        return chain_loss(network, data, chain)
    network, dense = dense_or_narrow(network, parameters)
    terms, gradient = terms_of(network, data, dense), gradient_of(network, data, dense)
    product, offset = end_to_end(dense)
    slopes = [np.sum(part * part) for part in (*gradient.weights, *gradient.biases) if part is not None]
    least = min(length_of(weight) for weight in dense.weights)
    return ChainLoss(
        terms.fit, terms.noise, terms.decay, float(np.sqrt(sum(slopes))), least, product[0], offset[0].item()
    )


def _loss(problem: Problem, exact: ChainLoss) -> float:
    """Where the moments would cancel, the error of the mean prediction comes from the samples."""
    if problem.samples is None or exact.loss > CANCELLING * problem.data.yy:
        return exact.loss
    fit = sample_fit(problem.samples, exact.end_to_end_map[None, :], np.array([exact.offset]))
    return fit + exact.noise + exact.decay


def _checks(
    problem: Problem,
    solution: Solution,
    reduced: ReducedProblem,
    exact: ChainLoss,
    upper: float,
    unit: float,
    bound: NormBound,
) -> tuple[Check, ...]:
    minimum, yy = solution.minimum, problem.data.yy
    rounding = bound.allowance / unit
    claimed = abs(minimum.loss - upper) if minimum.attained else max(0.0, minimum.loss - upper)
    common = (
        Check("claimed_loss", claimed / unit, 1e-9 + 4.0 * rounding),
        Check("terms_sum", abs(minimum.terms.loss - minimum.loss) / unit, 1e-9),
        Check("bounds_in_order", max(0.0, bound.lower - upper) / unit, 1e-12 + rounding),
        Check("spectrum_probe", _probe(reduced), 1e-12),
    )
    if not minimum.attained:
        return (*common, Check("decay_on_the_way", exact.decay / unit, GAP_TOLERANCE))
    # the gradient of a layer is of the order of the loss over the layer's own norm
    scale = yy / exact.least_layer_norm if exact.least_layer_norm > 0.0 else sqrt(yy)
    length = length_of(minimum.end_to_end_map[0])
    off = length_of(exact.end_to_end_map - minimum.end_to_end_map[0])
    return (
        Check("gradient_norm", exact.gradient_norm, 1e-8 * scale, scales_with_loss=True),
        *common,
        Check("end_to_end_map", off / length if length > 0.0 else off, 1e-9),
        *weights_missing(minimum),
    )


def _probe(reduced: ReducedProblem) -> float:
    """Relative error of the eigendecomposition on a vector that it was not made for."""
    spectrum = reduced.spectrum
    d = spectrum.values.size
    vector = np.cos(np.arange(1.0, d + 1.0))
    rebuilt = spectrum.vectors.dot(spectrum.values * vector.dot(spectrum.vectors))
    column = spectrum.vectors.dot(spectrum.projections[:, 0])
    size = max(abs(spectrum.values[0].item()), abs(spectrum.values[-1].item())) * sqrt(d)
    length = length_of(reduced.linear)
    error = length_of(rebuilt - reduced.quadratic.dot(vector))
    return float(max(error / max(size, 1e-300), length_of(column - reduced.linear) / max(length, 1e-300)))
