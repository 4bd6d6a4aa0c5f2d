"""Best map of rank one under weight decay at any depth, by branch and bound on its norm.

After the best output direction the objective over ``w`` (in the basis of the inputs) is
``total - 2 ||C w|| + sum s^2 w^2 + P |w|^(2/L)`` with ``C = E[y x^T]``.  A chord of the concave last term on an
interval of ``|w|^2`` leaves a problem with a closed form.  See ``docs/theory/rank-one.md``.
"""

import heapq
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.several_outputs.quadratic import Quadratic
from service.core.several_outputs.shrinkage import Shrinkage

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


@dataclass(frozen=True)
class RankOneObjective:
    """The objective, with everything that the search uses again and again."""

    quadratic: Quadratic
    shrinkage: Shrinkage

    @property
    def penalty(self) -> float:
        """Factor P of ``|w|^(2/L)``."""
        return self.shrinkage.penalty

    def largest_square(self) -> float:
        """No minimiser has a larger ``|w|^2``: the penalty alone, or the data alone, would cost more than zero."""
        layers = self.shrinkage.n_layers
        with np.errstate(over="ignore"):
            by_penalty = float(np.float64(self.quadratic.total / self.penalty) ** layers)
        by_data = (self.quadratic.correlation_norm / float(self.quadratic.scales[-1] ** 2)) ** 2
        return min(by_penalty, by_data)

    def harmless_square(self) -> float:
        """Below this ``|w|^2`` the objective is at least that of zero (three or more layers)."""
        layers = self.shrinkage.n_layers
        if layers == 2:
            return 0.0
        ratio = np.float64(self.penalty / (2.0 * self.quadratic.correlation_norm))
        with np.errstate(over="ignore"):
            return float(ratio ** (2.0 * layers / (layers - 2)))

    def relaxed(self, low: float, high: float) -> tuple[float, FloatArray]:
        """Bound from below for ``low <= |w|^2 <= high``, and the minimiser (rho,) of the relaxation."""
        power = 1.0 / self.shrinkage.n_layers
        start = low**power if low > 0.0 else 0.0
        slope = self.penalty * (high**power - start) / (high - low)
        intercept = self.penalty * start - slope * low
        weights = 1.0 / np.sqrt(self.quadratic.scales**2 + slope)
        value, direction = _leading(self.quadratic.correlation * weights)
        return self.quadratic.total - value + intercept, np.sqrt(value) * direction * weights

    def along(self, direction: FloatArray) -> tuple[float, FloatArray]:
        """Least loss on the ray of ``direction`` (rho,), and the point."""
        size = float(np.linalg.norm(direction))
        if size == 0.0:
            return self.quadratic.total, direction
        unit = direction / size
        pull = float(np.linalg.norm(self.quadratic.correlation @ unit))
        weight = float(np.sum((self.quadratic.scales * unit) ** 2))
        layers = self.shrinkage.n_layers
        scaled = Shrinkage(layers, self.shrinkage.log_decay - layers * float(np.log(weight)))
        root = scaled.stable_root(pull / weight)
        gain = 0.0 if root is None else weight * (root.value - (pull / weight) ** 2)
        if root is None or gain >= 0.0:
            return self.quadratic.total, np.zeros_like(direction)
        return self.quadratic.total + gain, unit * root.product

    def loss(self, right: FloatArray) -> float:
        """Objective at ``w`` (rho,)."""
        square = float(right @ right)
        pull = float(np.linalg.norm(self.quadratic.correlation @ right))
        quadratic = float(np.sum((self.quadratic.scales * right) ** 2))
        penalty = self.penalty * square ** (1.0 / self.shrinkage.n_layers)
        return float(self.quadratic.total - 2.0 * pull + quadratic + penalty)


def _leading(matrix: FloatArray) -> tuple[float, FloatArray]:
    """Square of the largest singular value and its right singular vector."""
    if matrix.shape[0] <= matrix.shape[1]:
        values, vectors = np.linalg.eigh(matrix @ matrix.T)
        right = matrix.T @ vectors[:, -1]
        size = float(np.linalg.norm(right))
        return size**2, right / size if size > 0.0 else right
    values, vectors = np.linalg.eigh(matrix.T @ matrix)
    return max(float(values[-1]), 0.0), vectors[:, -1]


def minimise(task: RankOneObjective, tolerance: float = 1e-11, nodes: int = NODES) -> RankOne:
    """Branch and bound to a gap of ``tolerance`` times the loss of zero.

    Notes
    -----
    The gap falls with the square of the length of the intervals, since outside its interval a chord lies above the
    concave term.  Each node costs one eigendecomposition of order ``min(k, rho)``.
    """
    quadratic = task.quadratic
    best, point = quadratic.total, np.zeros(quadratic.rank)
    if quadratic.correlation_norm == 0.0:
        return RankOne(_left(quadratic, point), point, best, best, 0)
    lowest, top = task.harmless_square(), task.largest_square()
    heap: list[tuple[float, float, float, FloatArray]] = []
    slack = tolerance * quadratic.total
    examined = 0

    def examine(low: float, high: float) -> None:
        nonlocal best, point, examined
        examined += 1
        bound, candidate = task.relaxed(low, high)
        loss, better = task.along(candidate)
        if loss < best:
            best, point = loss, better
        if bound < best - slack:
            heapq.heappush(heap, (bound, low, high, candidate))

    if top > lowest:
        examine(lowest, top)
    while heap and examined < nodes:
        bound, low, high, candidate = heap[0]
        if bound >= best - slack:
            break
        heapq.heappop(heap)
        middle = _split(low, high, float(candidate @ candidate))
        examine(low, middle)
        examine(middle, high)
    lower = min(best - slack, heap[0][0]) if heap else best - slack
    point = _polish(task, point)
    best = min(best, task.loss(point))
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


def _polish(task: RankOneObjective, point: FloatArray) -> FloatArray:
    """Newton steps on the reduced objective while they lower its gradient."""
    if not np.any(point):
        return point
    layers, squares = task.shrinkage.n_layers, task.quadratic.scales**2
    correlation = task.quadratic.correlation

    def gradient(at: FloatArray) -> FloatArray:
        pulled = correlation @ at
        ridge = task.penalty / layers * float(at @ at) ** (1.0 / layers - 1.0)
        result: FloatArray = 2.0 * ((squares + ridge) * at - correlation.T @ pulled / float(np.linalg.norm(pulled)))
        return result

    current = gradient(point)
    for _ in range(8):
        pulled = correlation @ point
        size, square = float(np.linalg.norm(pulled)), float(point @ point)
        unit = correlation.T @ pulled / size
        ridge = task.penalty / layers * square ** (1.0 / layers - 1.0)
        hessian = np.diag(squares + ridge) - (correlation.T @ correlation) / size + np.outer(unit, unit) / size
        hessian += 2.0 * (1.0 / layers - 1.0) * ridge / square * np.outer(point, point)
        moved = point - np.linalg.lstsq(2.0 * hessian, current, rcond=None)[0]
        following = gradient(moved)
        if float(np.linalg.norm(following)) >= float(np.linalg.norm(current)):
            break
        point, current = moved, following
    return point
