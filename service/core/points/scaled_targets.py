"""Points of a landscape whose targets are far from ordinary size, described where they are of ordinary size.

Weights are divided by their powers of two, what is found is multiplied back.  Signs of curvature are the same in all
units (Sylvester's law of inertia); norms of gradients, where biases have other units than weights, are formed anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from service.core.extremes.reported import UNEVEN, point_with, terms_with, times
from service.core.extremes.targets import Exponents, ScaledTargets, scaled_targets
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of
from service.core.points.diagnosis import Diagnosis
from service.core.points.directions import Direction
from service.core.points.escapes import Escape

Describe = Callable[[DenseParameters, float | None], Diagnosis]
"""Describes a point of the problem inside, with a tolerance of its gradient or none."""


@dataclass(frozen=True)
class _Lengths:
    """What norms of gradients and of steps in the parameters are multiplied by.

    Attributes
    ----------
    gradient : float
        Of gradients in the direction of that at the point.
    weights : int
        Power of two of all weights.
    even : bool
        Whether biases have the same.
    """

    gradient: float
    weights: int
    even: bool


def targets_inside(problem: Problem) -> ScaledTargets | None:
    """The problem with targets of ordinary size, where it says all of the points of this one; else None."""
    scaled = scaled_targets(problem)
    return scaled if scaled is not None and not scaled.is_cut and scaled.exponents.weights is not None else None


def point_inside(point: DenseParameters, exponents: Exponents) -> DenseParameters:
    """The weights and biases that the point has where targets are of ordinary size."""
    return _moved(point, -exponents)


def described(scaled: ScaledTargets, point: DenseParameters, tolerance: float | None, describe: Describe) -> Diagnosis:
    """The description of a point.

    Parameters
    ----------
    scaled : ScaledTargets
        Its weights have one unit.
    point : DenseParameters
        In the units that were sent.
    tolerance : float or None
        Of the norm of the gradient, in these units.
    describe : callable
    """
    inside = point_inside(point, scaled.exponents)
    lengths = _lengths(scaled, inside)
    found = describe(inside, None if tolerance is None else tolerance / lengths.gradient)
    return _in_sent_units(found, scaled, inside, lengths)


def _moved(point: DenseParameters, exponents: Exponents, *, slopes: int | None = None) -> DenseParameters:
    """Parameters multiplied by their powers; gradients, where ``slopes`` is that of losses, divided by them."""

    def moved(array: FloatArray, power: int) -> FloatArray:
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.ldexp(array, power if slopes is None else slopes - power), dtype=np.float64)

    reached = [exponents.reached(index + 1) for index in range(len(exponents.layers))]
    return DenseParameters(
        tuple(moved(weight, power) for weight, power in zip(point.weights, exponents.layers, strict=True)),
        tuple(None if bias is None else moved(bias, power) for bias, power in zip(point.biases, reached, strict=True)),
    )


def _lengths(scaled: ScaledTargets, inside: DenseParameters) -> _Lengths:
    exponents, problem = scaled.exponents, scaled.inside
    power, even = exponents.weights or 0, not problem.network.bias_layers
    gradient = times(1.0, exponents.losses - power)
    if even:
        return _Lengths(gradient, power, even)
    slope = gradient_of(problem.network, problem.data, inside)
    own = float(np.linalg.norm(flatten(slope)))
    # in the unit of the weights first, so that squares stay in double precision
    sent = float(np.linalg.norm(flatten(_moved(slope, exponents, slopes=power))))
    return _Lengths(gradient if own == 0.0 else gradient * (sent / own), power, even)


def _in_sent_units(found: Diagnosis, scaled: ScaledTargets, inside: DenseParameters, lengths: _Lengths) -> Diagnosis:
    exponents = scaled.exponents
    losses, curvature = exponents.losses, exponents.losses - 2 * lengths.weights
    reasons = dict(found.reasons)
    if not lengths.even:
        reasons |= {name: UNEVEN for name in ("least_hessian_eigenvalue", "sharpness") if name not in reasons}

    def loss(value: float | None) -> float | None:
        return None if value is None else times(value, losses)

    least, largest = found.least_hessian_eigenvalue, found.sharpness
    decayed = bool(np.any(scaled.problem.network.weight_decays))
    return replace(
        found,
        loss=times(found.loss, losses),
        terms=terms_with(found.terms, losses),
        gap=loss(found.gap),
        gap_lower_bound=loss(found.gap_lower_bound),
        gap_upper_bound=loss(found.gap_upper_bound),
        gradient_norm=found.gradient_norm * lengths.gradient,
        gradient_tolerance=found.gradient_tolerance * lengths.gradient,
        least_hessian_eigenvalue=times(least, curvature) if lengths.even and least is not None else None,
        sharpness=times(largest, curvature) if lengths.even and largest is not None else None,
        zero_tolerance=times(found.zero_tolerance, curvature),
        escape=None if found.escape is None else _escape(found.escape, inside, exponents),
        directions=tuple(_direction(each, exponents.targets) for each in found.directions or ()),
        imbalances=tuple(times(each, losses if decayed else 2 * lengths.weights) for each in found.imbalances or ()),
        next_stationary_loss=loss(found.next_stationary_loss),
        plateau=None if found.plateau is None else point_with(found.plateau, None, exponents),
        reasons=reasons,
    )


def _escape(escape: Escape, inside: DenseParameters, exponents: Exponents) -> Escape:
    """The same step, its direction of length one in the units that were sent."""
    power = exponents.weights or 0
    moved = flatten(_moved(unflatten(escape.direction, inside), exponents))
    # in units of the weights, so that the norm stays in double precision
    moved = np.ldexp(moved, -power)
    length = float(np.linalg.norm(moved))
    return replace(
        escape,
        direction=moved / length,
        step=times(escape.step * length, power),
        decrease=times(escape.decrease, exponents.losses),
    )


def _direction(direction: Direction, power: int) -> Direction:
    return replace(
        direction,
        target=times(direction.target, power),
        reached=times(direction.reached, power),
        optimal=None if direction.optimal is None else times(direction.optimal, power),
    )
