"""The unit that a given network lacks, and what it gives.

For squared loss a unit along u with amplitude t and the sign of ``g_v(u)`` changes the objective by
``-t (|g_v(u)| - beta) + t^2 |phi(X u)|^2 / 2``, exactly; for other losses the best amplitude is searched for.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar

from service.core.convex_losses.differences import HalfSquaredLoss
from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.form import ReluForm
from service.core.relu.given.units import unit_costs
from service.core.relu.networks import HiddenUnits, Objective

_TRIED: Final = 12
"""Units of a loss without closed form whose amplitudes are searched for."""
_EQUAL: Final = 1e-9
_LONGEST: Final = 1e12


@dataclass(frozen=True, slots=True)
class Missing:
    """A unit whose insertion lowers the objective.

    Attributes
    ----------
    direction : (d,) array
        Of length one.
    sign : float
        Of its output weight.
    correlation : float
        Its correlation with the errors, by its sign; above what it costs.
    amplitude : float
        At which it lowers the objective most.
    decrease : float
        What it lowers the objective by; positive.
    """

    direction: FloatArray
    sign: float
    correlation: float
    amplitude: float
    decrease: float


def missing_unit(
    form: ReluForm, objective: Objective, units: HiddenUnits, directions: FloatArray, signs: FloatArray
) -> Missing | None:
    """The best of some directions (k, d) of length one with their signs (k,); None where none lowers the objective.

    Parameters
    ----------
    form : ReluForm
    objective : Objective
        That of the form, of a loss with kinks with these rounded, by which errors are chosen.
    units : HiddenUnits
    directions : (k, d) array
    signs : (k,) array
    """
    if not len(signs):
        return None
    features = objective.features(directions) * signs
    costs = objective.beta * unit_costs(form, directions)
    correlations = objective.errors(units) @ features
    predictions = objective.predictions(units)
    squares = np.square(features).T @ np.maximum(objective.loss.curvature(predictions), 0.0)
    excess = correlations - costs
    amplitudes = np.maximum(excess, 0.0) / np.maximum(squares, 1e-300)
    if isinstance(form.objective.loss, HalfSquaredLoss):
        gains = 0.5 * np.maximum(excess, 0.0) * amplitudes
        gains[squares <= 0.0] = 0.0
        best = _best(gains, directions)
        length, gain = float(amplitudes[best]), float(gains[best])
    else:
        promised = np.where(squares > 0.0, excess * amplitudes, excess)
        tried = np.argsort(-promised, kind="stable")[:_TRIED]
        found = [_searched(form, predictions, features[:, one], float(costs[one]), excess[one]) for one in tried]
        place = _best(np.array([gain for _, gain in found]), directions[tried])
        best, (length, gain) = int(tried[place]), found[place]
    if gain <= 0.0:
        return None
    return Missing(directions[best], float(signs[best]), float(correlations[best]), length, gain)


def _best(gains: FloatArray, directions: FloatArray) -> int:
    """Place of the largest gain; of equal ones, of the last direction in the order of their entries."""
    largest = float(gains.max())
    # a line search that gains nothing may lose a rounding
    near = np.flatnonzero(gains >= largest - _EQUAL * abs(largest))
    return int(near[np.lexsort(directions[near].round(6).T[::-1])[-1]])


def _searched(
    form: ReluForm, predictions: FloatArray, feature: FloatArray, cost: float, excess: float
) -> tuple[float, float]:
    """The best amplitude of a unit with predictions ``feature`` (n,), and what it gains; the objective is convex."""
    if excess <= 0.0 or not feature.any():
        return 0.0, 0.0
    loss = form.objective.loss
    before = loss.each(predictions)

    def change(amplitude: float) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            moved = float((loss.each(predictions + amplitude * feature) - before).sum()) + amplitude * cost
        return moved if np.isfinite(moved) else np.inf

    high = 1e-6 / float(np.abs(feature).max())
    while change(2.0 * high) < change(high) and high < _LONGEST:
        high *= 2.0
    found = minimize_scalar(change, bounds=(0.0, 2.0 * high), method="bounded", options={"xatol": 1e-10 * high})
    return float(found.x), -change(float(found.x))
