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
    losses,
    offset_rounding,
)
from service.core.ground.parameters import Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, GlobalMinimum, Solution
from service.core.ground.roles import Certifier
from service.core.reductions.certified import certificate_of
from service.core.reductions.graph import end_map, exact_terms
from service.core.reductions.objective import seen_problem
from service.core.reductions.own_loss import evaluated, free_offset
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
    yield _frozen(problem, weights)
    bias = parameters.biases[-1]
    found = evaluated(problem, weights, None if bias is None else bias.dense()[:, 0])
    terms = found.terms
    if not (np.isfinite(terms.loss) and np.isfinite(found.slope)):
        yield BEYOND
        return
    fresh = certificate_of(reduction, minimum, _plain_certificate(reduction, solution, weights, certifier))
    slack = 2e-9 * seen_problem(problem)[0].unit(fresh.upper_bound) + 8.0 * fresh.rounding_allowance
    yield from losses(minimum, terms, claimed, fresh, slack)
    size = 1e-9 * terms.noise + slack
    yield close("global_minimum.prediction_variance", minimum.prediction_variance, terms.noise, size, scales=False)
    yield from _map(problem, minimum, parameters, weights)
    slope = next(check for check in fresh.checks if check.name == "gradient_norm")
    still = slope.passed or not claimed.holds
    yield Comparison("global_minimum.weights", f"gradient norm {slope.value:.1e}", still)
    if any(own is not None for own in weights.skips):
        yield Comparison("global_minimum.skip_weights", f"gradient norm {slope.value:.1e}", still)
    hidden = [bias.dense() for bias in parameters.biases[:-1] if bias is not None]
    if any(np.any(bias) for bias in hidden):
        yield Comparison("global_minimum.biases", "zero but in the last layer, as the reduction has them", agrees=False)
    yield kind(claimed, fresh)


def _frozen(problem: Problem, weights: Weights) -> Comparison:
    """Whether the layers that are not trained came back as they were sent."""
    sent = [layer.frozen_weights for layer in problem.network.layers]
    kept = all(
        frozen is None or np.allclose(own.dense(), frozen, rtol=1e-12, atol=0.0)
        for own, frozen in zip(weights.layers, sent, strict=True)
    )
    return Comparison("global_minimum.weights", "the same" if kept else "changed", kept)


def _map(problem: Problem, minimum: GlobalMinimum, parameters: Parameters, weights: Weights) -> Iterator[Comparison]:
    """The end-to-end map with all that follows from it: singular values, offset, rank."""
    offset = free_offset(problem, weights)
    product = end_map(problem.network, weights, problem.data.inputs)
    singular = np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64)
    size = 1e-9 * max(float(singular[0]), float(np.linalg.norm(offset)), 1e-300) + offset_rounding(problem, product)
    yield close_maps("global_minimum.end_to_end_map", minimum.end_to_end_map, product, problem)
    yield close_arrays("global_minimum.singular_values", minimum.singular_values, singular, size)
    if problem.network.bias_layers:
        last = parameters.biases[-1]
        sent = np.zeros_like(offset) if last is None else last.dense()[:, 0]
        yield close_arrays("global_minimum.output_offset", minimum.output_offset, offset, size)
        yield close_arrays("global_minimum.biases", sent, offset, size)
    rank = int(np.count_nonzero(singular > 1e-10 * max(float(singular[0]), 1e-300))) if np.any(product) else 0
    yield Comparison("global_minimum.rank", rank, minimum.rank == rank)
    yield Comparison("global_minimum.trivial", rank == 0, minimum.trivial == (rank == 0))


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
