"""From a problem to a certified answer: the first solver whose hypotheses hold, then its certificate."""

from service.core.catalogue import SOLVERS
from service.core.problems import Problem
from service.core.results import Certificate, Minima
from service.core.rules import Finding, conjunction, examine
from service.core.solver import Certifier, Solver
from service.errors import Attempt, NotCovered, NumericalError
from service.vocabulary import Status

CONSISTENCY = frozenset({"claimed_loss", "bounds_in_order", "terms_sum"})
"""Checks whose failure means that value and weights contradict each other, not that a gap is open."""


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
        failed = {finding.name: finding.verdict.reason for finding in findings if finding.verdict.holds is not True}
        attempts.append(Attempt(solver.name, failed))
    raise NotCovered(attempts)


def solve(problem: Problem) -> Minima:
    """Global minimum with its certificate.

    Raises
    ------
    NotCovered
        If no solver applies.
    NumericalError
        If the solution contradicts its own certificate in double precision.
    """
    solver, certifier, findings = choose(problem)
    solution = solver.solve(problem)
    certificate = certifier(problem, solution)
    broken = [check.name for check in certificate.checks if not check.passed and check.name in CONSISTENCY]
    if broken:
        raise NumericalError(
            f"the solution of {solver.name} failed the checks {', '.join(broken)}: "
            "the data are too ill-conditioned for double precision"
        )
    spectrum = problem.data.spectrum
    return Minima(
        status=_status(solver, certificate),
        solution=solution,
        certificate=certificate,
        hypotheses=findings,
        condition_number=spectrum.condition_number,
        rank_tolerance=spectrum.rank_tolerance,
    )


def _status(solver: Solver, certificate: Certificate) -> Status:
    """A closed form may be called exact only while its certificate holds."""
    return solver.status if certificate.holds else Status.BOUNDED
