"""Many decays, noises or widths on the same data in one vectorised call.

The branch of candidate maps does not depend on any of them, so one table of it along ``t = log rho``, with
two derivatives, answers every value: invert the height, read the gain.  The gain is stationary in t at the
root, so the error of the inversion enters only squared.  Derivation: ``docs/theory/sweeps.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray, IntArray
from service.core.problems import Moments
from service.core.scalar.curve import Curve
from service.core.scalar.hermite import Position, QuinticTable
from service.core.scalar.reduced import ReducedProblem
from service.core.scalar.survey import survey
from service.core.thresholds import THRESHOLD_ROUNDING

STEP = 0.02
MOST_NODES = 200_000
HIGHEST = 45.0
"""log rho from which ``1 - phi`` of one hidden layer is below the spacing of doubles."""


@dataclass(frozen=True)
class SweepPoints:
    """The minimiser for each of m values, in the units of the reduced problem.

    Attributes
    ----------
    gain : (m,) array
        H, by which the minimum beats the zero map before division by C; 0 where the zero map is best.
    log_norm : (m,) array
        log ||v||; minus infinity where the zero map is best.
    minima : (m,) array of int
        Number of local minima of the reduced problem apart from the zero map.
    quadratics : list of (m,) arrays
        For each requested data set, ``v'Bv``.
    linears : list of (m,) arrays
        For each requested data set, ``b.v``.
    """

    gain: FloatArray
    log_norm: FloatArray
    minima: IntArray
    quadratics: list[FloatArray]
    linears: list[FloatArray]


class _Run:
    """A stretch of the branch on which the point is a local minimum, tabulated."""

    def __init__(self, reduced: ReducedProblem, curve: Curve, low: float, high: float, forms: list[Moments]) -> None:
        count = int(np.clip(np.ceil((high - low) / STEP), 8, MOST_NODES)) + 1
        t = np.linspace(low, high, count)
        sample = curve.sample(t)
        mean, square = sample.shrinkage, sample.shrinkage_square
        mean_slope = mean + 2.0 * mean * mean - 3.0 * square
        height = curve.height(sample)
        self.level_range = (float(height[0]), float(height[-1]))
        self.height = QuinticTable(t, height, curve.exponent - 2.0 * mean, -2.0 * mean_slope)
        ridge = np.exp(t)
        doubled = sample.mean_value + 2.0 * ridge
        share = ridge / doubled
        drift = (-2.0 * (sample.mean_product - sample.mean_value * mean) + 2.0 * ridge) / doubled
        self.log_pull = QuinticTable(
            t,
            sample.log_square_norm + np.log(doubled),
            -2.0 * mean * share,
            -2.0 * share * (mean_slope + mean * (1.0 - drift)),
        )
        self.forms = [_form_tables(reduced, curve, t, form) for form in forms]


def _form_tables(reduced: ReducedProblem, curve: Curve, t: FloatArray, form: Moments) -> list[QuinticTable]:
    """Tables of ``v'Bv`` and ``b.v`` along the branch, for other moments than those trained on."""
    seen = reduced.spectrum.active
    vectors = reduced.spectrum.vectors[:, seen]
    quadratic, linear = vectors.T @ form.xx @ vectors, vectors.T @ form.xy[:, 0]
    denominators = reduced.spectrum.values[seen] + np.exp(curve.log_ridge(t))[:, None]
    map_ = reduced.spectrum.projections[seen, 0] / denominators
    shrinkage = np.exp(curve.log_ridge(t))[:, None] / denominators
    first, second = -shrinkage * map_, (2.0 * shrinkage - 1.0) * shrinkage * map_
    pushed = map_ @ quadratic
    value = np.sum(pushed * map_, axis=1)
    slope = 2.0 * np.sum(pushed * first, axis=1)
    bend = 2.0 * np.sum(pushed * second + (first @ quadratic) * first, axis=1)
    return [
        QuinticTable(t, value, slope, bend),
        QuinticTable(t, map_ @ linear, first @ linear, second @ linear),
    ]


def sweep(
    reduced: ReducedProblem, log_kappas: FloatArray, forms: list[Moments], lowest: float | None = None
) -> SweepPoints:
    """Minimise ``H`` for many decays at once.

    Parameters
    ----------
    reduced : ReducedProblem
        At least one hidden layer; its own decay is ignored.
    log_kappas : (m,) array
        Finite.
    forms : list of Moments
        Data sets on which to evaluate each minimiser besides.
    lowest : float, optional
        A decay that none lies below.  The table then depends on it and not on the values, so that a sweep cut
        into blocks has the same digits as one piece.

    Returns
    -------
    SweepPoints

    Notes
    -----
    O(nodes * d) for the table, then O(m) whatever d; relative error below 1e-12.
    """
    m = log_kappas.size
    best = SweepPoints(
        np.zeros(m),
        np.full(m, -np.inf),
        np.zeros(m, dtype=int),
        [np.zeros(m) for _ in forms],
        [np.zeros(m) for _ in forms],
    )
    if not reduced.values.size or not m:
        return best
    curve = Curve(reduced.values, reduced.squares, reduced.n_hidden)
    levels = curve.exponent * log_kappas - curve.offset
    for low, high in _runs(curve, levels, lowest):
        _improve(best, _Run(reduced, curve, low, high, forms), curve, levels, log_kappas)
    return best


def _runs(curve: Curve, levels: FloatArray, lowest_log_kappa: float | None) -> list[tuple[float, float]]:
    """Stretches of local minima, cut to what the levels can reach."""
    lowest = float(levels.min()) if lowest_log_kappa is None else curve.level_of(lowest_log_kappa)
    if curve.n_hidden == 1 and lowest_log_kappa is not None:
        return [(_lowest(curve, lowest), HIGHEST)] if lowest < 0.0 else []
    if curve.n_hidden == 1:
        highest = float(levels[levels < 0.0].max(initial=-np.inf))
        if highest == -np.inf:
            return []
        # phi rises to one; near it 1 - phi ~ 2 E[c] / rho
        top = max(-float(np.log(-np.expm1(highest))) + 2.0, 2.0)
        return [(_lowest(curve, lowest), min(top, HIGHEST))]
    ends = [point.t for point in survey(curve).spinodals]
    starts = [min(_lowest(curve, lowest), ends[0] - 1.0), *ends[1::2]]
    return list(zip(starts, ends[0::2], strict=True))


def _lowest(curve: Curve, level: float) -> float:
    """A point below the first root for the lowest level."""
    return curve.lower_bracket(level) - 0.5


def _improve(best: SweepPoints, run: _Run, curve: Curve, levels: FloatArray, log_kappas: FloatArray) -> None:
    """Put the run's point wherever it beats what is there."""
    # with one hidden layer the map vanishes at level zero, and counts as zero within the rounding of the threshold
    highest = min(run.level_range[1], -2.0 * THRESHOLD_ROUNDING) if curve.n_hidden == 1 else run.level_range[1]
    exists = np.flatnonzero((levels > run.level_range[0]) & (levels < highest))
    if not exists.size:
        return
    best.minima[exists] += 1
    position: Position = run.height.invert(levels[exists])
    t = run.height.points(position)
    log_norm = 0.5 * (levels[exists] - curve.exponent * t + curve.log_target) - curve.log_unit
    pull = np.exp(run.log_pull.at(position) + curve.log_target - curve.log_unit)
    layers = curve.n_hidden + 1
    paid = layers * np.exp(log_kappas[exists] + 2.0 / layers * log_norm)
    gain = pull - paid
    wins = gain > best.gain[exists]
    at = exists[wins]
    best.gain[at] = gain[wins]
    best.log_norm[at] = log_norm[wins]
    place = Position(position.interval[wins], position.x[wins])
    for tables, quadratic, linear in zip(run.forms, best.quadratics, best.linears, strict=True):
        quadratic[at] = tables[0].at(place)
        linear[at] = tables[1].at(place)


def ridge_points(reduced: ReducedProblem, ridges: FloatArray, forms: list[Moments]) -> SweepPoints:
    """The same for networks without a hidden layer: one ridge for each value, in chunks.

    O(m d), or O(m d^2) with forms.
    """
    m, chunk = ridges.size, 65_536
    gain, square = np.empty(m), np.empty(m)
    quadratics, linears = [np.empty(m) for _ in forms], [np.empty(m) for _ in forms]
    seen = reduced.spectrum.active
    vectors, values = reduced.spectrum.vectors[:, seen], reduced.spectrum.values[seen]
    for start in range(0, m, chunk):
        part = slice(start, start + chunk)
        coordinates = reduced.spectrum.projections[seen, 0] / (values + ridges[part, None])
        square[part] = np.sum(coordinates**2, axis=1)
        gain[part] = np.sum(coordinates * reduced.spectrum.projections[seen, 0], axis=1)
        for form, quadratic, linear in zip(forms, quadratics, linears, strict=True):
            # one product a row, so that the digits of a point do not depend on how many come with it
            maps = coordinates[:, None, :] @ vectors.T
            quadratic[part] = np.sum((maps @ form.xx) * maps, axis=(1, 2))
            linear[part] = np.sum(maps[:, 0, :] * form.xy[:, 0], axis=1)
    with np.errstate(divide="ignore"):
        log_norm = 0.5 * np.log(square)
    return SweepPoints(gain, log_norm, (square > 0.0).astype(int), quadratics, linears)
