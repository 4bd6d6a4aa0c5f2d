"""From near a kink onto it: Newton steps along the pieces on which the loss of a ReLU network is smooth.

L-BFGS stops where the loss has kinks.  Each step here asks which kinks hold the point (their slopes in the generalised
gradient of least norm are inside their interval), puts their pre-activations to zero, and takes a Newton step along
the surface on which they stay zero.  No step raises the loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.curvature.products import HessianProducts
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.nonlinear import loss_of
from service.core.pictures.kinks import ON_KINK, KinkedPoint, Subgradient

LARGEST: Final = 600
"""Weights and biases up to which the Hessian is formed."""
WIDEST: Final = 1e-2
"""Share of the size of a pre-activation within which a kink may hold the point at first."""
NARROWEST: Final = 1e-11
INSIDE: Final = 1e-9
"""Distance from 0 and 1 of the share of a slope that is inside its interval."""
FLAT: Final = 1e-9
"""Share of the largest curvature below which a direction counts as flat."""
HALVINGS: Final = 12
CROSSINGS: Final = 12
HOLDS: Final = 10
CORRECTIONS: Final = 3
FARTHEST: Final = 1e3
"""Where the length of the point has grown this much, its minimum is taken to be at infinity."""
KNOWN_DIGITS: Final = 1e-14


@dataclass(frozen=True, slots=True)
class OntoKinks:
    """Where the steps ended, and how many gradients and products with the Hessian they took."""

    point: FloatArray
    spent: int


@dataclass(frozen=True, slots=True)
class _Step:
    """A direction, and what brings points beside it back onto the kinks that are held."""

    direction: FloatArray
    held: BoolArray
    back: FloatArray


def settle(problem: Problem, start: FloatArray, like: DenseParameters, budget: int, target: float) -> OntoKinks:
    """Steps until the generalised gradient is below ``target`` or the budget is spent.

    Parameters
    ----------
    problem : Problem
        With kinks, see `service.core.pictures.kinks.has_kinks`.
    start : (P,) array
    like : DenseParameters
    budget : int
        Gradients and products with the Hessian.
    target : float
        Norm of the generalised gradient.
    """
    point, spent, within = start, 0, WIDEST
    loss, reach = _loss(problem, start, like), FARTHEST * float(np.linalg.norm(start))
    cost = start.size + 3 * HALVINGS
    while start.size <= LARGEST and spent + cost <= budget and within >= NARROWEST:
        here = KinkedPoint(problem, unflatten(point, like))
        if here.least_norm().norm <= target or np.linalg.norm(point) > reach:
            break
        reached = _reached(problem, point, like, loss, here.least_norm(within))
        spent += cost
        if reached is None:
            within *= 0.1
            continue
        length = float(np.linalg.norm(reached[1] - point)) / max(float(np.linalg.norm(point)), 1e-300)
        loss, point = reached
        within = float(np.clip(10.0 * length, 0.1 * within, within))
    return OntoKinks(point, spent)


def _loss(problem: Problem, point: FloatArray, like: DenseParameters) -> float:
    assert problem.samples is not None  # noqa: S101 - see `has_kinks`
    with np.errstate(all="ignore"):
        value = loss_of(problem.network, problem.loss, unflatten(point, like), problem.samples)
    return value if np.isfinite(value) else np.inf


def _reached(
    problem: Problem, point: FloatArray, like: DenseParameters, loss: float, found: Subgradient
) -> tuple[float, FloatArray] | None:
    """A lower point by the Newton step, else by the steepest one."""
    step = _step(problem, point, like, found)
    reached = _searched(problem, point, step, like, loss, found)
    if reached is not None:
        return reached
    size = float(np.linalg.norm(step.direction)) / max(found.norm, 1e-300)
    steepest = _Step(-found.vector * size, np.zeros_like(step.held), np.zeros((len(point), 0)))
    return _searched(problem, point, steepest, like, loss, found)


def _step(problem: Problem, point: FloatArray, like: DenseParameters, found: Subgradient) -> _Step:
    """Onto the kinks that hold the point, and a Newton step along them.

    A kink that lets the point go must see it leave to the side of its slope; one that does not holds it as well.
    """
    hessian = _hessian(problem, point, like, found.slopes)
    moving = np.any(found.rows, axis=1)
    held = (found.shares > INSIDE) & (found.shares < 1.0 - INSIDE) & moving
    reach = float(np.linalg.norm(point))
    step = _newton(found, hessian, held, reach)
    for _ in range(HOLDS):
        after = found.values + found.rows @ step.direction
        rounding = 1e-12 * reach * np.linalg.norm(found.rows, axis=1)
        wrong = ~held & moving & np.where(found.shares > 0.5, after < -rounding, after > rounding)
        if not wrong.any():
            break
        held = held | wrong
        step = _newton(found, hessian, held, reach)
    return step


def _newton(found: Subgradient, hessian: FloatArray, held: BoolArray, reach: float) -> _Step:
    """The Newton step with some pre-activations put to zero and kept there."""
    size = len(hessian)
    back, basis = np.zeros((size, 0)), np.eye(size)
    if held.any():
        left, sizes, right = np.linalg.svd(found.rows[held], full_matrices=True)
        rank = int(np.count_nonzero(sizes > 1e-11 * sizes[0]))
        back = (right[:rank].T / sizes[:rank]) @ left[:, :rank].T
        basis = right[rank:].T
    onto = -back @ found.values[held]
    slope = basis.T @ (found.vector + hessian @ onto)
    # another driver of LAPACK than scipy's, which fails on some matrices with clustered eigenvalues
    values, vectors = np.linalg.eigh(basis.T @ hessian @ basis)
    floor = FLAT * max(float(np.abs(values).max(initial=0.0)), 1e-300)
    moved = onto - basis @ (vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), floor)))
    # where nothing curves upwards the minimum may be at infinity
    return _Step(moved * min(1.0, reach / max(float(np.linalg.norm(moved)), 1e-300)), held, back)


def _hessian(problem: Problem, point: FloatArray, like: DenseParameters, slopes: list[FloatArray]) -> FloatArray:
    assert problem.samples is not None  # noqa: S101 - see `has_kinks`
    products = HessianProducts(problem.network, problem.loss, unflatten(point, like), problem.samples, slopes)
    full = np.array([flatten(products.times(unflatten(unit, like))) for unit in np.eye(len(point))])
    return np.asarray(0.5 * (full + full.T))


def _searched(
    problem: Problem, point: FloatArray, step: _Step, like: DenseParameters, loss: float, found: Subgradient
) -> tuple[float, FloatArray] | None:
    """The best of the whole step, its halves, and where it first crosses kinks; None where nothing is lower."""
    places = (found.layers[step.held], found.samples[step.held], found.units[step.held])
    deep = bool(np.any(places[0] > 0))

    def at(length: float) -> FloatArray:
        moved = point + length * step.direction
        # pre-activations of the first layer are linear in the weights, later ones are not
        for _ in range(CORRECTIONS if deep else 0):
            moved = moved - step.back @ KinkedPoint(problem, unflatten(moved, like)).values(places)
        return moved

    with np.errstate(all="ignore"):
        moves = [at(0.5**half) for half in range(HALVINGS)]
    moves += [point + length * step.direction for length in _crossings(problem, point, step.direction, like)]
    value = _valued(problem, like)
    losses = [value(move) for move in moves]
    best = int(np.argmin(losses))
    if losses[best] < loss - KNOWN_DIGITS * abs(loss):
        return losses[best], moves[best]
    # at the end only the gradient tells points apart
    if losses[0] <= loss + 1e-12 * abs(loss) and _least(problem, moves[0], like) < 0.5 * _least(problem, point, like):
        return losses[0], moves[0]
    return None


def _valued(problem: Problem, like: DenseParameters) -> Callable[[FloatArray], float]:
    return lambda point: _loss(problem, point, like)


def _least(problem: Problem, point: FloatArray, like: DenseParameters) -> float:
    return KinkedPoint(problem, unflatten(point, like)).least_norm(ON_KINK).norm


def _crossings(problem: Problem, point: FloatArray, direction: FloatArray, like: DenseParameters) -> list[float]:
    """First places on the step where pre-activations change sign, as a line sees them."""
    before = KinkedPoint(problem, unflatten(point, like)).kinked()
    after = KinkedPoint(problem, unflatten(point + 1e-6 * direction, like)).kinked()
    with np.errstate(all="ignore"):
        at = -before / ((after - before) / 1e-6)
    inside = np.sort(at[np.isfinite(at) & (at > 0.0) & (at < 1.0)])
    return [float(one) for one in inside[:CROSSINGS]]
