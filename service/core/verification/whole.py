"""Every field of a claimed answer against the problem and the returned weights.

Nothing here calls a solver.  Weights go through the dense second-moment recursion; the lower bound through
branch and bound; thresholds are tested by bounding the minimum on both sides of them; stationary points and
the barrier through the loss on spheres.
"""

from service.core.catalogue import SOLVERS
from service.core.problems import Problem
from service.core.reductions.table import needs_reduction
from service.core.reductions.verification import verify_reduced
from service.core.results import Certificate, Solution
from service.core.verification.comparison import ClaimedAnswer, Verification
from service.core.verification.minimum import bounds, weights
from service.core.verification.stationary import origin, stationary_points
from service.core.verification.thresholds import thresholds


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
    """
    if needs_reduction(problem):
        certifier = next((row[1] for row in SOLVERS if row[0].name == solution.solver), None)
        return verify_reduced(problem, solution, certificate, certifier)
    claim = ClaimedAnswer(problem, solution, certificate)
    skipped: dict[str, str] = {}
    found = [*bounds(claim)]
    if claim.minimum.parameters is None:
        reason = "no weights were returned" if claim.minimum.attained else "the infimum is not attained"
        skipped |= dict.fromkeys(("global_minimum.weights", "global_minimum.terms"), reason)
    else:
        found += weights(claim, skipped)
    if solution.solver == "scalar_output":
        found += [*stationary_points(claim, skipped), *origin(claim, skipped), *thresholds(claim, skipped)]
    else:
        skipped |= dict.fromkeys(("stationary_points", "origin", "thresholds"), "recomputed for one output only")
    skipped["global_minimum.uniqueness"] = "a statement in words"
    return Verification(tuple(found), skipped)
