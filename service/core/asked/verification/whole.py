"""Every field of a claimed answer against the problem and the returned weights.

Nothing here calls a solver.  Weights go through the dense second-moment recursion; the lower bound through
branch and bound; thresholds are tested by bounding the minimum on both sides of them; stationary points and
the barrier through the loss on spheres.
"""

from dataclasses import replace

import numpy as np

from service.core.asked.verification.comparison import BEYOND, ClaimedAnswer, Comparison, Verification
from service.core.asked.verification.minimum import bounds, weights
from service.core.asked.verification.on_samples import verify_on_samples
from service.core.asked.verification.reduced import verify_reduced
from service.core.asked.verification.stationary import origin, stationary_points
from service.core.asked.verification.thresholds import thresholds
from service.core.catalogue import BY_NAME, on_one_curve, on_samples
from service.core.extremes.answered import ways_of
from service.core.extremes.reported import certificate_with, quantum_of, solution_with, times
from service.core.extremes.targets import ScaledTargets, scaled_targets
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution
from service.core.ground.roles import Certifier
from service.core.ground.rules import conjunction, examine
from service.core.losses.chain import as_chain
from service.core.losses.dense import end_to_end, flatten
from service.core.losses.enclosed import loss_of_weights
from service.core.losses.expected import gradient_of
from service.core.losses.narrow import dense_or_narrow
from service.core.reductions.table import needs_reduction, reduce
from service.vocabulary import Bias

HESSIAN = "origin.least_hessian_eigenvalue"
VARIANCE = "global_minimum.prediction_variance"
HIDDEN_BIASES = (Bias.ALL, Bias.HIDDEN)
ONE_OUTPUT_ONLY = "recomputed for one output only"


def verify(problem: Problem, solution: Solution, certificate: Certificate) -> Verification:
    """Check a claimed answer field by field.

    Parameters
    ----------
    problem : Problem
    solution : Solution
        Claimed, in the core's convention.
    certificate : Certificate
        Claimed; its bounds are recomputed.

    Returns
    -------
    Verification

    Raises
    ------
    ArithmeticError, numpy.linalg.LinAlgError
        If the claimed numbers are so far from any answer that arithmetic ends.
    """
    with np.errstate(all="ignore"):
        scaled = scaled_targets(problem)
        if scaled is None or (scaled.is_cut and np.any(solution.minimum.end_to_end_map)):
            return _verified(problem, solution, certificate)
        return _in_other_units(scaled, solution, certificate)


def _on_samples(problem: Problem, solution: Solution, certificate: Certificate) -> Verification:
    """The claim of a solver whose losses moments do not tell."""
    certifier = _certifier(problem, solution.solver)
    if isinstance(certifier, Comparison):
        return Verification((certifier,), {})
    return verify_on_samples(problem, solution, certificate, certifier)


def _in_other_units(scaled: ScaledTargets, solution: Solution, certificate: Certificate) -> Verification:
    """The same claim about targets of ordinary size; what is found is reported in the units that were sent."""
    inside, back = -scaled.exponents, scaled.exponents.losses
    found = _verified(
        scaled.inside,
        solution_with(solution, scaled.problem.network, inside),
        certificate_with(certificate, inside),
        quantum_of(scaled),
    )
    powers = {HESSIAN: back - 2 * (scaled.exponents.weights or 0), VARIANCE: back}

    def sent(each: Comparison) -> Comparison:
        power = powers.get(each.field, back if each.scales_with_loss else 0)
        return (
            each if isinstance(each.found, str) or not power else replace(each, found=times(float(each.found), power))
        )

    comparisons = tuple(sent(each) for each in found.comparisons)
    return replace(found, comparisons=comparisons)


def _verified(problem: Problem, solution: Solution, certificate: Certificate, quantum: float = 0.0) -> Verification:
    if on_samples(solution):
        return _on_samples(problem, solution, certificate)
    return _by_moments(problem, solution, certificate, quantum)


def _by_moments(problem: Problem, solution: Solution, certificate: Certificate, quantum: float) -> Verification:
    reduction = reduce(problem) if needs_reduction(problem) else None
    if isinstance(reduction, str):
        return Verification((Comparison("solver", f"no solver: {reduction}", agrees=False),), {})
    if reduction is not None:
        certifier = _certifier(reduction.plain, solution.solver)
        if isinstance(certifier, Comparison):
            return Verification((certifier,), {})
        return verify_reduced(problem, reduction, solution, certificate, certifier)
    seen = _as_the_weights_are(problem, solution)
    if seen is None:
        return Verification((BEYOND,), {})
    proved = _proved(problem, seen)
    if isinstance(proved, Comparison):
        return Verification((proved,), {})
    claim = ClaimedAnswer(problem, solution, certificate, proved, quantum)
    skipped: dict[str, str] = {}
    found = [*bounds(claim)]
    if claim.minimum.parameters is None:
        reason = "no weights were returned" if claim.minimum.attained else "the infimum is not attained"
        skipped |= dict.fromkeys(("global_minimum.weights", "global_minimum.terms"), reason)
    else:
        found += weights(claim, skipped)
    if on_one_curve(solution):
        found += [*stationary_points(claim, skipped), *origin(claim, skipped), *thresholds(claim, skipped)]
    else:
        skipped |= dict.fromkeys(("stationary_points", "origin", "thresholds"), ONE_OUTPUT_ONLY)
    return Verification(tuple(found), skipped)


def _proved(problem: Problem, seen: Solution) -> Certificate | Comparison:
    """The certificate of the weights, the best of those that lead to it where inputs are far from ordinary size."""
    found: list[Certificate] = []
    said: list[Comparison] = []
    for way in ways_of(problem, seen):
        certifier = _certifier(way.solved, seen.solver)
        if isinstance(certifier, Comparison):
            said.append(certifier)
        else:
            found.append(way.certificate(seen, certifier))
    # bounds in the wrong order prove nothing
    return min(found, key=lambda each: (each.relative_gap < 0.0, each.relative_gap)) if found else said[0]


def _certifier(problem: Problem, name: str) -> Certifier | Comparison:
    """Who certifies the answers of a solver, if there is one that covers the problem."""
    if name not in BY_NAME:
        return Comparison("solver", "no solver of this engine", agrees=False)
    solver, certifier = BY_NAME[name]
    if conjunction(examine(solver.hypotheses, problem)) is True:
        return certifier
    return Comparison("solver", "a solver whose hypotheses do not hold for the problem", agrees=False)


def _as_the_weights_are(problem: Problem, solution: Solution) -> Solution | None:
    """The claim with the numbers that its weights give, so that no wrong number misleads a certifier.

    Without weights it is the claim as it stands; ``None`` if nothing can be computed at the weights.
    """
    parameters = solution.minimum.parameters
    if parameters is None:
        return solution
    network, dense = dense_or_narrow(problem.network, parameters)
    gradient = gradient_of(network, problem.data, dense)
    terms = loss_of_weights(problem, network, dense, parameters).terms
    if not (np.isfinite(terms.loss) and np.all(np.isfinite(flatten(gradient)))):
        return None
    product, offset = end_to_end(dense)
    minimum = replace(
        solution.minimum,
        loss=terms.loss,
        terms=terms,
        end_to_end_map=product,
        output_offset=offset,
        singular_values=np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64),
        # biases of hidden neurons would have to be at their best for what is said of chains
        parameters=parameters if problem.network.bias in HIDDEN_BIASES else as_chain(network, parameters),
    )
    return replace(solution, minimum=minimum)
