"""Sweeps of one-output problems on one table of the branch of candidate maps: every value at once.

Derivation: ``docs/theory/sweeps.md``.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from service.core.asked.sweeps.axes import LARGEST_LOG, Axis, SweptSettings, corners, settings_of
from service.core.asked.sweeps.columns import ORIGIN_CLASSES, Sweep
from service.core.ground.conditioning import scaled_condition
from service.core.ground.data.least_squares import LeastSquares
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Moments, Problem
from service.core.one_output.reduced import ReducedProblem, centres_the_mean, reduced_of
from service.core.one_output.sweep import SweepPoints, error_at, ridge_points, sweep
from service.vocabulary import Bias, PointClass

SIZES = 2
"""Place of the sizes of the inputs, where they differ, among the forms that are evaluated along the table."""
SHARE_OF_TOLERANCE = 3e-10
"""Error of a loss, relative to its unit, above which the table does not report it."""


def on_one_table(problem: Problem, axes: Sequence[Axis], within: Sequence[Axis] | None) -> tuple[Sweep, BoolArray]:
    """Global minima along axes that change neither the depth nor the quadratic form.

    Parameters
    ----------
    problem : Problem
        Covered by the solver for one output.
    axes : sequence of Axis
        Of one length.
    within : sequence of Axis, optional
        Axes of the grid that the points are a part of; the table then begins where that of the whole grid would.

    Returns
    -------
    Sweep
    (m,) array of bool
        Points at which the eigenpairs of the data lack digits of the loss, see `_doubtful`.
    """
    network, reduced = problem.network, reduced_of(problem)
    settings = settings_of(network, axes)
    log_factor = shared_factor(reduced, settings)
    log_decay = settings.log_decays.mean(axis=1)
    lowest = None
    if within is not None:
        ends = settings_of(network, corners(within))
        log_kappa = ends.log_decays.mean(axis=1) + reduced.noise_share * shared_factor(reduced, ends)
        lowest = float(log_kappa[np.isfinite(log_kappa)].min(initial=0.0))
    sizes = _sizes(problem, reduced)
    forms = [_noise_form(reduced), _noise_of(np.diag(np.sqrt(reduced.input_noise)))]
    if not isinstance(sizes, float):
        forms.append(_noise_of(np.diag(sizes)))
    if problem.evaluation is not None:
        forms.append(_evaluation_form(problem, problem.evaluation))
    points = _points(reduced, log_decay, log_factor, forms, lowest)
    found = _assembled(problem, reduced, settings, log_factor, points, forms)
    shrink = np.exp(-log_factor)
    moved = sizes * found.norm if isinstance(sizes, float) else np.sqrt(np.maximum(points.squares[SIZES], 0.0)) * shrink
    return found, _doubtful(problem, reduced, points, found.loss, shrink, moved)


def _sizes(problem: Problem, reduced: ReducedProblem) -> FloatArray | float:
    """What rounding of the data, or of their decomposition, is relative to: input by input, or for all inputs alike."""
    seen = _seen(problem)
    if seen.rooted:
        return np.sqrt(np.maximum(seen.xx.diagonal(), 0.0))
    return sqrt(max(float(reduced.spectrum.values[-1]), 0.0))


def _seen(problem: Problem) -> Moments:
    return problem.data.central if centres_the_mean(problem.network, problem.data) else problem.data


def _doubtful(
    problem: Problem,
    reduced: ReducedProblem,
    points: SweepPoints,
    loss: FloatArray,
    shrink: FloatArray,
    moved: FloatArray,
) -> BoolArray:
    """Where what rounding makes of the data's eigenpairs shows in the loss; such points are solved on their own.

    A minimum moves by what its objective moves at the minimiser w: with moments wrong by ``eps t_i t_j`` by some
    ``eps |t w|^2``, with rows wrong by ``eps t`` by ``2 sqrt(loss) eps |t w| + (eps |t w|)^2``; and what the decay
    adds, which falls as the eigenvalues, by as much of itself as these are wrong by.
    """
    seen, spectrum = _seen(problem), reduced.spectrum
    roundings = 2.0 * EPSILON * float(np.sqrt(seen.inputs))
    if seen.factor is None:
        wrong = roundings * moved * moved
    else:
        wrong = roundings * moved * (2.0 * np.sqrt(loss) + roundings * moved)
    condition = spectrum.condition_number if spectrum.rank_tolerance > 0.0 else 1.0
    if spectrum.rank_tolerance == 0.0 and seen.rooted:
        condition = scaled_condition(seen) ** (2.0 if seen.factor is None else 1.0)
    wrong = wrong + EPSILON * condition * points.excess * shrink
    doubtful: BoolArray = wrong > SHARE_OF_TOLERANCE * np.maximum(loss, 1e-6 * problem.spread)
    return doubtful & np.isfinite(points.log_norm)


def _noise_form(reduced: ReducedProblem) -> LeastSquares:
    """Second moment of what the hidden noise multiplies."""
    base = reduced.noise_base
    return _noise_of(np.zeros((0, len(reduced.input_noise))) if base is None else base.root.root)


def _noise_of(root: FloatArray) -> LeastSquares:
    """A quadratic form alone, by its root (m, d)."""
    return LeastSquares(root, np.zeros((len(root), 1)), 0.0, np.ones(root.shape[1]))


def shared_factor(reduced: ReducedProblem, settings: SweptSettings) -> FloatArray:
    """log C at each point (m,), or zero where it is already inside the quadratic form."""
    outside = reduced.log_factor == reduced.log_noise_factor
    return settings.log_factor if outside else np.zeros(settings.log_factor.size)


def _points(
    reduced: ReducedProblem,
    log_decay: FloatArray,
    log_factor: FloatArray,
    forms: list[LeastSquares],
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
        _merged(decayed, some.excess, none.excess),
        _merged(decayed, some.log_norm, none.log_norm),
        np.where(decayed, 0, none.minima[0]) + _spread(decayed, some.minima),
        [_merged(decayed, a, b) for a, b in zip(some.squares, none.squares, strict=True)],
        [_merged(decayed, a, b) for a, b in zip(some.alongs, none.alongs, strict=True)],
        _merged(decayed, some.rival_gain, none.rival_gain),
        _merged(decayed, some.rival_log_norm, none.rival_log_norm),
    )


def _merged(mask: FloatArray, inside: FloatArray, outside: FloatArray) -> FloatArray:
    merged = np.full(mask.size, outside[0])
    merged[mask] = inside
    return merged


def _spread(mask: BoolArray, inside: IntArray) -> IntArray:
    spread = np.zeros(mask.size, dtype=np.int_)
    spread[mask] = inside
    return spread


def _evaluation_form(problem: Problem, evaluation: Moments) -> LeastSquares:
    """Held-out data seen from the training means where a bias carries them over.

    Deviations from their own means, where these are known, and one row for what the means are apart.
    """
    data = problem.data
    if problem.network.bias in (Bias.NONE, Bias.HIDDEN) or data.x_mean is None or data.y_mean is None:
        return evaluation.root
    seen, x_shift, y_shift = evaluation, data.x_mean, data.y_mean
    if evaluation.x_mean is not None and evaluation.y_mean is not None:
        seen, x_shift, y_shift = evaluation.central, x_shift - evaluation.x_mean, y_shift - evaluation.y_mean
    root = seen.root
    return LeastSquares(
        root=np.concatenate((root.root, x_shift[None, :])),
        response=np.concatenate((root.response, y_shift[None, :])),
        rest=root.rest,
        scale=root.scale,
        projected=root.projected,
    )


def _assembled(
    problem: Problem,
    reduced: ReducedProblem,
    settings: SweptSettings,
    log_factor: FloatArray,
    points: SweepPoints,
    forms: list[LeastSquares],
) -> Sweep:
    layers = problem.network.n_layers
    shrink = np.exp(-log_factor)
    log_norm = points.log_norm - log_factor
    hidden, inputs = points.squares[0], points.squares[1]
    # C over the square of what the map is divided by, which C itself may exceed double precision for
    scale = np.exp(np.minimum(settings.log_factor - 2.0 * log_factor, LARGEST_LOG))
    noise = (-np.expm1(-settings.log_factor) * hidden + inputs) * scale
    log_decay = settings.log_decays.mean(axis=1)
    paid_each = log_decay + 2.0 / layers * log_norm
    decay = np.where(np.isfinite(paid_each), layers * np.exp(paid_each), 0.0)
    trivial = np.isneginf(log_norm)
    # what no weights explain, the noise that the undecayed map leaves, and what the decay adds to both: all positive
    error = reduced.residual - reduced.explained * np.expm1(-log_factor) + points.excess * shrink
    loss = np.where(trivial, reduced.variance, error + decay)
    undecayed = np.all(np.isneginf(settings.log_decays), axis=1)
    attained = np.isfinite(log_decay) | undecayed | np.isneginf(log_norm)
    evaluated: FloatArray | None = None
    if problem.evaluation is not None:
        evaluated = error_at(forms[-1], points.squares[-1], points.alongs[-1], shrink)
    origin = _origin_class(reduced, settings, trivial)
    counted = origin <= ORIGIN_CLASSES.index(PointClass.LOCAL_MINIMUM)
    return Sweep(
        loss=loss,
        fit=np.maximum(loss - noise - decay, 0.0),
        noise=noise,
        decay=decay,
        norm=np.exp(log_norm),
        parameter_norm=_parameter_norms(settings, paid_each, log_norm, attained, undecayed),
        trivial=trivial,
        attained=attained,
        rank=(~trivial).astype(int),
        # weights approach an infimum that is not attained, they are not minima of their own
        minima=points.minima * attained + (counted if reduced.n_hidden else 0),
        origin=origin,
        prediction_variance=noise,
        evaluation_fit=evaluated,
    )


def _parameter_norms(
    settings: SweptSettings, paid_each: FloatArray, log_norm: FloatArray, attained: BoolArray, undecayed: BoolArray
) -> FloatArray:
    layers = settings.log_decays.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        decayed = np.exp(0.5 * paid_each) * np.sqrt(np.exp(-settings.log_decays).sum(axis=1))
    free = np.sqrt(layers) * np.exp(log_norm / layers)
    norms = np.where(undecayed, free, decayed)
    norms = np.where(np.isneginf(log_norm), 0.0, norms)
    return np.where(attained, norms, np.nan)


def _origin_class(reduced: ReducedProblem, settings: SweptSettings, trivial: BoolArray) -> IntArray:
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
