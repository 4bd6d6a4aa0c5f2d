"""Bounds of well-scaled, well-conditioned one-output problems in double precision alone.

The eigenpairs that the solver used stand for the data, with an allowance for all that rounding can have done to them.
Where that leaves the gap open, the data are read anew (`service.core.certificates.norm_below`).
"""

import numpy as np

from service.core.certificates.norm_below import LowerBound
from service.core.certificates.plain_data import plain_error
from service.core.enclosures.loss import EnclosedLoss
from service.core.enclosures.of_problem import reflections
from service.core.enclosures.sources import gamma
from service.core.linalg import length_of
from service.core.problems import Problem
from service.core.results import Terms
from service.core.scalar.chain import ChainLoss
from service.core.scalar.norm_bound import GAP_TOLERANCE, norm_bound
from service.core.scalar.reduced import reduced_of
from service.core.scalar.shells import Drift

OWN_SIZE = 1e-10
"""Error of a loss, relative to itself, that the quick way may leave."""


def quick_loss(problem: Problem, exact: ChainLoss) -> EnclosedLoss | None:
    """The loss of weights from moments as they were sent; None where its error may be felt.

    Notes
    -----
    The terms of ``w' xx w - 2 w.xy + yy`` add up to ``(span + sqrt yy)^2`` at most, span being the sum of ``|w_j|``
    times the root mean squares of the inputs, or less by the norm of ``xx``; the error is relative to that, and so is
    that of the square of the prediction which noise multiplies.  Rounding the weights to a map is in it.
    """
    data, network = problem.data, problem.network
    if network.bias_layers or problem.sources is not None or not data.spectrum.plain or data.rooted:
        return None
    sizes, moduli = np.sqrt(np.maximum(data.xx.diagonal(), 0.0)), np.abs(exact.end_to_end_map)
    span = min(float(sizes @ moduli), float(np.sqrt(length_of(data.xx)) * length_of(moduli)))
    terms = Terms(max(exact.fit, 0.0), exact.noise, exact.decay)
    factor = float(np.expm1(min(reduced_of(problem).log_noise_factor, 300.0)))
    on_inputs = (1.0 + factor) * network.input_noise_variance
    size = (span + float(np.sqrt(data.yy))) ** 2 + (factor + on_inputs) * span * span
    rounding = gamma(4.0 * data.inputs + 16.0 * network.n_layers + 64.0)
    error = (rounding + gamma(reflections(data))) * size + rounding * terms.decay
    if error > OWN_SIZE * terms.loss:
        return None
    trace = float(np.sqrt(max(data.xx.trace(), 0.0)))
    return EnclosedLoss(terms, error, trace * (float(np.sqrt(data.yy)) + span))


def quick_bound(problem: Problem, exact: ChainLoss, upper: float, unit: float) -> LowerBound | None:
    """Bound the loss of every map; None where the data are not well scaled, or the gap stays open."""
    if problem.sources is not None:
        return None
    reduced = reduced_of(problem)
    error = plain_error(problem.data, reduced.spectrum)
    if error is None:
        return None
    shrink = float(np.exp(-reduced.log_factor))
    base = 2.0 * error.variance
    norm = length_of(exact.end_to_end_map)
    hint = norm / max(shrink, 1e-300) if norm > 0.0 else None
    drift = Drift(error.second, error.correlation)
    bound = norm_bound(reduced, 0.2 * GAP_TOLERANCE * unit, upper, hint, drift)
    if upper - (bound.lower - base) > GAP_TOLERANCE * unit:
        return None
    return LowerBound(bound.lower - base, bound.allowance + base)
