"""What every certificate of a network with several outputs has in common: upper bound, checks, rounding allowance.

Looks at the problem and at the weights and numbers of the answer only.
"""

from collections.abc import Callable
from math import prod

import numpy as np

from service.core.bounds.norm_below import LowerBound
from service.core.bounds.quadratic_below import Below, problem_below, quick_below
from service.core.ground.enclosures.sources import gamma
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import length_of
from service.core.ground.parameters import Parameters
from service.core.ground.problems import Network, Problem
from service.core.ground.results import Certificate, Check, Solution, weights_missing
from service.core.losses.dense import DenseParameters, end_to_end
from service.core.losses.enclosed import EnclosedLoss, loss_of_weights
from service.core.losses.expected import decay_of, gradient_by_map
from service.core.losses.narrow import dense_or_narrow
from service.core.several_outputs.noise.water_filling import noisy_layers
from service.core.several_outputs.noise.weights import noisy_parameters, shift_factors
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.weights.layers import aligned_layers

GAP_TOLERANCE = 1e-9


def certificate(
    problem: Problem,
    solution: Solution,
    bound: Callable[[Below], float | LowerBound],
    method: str,
    tolerance: float = GAP_TOLERANCE,
    *,
    quick: bool = True,
) -> Certificate:
    """Put a lower bound beside the enclosed loss of the returned weights.

    Parameters
    ----------
    problem : Problem
    solution : Solution
        A claim to be attained without weights gets the origin's loss as its upper bound, and fails the check
        ``weights_given``.
    bound : callable
        Lower bound of a problem below that of the data (`Below`), its own rounding counted; with the norm up to which
        it holds where that is not the limit of the problem below.
    method : str
    tolerance : float
        Relative gap that counts as closed.
    quick : bool
        Whether the bound can do without an expansion of the squared error.

    Notes
    -----
    Eigenpairs of well-scaled data stand for the data first; then these are read in double precision, then in about
    twice that, while the gap stays open.
    """
    quadratic, minimum = quadratic_of(problem), solution.minimum
    if minimum.attained:
        parameters = minimum.parameters or _origin(problem, quadratic)
    else:
        parameters = approaching(problem, quadratic, minimum.end_to_end_map)
    network, dense = dense_or_narrow(problem.network, parameters)
    loss = loss_of_weights(problem, network, dense, parameters)
    weights, unit = (network, dense, loss), problem.unit(loss.upper)
    below = quick_below(problem, minimum, loss.upper, unit) if quick else None
    if below is not None:
        certificate = _certificate(problem, solution, weights, below, bound, method, tolerance)
        if certificate.relative_gap <= tolerance:
            return certificate
    found: list[Certificate] = []
    for precise in (False, True):
        below = problem_below(problem, minimum, loss.upper, unit, precise)
        found.append(_certificate(problem, solution, weights, below, bound, method, tolerance))
        if found[-1].relative_gap <= tolerance:
            break
    return min(found, key=lambda each: each.relative_gap)


def _certificate(
    problem: Problem,
    solution: Solution,
    weights: tuple[Network, DenseParameters, EnclosedLoss],
    below: Below,
    bound: Callable[[Below], float | LowerBound],
    method: str,
    tolerance: float,
) -> Certificate:
    network, dense, loss = weights
    unit, expansion = below.unit, below.expansion
    found = bound(below)
    value, limit = (found.value, found.norm_limit) if isinstance(found, LowerBound) else (found, below.norm_limit)
    lower = max(value, 0.0)
    return Certificate(
        upper_bound=loss.upper,
        lower_bound=lower,
        relative_gap=float((loss.upper - lower) / unit),
        tolerance=tolerance,
        method=f"upper bound: the weights in the exact expected loss; lower bound: {method}",
        rounding_allowance=loss.error + (0.0 if expansion is None else expansion.upper - expansion.value),
        checks=_checks(problem, solution, network, dense, loss, lower, unit),
        terms=loss.terms,
        norm_limit=limit,
    )


def _origin(problem: Problem, quadratic: Quadratic) -> Parameters:
    """All weights zero, biases at their best."""
    network, moments = problem.network, problem.data
    left, right = np.zeros((moments.outputs, 1)), np.zeros((moments.inputs, 1))
    return aligned_layers(network, left, [np.zeros(1)] * network.n_layers, right, quadratic.offset(left @ right.T))


def approaching(problem: Problem, quadratic: Quadratic, end_to_end_map: FloatArray) -> Parameters:
    """Weights with the given map (k, d) whose decay nearly vanishes, for an infimum that is not attained."""
    network, decays = problem.network, problem.network.weight_decays
    left, values, right = np.linalg.svd(quadratic.coordinates(end_to_end_map), full_matrices=False)
    kept = values > 1e-13 * max(float(values[0]), 1e-300)
    left, values = left[:, kept], values[kept]
    inner = quadratic.expand(right[kept].T / quadratic.scales[:, None])
    offset = quadratic.offset(end_to_end_map)

    def at(shift: float) -> Parameters:
        if noisy_layers(network):
            return noisy_parameters(problem, quadratic, left, values, inner, shift)
        shares = [values ** (1.0 / network.n_layers) * factor for factor in shift_factors(decays, shift)]
        return aligned_layers(network, left, shares, inner, offset)

    narrow, dense = dense_or_narrow(network, at(1.0))
    decay = float(decay_of(narrow, dense))
    return at(float(np.clip(np.sqrt(decay / max(1e-17 * problem.data.yy, 1e-300)), 1.0, 1e40)))


def _checks(
    problem: Problem,
    solution: Solution,
    network: Network,
    dense: DenseParameters,
    loss: EnclosedLoss,
    lower: float,
    unit: float,
) -> tuple[Check, ...]:
    minimum, upper, rounding = solution.minimum, loss.terms.loss, loss.error / unit
    claimed = abs(minimum.loss - upper) if minimum.attained else max(0.0, minimum.loss - upper)
    checks = [
        Check("claimed_loss", float(claimed / unit), 1e-9 + 4.0 * rounding),
        Check("terms_sum", float(abs(minimum.terms.loss - minimum.loss) / unit), 1e-9 + 4.0 * rounding),
        Check("bounds_in_order", float(max(0.0, lower - loss.upper) / unit), 0.0),
    ]
    if minimum.attained:
        checks.insert(0, gradient_check(problem, network, dense, loss))
        product = end_to_end(dense)[0] - minimum.end_to_end_map
        length = max(float(minimum.singular_values[0]), 1e-300)
        checks.append(Check("end_to_end_map", float(np.linalg.norm(product)) / length, 1e-9))
        checks.extend(weights_missing(minimum))
    return tuple(checks)


def gradient_check(problem: Problem, network: Network, dense: DenseParameters, loss: EnclosedLoss) -> Check:
    """Whether every layer's gradient is at rest: the norm of all, against the one at which the first layer is not.

    Notes
    -----
    How layers share a product among them changes the size of each one's gradient, so that each has a tolerance of its
    own: 1e-8 of its natural size, the loss of zero over the layer's own norm, and its rounding.  That is the rounding
    of the slope of the squared error, or for a bias of the mean misfit, times the norms of the layers it goes through.
    """
    data = problem.data
    gradient = gradient_by_map(network, data, dense)
    norms = [length_of(weight) for weight in dense.weights]
    size, root = float(np.linalg.norm(norms)), float(np.sqrt(data.yy))
    rounding = 2.0 * float(np.prod(1.0 + problem.network.noise_variances)) * gamma(8.0 * data.inputs + 64.0)
    reach = root
    if problem.network.bias_layers:
        reach += float(np.sqrt(np.sum(data.xx.diagonal()))) * float(np.linalg.norm(end_to_end(dense)[0]))
    found: list[tuple[float, float]] = []
    for index, (weight, bias) in enumerate(zip(gradient.weights, gradient.biases, strict=True)):
        own = norms[index] if norms[index] > 0.0 else size
        natural = data.yy / max(own, 1e-150) if own > 0.0 else root
        others = prod(norms[:index] + norms[index + 1 :])
        found.append((length_of(weight), 1e-8 * natural + rounding * loss.pull * others))
        if bias is not None:
            above = prod(norms[index + 1 :])
            found.append((length_of(bias), (1e-8 * root + rounding * reach) * above))
    norm = float(np.linalg.norm([value for value, _ in found]))
    tolerance = min(bound * (norm / value) if value > 0.0 else np.inf for value, bound in found)
    return Check("gradient_norm", norm, float(tolerance) if norm > 0.0 else max(bound for _, bound in found), True)
