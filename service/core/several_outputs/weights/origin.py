"""The point where all weights vanish, for linear networks with several outputs.

Noise does not enter: it multiplies four weights or more.  See ``docs/theory/origin-several-outputs.md``.
"""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, Origin, StationaryPoint
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.several_outputs.weights.minimum import minimum_point
from service.vocabulary import Bias, Evidence, PointClass, PointKind


def origin_of(
    problem: Problem, quadratic: Quadratic, trivial: bool, barrier: float | None, barrier_reason: str = ""
) -> Origin:
    """Describe the origin.

    Parameters
    ----------
    problem : Problem
    quadratic : Quadratic
    trivial : bool
        Whether zero is a global minimiser.
    barrier : float or None
        Height of the barrier where zero is a local minimum that is not global; used only there.
    barrier_reason : str
        Why ``barrier`` is ``None``.
    """
    decays = problem.network.weight_decays
    point_class = _class(decays, quadratic.correlation_norm, trivial)
    if point_class is PointClass.NOT_STATIONARY:
        reason = "no hidden layer: the zero map is not stationary"
        names = ("least_hessian_eigenvalue", "barrier_height", "escape_norm")
        return Origin(point_class, None, None, None, dict.fromkeys(names, reason))
    reasons: dict[str, str] = {}
    height: float | None = 0.0
    if point_class is PointClass.LOCAL_MINIMUM:
        height = barrier
        if barrier is None:
            reasons["barrier_height"] = barrier_reason
    radius = _escape_norm(problem, quadratic, point_class, reasons)
    return Origin(point_class, _least_eigenvalue(problem, quadratic), height, radius, reasons)


def _class(decays: FloatArray, correlation_norm: float, trivial: bool) -> PointClass:
    if trivial or correlation_norm == 0.0:
        return PointClass.GLOBAL_MINIMUM
    if decays.size == 1:
        return PointClass.NOT_STATIONARY
    if decays.size == 2:
        return PointClass.STRICT_SADDLE
    # two decayed layers bound the product of all from below by a quadratic, one or none do not
    return PointClass.LOCAL_MINIMUM if np.count_nonzero(decays) >= 2 else PointClass.NON_STRICT_SADDLE


def _least_eigenvalue(problem: Problem, quadratic: Quadratic) -> float:
    network, decays = problem.network, problem.network.weight_decays
    if decays.size == 1:
        full = quadratic.rank == problem.data.inputs
        least = 2.0 * float(decays[0]) + (2.0 * float(quadratic.scales[-1] ** 2) if full else 0.0)
    elif decays.size == 2:
        first, last = float(decays[0]), float(decays[1])
        least = first + last - float(np.hypot(first - last, 2.0 * quadratic.correlation_norm))
    else:
        least = 2.0 * float(np.min(decays))
    # hidden biases do not move the output at the origin; an output bias has curvature 2 (plus its decay)
    bias_decays = network.bias_weight_decays or (0.0,) * network.n_layers
    if network.bias in (Bias.ALL, Bias.HIDDEN) and network.n_hidden:
        least = min(least, 2.0 * min(bias_decays[:-1]))
    if network.has_bias(network.n_layers - 1):
        least = min(least, 2.0 + 2.0 * bias_decays[-1])
    return least


def _escape_norm(
    problem: Problem, quadratic: Quadratic, point_class: PointClass, reasons: dict[str, str]
) -> float | None:
    layers, least = problem.network.n_layers, float(np.min(problem.network.weight_decays))
    if quadratic.correlation_norm == 0.0:
        reason = "the targets do not correlate with the inputs: no start is kept from the origin"
    elif layers == 1:
        reason = "no hidden layer: the objective is convex"
    elif layers == 2:
        saddle = point_class is PointClass.STRICT_SADDLE
        kind = "a saddle, nothing in its neighbourhood stays" if saddle else "the minimum, no radius is needed"
        reason = f"one hidden layer: the origin is {kind}"
    elif least == 0.0:
        reason = "a layer without decay: nothing is proved to be trapped"
    elif problem.network.bias_layers:
        reason = "a bias trains too: the trapping radius is derived without biases"
    else:
        return float(np.sqrt(layers) * (least / quadratic.correlation_norm) ** (1.0 / (layers - 2)))
    reasons["escape_norm"] = reason
    return None


def origin_points(quadratic: Quadratic, origin: Origin) -> list[StationaryPoint]:
    """The origin as an entry of the list of stationary points, where it is one."""
    if origin.point_class is PointClass.NOT_STATIONARY:
        return []
    return [StationaryPoint(PointKind.ORIGIN, quadratic.total, origin.point_class, Evidence.PROVED, 0.0, 0.0)]


def origin_and_minimum(
    quadratic: Quadratic, origin: Origin, minimum: GlobalMinimum, evidence: Evidence = Evidence.CERTIFIED
) -> tuple[StationaryPoint, ...]:
    """The list of stationary points where no others are known; ``evidence`` is that for the minimum."""
    points = origin_points(quadratic, origin)
    if not minimum.trivial and minimum.attained:
        points.append(minimum_point(minimum, evidence))
    return tuple(points)
