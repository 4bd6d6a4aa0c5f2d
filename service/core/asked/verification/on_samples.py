"""A claimed minimum of one layer under a loss that moments do not tell, against its weights and the samples."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from service.core.asked.verification.comparison import (
    Comparison,
    Verification,
    close,
    close_arrays,
    close_maps,
    kind,
    losses,
    ranks_of,
)
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution, Terms
from service.core.ground.roles import Certifier
from service.core.one_layer.bounds import weights_of
from service.core.one_layer.predicted import LayerWeights

NONE_RETURNED = "no weights were returned"
NOT_ATTAINED = "the infimum is not attained: no weights to recompute it from"
NO_CURVE = "no stationary points but the minimum, which is recomputed; no thresholds"


def verify_on_samples(
    problem: Problem, solution: Solution, certificate: Certificate, certifier: Certifier
) -> Verification:
    """Compare a claim with the bounds that its certifier finds for its weights, and with what they predict."""
    minimum = solution.minimum
    skipped = dict.fromkeys(("origin", "thresholds"), NO_CURVE)
    given = LayerWeights(minimum.end_to_end_map, minimum.output_offset)
    if minimum.parameters is not None:
        given = weights_of(minimum.parameters)
        minimum = replace(minimum, end_to_end_map=given.matrix, output_offset=given.biases)
    else:
        reason = NONE_RETURNED if minimum.attained else NOT_ATTAINED
        skipped |= dict.fromkeys(("global_minimum.weights", "global_minimum.terms"), reason)
    fresh = certifier(problem, replace(solution, minimum=minimum))
    terms = fresh.terms or Terms(fresh.upper_bound, 0.0, 0.0)
    seen = replace(solution, minimum=replace(minimum, loss=terms.loss, terms=terms))
    fresh = certifier(problem, seen)
    slack = 2e-9 * problem.unit(fresh.upper_bound) + 8.0 * fresh.rounding_allowance
    found = [*losses(solution.minimum, terms, certificate, fresh, slack), kind(certificate, fresh)]
    found += _of_weights(problem, solution, given, slack, fresh)
    return Verification(tuple(found), skipped)


def _of_weights(
    problem: Problem, solution: Solution, given: LayerWeights, slack: float, fresh: Certificate
) -> Iterator[Comparison]:
    minimum = solution.minimum
    values = np.asarray(np.linalg.svd(given.matrix, compute_uv=False), dtype=np.float64)
    yield close_maps("global_minimum.end_to_end_map", minimum.end_to_end_map, given.matrix, problem)
    if problem.network.bias_layers:
        moved = 1e-9 * max(float(np.linalg.norm(given.biases)), 1e-300)
        yield close_arrays("global_minimum.output_offset", minimum.output_offset, given.biases, moved)
    length = 1e-9 * max(float(values[0]), 1e-300)
    yield close_arrays("global_minimum.singular_values", minimum.singular_values, values, length)
    few, many = ranks_of(given.matrix, problem)
    rank = min(max(minimum.rank, few), many)
    yield Comparison("global_minimum.rank", rank, minimum.rank == rank)
    yield Comparison("global_minimum.trivial", few == 0, minimum.trivial == (few == 0))
    yield close("global_minimum.prediction_variance", minimum.prediction_variance, 0.0, 1e-300, scales=False)
    norm = float(np.linalg.norm(given.matrix))
    for index, point in enumerate(solution.stationary_points):
        at = f"stationary_points[{index}]"
        yield close(f"{at}.loss", point.loss, fresh.upper_bound, slack, scales=True)
        yield close(f"{at}.norm", point.norm, norm, 1e-9 * norm, scales=False)
        yield close(f"{at}.parameter_norm", point.parameter_norm, norm, 1e-9 * norm, scales=False)
