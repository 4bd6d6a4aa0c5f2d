"""Where a given point of the landscape of a linear network is: its loss, class, gap, and the way out.

See ``docs/theory/diagnosis.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from service.core.arrays import FloatArray
from service.core.landscapes.classes import Classified, classify, curvature_of
from service.core.landscapes.directions import Direction, directions_of, imbalances
from service.core.landscapes.escapes import Escape, escape_from
from service.core.landscapes.trained import trained_mask
from service.core.linear.quadratic import quadratic_of
from service.core.losses import DenseParameters, end_to_end, flatten, gradient_of, terms_of
from service.core.problems import Problem, shapes_of
from service.core.results import Minima, StationaryPoint, Terms
from service.errors import FieldProblem, InputError
from service.vocabulary import Evidence, PointClass

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
        Below the tolerance a point counts as stationary.
    least_hessian_eigenvalue : float or None
    zero_tolerance : float
        Modulus below which an eigenvalue of the Hessian counts as zero.
    inertia : mapping or None
        Numbers of positive, negative and zero eigenvalues of the Hessian, the last within the tolerance.
    escape : Escape or None
    directions : tuple of Direction
    imbalances : tuple of float
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
    least_hessian_eigenvalue: float | None
    zero_tolerance: float
    inertia: dict[str, int] | None
    escape: Escape | None
    directions: tuple[Direction, ...]
    imbalances: tuple[float, ...]
    next_stationary_loss: float | None
    plateau: StationaryPoint | None
    reasons: dict[str, str] = field(default_factory=dict)


def check_parameters(problem: Problem, parameters: DenseParameters) -> None:
    """Refuse weights that do not fit the network.

    Raises
    ------
    InputError
        Naming each layer whose shape does not chain, which holds a number that is not finite, or others than its own
        where it is not trained.
    """
    shapes = shapes_of(problem.network, problem.data.inputs)
    problems: list[FieldProblem] = []
    if len(parameters.weights) != len(shapes):
        raise InputError.at(("weights",), f"must hold {len(shapes)} matrices, one for each layer")
    for index, (weight, shape) in enumerate(zip(parameters.weights, shapes, strict=True)):
        if weight.shape != shape:
            problems.append(FieldProblem(("weights", index), f"must have {shape[0]} rows and {shape[1]} columns"))
        elif not np.all(np.isfinite(weight)):
            problems.append(FieldProblem(("weights", index), "must hold finite numbers only"))
        elif not _as_frozen(weight, problem.network.layers[index].frozen_weights):
            detail = "must be the frozen_weights of the layer, which is not trained"
            problems.append(FieldProblem(("weights", index), detail))
    for index, bias in enumerate(parameters.biases):
        expected = problem.network.has_bias(index)
        if expected != (bias is not None):
            detail = "is missing" if expected else "is given, but the layer has no bias"
            problems.append(FieldProblem(("biases", index), detail))
        elif bias is not None and (bias.shape != (shapes[index][0],) or not np.all(np.isfinite(bias))):
            problems.append(FieldProblem(("biases", index), f"must hold {shapes[index][0]} finite numbers"))
    if problems:
        raise InputError(problems)


def _as_frozen(weight: FloatArray, frozen: FloatArray | None) -> bool:
    return frozen is None or bool(np.allclose(weight, frozen, rtol=1e-12, atol=0.0))


def diagnose(
    problem: Problem,
    parameters: DenseParameters,
    minima: Minima | None = None,
    unknown: str = "the global minimum of this problem is not known",
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

    Raises
    ------
    InputError
        If the parameters do not fit the network.
    """
    check_parameters(problem, parameters)
    network, moments = problem.network, problem.data
    terms = terms_of(network, moments, parameters)
    gradient = flatten(gradient_of(network, moments, parameters)) * trained_mask(network, parameters)
    tolerance = gradient_tolerance(problem, parameters)
    curvature = curvature_of(problem, parameters)
    reasons = dict(curvature.reasons)
    gap, surely, at_most = _gaps(terms.loss, minima, unknown, reasons)
    stationary = float(np.linalg.norm(gradient)) <= tolerance
    if stationary:
        found = classify(problem, parameters, curvature, terms.loss, gap)
    else:
        found = Classified(PointClass.NOT_STATIONARY, Evidence.PROVED, "the gradient is above its tolerance")
    escape = escape_from(problem, parameters, found.point_class, gradient, curvature)
    if escape is None:
        reasons["escape"] = _no_escape(found.point_class)
    quadratic = quadratic_of(problem)
    product = end_to_end(parameters)[0]
    optimal = None if minima is None else minima.solution.minimum.end_to_end_map
    return Diagnosis(
        found.point_class,
        found.evidence,
        found.because,
        terms.loss,
        terms,
        gap,
        surely,
        at_most,
        float(np.linalg.norm(gradient)),
        tolerance,
        curvature.least,
        curvature.zero_tolerance,
        curvature.inertia,
        escape,
        directions_of(quadratic, product, optimal),
        imbalances(network, parameters.weights),
        _next_value(terms.loss, moments.yy, minima, reasons),
        None if stationary else _plateau(terms.loss, float(np.linalg.norm(product)), moments.yy, minima, reasons),
        reasons,
    )


def _plateau(
    loss: float, norm: float, yy: float, minima: Minima | None, reasons: dict[str, str]
) -> StationaryPoint | None:
    """The listed stationary point nearest in loss, if loss and norm of the map are within 2 %."""
    reasons["plateau"] = "no listed stationary point has nearly this loss and norm"
    if minima is None:
        return None
    points = minima.solution.stationary_points
    nearest = min(points, key=lambda point: abs(point.loss - loss), default=None)
    if nearest is None or abs(nearest.loss - loss) > PLATEAU * yy or abs(nearest.norm - norm) > PLATEAU * (norm + 1.0):
        return None
    del reasons["plateau"]
    return nearest


def gradient_tolerance(problem: Problem, parameters: DenseParameters) -> float:
    """Gradient norm below which a point counts as stationary: ``1e-7 yy`` over the norm of the weights."""
    size = float(np.linalg.norm(flatten(parameters)))
    yy = problem.data.yy
    return 1e-7 * (yy / size if size > np.sqrt(yy) * 1e-8 else float(np.sqrt(yy)))


def _gaps(
    loss: float, minima: Minima | None, unknown: str, reasons: dict[str, str]
) -> tuple[float | None, float | None, float | None]:
    if minima is None:
        reasons.update(dict.fromkeys(("gap", "gap_lower_bound", "gap_upper_bound"), unknown))
        return None, None, None
    at_least = max(loss - minima.certificate.upper_bound, 0.0)
    return loss - minima.solution.minimum.loss, at_least, max(loss - minima.certificate.lower_bound, 0.0)


def _no_escape(point_class: PointClass) -> str:
    if point_class is PointClass.GLOBAL_MINIMUM:
        return "a global minimum: no direction leads down"
    if point_class is PointClass.LOCAL_MINIMUM:
        return "a local minimum: no direction leads down from it, only a step over a barrier"
    return "no descent was found"


def _next_value(loss: float, yy: float, minima: Minima | None, reasons: dict[str, str]) -> float | None:
    if minima is None:
        reasons["next_stationary_loss"] = "the stationary points of this problem are not known"
        return None
    losses: Sequence[float] = [point.loss for point in minima.solution.stationary_points]
    below = [value for value in [*losses, minima.solution.minimum.loss] if value < loss - 1e-9 * yy]
    if not below:
        reasons["next_stationary_loss"] = "no stationary value is known below this loss"
        return None
    return max(below)
