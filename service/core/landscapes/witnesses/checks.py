"""Verification of witnesses from losses and gradients alone; imports no construction."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Problem, Samples
from service.core.landscapes.witnesses import dual_checks, path_checks, point_checks
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim
from service.core.landscapes.witnesses.point_checks import Verified

Check = Callable[[Problem, Samples, Construction, int], Verified]

CHECKS: Final[Mapping[WitnessClaim, Check]] = {
    WitnessClaim.SPURIOUS_MINIMUM: point_checks.spurious_minimum,
    WitnessClaim.NON_STRICT_SADDLE: point_checks.non_strict_saddle,
    WitnessClaim.STRICT_SADDLE: point_checks.strict_saddle,
    WitnessClaim.CLASSIFIED_POINTS: point_checks.classified_points,
    WitnessClaim.NON_INCREASING_PATH: path_checks.non_increasing,
    WitnessClaim.DESCENT_TO_INFINITY: path_checks.to_infinity,
    WitnessClaim.MOVED_AWAY: path_checks.moved_away,
    WitnessClaim.LINEAR_CONVERGENCE: path_checks.contracting,
    WitnessClaim.GLOBAL_MINIMUM: dual_checks.global_minimum,
}
"""The check of each claim."""


def verify(problem: Problem, construction: Construction, seed: int = 0) -> Verified:
    """Check a witness on the problem's own samples, or on those that it brings along.

    Parameters
    ----------
    problem : Problem
        With samples and without skips; under noise of linear layers and squared loss.
    construction : Construction
    seed : int
        Of the random perturbations.
    """
    samples = construction.samples or problem.samples
    assert samples is not None  # noqa: S101  # constructions exist with samples only
    if samples is not problem.samples:
        problem = replace(problem, samples=samples, moments=moments_of(samples.x, samples.y))
    return CHECKS[construction.claim](problem, samples, construction, seed)
