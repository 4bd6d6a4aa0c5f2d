"""From a problem with frozen layers, skips or a weighted error to a plain network, by the table of reductions.

Rules are tried in the order of the table until nothing is left to remove; what cannot be removed is named.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.problems import Problem
from service.core.reductions.absorbed import absorbed
from service.core.reductions.backwards import turned_round
from service.core.reductions.frozen import leading, neighbours
from service.core.reductions.objective import seen_problem, weighted_errors, weighting_of, without_biases
from service.core.reductions.skips import without_skip
from service.core.reductions.step import Step, Weights
from service.errors import Attempt, NotCovered
from service.vocabulary import Activation, Loss

Rule: TypeAlias = Callable[[Problem], Step | str | None]

MOST_STEPS: Final = 4000
"""More than any network within the limits needs."""


def removable_skip(problem: Problem) -> Step | str | None:
    """Some skip that can be removed; if none can, why not the first."""
    skips = problem.network.skips
    if not skips:
        return None
    if np.any(problem.network.noise_variances):
        return "hidden noise that skips bypass"
    reasons: list[str] = []
    for number in range(len(skips)):
        found = without_skip(problem, number)
        if isinstance(found, Step):
            return found
        reasons.append(found)
    return "; ".join(reasons)


RULES: Final[tuple[Rule, ...]] = (
    weighted_errors,
    without_biases,
    removable_skip,
    leading,
    neighbours,
    absorbed,
    turned_round,
)
"""In the order in which they are tried."""


@dataclass(frozen=True)
class Reduction:
    """Steps from ``problem`` to ``plain``, in order."""

    problem: Problem
    steps: tuple[Step, ...]

    @cached_property
    def plain(self) -> Problem:
        """The network without frozen layers, skips and weights of the error; its gaps are those of the problem."""
        floor = max(seen_problem(self.problem)[0].unit(0.0), self.constant)
        return replace(self.steps[-1].problem, gap_floor=floor)

    @property
    def constant(self) -> float:
        """Loss of the problem minus that of the plain one."""
        return float(sum(step.constant for step in self.steps))

    @property
    def share(self) -> float:
        """Share of the loss by which bounds of the plain network may be too high."""
        return float(sum(step.share for step in self.steps))

    @property
    def searched(self) -> bool:
        """Whether bounds hold for maps up to a norm only, whatever those of the plain network say."""
        return any(step.searched for step in self.steps)

    def lost(self, upper: float) -> float:
        """What else may come off these bounds, for weights that cost no more than ``upper``."""
        return float(sum(step.lost(upper) for step in self.steps))

    def limit(self, limit: float, upper: float) -> float:
        """A norm up to which maps of the problem are searched if those of the plain network are up to ``limit``."""
        for step in reversed(self.steps):
            limit = step.limit(limit, upper)
        return limit

    def lift(self, weights: Weights, end_map: FloatArray) -> Weights:
        """Weights of the problem from those of the plain network, whose end-to-end map is ``end_map`` (k, d)."""
        for step in reversed(self.steps):
            weights = step.lift(weights, end_map)
            end_map = step.lift_map(end_map)
        return weights

    def lift_map(self, end_map: FloatArray) -> FloatArray:
        """End-to-end map (k, d) of the problem from that of the plain network."""
        for step in reversed(self.steps):
            end_map = step.lift_map(end_map)
        return end_map

    def project(self, weights: Weights) -> Weights:
        """Weights of the plain network from those of the problem."""
        for step in self.steps:
            weights = step.project(weights)
        return weights


def needs_reduction(problem: Problem) -> bool:
    """Whether a problem has parts that no solver knows but a reduction may remove."""
    network = problem.network
    frozen = any(layer.frozen_weights is not None for layer in network.layers)
    return frozen or bool(network.skips) or (problem.loss is Loss.WEIGHTED_SQUARED and not _is_convex(problem))


def _is_convex(problem: Problem) -> bool:
    """Whether weights of the error that are no product do no harm: to a single layer."""
    weights = None if problem.samples is None else problem.samples.weights
    return problem.network.n_layers == 1 and weights is not None and weighting_of(weights) is None


def reduce(problem: Problem) -> Reduction | str:
    """The plain network with the same least loss, or in words what stands in the way."""
    network = problem.network
    if problem.moments is None:
        return "no data were given"
    if any(layer.activation is not Activation.LINEAR for layer in network.layers):
        return "an activation is not linear"
    if problem.loss not in (Loss.SQUARED, Loss.WEIGHTED_SQUARED):
        return f"the loss is {problem.loss.value}"
    asked, steps = problem, list[Step]()
    while len(steps) < MOST_STEPS:
        found = _next(problem)
        if isinstance(found, str):
            counted = asked.loss is Loss.WEIGHTED_SQUARED and steps
            return found + " (weights of the outputs count as a frozen last layer)" if counted else found
        if found is None:
            break
        steps.append(found)
        problem = found.problem
    if all(layer.frozen_weights is not None for layer in problem.network.layers):
        return "no layer is trained"
    return Reduction(asked, tuple(steps)) if steps else "nothing can be removed"


def _next(problem: Problem) -> Step | str | None:
    reasons: list[str] = []
    for rule in RULES:
        found = rule(problem)
        if isinstance(found, Step):
            return found
        if found is not None:
            reasons.append(found)
            if rule in (weighted_errors, without_biases, removable_skip):
                break
    return "; ".join(reasons) if reasons else None


def reduced(problem: Problem, attempts: tuple[Attempt, ...]) -> Reduction:
    """`reduce`, or `NotCovered` with ``attempts`` and what stands in the way."""
    found = reduce(problem)
    if isinstance(found, str):
        raise NotCovered([*attempts, Attempt("reductions", {"frozen layers, skips and weights can be removed": found})])
    return found
