"""What every certificate of a network with several outputs has in common: upper bound, checks, rounding allowance.

Looks at the problem and at the weights and numbers of the answer only.
"""

import numpy as np

from service.core.arrays import FloatArray
from service.core.linalg import EPSILON
from service.core.linear.layers import aligned_layers, lanes
from service.core.linear.noisy_layers import noisy_parameters, shift_factors
from service.core.linear.quadratic import Quadratic
from service.core.linear.water_filling import noisy_layers
from service.core.losses import DenseParameters, decay_of, end_to_end, gradient_of, terms_of
from service.core.parameters import Parameters
from service.core.problems import Network, Problem
from service.core.results import Certificate, Check, Solution, weights_missing
from service.core.scalar.narrow import dense_or_narrow

GAP_TOLERANCE = 1e-9


def certificate(
    problem: Problem,
    quadratic: Quadratic,
    solution: Solution,
    lower_bound: float,
    method: str,
    tolerance: float = GAP_TOLERANCE,
) -> Certificate:
    """Put a lower bound beside the exact loss of the returned weights.

    Parameters
    ----------
    problem : Problem
    quadratic : Quadratic
    solution : Solution
        A claim to be attained without weights gets the origin's loss as its upper bound, and fails the check
        ``weights_given``.
    lower_bound : float
        Before any rounding allowance; zero is a bound that needs none.
    method : str
    tolerance : float
        Relative gap that counts as closed.
    """
    minimum = solution.minimum
    if minimum.attained:
        parameters = minimum.parameters or _origin(problem, quadratic)
    else:
        parameters = approaching(problem, quadratic, minimum.end_to_end_map)
    network, dense = dense_or_narrow(problem.network, parameters)
    upper = _loss(problem, network, dense)
    unit = problem.unit(upper)
    allowance = rounding_allowance(problem, quadratic, minimum.end_to_end_map)
    lower = max(lower_bound - allowance, 0.0)
    return Certificate(
        upper_bound=upper,
        lower_bound=lower,
        relative_gap=float((upper - lower) / unit),
        tolerance=tolerance,
        method=f"upper bound: the weights in the exact expected loss; lower bound: {method}",
        rounding_allowance=allowance,
        checks=_checks(problem, quadratic, solution, network, dense, upper, lower_bound, unit, allowance),
    )


def _loss(problem: Problem, network: Network, dense: DenseParameters) -> float:
    return terms_of(network, problem.data, dense).loss


def rounding_allowance(problem: Problem, quadratic: Quadratic, end_to_end_map: FloatArray) -> float:
    """What rounding in the moments, their eigendecomposition and the bound can amount to.

    Notes
    -----
    A relative backward error of ``16 sqrt(d) eps`` in both moments changes the loss of a map of norm w by at most
    that times ``||xx|| w^2 + 2 ||xy|| w + yy``; the least-squares map bounds the norms that matter.
    """
    moments = problem.data
    least_squares = float(np.linalg.norm(quadratic.target / quadratic.scales)) if quadratic.rank else 0.0
    length = max(float(np.linalg.norm(end_to_end_map)), min(least_squares, 1e3 * float(np.linalg.norm(end_to_end_map))))
    size = float(np.linalg.norm(moments.xx)) * length**2 + 2.0 * float(np.linalg.norm(moments.xy)) * length + moments.yy
    return 16.0 * float(np.sqrt(moments.inputs + moments.outputs)) * EPSILON * size


def _origin(problem: Problem, quadratic: Quadratic) -> Parameters:
    """All weights zero, biases at their best."""
    network, moments = problem.network, problem.data
    left, right = np.zeros((moments.outputs, 1)), np.zeros((moments.inputs, 1))
    return aligned_layers(network, left, [np.zeros(1)] * network.n_layers, right, quadratic.offset(left @ right.T))


def approaching(problem: Problem, quadratic: Quadratic, end_to_end_map: FloatArray) -> Parameters:
    """Weights with the given map whose decay nearly vanishes, for an infimum that is not attained."""
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
    quadratic: Quadratic,
    solution: Solution,
    network: Network,
    dense: DenseParameters,
    upper: float,
    lower: float,
    unit: float,
    allowance: float,
) -> tuple[Check, ...]:
    minimum = solution.minimum
    claimed = abs(minimum.loss - upper) if minimum.attained else max(0.0, minimum.loss - upper)
    checks = [
        Check("claimed_loss", float(claimed / unit), 1e-9 + 4.0 * allowance / unit),
        Check("terms_sum", float(abs(minimum.terms.loss - minimum.loss) / unit), 1e-9 + 4.0 * allowance / unit),
        Check("bounds_in_order", float(max(0.0, (lower - upper - allowance) / unit)), 1e-12),
        Check("spectrum_probe", _probe(problem, quadratic), 1e-12),
    ]
    if minimum.attained:
        gradient = gradient_of(network, problem.data, dense)
        pieces = [np.sum(part * part) for part in (*gradient.weights, *gradient.biases) if part is not None]
        size = np.sqrt(sum(float(np.sum(weight * weight)) for weight in dense.weights))
        scale = problem.data.yy / size if size > 0.0 else np.sqrt(problem.data.yy)
        checks.insert(0, Check("gradient_norm", float(np.sqrt(sum(pieces))), float(1e-8 * scale), True))
        product = end_to_end(dense)[0] - minimum.end_to_end_map
        length = max(float(minimum.singular_values[0]), 1e-300)
        checks.append(Check("end_to_end_map", float(np.linalg.norm(product)) / length, 1e-9))
        checks.extend(weights_missing(minimum))
    return tuple(checks)


def _probe(problem: Problem, quadratic: Quadratic) -> float:
    """Relative error of the white coordinates on a map that they were not made for."""
    moments = problem.data
    probe = lanes(moments.outputs, 1) @ np.cos(np.arange(1.0, moments.inputs + 1.0))[None, :]
    mean = float(np.sum((probe @ moments.xx) * probe)) - 2.0 * float(np.sum(probe * moments.xy.T)) + moments.yy
    mean += problem.network.input_noise_variance * float(np.sum(probe**2, axis=0) @ moments.xx.diagonal())
    if quadratic.x_mean is not None and quadratic.y_mean is not None:
        mean -= float(np.sum((probe @ quadratic.x_mean - quadratic.y_mean) ** 2))
    size = float(np.linalg.norm(moments.xx)) * moments.inputs + moments.yy
    return abs(quadratic.fit(probe) - mean) / max(size, 1e-300)
