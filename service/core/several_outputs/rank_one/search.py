"""Best map of rank one under weight decay at any depth, by branch and bound on its norm.

See ``docs/theory/rank-one.md``.
"""

import heapq
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.several_outputs.rank_one.objective import RankOneObjective
from service.core.several_outputs.squared_error.quadratic import Quadratic

NODES = 2000


@dataclass(frozen=True, slots=True)
class RankOne:
    """A map ``left right^T`` of rank one or zero.

    Attributes
    ----------
    left : (k,) array
        Unit vector.
    right : (rho,) array
        In the basis of the inputs; zero if the best map is zero.
    loss : float
    lower_bound : float
    nodes : int
        Intervals examined.
    """

    left: FloatArray
    right: FloatArray
    loss: float
    lower_bound: float
    nodes: int


def minimise(objective: RankOneObjective, tolerance: float = 1e-11, nodes: int = NODES) -> RankOne:
    """Branch and bound to a gap of ``tolerance`` times the loss of zero.

    Notes
    -----
    The gap falls with the square of the length of the intervals, since outside its interval a chord lies above the
    concave term.  Each node costs one eigendecomposition of order ``min(k, rho)``.
    """
    quadratic = objective.quadratic
    best, point = quadratic.total, np.zeros(quadratic.rank)
    if quadratic.correlation_norm == 0.0:
        return RankOne(_left(quadratic, point), point, best, best, 0)
    lowest, top = objective.harmless_square(), objective.largest_square()
    heap: list[tuple[float, float, float, FloatArray]] = []
    slack = tolerance * quadratic.total
    examined = 0

    def examine(low: float, high: float) -> None:
        nonlocal best, point, examined
        examined += 1
        bound, candidate = objective.relaxed(low, high)
        loss, better = objective.along(candidate)
        if loss < best:
            best, point = loss, better
        if bound < best - slack:
            heapq.heappush(heap, (bound, low, high, candidate))

    if top > lowest:
        examine(lowest, top)
    while heap and examined < nodes:
        bound, low, high, candidate = heap[0]
        if bound >= best - slack or should_stop():
            break
        heapq.heappop(heap)
        middle = _split(low, high, float(candidate @ candidate))
        examine(low, middle)
        examine(middle, high)
    lower = min(best - slack, heap[0][0]) if heap else best - slack
    point = _polish(objective, point)
    best = min(best, objective.loss(point))
    return RankOne(_left(quadratic, point), point, best, lower, examined)


def _split(low: float, high: float, inside: float) -> float:
    """Where the relaxation is attained if that is well inside, otherwise the geometric or plain middle."""
    if low + 0.05 * (high - low) < inside < high - 0.05 * (high - low):
        return inside
    geometric = float(np.sqrt(low * high)) if low > 0.0 else 0.0
    return geometric if geometric > 1.01 * low and geometric < 0.99 * high else 0.5 * (low + high)


def _left(quadratic: Quadratic, right: FloatArray) -> FloatArray:
    pull = quadratic.correlation @ right
    size = float(np.linalg.norm(pull))
    return pull / size if size > 0.0 else np.zeros(quadratic.target.shape[0])


def _polish(objective: RankOneObjective, point: FloatArray) -> FloatArray:
    """Newton steps on the reduced objective while they lower its gradient."""
    if not np.any(point):
        return point
    layers, squares = objective.shrinkage.n_layers, objective.quadratic.scales**2
    correlation = objective.quadratic.correlation

    def gradient(at: FloatArray) -> FloatArray:
        pulled = correlation @ at
        ridge = objective.penalty / layers * float(at @ at) ** (1.0 / layers - 1.0)
        result: FloatArray = 2.0 * ((squares + ridge) * at - correlation.T @ pulled / float(np.linalg.norm(pulled)))
        return result

    current = gradient(point)
    for _ in range(8):
        pulled = correlation @ point
        size, square = float(np.linalg.norm(pulled)), float(point @ point)
        unit = correlation.T @ pulled / size
        ridge = objective.penalty / layers * square ** (1.0 / layers - 1.0)
        hessian = np.diag(squares + ridge) - (correlation.T @ correlation) / size + np.outer(unit, unit) / size
        hessian += 2.0 * (1.0 / layers - 1.0) * ridge / square * np.outer(point, point)
        moved = point - np.linalg.lstsq(2.0 * hessian, current, rcond=None)[0]
        following = gradient(moved)
        if float(np.linalg.norm(following)) >= float(np.linalg.norm(current)):
            break
        point, current = moved, following
    return point
