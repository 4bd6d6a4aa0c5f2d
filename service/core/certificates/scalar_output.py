"""Certificate of a one-output minimum: enclosed loss of the weights against a bound by the norm.

The bound is that of a problem which lies below the data's own for every map, exact to first order at the returned one
(``docs/theory/enclosures.md``), so that what rounding does to the data is in it; ``docs/theory/norm-bound.md`` bounds
that problem by branch and bound.
"""

from math import exp, sqrt

import numpy as np

from service.core.bounds.linear_checks import gradient_check
from service.core.bounds.norm_below import MOST_NOISE, LowerBound, lower_bound
from service.core.bounds.quick import quick_bound, quick_loss
from service.core.ground.enclosures.sources import gamma
from service.core.ground.numbers.spectrum import length_of
from service.core.ground.numbers.twofold import exactly
from service.core.ground.parameters import Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Check, Solution, weights_missing
from service.core.losses.chain import ChainLoss, chain_loss, chain_of
from service.core.losses.dense import end_to_end, offset_moduli
from service.core.losses.enclosed import ChainNoise, EnclosedLoss, enclosed_loss, is_sharp, precisely_enclosed
from service.core.losses.expected import gradient_of, terms_of
from service.core.losses.narrow import dense_or_narrow
from service.core.one_output.norm_bound import GAP_TOLERANCE
from service.core.one_output.reduced import reduced_of
from service.core.one_output.weights import approaching_parameters

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
        From any source; only its weights, map and losses are looked at.  Without weights the bounds are those of
        the map; a claim to be attained then fails the check ``weights_given``.

    Returns
    -------
    Certificate

    Notes
    -----
    Shares the eigendecomposition of the data with the solver, but for directions in which to look only; shares nothing
    with the search for roots.  In double precision first, in twice that where the gap stays open.  O(d^3).
    """
    minimum, data = solution.minimum, problem.data
    parameters = minimum.parameters
    if parameters is None:
        parameters = approaching_parameters(problem.network, data, minimum.end_to_end_map[0])
    exact = _evaluated(problem, parameters)
    loss = quick_loss(problem, exact) or _enclosed(problem, parameters, exact)
    unit = problem.unit(loss.upper)
    bound = quick_bound(problem, exact, loss.upper, unit)
    if bound is not None:
        return _certificate(problem, solution, exact, loss, bound)
    center = exact.end_to_end_map
    found = [_certificate(problem, solution, exact, loss, lower_bound(problem, center, loss.upper, unit, False))]
    if found[0].relative_gap > GAP_TOLERANCE:
        finer = lower_bound(problem, center, loss.upper, unit, True)
        found.append(_certificate(problem, solution, exact, loss, finer))
    return min(found, key=lambda each: each.relative_gap)


def _enclosed(problem: Problem, parameters: Parameters, exact: ChainLoss) -> EnclosedLoss:
    """The loss with its error; in twice the working precision where it is small beside what cancels in it."""
    row, offset = exactly(exact.end_to_end_map[None, :]), exactly(np.array([[exact.offset]]))
    roundings = gamma(4.0 * problem.network.n_layers + 8.0)
    error, unsure = roundings * np.abs(exact.end_to_end_map), np.array([roundings * exact.offset_moduli])
    found = enclosed_loss(problem, row, error, offset, unsure, exact.noise, exact.decay)
    if is_sharp(problem, found):
        return found
    _, dense = dense_or_narrow(problem.network, parameters)
    chain, reduced = None, reduced_of(problem)
    if chain_of(problem.network, parameters) is not None and reduced.log_noise_factor < MOST_NOISE:
        factor, about_mean = float(np.expm1(reduced.log_noise_factor)), reduced.noise_base is not problem.data
        on_inputs = (1.0 + factor) * float(reduced.input_noise @ exact.end_to_end_map**2)
        chain = ChainNoise(factor, about_mean, on_inputs)
    return precisely_enclosed(problem, dense, parameters, exact.noise, exact.decay, chain)


def _certificate(
    problem: Problem, solution: Solution, exact: ChainLoss, loss: EnclosedLoss, bound: LowerBound
) -> Certificate:
    unit = problem.unit(loss.upper)
    lower = max(bound.value, 0.0)
    return Certificate(
        upper_bound=loss.upper,
        lower_bound=lower,
        relative_gap=(loss.upper - lower) / unit,
        tolerance=GAP_TOLERANCE,
        method=METHOD,
        rounding_allowance=loss.error + bound.allowance,
        checks=_checks(problem, solution, exact, loss, unit, lower),
        terms=loss.terms,
        norm_limit=bound.norm_limit,
    )


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
        terms.fit,
        terms.noise,
        terms.decay,
        float(np.sqrt(sum(slopes))),
        least,
        product[0],
        offset[0].item(),
        offset_moduli(dense)[0].item(),
    )


def _checks(
    problem: Problem, solution: Solution, exact: ChainLoss, loss: EnclosedLoss, unit: float, lower: float
) -> tuple[Check, ...]:
    minimum = solution.minimum
    rounding = loss.error / unit
    upper = loss.terms.loss
    claimed = abs(minimum.loss - upper) if minimum.attained else max(0.0, minimum.loss - upper)
    common = (
        Check("claimed_loss", claimed / unit, 1e-9 + 4.0 * rounding),
        Check("terms_sum", abs(minimum.terms.loss - minimum.loss) / unit, 1e-9 + 4.0 * rounding),
        Check("bounds_in_order", max(0.0, lower - loss.upper) / unit, 0.0),
    )
    if not minimum.attained:
        return (*common, Check("decay_on_the_way", exact.decay / unit, GAP_TOLERANCE))
    length = length_of(minimum.end_to_end_map[0])
    off = length_of(exact.end_to_end_map - minimum.end_to_end_map[0])
    return (
        _at_rest(problem, solution, exact, loss),
        *common,
        Check("end_to_end_map", off / length if length > 0.0 else off, 1e-9),
        *weights_missing(minimum),
    )


def _at_rest(problem: Problem, solution: Solution, exact: ChainLoss, loss: EnclosedLoss) -> Check:
    """Whether the gradient is zero: all layers at once, and each for itself where their sizes are far apart."""
    check = Check(
        "gradient_norm", exact.gradient_norm, _gradient_tolerance(problem, exact, loss), scales_with_loss=True
    )
    if check.passed or solution.minimum.parameters is None:
        return check
    network, dense = dense_or_narrow(problem.network, solution.minimum.parameters)
    return gradient_check(problem, network, dense, loss)


def _gradient_tolerance(problem: Problem, exact: ChainLoss, loss: EnclosedLoss) -> float:
    """What a gradient at rest may come to: 1e-8 of its natural size, and its rounding.

    The gradient of a layer is of the order of the loss over the layer's own norm; its rounding is that of the slope of
    the squared error, times the norms of the other layers.
    """
    least, yy = exact.least_layer_norm, problem.data.yy
    if least == 0.0:
        return 1e-8 * sqrt(yy)
    factor = exp(min(reduced_of(problem).log_noise_factor, 600.0))
    rounding = gamma(8.0 * problem.data.inputs + 64.0) * loss.pull * length_of(exact.end_to_end_map)
    return (1e-8 * yy + 2.0 * factor * rounding) / least
