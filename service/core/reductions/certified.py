"""The certificate of a problem from that of the plain network that it was reduced to, on the problem's own loss."""

import numpy as np

from service.core.ground.enclosures.sources import UNIT
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Check, GlobalMinimum
from service.core.reductions.graph import end_map
from service.core.reductions.objective import seen_problem
from service.core.reductions.own_loss import OwnLoss, evaluated
from service.core.reductions.step import Weights
from service.core.reductions.table import Reduction

CARRIED = ("negative_curvature",)
"""Checks of the plain network that say the same of the problem."""
SEARCHED = 1e6
"""Norms up to which a bound holds where a frozen matrix may have lost a rank to rounding, relative to that found."""


def certificate_of(reduction: Reduction, minimum: GlobalMinimum, plain: Certificate) -> Certificate:
    """The bound of the plain network beside the problem's own loss of the weights as they were given back."""
    found: OwnLoss | None = None
    if minimum.parameters is not None:
        bias = minimum.parameters.biases[-1]
        weights = Weights(minimum.parameters.weights, minimum.parameters.skips)
        found = evaluated(reduction.problem, weights, None if bias is None else bias.dense()[:, 0])
    return certified(reduction, minimum, plain, found)


def certified(reduction: Reduction, minimum: GlobalMinimum, plain: Certificate, found: OwnLoss | None) -> Certificate:
    """The bound of the plain network beside ``found``, what the weights of the minimum cost; None without weights."""
    problem, constant = reduction.problem, reduction.constant
    upper, checks, error = plain.upper_bound + constant, list(plain.checks), plain.rounding_allowance
    terms = None
    if minimum.parameters is not None and found is not None:
        weights = Weights(minimum.parameters.weights, minimum.parameters.skips)
        upper, error, terms = found.loss.upper, found.loss.error, found.terms
        checks = _checks(problem, minimum, weights, found, seen_problem(problem)[0].unit(upper))
        checks += [check for check in plain.checks if check.name in CARRIED]
    unit = seen_problem(problem)[0].unit(upper)
    # steps that are exact but for rounding: of decays, of constants, of weights of the error
    off = reduction.lost(upper) + (reduction.share + 64.0 * UNIT) * upper + 256.0 * UNIT * abs(constant)
    lower = max(plain.lower_bound + constant - off, 0.0)
    # two ways to the same loss: on the plain network, and on the problem's own
    both = abs(plain.upper_bound + constant - upper) / unit
    checks.append(Check("loss_of_reduced_network", both, 1e-9 + 8.0 * (error + plain.rounding_allowance) / unit))
    checks.append(Check("bounds_in_order", float(max(0.0, lower - upper) / unit), 0.0))
    return Certificate(
        upper,
        lower,
        float((upper - lower) / unit),
        plain.tolerance,
        f"the weights in the problem's own loss; lower bound: of the reduced network ({plain.method})",
        error + plain.rounding_allowance + off,
        tuple(checks),
        terms,
        _norm_limit(reduction, minimum, plain, upper),
    )


def _norm_limit(reduction: Reduction, minimum: GlobalMinimum, plain: Certificate, upper: float) -> float | None:
    limit = None if plain.norm_limit is None else reduction.limit(plain.norm_limit, upper)
    if not reduction.searched:
        return limit
    searched = SEARCHED * float(np.linalg.norm(minimum.end_to_end_map))
    return searched if limit is None else min(limit, searched)


def _checks(
    problem: Problem,
    minimum: GlobalMinimum,
    weights: Weights,
    found: OwnLoss,
    unit: float,
) -> list[Check]:
    network, data = problem.network, problem.data
    product = end_map(network, weights, data.inputs) - minimum.end_to_end_map
    length, rounding = max(float(minimum.singular_values[0]), 1e-300), found.loss.error / unit
    return [
        Check("gradient_norm", found.slope, 1e-8 * found.slope_size, True),
        Check("claimed_loss", abs(minimum.loss - found.terms.loss) / unit, 1e-9 + 4.0 * rounding),
        Check("terms_sum", abs(minimum.terms.loss - minimum.loss) / unit, 1e-9 + 4.0 * rounding),
        Check("end_to_end_map", float(np.linalg.norm(product)) / length, 1e-9),
    ]
