"""Whether a point is stationary: the gradient with its rounding has to hold zero, or the caller says what is enough.

See ``docs/theory/diagnosis.md``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters, flatten
from service.core.losses.expected import gradient_of
from service.core.losses.trained import trained_mask
from service.core.points.gradient_bound import POWER_STEPS, GradientBound, sizes_of
from service.core.points.precision import Format, format_of
from service.core.points.weight_rounding import DOUBLE_UNIT, layer_sizes, rounding_of
from service.vocabulary import NumberFormat, ToleranceSource

SINGLE_UNIT = 2.0**-24


@dataclass(frozen=True, slots=True)
class Stationarity:
    """The gradient at a point and what it is compared with.

    Attributes
    ----------
    gradient : (P,) array
        With respect to what is trained, zero elsewhere.
    norm : float
    stationary : bool
    tolerance : float
        Largest norm that a gradient in this direction may have.
    source : ToleranceSource
        What set the tolerance: the rounding of the gradient, the precision in which the weights are stored, the
        minimum that the service itself returns, or the caller.
    precision : NumberFormat
        The format in which the weights are stored, judged by their digits.
    unit : float
        Unit roundoff of the weights in the sense that decided: that of a shorter format only where it was needed.
    hessian_rounding : float
        Bound on what evaluation and the rounding of the weights change in the Hessian, as a norm.
    allowed_gap : float
        What rounding of the weights alone can cost at a minimum.
    """

    gradient: FloatArray
    norm: float
    stationary: bool
    tolerance: float
    source: ToleranceSource
    precision: NumberFormat
    unit: float
    hessian_rounding: float
    allowed_gap: float


def stationarity_of(
    problem: Problem,
    parameters: DenseParameters,
    wanted: float | None = None,
    of_minimum: DenseParameters | None = None,
) -> Stationarity:
    """Judge the gradient at a point, entry by entry, for layers with a bias at fixed means of their outputs.

    Parameters
    ----------
    problem : Problem
        Of a linear network with data.
    parameters : DenseParameters
    wanted : float, optional
        Norm of the gradient up to which the caller counts a point as stationary.
    of_minimum : DenseParameters, optional
        Certified weights of the global minimum: what they are allowed, the point is allowed as well if its loss is no
        larger, which the caller has checked.

    Notes
    -----
    The rounding of an entry is ``gamma_m`` times the sum of the absolute values of its terms, plus what moving every
    weight within its own rounding changes.  Where that does not reach zero and the digits show a shorter format, the
    weights may move within the rounding of that format, and the gradient be evaluated in single precision.
    """
    network, bound = problem.network, GradientBound.of(problem)
    trained = trained_mask(network, parameters)
    gradient = np.where(trained, flatten(gradient_of(network, problem.data, parameters)), 0.0)
    norm = float(np.linalg.norm(gradient))
    judged = np.where(trained, bound.values(parameters), 0.0)
    own, sizes = sizes_of(parameters), layer_sizes(np.diagonal(bound.signed.spread), parameters)
    terms, moves = bound.gradient(own), rounding_of(sizes, parameters, None)
    allowed = bound.share * terms + bound.spread(own, moves, scale=2.0**20)
    source, unit, stored = ToleranceSource.ROUNDING, DOUBLE_UNIT, stored_format(problem, parameters)
    if stored is not None and not holds_zero(judged, allowed):
        source, unit, moves = ToleranceSource.PRECISION, stored.unit, rounding_of(sizes, parameters, stored)
        allowed = allowed + bound.roundings * SINGLE_UNIT * terms + bound.spread(own, moves)
    stationary, tolerance = holds_zero(judged, allowed), norm_within(judged, allowed, norm)
    if not stationary:
        for other, granted in _granted(problem, wanted, of_minimum):
            if granted > tolerance:
                stationary, tolerance, source, unit = norm <= granted, granted, other, DOUBLE_UNIT
            if stationary:
                break
    share = bound.share + (2 * network.n_layers - 1) * unit
    steps = 1 if unit == DOUBLE_UNIT else POWER_STEPS
    return Stationarity(
        gradient,
        norm,
        stationary,
        tolerance,
        source,
        NumberFormat.DOUBLE if stored is None else stored.precision,
        unit,
        share * bound.hessian(sizes, trained, steps),
        float(np.sum(flatten(moves) * allowed * trained)),
    )


def _granted(
    problem: Problem, wanted: float | None, of_minimum: DenseParameters | None
) -> Iterator[tuple[ToleranceSource, float]]:
    """Norms that are allowed for other reasons than rounding."""
    if of_minimum is not None:
        least = flatten(gradient_of(problem.network, problem.data, of_minimum))
        yield ToleranceSource.MINIMUM, float(np.linalg.norm(least * trained_mask(problem.network, of_minimum)))
    if wanted is not None:
        yield ToleranceSource.REQUEST, wanted


def stored_format(problem: Problem, parameters: DenseParameters) -> Format | None:
    """The format of what is trained."""
    layers = zip(problem.network.layers, parameters.weights, strict=True)
    arrays = [weight for layer, weight in layers if layer.frozen_weights is None]
    return format_of([*arrays, *(bias for bias in parameters.biases if bias is not None)])


def holds_zero(gradient: FloatArray, rounding: FloatArray) -> bool:
    """Whether every entry (P,) is zero within its rounding."""
    return bool(np.all(np.abs(gradient) <= rounding))


def norm_within(judged: FloatArray, rounding: FloatArray, norm: float) -> float:
    """Norm at which a gradient (P,) of this direction would just hold zero; that of its rounding (P,) if it is zero."""
    sizes = np.abs(judged)
    if not sizes.any():
        return max(float(np.linalg.norm(rounding)), norm)
    moved = sizes > 0.0
    return float(np.min(rounding[moved] / sizes[moved])) * norm
