"""Bounds of well-scaled, well-conditioned one-output problems in double precision alone.

The eigenpairs that the solver used stand for the data, with an allowance for all that rounding can have done to them.
Where that leaves the gap open, the data are read anew (`service.core.bounds.norm_below`).
"""

from math import exp, expm1, hypot, sqrt

import numpy as np

from service.core.bounds.norm_below import LowerBound
from service.core.bounds.plain_data import plain_error
from service.core.ground.as_sent import reflections
from service.core.ground.data.conditioned import Moments
from service.core.ground.enclosures.sources import gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import length_of
from service.core.ground.problems import Problem
from service.core.ground.results import Terms
from service.core.losses.chain import ChainLoss
from service.core.losses.enclosed import EnclosedLoss
from service.core.one_output.norm_bound import GAP_TOLERANCE, norm_bound
from service.core.one_output.reduced import reduced_of
from service.core.one_output.shells import Drift
from service.vocabulary import Bias

OWN_SIZE = 1e-10
"""Error of a loss, relative to itself, that the quick way may leave."""


def quick_loss(problem: Problem, exact: ChainLoss) -> EnclosedLoss | None:
    """The loss of weights from moments as they were sent; None where its error may be felt.

    Notes
    -----
    The terms of ``w' xx w - 2 w.xy + yy`` add up to ``(span + sqrt yy)^2`` at most, span being the sum of ``|w_j|``
    times the root mean squares of the inputs, or less by the norm of ``xx``; the error is relative to that, and so is
    that of the square of the prediction which noise multiplies.  Rounding the weights to a map is in it.  Under a bias
    of the output the moments are those about the means, and the mean misfit is added.
    """
    data, network = problem.data, problem.network
    centre = bool(network.bias_layers)
    if problem.sources is not None:
        # the moments are not those that were sent
        return None
    if centre and not _bias_shifts_the_mean_alone(problem):
        return None
    seen = data.central if centre else data
    if not seen.spectrum.plain or seen.rooted:
        return None
    moduli, root = np.abs(exact.end_to_end_map), sqrt(seen.yy)
    trace = sqrt(max(seen.xx.trace().item(), 0.0))
    reach = np.sqrt(np.maximum(seen.xx.diagonal(), 0.0)).dot(moduli).item()
    span = min(reach, sqrt(length_of(seen.xx)) * length_of(moduli))
    terms = Terms(max(exact.fit, 0.0), exact.noise, exact.decay)
    factor = expm1(min(reduced_of(problem).log_noise_factor, 300.0))
    on_inputs = (1.0 + factor) * network.input_noise_variance
    size = (span + root) ** 2 + (factor + on_inputs) * span * span
    rounding, moved = gamma(4.0 * data.inputs + 16.0 * network.n_layers + 64.0), gamma(reflections(data))
    rest = moved * size + rounding * terms.decay
    if centre:
        missed, off = _mean_misfit(data, exact, rounding)
        # the mean of deviations is off by their rounding, column by column
        off += 2.0 * moved * (reach + root)
        rest += off * (2.0 * missed + off) + rounding * missed * missed
    if rounding * size + rest > OWN_SIZE * terms.loss:
        # many inputs: by the moduli of the terms themselves
        square = moduli.dot(np.abs(seen.xx).dot(moduli)).item()
        size = square + 2.0 * moduli.dot(np.abs(seen.xy[:, 0])).item() + seen.yy + (factor + on_inputs) * square
    error = 1.01 * rounding * size + rest
    if error > OWN_SIZE * terms.loss:
        return None
    if not centre:
        return EnclosedLoss(terms, error, trace * (root + span))
    sizes = hypot(trace, length_of(_means(data)[0]))
    return EnclosedLoss(terms, error, sizes * (sqrt(data.yy) + sizes * length_of(moduli)))


def _bias_shifts_the_mean_alone(problem: Problem) -> bool:
    """Whether an error of the output bias shifts the mean of the prediction and changes nothing else, such as noise."""
    data, network = problem.data, problem.network
    known = data.x_mean is not None and data.y_mean is not None
    quiet = network.input_noise_variance == 0.0 and reduced_of(problem).log_noise_factor == 0.0
    return known and quiet and network.bias is Bias.OUTPUT


def _means(data: Moments) -> tuple[FloatArray, FloatArray]:
    if data.x_mean is None or data.y_mean is None:
        return np.zeros(data.inputs), np.zeros(data.outputs)
    return data.x_mean, data.y_mean


def _mean_misfit(data: Moments, exact: ChainLoss, rounding: float) -> tuple[float, float]:
    """Modulus of the mean misfit under a bias of the output, and its error, also by that of rounded means."""
    x_mean, y_mean = _means(data)
    target = y_mean[0].item()
    missed = x_mean.dot(exact.end_to_end_map).item() + exact.offset - target
    terms = np.abs(x_mean).dot(np.abs(exact.end_to_end_map)).item() + abs(exact.offset) + abs(target)
    return abs(missed), rounding * terms


def quick_bound(problem: Problem, exact: ChainLoss, upper: float, unit: float) -> LowerBound | None:
    """Bound the loss of every map; None where the data are not well scaled, or the gap stays open."""
    if problem.sources is not None:
        return None
    reduced = reduced_of(problem)
    error = plain_error(problem.data, reduced.spectrum)
    if error is None:
        return None
    shrink = exp(-reduced.log_factor)
    base = 2.0 * error.variance
    norm = length_of(exact.end_to_end_map)
    hint = norm / max(shrink, 1e-300) if norm > 0.0 else None
    drift = Drift(error.second, error.correlation)
    bound = norm_bound(reduced, 0.2 * GAP_TOLERANCE * unit, upper, hint, drift)
    if upper - (bound.lower - base) > GAP_TOLERANCE * unit:
        return None
    return LowerBound(bound.lower - base, bound.allowance + base)
