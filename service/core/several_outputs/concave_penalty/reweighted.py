"""Local minima of least squares with a concave penalty of the singular values.

A concave function of the squares lies below its tangents, so that least squares with the tangent's weights descend;
Newton steps on the maps of the rank that is left make the result exact.  See ``docs/theory/deep-bounds.md``.
"""

from dataclasses import replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.stopping import should_stop
from service.core.several_outputs.concave_penalty.chords import Lane
from service.core.several_outputs.concave_penalty.fixed_rank import Point, factored, half_value, newton
from service.core.several_outputs.concave_penalty.frame import multiplier
from service.core.several_outputs.concave_penalty.penalised import Penalised

STEPS = 60
TURNS = 60
CLOSE = 1e-5
"""Relative change at which reweighting is left to Newton's method."""
DROPPED = 1e-9
"""Length of a lane, relative to the longest, that is rounding in a Gram matrix."""
DROPPED_GRADED = 1e-13
"""The same where decompositions of the map itself are taken."""


def settle(objective: Penalised, start: FloatArray) -> FloatArray:
    """A local minimum below ``start`` (k, rho), without lanes that cost more than they gain.

    Notes
    -----
    O(k^2 rho + k^3) a step of reweighting.
    """
    best = _descended(objective, start)
    for _ in range(objective.cap):
        matrix = multiplier(objective, best.dense())
        gains, frame = np.linalg.eigh(matrix)
        losing = gains < -1e-12 * objective.quadratic.total
        if not np.any(losing) or should_stop():
            break
        rest = best.dense() - frame[:, losing] @ (frame[:, losing].T @ best.dense())
        following = _descended(objective, rest)
        if half_value(objective, following) >= half_value(objective, best):
            break
        best = following
    return best.dense()


def stationary(objective: Penalised, lanes: int) -> FloatArray | None:
    """A stationary map (k, rho) with so many lanes, whatever they gain; ``None`` where the descent ends with fewer."""
    point = _descended(replace(objective, cap=lanes), objective.quadratic.target / objective.quadratic.scales)
    return point.dense() if point.values.size == lanes else None


def replaced(objective: Penalised, end_map: FloatArray, lane: Lane) -> FloatArray:
    """The map (k, rho) with its row in the direction of a lane replaced by the best one at the lane's weight."""
    row = lane.direction @ end_map
    best = np.zeros_like(row)
    if np.isfinite(lane.norm):
        weight = float(objective.weights(np.array([lane.norm]))[0])
        best = (lane.direction @ objective.quadratic.correlation) / (objective.quadratic.scales**2 + weight)
    result: FloatArray = end_map + np.outer(lane.direction, best - row)
    return result


def _descended(objective: Penalised, start: FloatArray) -> Point:
    end_map = _reweighted(objective, start)
    left, values, right = np.linalg.svd(end_map, full_matrices=False)
    kept = values > _shortest(objective, float(values[0]))
    point = Point(left[:, kept], values[kept], right[kept].T)
    if point.values.size > objective.cap:
        point = _turned(objective, _gaining(objective, point))
    # each pass has fewer lanes than the one before
    while point.values.size:
        point = newton(objective, point)
        lasting = point.values > _shortest(objective, float(np.max(point.values, initial=0.0)))
        if np.all(lasting):
            break
        point = Point(point.left[:, lasting], point.values[lasting], point.right[:, lasting])
    return point


def _shortest(objective: Penalised, longest: float) -> float:
    return max(objective.harmless, (DROPPED_GRADED if objective.graded else DROPPED) * longest)


def _reweighted(objective: Penalised, start: FloatArray) -> FloatArray:
    """Least squares with the weights of the map before, in the basis of its left singular vectors."""
    squares, correlation = objective.quadratic.scales**2, objective.quadratic.correlation
    current = start
    shortest = _shortest(objective, float(np.linalg.norm(start)))
    for _ in range(STEPS):
        frame, norms = _left_lanes(current, objective.graded)
        alive = norms > shortest
        if not np.any(alive):
            return np.zeros_like(start)
        frame, norms = frame[:, alive], norms[alive]
        rows = (frame.T @ correlation) / (squares + objective.weights(norms)[:, None])
        following = frame @ rows
        change = float(np.linalg.norm(following - current))
        current = following
        if change <= CLOSE * float(np.linalg.norm(current)):
            break
    return current


def _left_lanes(end_map: FloatArray, graded: bool) -> tuple[FloatArray, FloatArray]:
    """Left singular vectors and values; small ones of graded maps would be rounding in the Gram matrix."""
    if graded:
        left, norms, _ = np.linalg.svd(end_map, full_matrices=False)
        return left, norms
    values, frame = np.linalg.eigh(end_map @ end_map.T)
    return frame, np.sqrt(np.maximum(values, 0.0))


def _gaining(objective: Penalised, point: Point) -> Point:
    """The lanes that gain most, as many as the rank allows."""
    pulled = objective.quadratic.correlation @ point.right
    gains = np.sum(point.left * pulled, axis=0) * point.values - objective.penalties(point.values)
    kept = np.sort(np.argsort(gains)[::-1][: objective.cap])
    return Point(point.left[:, kept], point.values[kept], point.right[:, kept])


def _turned(objective: Penalised, point: Point) -> Point:
    """Lanes turned towards what pulls them: the sum of their gains is convex in the frame, so that this ascends."""
    squares, correlation = objective.quadratic.scales**2, objective.quadratic.correlation
    frame, norms = point.left, point.values
    rows = point.right.T * norms[:, None]
    for _ in range(TURNS):
        rows = (frame.T @ correlation) / (squares + objective.weights(norms)[:, None])
        norms = np.maximum(np.linalg.norm(rows, axis=1), 1e-12 * float(np.linalg.norm(rows)))
        left, _, right = np.linalg.svd(correlation @ rows.T, full_matrices=False)
        turned = left @ right
        change = float(np.linalg.norm(turned - frame))
        frame = turned
        if change <= CLOSE:
            break
    return factored(frame, rows.T)
