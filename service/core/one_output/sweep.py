"""Many decays, noises or widths on the same data in one vectorised call.

The branch of candidate maps does not depend on any of them, so one table of it along ``t = log rho``, with
two derivatives, answers every value: invert the height, read the gain.  The gain is stationary in t at the
root, so the error of the inversion enters only squared.  Losses are given as differences from the undecayed
minimum, and errors on other data as squares of misfits, so that nothing cancels near a perfect fit.  Derivation:
``docs/theory/sweeps.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.data.least_squares import LeastSquares
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.numbers.exceeding import THRESHOLD_ROUNDING
from service.core.one_output.curve import Curve
from service.core.one_output.hermite import Position, QuinticTable
from service.core.one_output.reduced import ReducedProblem
from service.core.one_output.survey import survey

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
    excess : (m,) array
        By how much its squared error exceeds that of the undecayed map, before division by C; without the decay.
    log_norm : (m,) array
        log ||v||; minus infinity where the zero map is best.
    minima : (m,) array of int
        Number of local minima of the reduced problem apart from the zero map.
    squares : list of (m,) arrays
        For each requested data set, ``|e|^2`` of the misfit ``e = R v - r`` by its root.
    alongs : list of (m,) arrays
        For each requested data set, ``e.r``.
    rival_gain, rival_log_norm : (m,) arrays
        The same of the second best, the zero map among them; a gain of minus infinity where there is none.
    """

    gain: FloatArray
    excess: FloatArray
    log_norm: FloatArray
    minima: IntArray
    squares: list[FloatArray]
    alongs: list[FloatArray]
    rival_gain: FloatArray
    rival_log_norm: FloatArray


class _Run:
    """A stretch of the branch on which the point is a local minimum, tabulated."""

    def __init__(
        self, reduced: ReducedProblem, curve: Curve, low: float, high: float, forms: list[LeastSquares]
    ) -> None:
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
        self.log_excess = _log_excess(reduced, t)
        self.forms = [_form_tables(reduced, curve, t, form) for form in forms]


def _log_excess(reduced: ReducedProblem, t: FloatArray) -> QuinticTable:
    """Table of the logarithm of ``sum (a^2/c) u^2``, ``u = rho/(c + rho)``: the squared error beyond the least."""
    unit = float(reduced.values[-1])
    values, fitted = reduced.values / unit, reduced.squares / reduced.values
    above = np.maximum(t, 0.0)
    ridge = np.exp(t - above)[:, None]
    resolvent = 1.0 / (values * np.exp(-above)[:, None] + ridge)
    weights = resolvent * resolvent * fitted
    total = weights.sum(axis=1)
    share = ridge * resolvent
    mean, square = np.vecdot(weights, share) / total, np.vecdot(weights, share * share) / total
    value = np.log(total) + 2.0 * (t - above)
    return QuinticTable(t, value, 2.0 * (1.0 - mean), 6.0 * square - 2.0 * mean - 4.0 * mean * mean)


def _form_tables(reduced: ReducedProblem, curve: Curve, t: FloatArray, form: LeastSquares) -> list[QuinticTable]:
    """Tables of ``|e|^2`` and ``e.r`` along the branch, for other data than those trained on; none where both are 0."""
    seen, targets = reduced.spectrum.active, bool(form.response.any())
    if not targets and not form.root.any():
        return []
    rows, response = form.root @ reduced.spectrum.vectors[:, seen], form.response[:, 0]
    ridges = np.exp(curve.log_ridge(t))[:, None]
    denominators = reduced.spectrum.values[seen] + ridges
    map_ = reduced.spectrum.projections[seen, 0] / denominators
    shrinkage = ridges / denominators
    misfit = map_ @ rows.T - response
    first = (-shrinkage * map_) @ rows.T
    second = ((2.0 * shrinkage - 1.0) * shrinkage * map_) @ rows.T
    tables = [
        QuinticTable(
            t,
            np.vecdot(misfit, misfit),
            2.0 * np.vecdot(misfit, first),
            2.0 * (np.vecdot(misfit, second) + np.vecdot(first, first)),
        )
    ]
    if targets:
        tables.append(QuinticTable(t, misfit @ response, first @ response, second @ response))
    return tables


def error_at(form: LeastSquares, square: FloatArray, along: FloatArray, shrink: FloatArray) -> FloatArray:
    """Squared error ``||R v s - r||^2 + rest`` at maps divided by C, for s = 1/C (m,); not negative.

    With ``s R v - r = s e - (1 - s) r`` nothing cancels where s is one, and every error is a sum of squares.
    """
    left = 1.0 - shrink
    response = float(np.sum(form.response * form.response))
    moved = shrink * shrink * square - 2.0 * shrink * left * along + left * left * response
    error: FloatArray = form.rest + np.maximum(moved, 0.0)
    return error


def sweep(
    reduced: ReducedProblem, log_kappas: FloatArray, forms: list[LeastSquares], lowest: float | None = None
) -> SweepPoints:
    """Minimise ``H`` for many decays at once.

    Parameters
    ----------
    reduced : ReducedProblem
        At least one hidden layer; its own decay is ignored.
    log_kappas : (m,) array
        Finite.
    forms : list of LeastSquares
        Data sets on which to evaluate each minimiser besides; of one output.
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
    zero = [float(np.sum(form.response * form.response)) for form in forms]
    best = SweepPoints(
        np.zeros(m),
        np.full(m, reduced.explained),
        np.full(m, -np.inf),
        np.zeros(m, dtype=int),
        [np.full(m, square) for square in zero],
        [np.full(m, -square) for square in zero],
        np.full(m, -np.inf),
        np.full(m, -np.inf),
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
    at, lost = exists[wins], exists[~wins]
    best.rival_gain[at], best.rival_log_norm[at] = best.gain[at], best.log_norm[at]
    nearer = gain[~wins] > best.rival_gain[lost]
    best.rival_gain[lost[nearer]] = gain[~wins][nearer]
    best.rival_log_norm[lost[nearer]] = log_norm[~wins][nearer]
    best.gain[at] = gain[wins]
    best.log_norm[at] = log_norm[wins]
    place = Position(position.interval[wins], position.x[wins])
    best.excess[at] = np.exp(run.log_excess.at(place))
    for tables, square, along in zip(run.forms, best.squares, best.alongs, strict=True):
        for table, values in zip(tables, (square, along), strict=False):
            values[at] = table.at(place)


def ridge_points(reduced: ReducedProblem, ridges: FloatArray, forms: list[LeastSquares]) -> SweepPoints:
    """The same for networks without a hidden layer: one ridge for each value (m,), in chunks.

    O(m d), or O(m d^2) with forms.
    """
    m, chunk = ridges.size, 65_536
    gain, excess, square = np.empty(m), np.empty(m), np.empty(m)
    squares, alongs = [np.empty(m) for _ in forms], [np.empty(m) for _ in forms]
    seen = reduced.spectrum.active
    vectors, values = reduced.spectrum.vectors[:, seen], reduced.spectrum.values[seen]
    projections, fitted = reduced.spectrum.projections[seen, 0], reduced.spectrum.response[seen, 0]
    for start in range(0, m, chunk):
        part = slice(start, start + chunk)
        shrunk = 1.0 / (values + ridges[part, None])
        coordinates = projections * shrunk
        square[part] = np.sum(coordinates**2, axis=1)
        gain[part] = np.sum(coordinates * projections, axis=1)
        excess[part] = np.sum((ridges[part, None] * shrunk * fitted) ** 2, axis=1)
        for form, squared, along in zip(forms, squares, alongs, strict=True):
            # one product a row, so that the digits of a point do not depend on how many come with it
            misfit = (coordinates[:, None, :] @ vectors.T @ form.root.T)[:, 0, :] - form.response[:, 0]
            squared[part] = np.sum(misfit * misfit, axis=1)
            along[part] = np.sum(misfit * form.response[:, 0], axis=1)
    with np.errstate(divide="ignore"):
        log_norm = 0.5 * np.log(square)
    none = np.full(m, -np.inf)
    return SweepPoints(gain, excess, log_norm, (square > 0.0).astype(int), squares, alongs, none, none)
