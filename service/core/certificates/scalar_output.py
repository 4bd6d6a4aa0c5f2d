"""Certificate of a one-output minimum: exact loss of the weights against a bound by the norm."""

import numpy as np

from service.core.certificates.norm_bound import NormBound, Scales, norm_bound
from service.core.losses import DenseParameters, decay_of, end_to_end, gradient_of, loss_of, sample_fit, terms_of
from service.core.problems import Network, Problem
from service.core.results import Certificate, Check, Solution
from service.core.scalar.narrow import dense_or_narrow
from service.core.scalar.reduced import ReducedProblem, reduced_of
from service.core.scalar.weights import approaching_parameters

GAP_TOLERANCE = 1e-9
CANCELLING = 1e-3
"""Share of the targets' mean square below which moments would lose digits of the loss."""

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
        Claimed by anybody; only its weights, map and losses are looked at.

    Returns
    -------
    Certificate

    Notes
    -----
    Shares the eigendecomposition of the data with the solver, and checks it by a probe; shares nothing with
    the search for roots.  O(d^2) besides.
    """
    reduced = reduced_of(problem)
    minimum = solution.minimum
    parameters = minimum.parameters
    if parameters is None:
        parameters = approaching_parameters(problem.network, problem.data, minimum.end_to_end_map[0])
    network, dense = dense_or_narrow(problem.network, parameters)
    upper = _exact_loss(problem, network, dense)
    unit = max(abs(upper), 1e-6 * problem.data.yy, 1e-300)
    scales = Scales(float(np.linalg.norm(problem.data.xx)), float(np.linalg.norm(problem.data.xy)), problem.data.yy)
    norm = float(np.linalg.norm(end_to_end(dense)[0]))
    hint = norm * float(np.exp(min(reduced.log_factor, 600.0))) if norm > 0.0 else None
    bound = norm_bound(reduced, scales, 0.2 * GAP_TOLERANCE * unit, upper, hint)
    gap = (upper - bound.lower) / unit
    return Certificate(
        upper_bound=upper,
        lower_bound=bound.lower,
        relative_gap=float(gap),
        tolerance=GAP_TOLERANCE,
        method=METHOD,
        rounding_allowance=bound.allowance,
        checks=_checks(problem, solution, reduced, network, dense, upper, unit, bound),
    )


def _exact_loss(problem: Problem, network: Network, dense: DenseParameters) -> float:
    """Expected loss; where the moments would cancel, the error of the mean prediction comes from the samples."""
    loss = float(loss_of(network, problem.data, dense))
    if problem.samples is None or loss > CANCELLING * problem.data.yy:
        return loss
    terms = terms_of(network, problem.data, dense)
    product, offset = end_to_end(dense)
    return sample_fit(problem.samples, product, offset) + terms.noise + terms.decay


def _checks(
    problem: Problem,
    solution: Solution,
    reduced: ReducedProblem,
    network: Network,
    dense: DenseParameters,
    upper: float,
    unit: float,
    bound: NormBound,
) -> tuple[Check, ...]:
    minimum = solution.minimum
    claimed = abs(minimum.loss - upper) if minimum.attained else max(0.0, minimum.loss - upper)
    split = abs(minimum.terms.loss - minimum.loss)
    checks = [
        Check("claimed_loss", float(claimed / unit), 1e-9 + 4.0 * bound.allowance / unit),
        Check("terms_sum", float(split / unit), 1e-9),
        Check("bounds_in_order", float(max(0.0, (bound.lower - upper) / unit)), 1e-12 + bound.allowance / unit),
        Check("spectrum_probe", _probe(reduced, problem), 1e-12),
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
    else:
        checks.append(Check("decay_on_the_way", float(decay_of(network, dense) / unit), GAP_TOLERANCE))
    return tuple(checks)


def _probe(reduced: ReducedProblem, problem: Problem) -> float:
    """Relative error of the eigendecomposition on a vector that it was not made for."""
    spectrum = reduced.spectrum
    d = spectrum.values.size
    vector = np.cos(np.arange(1.0, d + 1.0))
    rebuilt = spectrum.vectors @ (spectrum.values * (spectrum.vectors.T @ vector))
    column = spectrum.vectors @ spectrum.projections[:, 0]
    size = max(float(np.abs(spectrum.values).max()) * np.sqrt(float(d)), 1e-300)
    length = max(float(np.linalg.norm(problem.data.xy)), 1e-300)
    error = float(np.linalg.norm(rebuilt - reduced.quadratic @ vector)) / size
    return float(max(error, float(np.linalg.norm(column - reduced.linear)) / length))
