"""Curves between two points of the landscape: straight, and bent until the loss along them is low.

A Bezier curve keeps its ends and has a few free control points (Garipov et al., Loss Surfaces, Mode Connectivity, and
Fast Ensembling of DNNs, 2018).  What is minimised here is a smooth maximum of the loss along the curve.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment, minimize
from scipy.special import comb, logsumexp, softmax

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.pictures.objective import FlatObjective, objective_of
from service.errors import NumericalError

SHARPNESS = 20.0
"""Inverse temperature of the smooth maximum, in units of the present barrier."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Losses along a curve.

    Attributes
    ----------
    positions : (m,) array
        From 0 to 1.
    losses : (m,) array
    barrier : float
        Largest loss above the higher end; at least 0.
    length : float
        Of the polygon through the points.
    """

    positions: FloatArray
    losses: FloatArray
    barrier: float
    length: float


def bezier_weights(positions: FloatArray, degree: int) -> FloatArray:
    """Bernstein polynomials at positions in [0, 1], shape (m, degree + 1)."""
    orders = np.arange(degree + 1)
    shares: FloatArray = (
        comb(degree, orders) * positions[:, None] ** orders * (1.0 - positions[:, None]) ** (degree - orders)
    )
    return shares


def straight(first: FloatArray, last: FloatArray, inner: int) -> FloatArray:
    """Control points (inner + 2, P) of the straight curve."""
    shares = np.linspace(0.0, 1.0, inner + 2)[:, None]
    control: FloatArray = (1.0 - shares) * first + shares * last
    return control


def profile(problem: Problem, control: FloatArray, points: int) -> Profile:
    """Losses at ``points`` positions of a Bezier curve with control points (m, P).  One evaluation a point."""
    objective = objective_of(problem)
    positions = np.linspace(0.0, 1.0, points)
    places = bezier_weights(positions, len(control) - 1) @ control
    return profile_of(objective, places, positions)


def profile_of(objective: FlatObjective, places: FloatArray, positions: FloatArray) -> Profile:
    """Losses at given places (m, P)."""
    losses = np.array([objective.slope(place)[0] for place in places])
    length = float(np.sum(np.linalg.norm(np.diff(places, axis=0), axis=1)))
    return Profile(positions, losses, barrier_of(losses), length)


def barrier_of(losses: FloatArray) -> float:
    """Largest of the losses (m,) above the higher of the two ends."""
    return float(max(np.max(losses) - max(losses[0], losses[-1]), 0.0))


def bend(problem: Problem, control: FloatArray, nodes: int, iterations: int) -> FloatArray:
    """Better control points: L-BFGS on a smooth maximum of the loss at fixed nodes; the ends stay.

    Parameters
    ----------
    control : (m, P) array
        At least three.
    nodes : int
        Places on the curve whose losses are seen.
    iterations : int

    Returns
    -------
    (m, P) array
        Never worse in the largest loss at the nodes than what was given.
    """
    objective = objective_of(problem)
    shares = bezier_weights(np.linspace(0.0, 1.0, nodes + 2)[1:-1], len(control) - 1)
    before = np.array([objective.slope(place)[0] for place in shares @ control])
    ends = max(objective.slope(control[0])[0], objective.slope(control[-1])[0])
    scale = max(float(before.max()) - ends, 1e-3 * abs(ends), 1e-12)
    sharpness = SHARPNESS / scale

    def smooth_maximum(inner: FloatArray) -> tuple[float, FloatArray]:
        moved = control.copy()
        moved[1:-1] = inner.reshape(len(control) - 2, -1)
        slopes = [objective.slope(place) for place in shares @ moved]
        values = np.array([value for value, _ in slopes])
        heat = np.asarray(softmax(sharpness * values))
        gradient = (shares[:, 1:-1] * heat[:, None]).T @ np.array([slope for _, slope in slopes])
        return float(logsumexp(sharpness * values)) / sharpness, gradient.ravel()

    with np.errstate(all="ignore"):
        found = minimize(
            smooth_maximum,
            control[1:-1].ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": iterations, "maxfun": 2 * iterations},
        )
    bent = control.copy()
    bent[1:-1] = np.asarray(found.x).reshape(len(control) - 2, -1)
    after = np.array([objective.slope(place)[0] for place in shares @ bent])
    return bent if after.max() <= before.max() else control


def aligned(problem: Problem, like: DenseParameters, first: FloatArray, last: FloatArray) -> FloatArray:
    """The second point with the neurons of every hidden layer in the order that resembles the first point most.

    Layer by layer from the inputs, each an assignment problem on the weights in and out; the function and the loss
    stay as they are (Ainsworth, Hayase, Srinivasa, Git Re-Basin, 2023).
    """
    here, there = unflatten(first, like), unflatten(last, like)
    weights, biases = list(there.weights), list(there.biases)
    for index in range(problem.network.n_hidden):
        likeness = here.weights[index] @ weights[index].T + here.weights[index + 1].T @ weights[index + 1]
        own, bias = here.biases[index], biases[index]
        if own is not None and bias is not None:
            likeness = likeness + np.outer(own, bias)
        if not np.all(np.isfinite(likeness)):
            raise NumericalError("the weights leave the range of double precision when they are compared")
        order = linear_sum_assignment(likeness, maximize=True)[1]
        weights[index] = weights[index][order]
        weights[index + 1] = weights[index + 1][:, order]
        if bias is not None:
            biases[index] = bias[order]
    turned: FloatArray = flatten(DenseParameters(tuple(weights), tuple(biases)))
    return turned
