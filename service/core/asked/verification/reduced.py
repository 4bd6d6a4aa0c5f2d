"""Recomputes a claimed answer about a problem that is reduced to a plain network, without any solver.

The returned weights go into the problem's own loss, and carried over to the plain network into its certificate.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from service.core.asked.verification.comparison import (
    BEYOND,
    Comparison,
    Verification,
    close,
    close_arrays,
    close_maps,
    kind,
    offset_rounding,
)
from service.core.ground.parameters import Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution
from service.core.ground.roles import Certifier
from service.core.reductions.graph import end_map, exact_terms
from service.core.reductions.lifted import certificate_of, evaluated, free_offset
from service.core.reductions.objective import seen_problem
from service.core.reductions.step import Weights
from service.core.reductions.table import Reduction

NOT_RECOMPUTED = "solved again, not recomputed: the problem was reduced to a plain network"


def verify_reduced(
    problem: Problem, reduction: Reduction, solution: Solution, certificate: Certificate, certifier: Certifier
) -> Verification:
    """Compare loss, terms, map, gradient and bounds with what the returned weights give.

    Parameters
    ----------
    problem : Problem
    reduction : Reduction
        Of ``problem``.
    solution, certificate
        Claimed, in the core's convention.
    certifier : callable
        Of the claimed solver.
    """
    skipped = dict.fromkeys(("stationary_points", "origin", "thresholds"), NOT_RECOMPUTED)
    if solution.minimum.parameters is None:
        skipped["global_minimum.weights"] = "the infimum is not attained"
        return Verification((), skipped)
    return Verification(tuple(_compared(problem, reduction, solution, certificate, certifier)), skipped)


def _compared(
    problem: Problem, reduction: Reduction, solution: Solution, claimed: Certificate, certifier: Certifier
) -> Iterator[Comparison]:
    minimum, parameters = solution.minimum, solution.minimum.parameters
    if parameters is None:
        return
    weights = Weights(parameters.weights, parameters.skips)
    frozen_as_given = [layer.frozen_weights for layer in problem.network.layers]
    kept = all(
        frozen is None or np.allclose(own.dense(), frozen, rtol=1e-12, atol=0.0)
        for own, frozen in zip(weights.layers, frozen_as_given, strict=True)
    )
    yield Comparison("global_minimum.weights", "the same" if kept else "changed", kept)
    bias = parameters.biases[-1]
    found = evaluated(problem, weights, None if bias is None else bias.dense()[:, 0])
    terms, offset = found.terms, free_offset(problem, weights)
    if not (np.isfinite(terms.loss) and np.isfinite(found.slope)):
        yield BEYOND
        return
    fresh = certificate_of(reduction, minimum, _plain_certificate(reduction, solution, weights, certifier))
    slack = 2e-9 * seen_problem(problem)[0].unit(fresh.upper_bound) + 8.0 * fresh.rounding_allowance
    pairs = [
        ("global_minimum.loss", minimum.loss, fresh.upper_bound),
        ("certificate.upper_bound", claimed.upper_bound, fresh.upper_bound),
        ("global_minimum.terms.fit", minimum.terms.fit, terms.fit),
        ("global_minimum.terms.noise", minimum.terms.noise, terms.noise),
        ("global_minimum.terms.decay", minimum.terms.decay, terms.decay),
    ]
    yield from (close(field, one, other, slack, scales=True) for field, one, other in pairs)
    proved = bool(claimed.lower_bound <= fresh.lower_bound + slack)
    yield Comparison("certificate.lower_bound", fresh.lower_bound, proved, scales_with_loss=True)
    size = 1e-9 * terms.noise + slack
    yield close("global_minimum.prediction_variance", minimum.prediction_variance, terms.noise, size, scales=False)
    product = end_map(problem.network, weights, problem.data.inputs)
    singular = np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64)
    rounded = offset_rounding(problem, product)
    size = max(float(singular[0]), float(np.linalg.norm(offset)), 1e-300)
    yield close_maps("global_minimum.end_to_end_map", minimum.end_to_end_map, product, problem)
    arrays = [
        ("global_minimum.singular_values", minimum.singular_values, singular),
    ]
    if problem.network.bias_layers:
        last = parameters.biases[-1]
        given_offset = np.zeros_like(offset) if last is None else last.dense()[:, 0]
        arrays += [
            ("global_minimum.output_offset", minimum.output_offset, offset),
            ("global_minimum.biases", given_offset, offset),
        ]
    for field, here, there in arrays:
        yield close_arrays(field, here, there, 1e-9 * size + rounded)
    rank = int(np.count_nonzero(singular > 1e-10 * max(float(singular[0]), 1e-300))) if np.any(product) else 0
    yield Comparison("global_minimum.rank", rank, minimum.rank == rank)
    yield Comparison("global_minimum.trivial", rank == 0, minimum.trivial == (rank == 0))
    slope = next(check for check in fresh.checks if check.name == "gradient_norm")
    still = slope.passed or not claimed.holds
    yield Comparison("global_minimum.weights", f"gradient norm {slope.value:.1e}", still)
    if any(own is not None for own in weights.skips):
        yield Comparison("global_minimum.skip_weights", f"gradient norm {slope.value:.1e}", still)
    hidden = [bias.dense() for bias in parameters.biases[:-1] if bias is not None]
    if any(np.any(bias) for bias in hidden):
        yield Comparison("global_minimum.biases", "zero but in the last layer, as the reduction has them", agrees=False)
    yield kind(claimed, fresh)


def _plain_certificate(reduction: Reduction, solution: Solution, weights: Weights, certifier: Certifier) -> Certificate:
    """The certificate of the plain network at the returned weights, carried over to it."""
    plain = reduction.plain
    inner = reduction.project(weights)
    product = end_map(plain.network, inner, plain.data.inputs)
    terms = exact_terms(plain, inner, np.zeros(product.shape[0]))
    minimum = replace(
        solution.minimum,
        loss=terms.loss,
        terms=terms,
        trivial=not np.any(product),
        end_to_end_map=product,
        output_offset=np.zeros(product.shape[0]),
        singular_values=np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64),
        parameters=Parameters(inner.layers, (None,) * plain.network.n_layers),
    )
    return certifier(plain, replace(solution, minimum=minimum))
