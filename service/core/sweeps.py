"""The global minimum as one thing is varied: arrays in the order of the values.

One-output problems are swept on one table of the branch; whatever else dispatch covers is solved value by
value.  Both agree to 1e-11.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.core.arrays import BoolArray, FloatArray, IntArray
from service.core.dispatch import choose, solve
from service.core.problems import Layer, Moments, Network, Problem
from service.core.results import GlobalMinimum, StationaryPoint
from service.core.scalar.reduced import ReducedProblem, log_noise_factor_of, noise_changes_form, reduced_of
from service.core.scalar.sweep import SweepPoints, ridge_points, sweep
from service.vocabulary import Bias, PointClass, PointKind, SweepParameter


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
    prediction_variance: FloatArray
    evaluation_fit: FloatArray | None


def varied(problem: Problem, parameter: SweepParameter, value: float) -> Problem:
    """The problem with one thing changed: on all layers, or on all hidden ones for noise and width."""
    layers = [_varied_layer(layer, parameter, value) for layer in problem.network.layers]
    if parameter in (SweepParameter.NOISE_VARIANCE, SweepParameter.WIDTH):
        layers[-1] = problem.network.layers[-1]
    return replace(problem, network=replace(problem.network, layers=tuple(layers)), memo={})


def _varied_layer(layer: Layer, parameter: SweepParameter, value: float) -> Layer:
    if parameter is SweepParameter.DECAY_SCALE:
        return replace(layer, weight_decay=layer.weight_decay * value)
    if parameter is SweepParameter.WEIGHT_DECAY:
        return replace(layer, weight_decay=value)
    if parameter is SweepParameter.NOISE_VARIANCE:
        return replace(layer, noise_variance=value)
    return replace(layer, width=round(value))


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
    solver, _, _ = choose(problem)
    if solver.name != "scalar_output" or _needs_each(problem, parameter):
        return _one_by_one(problem, parameter, values)
    return _on_one_table(problem, parameter, values)


def _needs_each(problem: Problem, parameter: SweepParameter) -> bool:
    """Whether each value has a quadratic form of its own."""
    noisy = parameter in (SweepParameter.NOISE_VARIANCE, SweepParameter.WIDTH)
    return noisy and noise_changes_form(problem.network, problem.data)


def _one_by_one(problem: Problem, parameter: SweepParameter, values: FloatArray) -> Sweep:
    solutions = [solve(varied(problem, parameter, float(value))).solution for value in values]
    minima = [solution.minimum for solution in solutions]
    fits = [minimum.evaluation_fit for minimum in minima]
    evaluated = None if problem.evaluation is None else np.array([np.nan if fit is None else fit for fit in fits])
    return Sweep(
        loss=np.array([minimum.loss for minimum in minima]),
        fit=np.array([minimum.terms.fit for minimum in minima]),
        noise=np.array([minimum.terms.noise for minimum in minima]),
        decay=np.array([minimum.terms.decay for minimum in minima]),
        norm=np.array([float(np.linalg.norm(minimum.singular_values)) for minimum in minima]),
        parameter_norm=np.array([_parameter_norm(minimum) for minimum in minima]),
        trivial=np.array([minimum.trivial for minimum in minima]),
        attained=np.array([minimum.attained for minimum in minima]),
        rank=np.array([minimum.rank for minimum in minima]),
        minima=np.array([_count_minima(solution.stationary_points) for solution in solutions]),
        prediction_variance=np.array([minimum.prediction_variance for minimum in minima]),
        evaluation_fit=evaluated,
    )


def _parameter_norm(minimum: GlobalMinimum) -> float:
    if minimum.parameters is None:
        return float("nan")
    return float(np.sqrt(sum(float(np.sum(weight.values**2)) for weight in minimum.parameters.weights)))


def _count_minima(points: Sequence[StationaryPoint]) -> int:
    kinds = (PointClass.GLOBAL_MINIMUM, PointClass.LOCAL_MINIMUM)
    return sum(point.point_class in kinds and point.kind is not PointKind.SUBNETWORK for point in points)


@dataclass(frozen=True, slots=True)
class _Settings:
    """What the values change: logarithms of C and of every decay, shape (m,) and (m, layers)."""

    log_factor: FloatArray
    log_decays: FloatArray


def _settings(network: Network, parameter: SweepParameter, values: FloatArray) -> _Settings:
    m = values.size
    widths = np.array(network.hidden_widths, dtype=float)
    with np.errstate(divide="ignore"):
        log_decays = np.broadcast_to(np.log(network.weight_decays), (m, network.n_layers))
        if parameter is SweepParameter.DECAY_SCALE:
            log_decays = log_decays + np.log(values)[:, None]
        elif parameter is SweepParameter.WEIGHT_DECAY:
            log_decays = np.repeat(np.log(values)[:, None], network.n_layers, axis=1)
    log_factor = np.full(m, log_noise_factor_of(network))
    if parameter is SweepParameter.NOISE_VARIANCE:
        log_factor = np.log1p(values[:, None] / widths).sum(axis=1)
    elif parameter is SweepParameter.WIDTH:
        log_factor = np.log1p(network.noise_variances / np.round(values)[:, None]).sum(axis=1)
    return _Settings(log_factor, log_decays)


def _on_one_table(problem: Problem, parameter: SweepParameter, values: FloatArray) -> Sweep:
    network, reduced = problem.network, reduced_of(problem)
    settings = _settings(network, parameter, values)
    # where C is already inside the quadratic form, only decays are varied
    log_factor = settings.log_factor if reduced.log_factor == reduced.log_noise_factor else np.zeros(values.size)
    log_decay = settings.log_decays.mean(axis=1)
    forms = [_plain(reduced.noise_base), _plain(np.diag(reduced.input_noise))]
    if problem.evaluation is not None:
        forms.append(_evaluation_form(problem, problem.evaluation))
    points = _points(reduced, log_decay, log_factor, forms)
    return _assembled(problem, reduced, settings, log_factor, points)


def _points(
    reduced: ReducedProblem, log_decay: FloatArray, log_factor: FloatArray, forms: list[Moments]
) -> SweepPoints:
    if reduced.n_hidden == 0:
        return ridge_points(reduced, np.exp(log_decay), forms)
    depth = reduced.n_hidden
    log_kappa = log_decay + (depth - 1) / (depth + 1) * log_factor
    decayed = np.isfinite(log_kappa)
    if decayed.all():
        return sweep(reduced, log_kappa, forms)
    some, none = sweep(reduced, log_kappa[decayed], forms), ridge_points(reduced, np.zeros(1), forms)
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
    problem: Problem, reduced: ReducedProblem, settings: _Settings, log_factor: FloatArray, points: SweepPoints
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
    origin = _origin_is_minimum(reduced, settings, trivial)
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
        minima=points.minima + origin,
        prediction_variance=noise,
        evaluation_fit=evaluated,
    )


def _parameter_norms(
    settings: _Settings, paid_each: FloatArray, log_norm: FloatArray, attained: BoolArray, undecayed: BoolArray
) -> FloatArray:
    layers = settings.log_decays.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        decayed = np.exp(0.5 * paid_each) * np.sqrt(np.exp(-settings.log_decays).sum(axis=1))
    free = np.sqrt(layers) * np.exp(log_norm / layers)
    norms = np.where(undecayed, free, decayed)
    norms = np.where(np.isneginf(log_norm), 0.0, norms)
    return np.where(attained, norms, np.nan)


def _origin_is_minimum(reduced: ReducedProblem, settings: _Settings, trivial: BoolArray) -> IntArray:
    """Whether the origin is a local minimum: always with two decayed layers of three, else where it is best."""
    if reduced.n_hidden < 2:
        return np.where(trivial, int(reduced.n_hidden > 0), 0)
    several = np.count_nonzero(np.isfinite(settings.log_decays), axis=1) >= 2
    return np.where(several | trivial, 1, 0)
