"""The global minimum as one thing is varied: arrays in the order of the values.

One-output problems are swept on one table of the branch; whatever else dispatch covers is solved value by
value.  Both agree to 1e-11.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np

from service.core.arrays import BoolArray, FloatArray, IntArray
from service.core.dispatch import choose, solve
from service.core.problems import Moments, Problem
from service.core.results import GlobalMinimum, StationaryPoint
from service.core.scalar.reduced import ReducedProblem, noise_changes_form, reduced_of
from service.core.scalar.sweep import SweepPoints, ridge_points, sweep
from service.core.sweeps.axes import Axis, Settings, corners, settings_of, varied, with_depth
from service.vocabulary import Bias, PointClass, PointKind, SweepParameter

ORIGIN_CLASSES: Final = (
    PointClass.GLOBAL_MINIMUM,
    PointClass.LOCAL_MINIMUM,
    PointClass.STRICT_SADDLE,
    PointClass.NON_STRICT_SADDLE,
    PointClass.DEGENERATE,
    PointClass.NOT_STATIONARY,
)
"""Classes the origin may have, in the order of their codes in a sweep."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One entry for each value, in the core's convention.

    Attributes
    ----------
    loss, fit, noise, decay : (m,) arrays
    norm : (m,) array
        Frobenius norm of the end-to-end map.
    parameter_norm : (m,) array
        Norm of all weights; NaN where the infimum is not attained.
    trivial, attained : (m,) arrays of bool
    rank : (m,) array of int
    minima : (m,) array of int
        Number of levels of local minima, the origin included where it is one.
    origin : (m,) array of int
        Class of the origin, as a place in `ORIGIN_CLASSES`.
    prediction_variance : (m,) array
    evaluation_fit : (m,) array or None
    """

    loss: FloatArray
    fit: FloatArray
    noise: FloatArray
    decay: FloatArray
    norm: FloatArray
    parameter_norm: FloatArray
    trivial: BoolArray
    attained: BoolArray
    rank: IntArray
    minima: IntArray
    origin: IntArray
    prediction_variance: FloatArray
    evaluation_fit: FloatArray | None


def sweep_of(problem: Problem, parameter: SweepParameter, values: FloatArray) -> Sweep:
    """Global minima for many values of one parameter.

    Parameters
    ----------
    problem : Problem
    parameter : SweepParameter
    values : (m,) array
        Finite and >= 0; whole and >= 1 for a width.

    Returns
    -------
    Sweep

    Raises
    ------
    NotCovered
        If no solver applies to the problem.
    """
    return sweep_points(problem, [Axis(parameter, values)])


def sweep_points(problem: Problem, axes: Sequence[Axis], within: Sequence[Axis] | None = None) -> Sweep:
    """Global minima at the points whose coordinates are the entries of the axes.

    Parameters
    ----------
    problem : Problem
    axes : sequence of Axis
        One or more with different parameters, all of length m.
    within : sequence of Axis, optional
        Axes of the grid that the points are a part of.  The numbers at a point then do not depend on which
        other points are asked for with it, to the last bit.

    Returns
    -------
    Sweep

    Raises
    ------
    NotCovered
        If no solver applies to the problem.
    ValueError
        If a depth is asked of a network without a hidden layer.
    """
    whole = axes if within is None else within
    depths = [axis.values for axis in axes if axis.parameter is SweepParameter.DEPTH]
    if not depths:
        return _at_depth(problem, axes, None if within is None else whole)
    rest = [axis for axis in axes if axis.parameter is not SweepParameter.DEPTH]
    around = [axis for axis in whole if axis.parameter is not SweepParameter.DEPTH]
    pieces = []
    groups = [np.flatnonzero(depths[0] == depth) for depth in np.unique(depths[0])]
    for group in groups:
        depth = round(float(depths[0][group[0]]))
        at_depth = replace(problem, network=with_depth(problem.network, depth), memo={})
        part = _taken(rest, group) or (Axis(SweepParameter.DECAY_SCALE, np.ones(group.size)),)
        pieces.append(_at_depth(at_depth, part, None if within is None else around or part[:1]))
    return _joined(pieces, np.concatenate(groups))


def _at_depth(problem: Problem, axes: Sequence[Axis], within: Sequence[Axis] | None) -> Sweep:
    """A sweep in which no depth is varied."""
    solver, _, _ = choose(problem)
    if solver.name != "scalar_output":
        return _one_by_one(problem, axes)
    noisy = [axis for axis in axes if axis.parameter in (SweepParameter.NOISE_VARIANCE, SweepParameter.WIDTH)]
    if not noisy or not noise_changes_form(problem.network, problem.data):
        return _on_one_table(problem, axes, within)
    # each noise has a quadratic form of its own
    log_factors = settings_of(problem.network, axes).log_factor
    groups = [np.flatnonzero(log_factors == factor) for factor in np.unique(log_factors)]
    pieces = []
    for group in groups:
        part = _taken(axes, group)
        pieces.append(_on_one_table(varied(problem, _taken(noisy, group), 0), part, within))
    return _joined(pieces, np.concatenate(groups))


def _taken(axes: Sequence[Axis], places: IntArray) -> tuple[Axis, ...]:
    return tuple(replace(axis, values=axis.values[places]) for axis in axes)


def _joined(pieces: Sequence[Sweep], places: IntArray) -> Sweep:
    """Sweeps of groups of points, put in the order of the points."""
    order = np.argsort(places, kind="stable")
    columns: dict[str, Any] = {}
    for field in fields(Sweep):
        parts = [getattr(piece, field.name) for piece in pieces]
        columns[field.name] = None if parts[0] is None else np.concatenate(parts)[order]
    return Sweep(**columns)


def _one_by_one(problem: Problem, axes: Sequence[Axis]) -> Sweep:
    solutions = [solve(varied(problem, axes, index)).solution for index in range(axes[0].values.size)]
    minima = [solution.minimum for solution in solutions]
    fits = [minimum.evaluation_fit for minimum in minima]
    evaluated = None if problem.evaluation is None else np.array([np.nan if fit is None else fit for fit in fits])
    return Sweep(
        loss=np.array([minimum.loss for minimum in minima]),
        fit=np.array([minimum.terms.fit for minimum in minima]),
        noise=np.array([minimum.terms.noise for minimum in minima]),
        decay=np.array([minimum.terms.decay for minimum in minima]),
        norm=np.array([float(np.linalg.norm(minimum.singular_values)) for minimum in minima]),
        parameter_norm=np.array([parameter_norm_of(minimum) for minimum in minima]),
        trivial=np.array([minimum.trivial for minimum in minima]),
        attained=np.array([minimum.attained for minimum in minima]),
        rank=np.array([minimum.rank for minimum in minima]),
        minima=np.array([_count_minima(solution.stationary_points) for solution in solutions]),
        origin=np.array([ORIGIN_CLASSES.index(solution.origin.point_class) for solution in solutions]),
        prediction_variance=np.array([minimum.prediction_variance for minimum in minima]),
        evaluation_fit=evaluated,
    )


def parameter_norm_of(minimum: GlobalMinimum) -> float:
    """Norm of all weights; NaN where the infimum is not attained."""
    if minimum.parameters is None:
        return float("nan")
    return float(np.sqrt(sum(float(np.sum(weight.values**2)) for weight in minimum.parameters.weights)))


def _count_minima(points: Sequence[StationaryPoint]) -> int:
    kinds = (PointClass.GLOBAL_MINIMUM, PointClass.LOCAL_MINIMUM)
    return sum(point.point_class in kinds and point.kind is not PointKind.SUBNETWORK for point in points)


def _on_one_table(problem: Problem, axes: Sequence[Axis], within: Sequence[Axis] | None) -> Sweep:
    network, reduced = problem.network, reduced_of(problem)
    settings = settings_of(network, axes)
    log_factor = _shared_factor(reduced, settings)
    log_decay = settings.log_decays.mean(axis=1)
    lowest = None
    if within is not None:
        ends = settings_of(network, corners(within))
        log_kappa = ends.log_decays.mean(axis=1) + reduced.noise_share * _shared_factor(reduced, ends)
        lowest = float(log_kappa[np.isfinite(log_kappa)].min(initial=0.0))
    forms = [_plain(reduced.noise_base), _plain(np.diag(reduced.input_noise))]
    if problem.evaluation is not None:
        forms.append(_evaluation_form(problem, problem.evaluation))
    points = _points(reduced, log_decay, log_factor, forms, lowest)
    return _assembled(problem, reduced, settings, log_factor, points)


def _shared_factor(reduced: ReducedProblem, settings: Settings) -> FloatArray:
    """log C at each point, or zero where it is already inside the quadratic form."""
    outside = reduced.log_factor == reduced.log_noise_factor
    return settings.log_factor if outside else np.zeros(settings.log_factor.size)


def _points(
    reduced: ReducedProblem,
    log_decay: FloatArray,
    log_factor: FloatArray,
    forms: list[Moments],
    lowest: float | None,
) -> SweepPoints:
    if reduced.n_hidden == 0:
        return ridge_points(reduced, np.exp(log_decay), forms)
    log_kappa = log_decay + reduced.noise_share * log_factor
    decayed = np.isfinite(log_kappa)
    if decayed.all():
        return sweep(reduced, log_kappa, forms, lowest)
    some, none = sweep(reduced, log_kappa[decayed], forms, lowest), ridge_points(reduced, np.zeros(1), forms)
    return SweepPoints(
        _merged(decayed, some.gain, none.gain),
        _merged(decayed, some.log_norm, none.log_norm),
        np.where(decayed, 0, none.minima[0]) + _spread(decayed, some.minima),
        [_merged(decayed, a, b) for a, b in zip(some.quadratics, none.quadratics, strict=True)],
        [_merged(decayed, a, b) for a, b in zip(some.linears, none.linears, strict=True)],
    )


def _merged(mask: FloatArray, inside: FloatArray, outside: FloatArray) -> FloatArray:
    merged = np.full(mask.size, outside[0])
    merged[mask] = inside
    return merged


def _spread(mask: BoolArray, inside: IntArray) -> IntArray:
    spread = np.zeros(mask.size, dtype=np.int_)
    spread[mask] = inside
    return spread


def _plain(quadratic: FloatArray) -> Moments:
    """A quadratic form alone."""
    return Moments(quadratic, np.zeros((quadratic.shape[0], 1)), 0.0)


def _evaluation_form(problem: Problem, evaluation: Moments) -> Moments:
    """Held-out data seen from the training means where a bias carries them over."""
    data = problem.data
    if problem.network.bias in (Bias.NONE, Bias.HIDDEN) or data.x_mean is None or data.y_mean is None:
        return evaluation
    x_shift, y_shift = data.x_mean, data.y_mean
    x_mean = np.zeros_like(x_shift) if evaluation.x_mean is None else evaluation.x_mean
    y_mean = np.zeros_like(y_shift) if evaluation.y_mean is None else evaluation.y_mean
    crossed = np.outer(x_mean, x_shift)
    return Moments(
        xx=evaluation.xx - crossed - crossed.T + np.outer(x_shift, x_shift),
        xy=evaluation.xy - np.outer(x_mean, y_shift) - np.outer(x_shift, y_mean) + np.outer(x_shift, y_shift),
        yy=evaluation.yy - 2.0 * float(y_mean @ y_shift) + float(y_shift @ y_shift),
    )


def _assembled(
    problem: Problem, reduced: ReducedProblem, settings: Settings, log_factor: FloatArray, points: SweepPoints
) -> Sweep:
    layers = problem.network.n_layers
    shrink = np.exp(-log_factor)
    log_norm = points.log_norm - log_factor
    loss = reduced.variance - points.gain * shrink
    hidden, inputs = points.quadratics[0], points.quadratics[1]
    noise = (np.expm1(settings.log_factor) * hidden + np.exp(settings.log_factor) * inputs) * shrink * shrink
    log_decay = settings.log_decays.mean(axis=1)
    paid_each = log_decay + 2.0 / layers * log_norm
    decay = np.where(np.isfinite(paid_each), layers * np.exp(paid_each), 0.0)
    undecayed = np.all(np.isneginf(settings.log_decays), axis=1)
    attained = np.isfinite(log_decay) | undecayed | np.isneginf(log_norm)
    evaluated: FloatArray | None = None
    if problem.evaluation is not None:
        base = _evaluation_form(problem, problem.evaluation).yy
        evaluated = points.quadratics[2] * shrink * shrink - 2.0 * points.linears[2] * shrink + base
    trivial = np.isneginf(log_norm)
    origin = _origin_class(reduced, settings, trivial)
    counted = origin <= ORIGIN_CLASSES.index(PointClass.LOCAL_MINIMUM)
    return Sweep(
        loss=loss,
        fit=loss - noise - decay,
        noise=noise,
        decay=decay,
        norm=np.exp(log_norm),
        parameter_norm=_parameter_norms(settings, paid_each, log_norm, attained, undecayed),
        trivial=trivial,
        attained=attained,
        rank=(~trivial).astype(int),
        minima=points.minima + (counted if reduced.n_hidden else 0),
        origin=origin,
        prediction_variance=noise,
        evaluation_fit=evaluated,
    )


def _parameter_norms(
    settings: Settings, paid_each: FloatArray, log_norm: FloatArray, attained: BoolArray, undecayed: BoolArray
) -> FloatArray:
    layers = settings.log_decays.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        decayed = np.exp(0.5 * paid_each) * np.sqrt(np.exp(-settings.log_decays).sum(axis=1))
    free = np.sqrt(layers) * np.exp(log_norm / layers)
    norms = np.where(undecayed, free, decayed)
    norms = np.where(np.isneginf(log_norm), 0.0, norms)
    return np.where(attained, norms, np.nan)


def _origin_class(reduced: ReducedProblem, settings: Settings, trivial: BoolArray) -> IntArray:
    """Class of the origin: with two decayed layers of three it is always a local minimum."""
    m = trivial.size
    if reduced.n_hidden == 0:
        otherwise = np.full(m, ORIGIN_CLASSES.index(PointClass.NOT_STATIONARY))
    elif reduced.n_hidden == 1:
        otherwise = np.full(m, ORIGIN_CLASSES.index(PointClass.STRICT_SADDLE))
    else:
        several = np.count_nonzero(np.isfinite(settings.log_decays), axis=1) >= 2
        kept, left = (ORIGIN_CLASSES.index(kind) for kind in (PointClass.LOCAL_MINIMUM, PointClass.NON_STRICT_SADDLE))
        otherwise = np.where(several, kept, left)
    return np.where(trivial, ORIGIN_CLASSES.index(PointClass.GLOBAL_MINIMUM), otherwise)
