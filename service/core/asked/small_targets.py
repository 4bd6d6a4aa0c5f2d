"""Landscapes and phase boundaries of targets so small that their squares are below double precision."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from service.core.asked.landscape import Landscape, OriginSummary, ReducedCurve
from service.core.asked.sweeps.axes import Axis
from service.core.asked.sweeps.boundaries import trace
from service.core.asked.sweeps.transitions import Boundary, nothing
from service.core.extremes.reported import origin_with, point_with, thresholds_with, times
from service.core.extremes.targets import Exponents, ScaledTargets, scaled_targets
from service.core.ground.problems import Problem
from service.core.ground.results import Origin
from service.core.landscapes.barcode import Bar
from service.vocabulary import SweepParameter

LEAST_SQUARE: Final = 1e-290
"""Mean square of targets below which theorems cannot read them as they are."""
UNKNOWN: Final = "not known for targets whose squares are below double precision"
NUMBERS: Final = "numbers of rules are of targets in a unit of 2^{power}: their squares are too small"


def small_targets(problem: Problem) -> ScaledTargets | None:
    """The problem with targets of ordinary size, where theorems could not read them as they are; else None."""
    if problem.moments is None or problem.data.yy > LEAST_SQUARE:
        return None
    return scaled_targets(problem)


def summarised(problem: Problem, summarise: Callable[[Problem], Landscape]) -> Landscape:
    """The landscape of a problem, read off one with targets of ordinary size where its own are too small."""
    scaled = small_targets(problem)
    if scaled is None:
        return summarise(problem)
    found, exponents, curve = summarise(scaled.inside), scaled.exponents, None
    if found.curve is not None:
        norms, losses = found.curve.norms, found.curve.losses
        curve = ReducedCurve(np.ldexp(norms, exponents.targets), np.ldexp(losses, exponents.losses))
    return replace(
        found,
        origin=_origin(found.origin, problem, exponents),
        points=tuple(point_with(point, None, exponents) for point in found.points),
        completeness=f"{found.completeness}; {NUMBERS.format(power=exponents.targets)}",
        thresholds=None if found.thresholds is None else thresholds_with(found.thresholds, exponents),
        curve=curve,
        bars=tuple(_bar(bar, exponents) for bar in found.bars),
    )


def traced(problem: Problem, axes: Sequence[Axis], index: int) -> Boundary:
    """Boundaries along an axis of a diagram of a problem that is read like that; parameters are those of `trace`."""
    scaled = small_targets(problem)
    if scaled is None:
        return trace(problem, axes, index)
    exponents = scaled.exponents
    decay = exponents.losses - 2 * (exponents.weights or 0)
    inside = [_axis(axis, -decay) for axis in axes]
    if scaled.is_cut or any(
        axis.parameter is SweepParameter.DEPTH or not np.isfinite(axis.values).all() for axis in inside
    ):
        other = [axis.values.size for place, axis in enumerate(axes) if place != index]
        return nothing(index, other[0] if other else 1, UNKNOWN)
    found = trace(scaled.inside, inside, index)
    decay = decay if axes[index].parameter is SweepParameter.WEIGHT_DECAY else 0
    transitions = tuple(
        replace(
            each,
            critical=np.ldexp(each.critical, decay),
            norm_before=np.ldexp(each.norm_before, exponents.targets),
            norm_after=np.ldexp(each.norm_after, exponents.targets),
        )
        for each in found.transitions
    )
    return replace(found, transitions=transitions, metastable=np.ldexp(found.metastable, decay))


def _axis(axis: Axis, power: int) -> Axis:
    if axis.parameter is not SweepParameter.WEIGHT_DECAY:
        return axis
    with np.errstate(over="ignore"):
        return replace(axis, values=np.ldexp(axis.values, power))


def _origin(origin: OriginSummary, problem: Problem, exponents: Exponents) -> OriginSummary:
    if origin.point_class is None:
        return origin
    numbers = (origin.least_hessian_eigenvalue, origin.barrier_height, origin.escape_norm)
    reported = origin_with(Origin(origin.point_class, *numbers, origin.reasons), problem.network, exponents)
    return replace(
        origin,
        least_hessian_eigenvalue=reported.least_hessian_eigenvalue,
        barrier_height=reported.barrier_height,
        escape_norm=reported.escape_norm,
        reasons=reported.reasons,
    )


def _bar(bar: Bar, exponents: Exponents) -> Bar:
    def loss(value: float | None) -> float | None:
        return None if value is None else times(value, exponents.losses)

    return replace(
        bar,
        birth=times(bar.birth, exponents.losses),
        death=loss(bar.death),
        norm=times(bar.norm, exponents.targets),
        at_least=loss(bar.at_least),
        at_most=loss(bar.at_most),
    )
