"""Where a given point of the landscape of a linear network is: its loss, class, gap, and the way out.

See ``docs/theory/diagnosis.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from service.core.ground.parameters import Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import Minima, StationaryPoint, Terms
from service.core.losses.dense import DenseParameters, end_to_end
from service.core.losses.enclosed import loss_of_weights
from service.core.points.classes import closed_gap, curvature_of
from service.core.points.directions import Direction, directions_of, imbalances
from service.core.points.escapes import Escape, escape_from
from service.core.points.gaps import gaps_of, loss_rounding
from service.core.points.given_weights import check_parameters
from service.core.points.point_class import class_at
from service.core.points.stationarity import stationarity_of
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.vocabulary import Evidence, NumberFormat, PointClass, ToleranceSource

PLATEAU = 0.02


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that is said about a point.

    Attributes
    ----------
    point_class : PointClass
    evidence : Evidence
        How the class is known.
    because : str
        What decided the class.
    loss : float
    terms : Terms
    gap : float or None
        Loss above the global minimum (or the best known value).
    gap_lower_bound, gap_upper_bound : float or None
        What is certain about the gap.
    gradient_norm, gradient_tolerance : float
        Up to the tolerance a gradient of this direction counts as zero.
    tolerance_source : ToleranceSource
        What set the tolerance.
    precision : NumberFormat
        The format in which the weights are stored, judged by their digits.
    least_hessian_eigenvalue : float or None
    sharpness : float or None
        Largest eigenvalue of the Hessian.
    zero_tolerance : float
        Modulus below which an eigenvalue of the Hessian counts as zero.
    inertia : mapping or None
        Numbers of positive, negative and zero eigenvalues of the Hessian, the last within the tolerance.
    escape : Escape or None
    directions : tuple of Direction or None
    imbalances : tuple of float or None
        One for each pair of neighbouring layers.
    next_stationary_loss : float or None
        Largest listed stationary value below the loss.
    plateau : StationaryPoint or None
        For a point with a gradient: the listed stationary point whose loss and map are near, where training lingers.
    reasons : mapping
        Why a number is missing.
    """

    point_class: PointClass
    evidence: Evidence
    because: str
    loss: float
    terms: Terms
    gap: float | None
    gap_lower_bound: float | None
    gap_upper_bound: float | None
    gradient_norm: float
    gradient_tolerance: float
    tolerance_source: ToleranceSource
    precision: NumberFormat
    least_hessian_eigenvalue: float | None
    sharpness: float | None
    zero_tolerance: float
    inertia: dict[str, int] | None
    escape: Escape | None
    directions: tuple[Direction, ...] | None
    imbalances: tuple[float, ...] | None
    next_stationary_loss: float | None
    plateau: StationaryPoint | None
    reasons: dict[str, str] = field(default_factory=dict)


def diagnose(
    problem: Problem,
    parameters: DenseParameters,
    minima: Minima | None = None,
    unknown: str = "the global minimum of this problem is not known",
    gradient_tolerance: float | None = None,
) -> Diagnosis:
    """Describe a point of the landscape of a linear network.

    Parameters
    ----------
    problem : Problem
        Linear activations, no skips; any noise and decay, and layers that are not trained.
    parameters : DenseParameters
    minima : Minima, optional
        The global minimum of the problem, where a solver covers it.
    unknown : str
        Why it is missing, if it is.
    gradient_tolerance : float, optional
        Norm of the gradient up to which the caller counts a point as stationary.

    Raises
    ------
    InputError
        If the parameters do not fit the network.
    """
    check_parameters(problem, parameters)
    network = problem.network
    terms = loss_of_weights(problem, network, parameters).terms
    gaps = gaps_of(terms.loss, lambda: loss_rounding(problem, parameters), minima, unknown)
    known = minima if gaps.gap is not None else None
    near = gaps.gap is not None and gaps.gap <= closed_gap(problem, terms.loss)
    found_weights = _dense_minimum(known) if near else None
    at = stationarity_of(problem, parameters, gradient_tolerance, found_weights)
    curvature = curvature_of(problem, parameters, at.hessian_rounding, at.gradient)
    reasons = {**curvature.reasons, **gaps.reasons}
    found = class_at(problem, parameters, terms.loss, gaps, at, curvature)
    escape = escape_from(problem, parameters, found.point_class, at.gradient, curvature)
    if escape is None:
        reasons["escape"] = no_escape(found.point_class)
    quadratic = quadratic_of(problem)
    product = end_to_end(parameters)[0]
    optimal = None if known is None else known.solution.minimum.end_to_end_map
    size = problem.spread
    return Diagnosis(
        found.point_class,
        found.evidence,
        found.because,
        terms.loss,
        terms,
        gaps.gap,
        gaps.at_least,
        gaps.at_most,
        at.norm,
        at.tolerance,
        at.source,
        at.precision,
        curvature.least,
        curvature.largest,
        curvature.zero_tolerance,
        curvature.inertia,
        escape,
        directions_of(quadratic, product, optimal),
        imbalances(network, parameters.weights),
        _next_value(terms.loss, size, known, reasons),
        None if at.stationary else _plateau(terms.loss, float(np.linalg.norm(product)), size, known, reasons),
        reasons,
    )


def _dense_minimum(minima: Minima | None) -> DenseParameters | None:
    """The weights that the service itself returns, where it has them."""
    found: Parameters | None = None if minima is None else minima.solution.minimum.parameters
    if found is None:
        return None
    biases = tuple(None if bias is None else bias.dense()[:, 0] for bias in found.biases)
    return DenseParameters(tuple(weight.dense() for weight in found.weights), biases)


def _plateau(
    loss: float, norm: float, size: float, minima: Minima | None, reasons: dict[str, str]
) -> StationaryPoint | None:
    """The listed stationary point nearest in loss, if loss and norm of the map are within 2 %."""
    reasons["plateau"] = "no listed stationary point has nearly this loss and norm"
    if minima is None:
        return None
    points = minima.solution.stationary_points
    nearest = min(points, key=lambda point: abs(point.loss - loss), default=None)
    longest = max(norm, float(np.linalg.norm(minima.solution.minimum.end_to_end_map)))
    if nearest is None or abs(nearest.loss - loss) > PLATEAU * size or abs(nearest.norm - norm) > PLATEAU * longest:
        return None
    del reasons["plateau"]
    return nearest


def no_escape(point_class: PointClass) -> str:
    """Why no way down is reported."""
    if point_class is PointClass.GLOBAL_MINIMUM:
        return "a global minimum: no direction leads down"
    if point_class is PointClass.LOCAL_MINIMUM:
        return "a local minimum: no direction leads down from it, only a step over a barrier"
    return "no descent was found"


def _next_value(loss: float, size: float, minima: Minima | None, reasons: dict[str, str]) -> float | None:
    if minima is None:
        reasons["next_stationary_loss"] = "the stationary points of this problem are not known"
        return None
    losses: Sequence[float] = [point.loss for point in minima.solution.stationary_points]
    below = [value for value in [*losses, minima.solution.minimum.loss] if value < loss - 1e-9 * size]
    if not below:
        reasons["next_stationary_loss"] = "no stationary value is known below this loss"
        return None
    return max(below)
