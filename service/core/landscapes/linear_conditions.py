"""Hypotheses and instances that theorems on linear networks share."""

from typing import Final

import numpy as np

from service.core.data_facts.facts import GAP_TOLERANCE, DataFacts, data_facts_of
from service.core.ground.problems import Problem, Samples
from service.core.ground.rules import Fact, Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import case, samples
from service.core.landscapes.cases import on as on_data
from service.vocabulary import Loss, Property

NSM: Final = Property.NO_SPURIOUS_LOCAL_MINIMA
STRICT: Final = Property.ALL_SADDLES_STRICT
CONNECTED: Final = Property.SUBLEVEL_SETS_CONNECTED
ATTAINED: Final = Property.MINIMUM_ATTAINED


def explained(facts: DataFacts) -> list[float] | None:
    """Singular values of the explained targets as numbers."""
    return None if facts.explained is None else facts.explained.tolist()


def _distinct_values(values: list[float]) -> tuple[bool, float]:
    """Whether all are positive and unequal, and their least gap relative to the largest."""
    largest = values[0] if values else 0.0
    if largest <= 0.0:
        return False, 0.0
    gaps = [one - other for one, other in zip(values, [*values[1:], 0.0], strict=True)]
    least = min(gaps) / largest
    return least > GAP_TOLERANCE, least


def _distinct_spectrum(problem: Problem) -> Judgement:
    values = explained(data_facts_of(problem))
    if values is None:
        return on.unknown("without data the singular values are unknown")
    holds, gap = _distinct_values(values)
    evidence: dict[str, Fact] = {"least_relative_gap": gap, "tolerance": GAP_TOLERANCE}
    return on.judged(holds, "two singular values of the explained targets agree, or one is zero", **evidence)


def _no_more_outputs(problem: Problem) -> Judgement:
    inputs, outputs = on.inputs_of(problem), problem.network.outputs
    if inputs is None:
        return on.unknown(on.INPUTS_UNKNOWN, outputs=outputs)
    return on.judged(outputs <= inputs, "more outputs than inputs", inputs=inputs, outputs=outputs)


def _squared_or_filling(problem: Problem) -> Judgement:
    if problem.loss is Loss.SQUARED:
        return on.judged(True, "", loss=problem.loss.value)
    found = on.NO_BOTTLENECK.check(problem)
    return Judgement(found.holds, {"loss": problem.loss.value, **found.evidence}, found.reason)


SQUARED_OR_FILLING = Hypothesis("squared loss, or no bottleneck", _squared_or_filling)
DISTINCT_SPECTRUM = Hypothesis("distinct positive singular values of the explained targets", _distinct_spectrum)
NO_MORE_OUTPUTS = Hypothesis("no more outputs than inputs", _no_more_outputs)
DEEP = case((3, 4, 2), samples(12, 3, 2))
SHALLOW = case((3, 2), samples(12, 3, 2))


def with_equal_values(problem: Problem, outputs: int) -> Problem:
    """Whitened data whose explained targets have equal singular values."""
    x = np.vstack([np.eye(3), -np.eye(3)])
    return on_data(problem, Samples(x, x[:, :outputs].copy()))
