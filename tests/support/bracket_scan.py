"""What every answer must be, whatever the problem: finite, its bounds in order, no term negative."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from typing import Final

import numpy as np

from service.core.dispatch import solve
from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.core.models.vae_minima import vae_minima
from service.vocabulary import Status
from tests.support.bracket_instances import KINDS, Instance

CLOSED: Final = frozenset({"factorisation", "factorisation at its thresholds", "unconstrained features"})
"""Kinds in closed form whose inputs may lack directions."""
ROUNDING: Final = 1e-13
"""What rounding may leave of a gap there, in units of the targets' mean square."""


def numbers_of(value: object, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of an answer with its place; what may be missing is None."""
    if isinstance(value, bool | str | Enum) or value is None:
        return
    if isinstance(value, int | float | np.floating | np.integer):
        yield path, float(value)
    elif isinstance(value, np.ndarray):
        yield path, float(value.sum()) if np.isfinite(value).all() else float("nan")
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from numbers_of(getattr(value, one.name), f"{path}.{one.name}")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from numbers_of(item, f"{path}.{name}")
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from numbers_of(item, f"{path}[{index}]")


def answer_of(instance: Instance) -> Minima:
    """The certified answer of a fresh copy."""
    problem: Problem = replace(instance.problem)
    return solve(problem) if instance.model is None else vae_minima(problem, instance.model).minima


def faults(answer: Minima) -> list[str]:
    """What is wrong with an answer, whatever the problem."""
    solution, certificate = answer.solution, answer.certificate
    found = [f"not finite: {path}" for path, number in numbers_of((solution, certificate)) if not np.isfinite(number)]
    if certificate.lower_bound > certificate.upper_bound:
        found.append("the lower bound is above the upper one")
    terms = solution.minimum.terms
    if min(terms.noise, terms.decay) < 0.0:
        found.append("a negative term")
    least = min((point.loss for point in solution.stationary_points), default=np.inf)
    if least < solution.minimum.loss - 1e-9 * abs(solution.minimum.loss) - certificate.rounding_allowance:
        found.append("a stationary point is below the minimum")
    return found


@dataclass
class Tally:
    """What is counted for one kind."""

    instances: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    learned: int = 0
    worst_gap: float = 0.0

    def add(self, answer: Minima) -> None:
        """Count one answer."""
        self.instances += 1
        self.statuses[answer.status] += 1
        self.learned += not answer.solution.minimum.trivial
        self.worst_gap = max(self.worst_gap, answer.certificate.relative_gap)


def scan(kind: str, seeds: Iterable[int]) -> Tally:
    """Try the instances of one kind.

    Raises
    ------
    AssertionError
        Naming kind and seed of an instance whose answer has a fault; what a solver raises passes through.
    """
    tally = Tally()
    for seed in seeds:
        instance = KINDS[kind](np.random.default_rng(seed))
        answer = answer_of(instance)
        wrong = faults(answer)
        gap = answer.certificate.upper_bound - answer.certificate.lower_bound
        if kind in CLOSED and answer.status is not Status.EXACT and gap > ROUNDING * instance.problem.data.yy:
            wrong.append(f"a gap of {gap:g}")
        if wrong:
            raise AssertionError(f"{kind}, seed {seed}: {', '.join(wrong)}")
        tally.add(answer)
    return tally
