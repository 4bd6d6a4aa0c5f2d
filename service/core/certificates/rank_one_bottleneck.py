"""Lower bound of decayed networks whose map has rank one: shells of its norm, refined until none can hold less.

On a shell of ``|w|^2`` the concave penalty lies above its chord, and what remains has a closed form.  Shares no step
with the search for the minimum.  Proof: ``docs/theory/rank-one.md``.
"""

import numpy as np

from service.core.bounds.linear_checks import GAP_TOLERANCE, certificate
from service.core.bounds.quadratic_below import Below
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution
from service.core.several_outputs.squared_error.quadratic import Quadratic

METHOD = "shells of the norm of the end-to-end map, the concave penalty replaced by its chord on each"
ROUNDS = 60
MOST_SHELLS = 4096
"""Beyond this many open shells the value is far above the minimum, and refining them all would never end."""


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of a network with decay and a map of rank at most one."""
    return certificate(problem, solution, _bound, METHOD)


def _bound(below: Below) -> float:
    decays = below.problem.network.weight_decays
    penalty = decays.size * float(np.exp(np.mean(np.log(decays))))
    hint = float(np.sum(below.claimed.singular_values**2))
    tolerance = 0.2 * GAP_TOLERANCE * below.unit
    lower = shell_bound(below.quadratic, penalty, 1.0 / decays.size, below.claimed.loss, tolerance, hint)
    return lower - below.arithmetic


def shell_bound(
    quadratic: Quadratic, penalty: float, power: float, claimed: float, tolerance: float, hint: float
) -> float:
    """Bound ``total - 2 ||C w|| + sum s^2 w^2 + P |w|^(2 power)`` from below.

    Parameters
    ----------
    quadratic : Quadratic
    penalty : float
        P.
    power : float
        ``1/L``.
    claimed : float
        A value believed minimal; shells are refined while they might hold less by more than ``tolerance``.
    tolerance : float
    hint : float
        ``|w|^2`` near which to refine first; validity does not depend on it.
    """
    if quadratic.correlation_norm == 0.0:
        return quadratic.total
    low, high = _first_shells(quadratic, penalty, power, hint)
    finished = quadratic.total
    for _ in range(ROUNDS):
        if low.size == 0:
            return finished
        if low.size > MOST_SHELLS:
            break
        bounds = _chord_bounds(quadratic, penalty, power, low, high)
        open_shells = (bounds < claimed - tolerance) & (high > low * (1.0 + 1e-12))
        finished = min(finished, float(np.min(bounds[~open_shells], initial=np.inf)))
        low, high = low[open_shells], high[open_shells]
        middle = np.where(low > 0.0, np.sqrt(low * high), 1e-3 * high)
        low, high = np.concatenate((low, middle)), np.concatenate((middle, high))
    return min(finished, float(np.min(_chord_bounds(quadratic, penalty, power, low, high), initial=np.inf)))


def _first_shells(quadratic: Quadratic, penalty: float, power: float, hint: float) -> tuple[FloatArray, FloatArray]:
    """Shells between the norms below and above which nothing beats zero."""
    norm = quadratic.correlation_norm
    longest = 1.0 / power * np.log(quadratic.total / penalty)
    largest = float(min(np.exp(min(longest, 600.0)), (norm / float(quadratic.scales[-1] ** 2)) ** 2)) * (1.0 + 1e-9)
    smallest = 0.0
    if power < 0.5:
        # 2 ||C|| sqrt(rho) <= P rho^power holds up to here
        with np.errstate(over="ignore"):
            smallest = float(np.float64(0.5 * penalty / norm) ** (1.0 / (0.5 - power))) * (1.0 - 1e-9)
        smallest = min(smallest, largest)
    elif penalty >= 2.0 * norm:
        smallest = largest
    if smallest >= largest:
        return np.empty(0), np.empty(0)
    edges = np.geomspace(smallest if smallest > 0.0 else 1e-6 * largest, largest, 12)
    if smallest < hint < largest:
        steps = np.concatenate((-(1e-5 * 2.0 ** np.arange(17.0)), 1e-5 * 2.0 ** np.arange(17.0)))
        edges = np.concatenate((edges, hint * np.exp(steps)))
    edges = np.unique(edges[(edges >= smallest) & (edges <= largest)])
    if smallest == 0.0:
        edges = np.concatenate(([0.0], edges))
    return edges[:-1], edges[1:]


def _chord_bounds(quadratic: Quadratic, penalty: float, power: float, low: FloatArray, high: FloatArray) -> FloatArray:
    """Minimum of the relaxed objective on each shell, shape (m,)."""
    at_low, at_high = penalty * low**power, penalty * high**power
    slope = (at_high - at_low) / (high - low)
    weights = 1.0 / (quadratic.scales**2 + slope[:, None])
    values = np.empty(low.size)
    for index, weight in enumerate(weights):
        scaled = quadratic.correlation * np.sqrt(weight)
        gram = scaled @ scaled.T if scaled.shape[0] <= scaled.shape[1] else scaled.T @ scaled
        values[index] = np.linalg.eigvalsh(gram)[-1]
    bounds: FloatArray = quadratic.total - values + at_low - slope * low
    return bounds
