"""Recomputes a claimed answer about a problem that is reduced to a plain network, without any solver.

The returned weights go into the problem's own loss, and carried over to the plain network into its certificate.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from service.core.parameters import Parameters
from service.core.problems import Problem
from service.core.reductions.graph import end_map, exact_terms
from service.core.reductions.lifted import certificate_of, evaluated
from service.core.reductions.step import Weights
from service.core.reductions.table import Reduction, reduce
from service.core.results import Certificate, Solution
from service.core.roles import Certifier
from service.core.verification.comparison import Comparison, Verification

NOT_RECOMPUTED = "solved again, not recomputed: the problem was reduced to a plain network"


def verify_reduced(
    problem: Problem, solution: Solution, certificate: Certificate, certifier: Certifier | None
) -> Verification:
    """Compare loss, terms, map, gradient and bounds with what the returned weights give.

    Parameters
    ----------
    problem : Problem
    solution, certificate
        Claimed, in the core's convention.
    certifier : callable or None
        Of the claimed solver; ``None`` if this engine has no such solver.
    """
    skipped = dict.fromkeys(("stationary_points", "origin", "thresholds"), NOT_RECOMPUTED)
    skipped["global_minimum.uniqueness"] = "a statement in words"
    reduction = reduce(problem)
    if isinstance(reduction, str) or certifier is None:
        wrong = Comparison("solver", solution.solver, "no reduction and solver of this engine", agrees=False)
        return Verification((wrong,), skipped)
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
    given = [layer.frozen_weights for layer in problem.network.layers]
    kept = all(
        frozen is None or np.allclose(own.dense(), frozen, rtol=1e-12, atol=0.0)
        for own, frozen in zip(weights.layers, given, strict=True)
    )
    yield Comparison("global_minimum.weights", "frozen layers as given", "the same" if kept else "changed", kept)
    found = evaluated(problem, weights)
    terms, offset = found.terms, found.offset
    fresh = certificate_of(reduction, minimum, _plain_certificate(reduction, solution, weights, certifier))
    unit = problem.unit(fresh.upper_bound)
    slack = 2e-9 * unit + 8.0 * fresh.rounding_allowance
    pairs = [
        ("global_minimum.loss", minimum.loss, fresh.upper_bound),
        ("certificate.upper_bound", claimed.upper_bound, fresh.upper_bound),
        ("certificate.lower_bound", claimed.lower_bound, fresh.lower_bound),
        ("global_minimum.terms.fit", minimum.terms.fit, terms.fit),
        ("global_minimum.terms.noise", minimum.terms.noise, terms.noise),
        ("global_minimum.terms.decay", minimum.terms.decay, terms.decay),
    ]
    for field, one, other in pairs:
        yield Comparison(field, one, other, bool(abs(one - other) <= slack), scales_with_loss=True)
    near = bool(abs(minimum.prediction_variance - terms.noise) <= 1e-9 * terms.noise + slack)
    yield Comparison("global_minimum.prediction_variance", minimum.prediction_variance, terms.noise, near)
    product = end_map(problem.network, weights, problem.data.inputs)
    singular = np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64)
    size = max(float(singular[0]), float(np.linalg.norm(offset)), 1e-300)
    last = None if parameters.biases[-1] is None else parameters.biases[-1].dense()[:, 0]
    for field, here, there in (
        ("global_minimum.end_to_end_map", minimum.end_to_end_map, product),
        ("global_minimum.singular_values", minimum.singular_values, singular),
        ("global_minimum.output_offset", minimum.output_offset, offset),
        ("global_minimum.biases", np.zeros_like(offset) if last is None else last, offset),
    ):
        worst = float(np.max(np.abs(here - there), initial=0.0)) if here.shape == there.shape else float("inf")
        yield Comparison(field, "as returned", f"off by {worst:.1e}", worst <= 1e-9 * size + 1e-12)
    rank = int(np.count_nonzero(singular > 1e-10 * max(float(singular[0]), 1e-300))) if np.any(product) else 0
    yield Comparison("global_minimum.rank", minimum.rank, rank, minimum.rank == rank)
    slope = next(check for check in fresh.checks if check.name == "gradient_norm")
    yield Comparison("global_minimum.weights", "stationary", f"gradient norm {slope.value:.1e}", slope.passed)
    broken = [check.name for check in fresh.checks if not check.passed]
    yield Comparison("certificate.checks", "passed", ", ".join(broken) or "passed", not broken)


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
