"""Every solver on decays and noise from 1e-12 to 1e6 and up to ten layers: answered, finite, bounds in order."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from typing import Final

import numpy as np

from evidence.bracket_instances import KINDS, Instance
from service.core.dispatch import solve
from service.core.models.vae_minima import vae_minima
from service.core.problems import Problem
from service.core.results import Minima
from service.vocabulary import Status

INSTANCES: Final = 2_000
FEWER: Final = {"nuclear_norm": 600, "rank_one_bottleneck": 600, "uncentred_noise": 300, "noisy_bounded": 300}
"""Of kinds whose solvers search, which takes longer."""


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
        answer = answer_of(KINDS[kind](np.random.default_rng(seed)))
        wrong = faults(answer)
        if wrong:
            raise AssertionError(f"{kind}, seed {seed}: {', '.join(wrong)}")
        tally.add(answer)
    return tally


def report() -> str:
    """One row a kind."""
    rows = [
        f"| {kind} | {tally.instances} | {tally.learned} | "
        + " | ".join(str(tally.statuses[status]) for status in Status)
        + f" | {tally.worst_gap:.0e} |"
        for kind in KINDS
        for tally in [scan(kind, range(FEWER.get(kind, INSTANCES)))]
    ]
    return (
        "Random problems with weight decays, noise variances, weights of a divergence and decoder variances drawn "
        "uniformly in the logarithm from 1e-12 to 1e6: all layers alike, within a factor of some four of one another, "
        "or each on its own; two to ten layers where the solver knows them. The second row of `factorisation` puts a "
        "decay within a billionth, and often within rounding, of the two thresholds of a direction.\n\n"
        "Each answer is solved and certified. The run fails if one raises, holds a number that is not finite, has a "
        "lower bound above its upper one, a negative term, or a stationary point below its minimum. A solver may hand "
        "a problem to another one that covers it more strongly.\n\n"
        "| kind | problems | minimum not zero | exact | certified | bounded | widest relative gap |\n"
        "|---|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )
