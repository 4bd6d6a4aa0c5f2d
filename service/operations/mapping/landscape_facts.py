"""Facts about data beside a landscape, on the wire; every one that is missing has its reason."""

import math
from typing import Final

import numpy as np

from service.core.asked.small_targets import small_targets
from service.core.data_facts.facts import WHITE_TOLERANCE, data_facts_of
from service.core.data_facts.separation import separation_of
from service.core.extremes.reported import times
from service.core.extremes.targets import Exponents
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.landscapes.kernel import MOST_SAMPLES, kernel_of
from service.schemas import landscape as wire
from service.schemas.base import with_reasons
from service.vocabulary import Loss

LABELLED: Final = (Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY)


def facts_to_wire(problem: Problem) -> wire.DataFacts:
    """What is known about the data of a problem."""
    small = small_targets(problem)
    if small is not None:
        problem = small.inside
    facts = data_facts_of(problem)
    tolerance = None if facts.moments is None else facts.moments.spectrum.rank_tolerance
    deviation = None if facts.whitening is None else facts.whitening[1]
    finite = deviation is not None and math.isfinite(deviation)
    labelled = problem.loss in LABELLED
    separation = separation_of(problem, offset=True) if labelled else None
    explained, residual = facts.explained, facts.affine_residual
    if small is not None:
        explained, residual = _in_sent_units(explained, residual, small.exponents)
    return with_reasons(
        wire.DataFacts(
            samples=facts.n,
            distinct_inputs=facts.distinct,
            conflicting_inputs=facts.conflicting,
            rank_x=facts.rank_x,
            rank_x_and_one=facts.rank_x_and_one,
            rank_y=facts.rank_y,
            rank_xy=facts.rank_xy,
            rank_tolerance=tolerance,
            singular_values=None if explained is None else explained.tolist(),
            affine_residual=residual,
            linearly_separable=None if separation is None else separation.separable,
            margin_with_offset=None if separation is None else separation.margin,
            whitened=None if deviation is None else deviation <= WHITE_TOLERANCE,
            whitening_deviation=deviation if finite else None,
            kernel_least_eigenvalue=kernel_of(problem) if (facts.n or 0) <= MOST_SAMPLES else None,
            reasons={},
        ),
        lambda name: _why(name, problem, labelled=labelled),
    )


def _in_sent_units(
    explained: FloatArray | None, residual: float | None, exponents: Exponents
) -> tuple[FloatArray | None, float | None]:
    """Facts of targets that were measured in a power of two."""
    return (
        None if explained is None else np.ldexp(explained, exponents.targets),
        None if residual is None else times(residual, exponents.losses),
    )


def _why(name: str, problem: Problem, *, labelled: bool) -> str:
    if problem.moments is None:
        return "there are no data"
    if name in ("linearly_separable", "margin_with_offset") and not labelled:
        return "the loss is not one of classification"
    if name == "whitening_deviation":
        return "all inputs are zero"
    if name == "kernel_least_eigenvalue" and problem.samples is not None:
        return f"computed for up to {MOST_SAMPLES} samples"
    if name in ("samples", "rank_x_and_one", "affine_residual") and problem.samples is None:
        return "not given with the moments"
    return "the samples themselves are needed"
