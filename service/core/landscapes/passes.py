"""Bounds on the lowest pass out of a local minimum of a linear network with several outputs.

From above: explicit paths.  Multiplying all weights by t turns the loss of a stationary point into
``yy - 2 (B + p) t^L + B t^(2L) + L p t^2`` with ``p = ||theta||^2 / sum_l 1/g_l``, the decay of one layer, so that
the way to the origin has a known height.  On white inputs one singular value alone can be raised from zero to its
larger root, over the smaller one.  From below, for the origin: a path to a deeper point crosses every norm of
the map.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import StationaryPoint
from service.core.landscapes.barcode import MINIMA, Bar
from service.vocabulary import Bias, PointClass, PointKind

_RADII = 2_000
_MOST_LAYERS = 40
UNKNOWN = "the lowest pass is known within bounds only"
DEEPEST = "never: no minimum is deeper"


def bounded_bars(problem: Problem, points: Sequence[StationaryPoint]) -> tuple[Bar, ...]:
    """Births of the known local minima, deepest first, with bounds on where they merge with a deeper one.

    Parameters
    ----------
    problem : Problem
        Of a linear network.
    points : sequence of StationaryPoint
    """
    minima = sorted((point for point in points if point.point_class in MINIMA), key=lambda point: point.loss)
    heights = _heights(problem, minima, points) if len(minima) > 1 else np.zeros((1, 1))
    bars = []
    for index, point in enumerate(minima):
        sure = point.point_class is PointClass.GLOBAL_MINIMUM
        if index == 0:
            bars.append(Bar(point.loss, None, point.norm, sure, DEEPEST))
            continue
        lower = point.loss
        if point.kind is PointKind.ORIGIN:
            lower = max(lower, _least_pass_from_origin(problem))
        bars.append(Bar(point.loss, None, point.norm, False, UNKNOWN, lower, _highest_pass(heights, index)))
    return tuple(bars)


def _heights(problem: Problem, minima: Sequence[StationaryPoint], points: Iterable[StationaryPoint]) -> FloatArray:
    """Heights of explicit paths between the minima, infinite where none is known."""
    to_origin = np.array([_height_to_origin(problem, point) for point in minima])
    heights: FloatArray = np.maximum(to_origin[:, None], to_origin[None, :])
    saddles = {_picks(point): point.loss for point in points if len(_entries(point.label, "unstable")) == 1}
    places = {_entries(point.label, "subset"): index for index, point in enumerate(minima) if _is_leading(point)}
    for (subset, unstable), loss in saddles.items():
        lower, upper = places.get(tuple(entry for entry in subset if entry not in unstable)), places.get(subset)
        if lower is not None and upper is not None:
            heights[lower, upper] = heights[upper, lower] = min(heights[lower, upper], loss)
    return heights


def _is_leading(point: StationaryPoint) -> bool:
    return point.kind in (PointKind.ORIGIN, PointKind.SINGULAR_SUBSET) and not _entries(point.label, "unstable")


def _picks(point: StationaryPoint) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return _entries(point.label, "subset"), _entries(point.label, "unstable")


def _entries(label: Mapping[str, int | float | str | list[int]], name: str) -> tuple[int, ...]:
    found = label.get(name, [])
    return tuple(found) if isinstance(found, list) else ()


def _highest_pass(heights: FloatArray, index: int) -> float | None:
    """Least height of a path from minimum ``index`` to a deeper one, over other minima if that is lower."""
    reached, best = np.full(len(heights), np.inf), heights[index].copy()
    reached[index] = -np.inf
    for _ in range(len(heights)):
        nearest = int(np.argmin(np.where(np.isinf(reached) & (reached > 0.0), best, np.inf)))
        if nearest < index:
            return None if np.isinf(best[nearest]) else float(best[nearest])
        reached[nearest] = best[nearest]
        best = np.minimum(best, np.maximum(best[nearest], heights[nearest]))
    return None


def _height_to_origin(problem: Problem, point: StationaryPoint) -> float:
    """Largest loss on the straight way from a stationary point to the origin; infinite where not derived."""
    decays, moments = problem.network.weight_decays, problem.data
    if point.kind is PointKind.ORIGIN:
        return moments.yy
    if problem.network.bias is not Bias.NONE or not decays.all():
        return np.inf
    layers = len(decays)
    share = point.parameter_norm**2 / float(np.sum(1.0 / decays))
    quadratic = moments.yy - point.loss + (layers - 2) * share
    if not 2 <= layers <= _MOST_LAYERS:
        return np.inf
    # stationary along the way: B t^(2L-2) - (B + p) t^(L-2) + p = 0
    slopes = np.zeros(2 * layers - 1)
    slopes[0] += quadratic
    slopes[layers] -= quadratic + share
    slopes[-1] += share
    found = np.roots(slopes)
    turns = np.clip(found.real[np.abs(found.imag) <= 1e-6 * np.maximum(np.abs(found), 1.0)], 0.0, 1.0)
    values = -2.0 * (quadratic + share) * turns**layers + quadratic * turns ** (2 * layers) + layers * share * turns**2
    return float(max(moments.yy + values.max(initial=0.0), point.loss))


def _least_pass_from_origin(problem: Problem) -> float:
    """``max_r yy - 2 r ||xy|| + lambda_min r^2 + L G r^(2/L)``, G the geometric mean of the decays.

    Over maps of Frobenius norm r the decay costs at least ``L G r^(2/L)``; the largest value is taken before the bound
    first falls back to ``yy``, so that no deeper point has a smaller norm.
    """
    network, moments = problem.network, problem.data
    decays, layers = network.weight_decays, network.n_layers
    pull = float(np.linalg.norm(moments.xy))
    if network.bias is not Bias.NONE or not decays.all() or pull == 0.0:
        return moments.yy
    price = layers * float(np.exp(np.mean(np.log(decays))))
    least = max(float(moments.spectrum.values[0]), 0.0)
    if layers < 3:
        return moments.yy
    # where the price of a map equals what it can gain
    largest = (price / (2.0 * pull)) ** (layers / (layers - 2.0))
    radii = largest * np.linspace(0.0, 1.0, _RADII)
    values = -2.0 * radii * pull + least * radii**2 + price * radii ** (2.0 / layers)
    return moments.yy + max(0.0, float(values.max()))
