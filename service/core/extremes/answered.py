"""Problems whose inputs are far from ordinary size under decay: how they are answered, and what that proves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from service.core.extremes.charges import charged
from service.core.extremes.free import FREE, FreeInputs, free_inputs
from service.core.extremes.lifted import certified, with_free_inputs
from service.core.extremes.present import PresentInputs, present_inputs
from service.core.extremes.scaled import APART, ScaledInputs, lowered_inputs, scaled_inputs
from service.core.ground.extremes import Extremes
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Minima, Solution
from service.core.ground.roles import Certifier
from service.errors import NumericalError
from service.vocabulary import Status

Solve: TypeAlias = Callable[[Problem], Minima]

ENDED: Final = (ArithmeticError, ValueError, np.linalg.LinAlgError, NumericalError)
"""What ends a computation on inputs of very different sizes."""
DEEP: Final = 3
"""Layers from which on a search with several outputs needs inputs of one size."""
ALIKE: Final = 1e-6
"""Relative difference of losses up to which the better proof counts."""


@dataclass(frozen=True)
class Way:
    """One way to an answer.

    Attributes
    ----------
    solved : Problem
        What a solver sees.
    asked : Problem
        In range.
    by : FreeInputs or ScaledInputs or None
        What leads from one to the other, where they differ.
    """

    solved: Problem
    asked: Problem
    by: FreeInputs | ScaledInputs | None = None

    def answer(self, solve: Solve) -> Minima:
        """The answer for the data as they were sent."""
        if isinstance(self.by, FreeInputs):
            found = with_free_inputs(self.by, solve)
        else:
            found = solve(self.solved) if self.by is None else self.by.answer(solve)
        certificate = self._owed(found.solution, found.certificate)
        return replace(found, certificate=certificate, status=found.status if certificate.holds else Status.BOUNDED)

    def certificate(self, solution: Solution, certifier: Certifier) -> Certificate:
        """What is proved about the weights of any claimed answer, without a solver."""
        if isinstance(self.by, FreeInputs):
            found = certified(self.by, solution, certifier)
        else:
            found = certifier(self.solved, solution) if self.by is None else self.by.certificate(solution, certifier)
        return self._owed(solution, found)

    def _owed(self, solution: Solution, certificate: Certificate) -> Certificate:
        d = self.asked.data.inputs
        extremes = self.asked.extremes or Extremes(np.zeros(d, dtype=bool), np.zeros(d))
        seen = self.asked
        if isinstance(self.by, FreeInputs):
            # where weights of large inputs are free in the bound, their units do not matter
            extremes = replace(extremes, lowered=np.zeros_like(extremes.lowered))
        elif self.by is not None:
            extremes, seen = replace(extremes, lowered=self.by.lowered), self.by.inside
        return charged(seen, extremes, solution.minimum, certificate)


@dataclass(frozen=True)
class WayWithoutZeros:
    """A way to the answer of a problem by that without its inputs that are zero."""

    present: PresentInputs
    way: Way

    @property
    def solved(self) -> Problem:
        """What a solver sees."""
        return self.way.solved

    def answer(self, solve: Solve) -> Minima:
        """The answer for the data as they were sent."""
        return self.present.lifted(self.way.answer(solve))

    def certificate(self, solution: Solution, certifier: Certifier) -> Certificate:
        """What is proved about the weights of any claimed answer."""
        return self.way.certificate(self.present.restricted(solution), certifier)


def ways_of(problem: Problem, solution: Solution) -> list[Way | WayWithoutZeros]:
    """Ways to what is proved about a claimed answer; at least one."""
    present = present_inputs(problem)
    found = [*(_ways(problem) if present is not None and not present.leaves_out(solution) else ways(problem))]
    return found or [Way(problem, problem)]


def ways(problem: Problem) -> Iterator[Way | WayWithoutZeros]:
    """Ways to the answer, the better one first; nothing for a problem that is answered as it is."""
    present = present_inputs(problem)
    if present is None:
        yield from _ways(problem)
        return
    inside = present.inside
    for way in [*_ways(inside)] or [Way(inside, inside)]:
        yield WayWithoutZeros(present, way)


def _ways(problem: Problem) -> Iterator[Way]:
    if problem.extremes is None and _are_ordinary(problem):
        return
    lowered = lowered_inputs(problem)
    if lowered is not None:
        yield Way(lowered.inside, problem, lowered)
        return
    as_it_is = problem.extremes is None
    whole = Way(problem if as_it_is else replace(problem, extremes=None), problem)
    free, scaled = free_inputs(problem), scaled_inputs(problem)
    if free is not None:
        without = Way(free.rest, problem, free)
        searched = problem.network.outputs > 1 and problem.network.n_layers >= DEEP
        yield from (without, whole) if searched else (whole, without)
    elif scaled is not None:
        yield from (whole, Way(scaled.inside, problem, scaled))
    elif not as_it_is:
        yield whole


def _are_ordinary(problem: Problem) -> bool:
    """Whether nothing here applies: a look at sizes alone."""
    if problem.moments is None:
        return True
    largest = problem.data.largest_square
    return largest <= FREE**2 and largest <= APART**2 * problem.data.least_square


def answered_in_range(problem: Problem, solve: Solve) -> Minima | None:
    """The answer of a problem with inputs far from ordinary size; None for all others.

    Parameters
    ----------
    problem : Problem
    solve : callable
        Answers a problem that is left when these inputs are taken care of.
    """
    best, failed = None, None
    for way in ways(problem):
        try:
            found = way.answer(solve)
        except ENDED as error:
            failed = error
            continue
        if best is None or _better(found.certificate, best.certificate):
            best = found
        if best.certificate.holds:
            break
    if best is None and failed is not None:
        raise failed
    return best


def _better(one: Certificate, other: Certificate) -> bool:
    """Whether weights are better, or as good and better proved; bounds in the wrong order prove nothing."""
    if (one.relative_gap < 0.0) != (other.relative_gap < 0.0):
        return other.relative_gap < 0.0
    if abs(one.upper_bound - other.upper_bound) > ALIKE * other.upper_bound:
        return one.upper_bound < other.upper_bound
    return one.relative_gap < other.relative_gap
