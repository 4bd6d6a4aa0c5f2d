"""From a problem to a certified answer: the first solver whose hypotheses hold, then its certificate."""

from dataclasses import dataclass, replace
from functools import partial
from math import isfinite

import numpy as np

from service.core.catalogue import SOLVERS
from service.core.curvature.at_minimum import curvature_check
from service.core.extremes.answered import answered_in_range
from service.core.extremes.reported import answered_with_targets
from service.core.extremes.targets import scaled_targets
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Check, Minima, Solution, StationaryPoint
from service.core.ground.roles import Certifier, Solver
from service.core.ground.rules import Finding, conjunction, examine
from service.core.losses.last_bias import with_last_bias
from service.core.one_output.subnetworks import subnetwork_points
from service.core.reductions.lifted import lifted
from service.core.reductions.table import needs_reduction, reduced
from service.errors import Attempt, LimitExceeded, NotCovered, NumericalError
from service.vocabulary import PointClass, PointKind, Status

MOST_LEVELS = 256
"""Choices of active widths whose sub-network points are listed at most."""

CLAIMED = frozenset({"claimed_loss", "terms_sum"})
"""Checks that compare the loss that is claimed with that of the weights."""


def choose(problem: Problem) -> tuple[Solver, Certifier, tuple[Finding, ...]]:
    """The first solver that applies, with its certifier and the hypotheses that were checked.

    Raises
    ------
    NotCovered
        Naming every solver with each hypothesis that failed.
    """
    attempts: list[Attempt] = []
    for solver, certifier in SOLVERS:
        findings = examine(solver.hypotheses, problem)
        if conjunction(findings) is True:
            return solver, certifier, findings
        failed = {finding.name: finding.judgement.reason for finding in findings if finding.judgement.holds is not True}
        attempts.append(Attempt(solver.name, failed))
    raise NotCovered(attempts)


def is_covered(problem: Problem) -> bool:
    """Whether a solver applies, as the problem is or once it is reduced; nothing is solved for that."""
    try:
        choose(reduced(problem, ()).plain if needs_reduction(problem) else problem)
    except NotCovered:
        return False
    return True


def refusals(problem: Problem) -> tuple[Attempt, ...]:
    """Every solver with the hypotheses that fail for a problem that none of them covers as it is."""
    try:
        choose(problem)
    except NotCovered as error:
        return error.attempts
    return ()


@dataclass(frozen=True, slots=True)
class Extras:
    """What costs more than the answer itself and is computed only when asked for.

    Attributes
    ----------
    curvature : bool
        Add the sign of the Hessian at the minimum to the checks.
    subnetworks : bool
        List stationary points of narrower networks inside a noisy one-output network.
    reductions : bool
        Remove frozen layers, skips and weights of the error where that is exact; for a caller whose other parts know
        them, too.
    thresholds : bool
        Where the minimum changes its nature, which comes with the answer unless it is left out.
    """

    curvature: bool = False
    subnetworks: bool = False
    reductions: bool = False
    thresholds: bool = True


NO_EXTRAS = Extras()


def solve(problem: Problem, extras: Extras = NO_EXTRAS) -> Minima:
    """Global minimum with its certificate.

    Parameters
    ----------
    problem : Problem
    extras : Extras

    Returns
    -------
    Minima

    Raises
    ------
    NotCovered
        If no solver applies.
    LimitExceeded
        If the one that applies would hold more numbers than the problem allows; no array is made for that.
    NumericalError
        If a loss leaves the range of double precision.
    """
    scaled = scaled_targets(problem)
    if scaled is not None:
        reported = answered_with_targets(scaled, partial(_in_these_units, extras=extras), _examined)
        if reported is not None:
            return reported
    return _in_these_units(problem, extras)


def _examined(problem: Problem) -> tuple[Finding, ...]:
    """What was checked for the solver of a problem, if there is one."""
    try:
        return choose(problem)[2]
    except NotCovered:
        return ()


def _in_these_units(problem: Problem, extras: Extras) -> Minima:
    """The answer by solvers that see the targets as they are."""
    if extras.reductions and needs_reduction(problem):
        reduction = reduced(problem, refusals(problem))
        return lifted(reduction, _as_it_is(reduction.plain, extras))
    found = answered_in_range(problem, partial(_as_it_is, extras=extras))
    return _as_it_is(problem, extras) if found is None else found


def _as_it_is(problem: Problem, extras: Extras) -> Minima:
    """The answer of the first solver that applies."""
    solver, certifier, findings = choose(problem)
    if solver.numbers(problem) > problem.most_numbers:
        unit = f"numbers to be held by the solver {solver.name}"
        raise LimitExceeded(("network", "layers"), "max_solution_numbers", problem.most_numbers, unit)
    # what overflows ends in a failed check or a number that is not finite, and is refused as such
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        brief = None if extras.thresholds else solver.without_thresholds
        solution = (brief or solver.solve)(problem)
        minimum = with_last_bias(problem, solution.minimum)
        if minimum is not solution.minimum:
            solution = replace(solution, minimum=minimum)
        certificate = certifier(problem, solution)
    # the Hessian is that of moments; a single layer has none but one without negative eigenvalues
    if extras.curvature and not solver.on_samples and (check := curvature_check(problem, solution)) is not None:
        certificate = replace(certificate, checks=(*certificate.checks, check))
    if extras.subnetworks and solver.one_curve:
        points = (*solution.stationary_points, *subnetwork_points(problem, MOST_LEVELS))
        solution = replace(solution, stationary_points=points)
    if not all(map(isfinite, (certificate.upper_bound, certificate.lower_bound, solution.minimum.loss))):
        raise NumericalError(f"the loss of the solution of {solver.name} leaves the range of double precision")
    solution, certificate = _as_evaluated(solution, certificate)
    spectrum = problem.data.spectrum
    return Minima(
        status=_status(solver, certificate),
        solution=solution,
        certificate=certificate,
        hypotheses=findings,
        condition_number=spectrum.condition_number,
        rank_tolerance=spectrum.rank_tolerance,
    )


def _as_evaluated(solution: Solution, certificate: Certificate) -> tuple[Solution, Certificate]:
    """The minimum with the loss of the weights that are returned, not that of the formula that found them.

    On hard data the two differ by what rounding the weights to doubles costs; the gap counts that in.  A stationary
    point whose formula lies between the bounds is the minimum but for rounding, and has its loss.
    """
    minimum, terms = solution.minimum, certificate.terms
    if terms is None or not minimum.attained or minimum.parameters is None:
        return solution, certificate
    lower, loss = certificate.lower_bound, terms.loss
    points = [
        replace(point, loss=loss) if point.loss != loss and _is_the_minimum(point, lower, loss) else point
        for point in solution.stationary_points
    ]
    evaluated = replace(minimum, loss=terms.loss, terms=terms, prediction_variance=terms.noise)
    solution = replace(solution, minimum=evaluated, stationary_points=tuple(points))
    if any(check.value for check in certificate.checks if check.name in CLAIMED):
        checks = [
            Check(check.name, 0.0, check.tolerance) if check.name in CLAIMED else check for check in certificate.checks
        ]
        certificate = replace(certificate, checks=tuple(checks))
    return solution, certificate


def _is_the_minimum(point: StationaryPoint, lower: float, loss: float) -> bool:
    """Whether the loss of a point is that of the minimum, but for what rounding makes of a formula."""
    if lower <= point.loss < loss or point.point_class is PointClass.GLOBAL_MINIMUM:
        return point.kind is not PointKind.ORIGIN
    return False


def _status(solver: Solver, certificate: Certificate) -> Status:
    """A closed form may be called exact only while its certificate holds."""
    return solver.status if certificate.holds else Status.BOUNDED
