"""What the minima on all data say about each value: fits, degrees of freedom, errors on samples left out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from service.core.asked.selection.jumps import Rival
from service.core.asked.selection.leave_one_out import TRUSTED, left_out
from service.core.asked.selection.response import Minimisers, degrees_of_freedom, minimisers
from service.core.asked.selection.several_outputs import freedom_of_several, left_out_of_one_layer
from service.core.asked.selection.shown import Held
from service.core.asked.sweeps.axes import Axis, settings_of, varied
from service.core.asked.sweeps.columns import Sweep
from service.core.asked.sweeps.one_by_one import MINIMUM
from service.core.asked.sweeps.one_table import shared_factor
from service.core.asked.sweeps.points import sweep_of
from service.core.dispatch import choose, solve
from service.core.extremes.targets import scaled_targets
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum
from service.core.one_output.reduced import noise_changes_form, reduced_of
from service.core.one_output.sweep import sweep
from service.vocabulary import Bias, SweepParameter

NO_SAMPLES = "needs samples: moments do not say what one of them decides"
ONE_SAMPLE = "needs at least two samples"
HIDDEN_BIAS = "hidden biases without one of the output, or biases that decay, are best only while the data stay centred"
SEVERAL = "a step is known for one output, or without hidden layers; `loo`: `exact` solves without each sample in turn"
MOST_NUMBERS = 20_000_000
TOO_LARGE = f"noise on the inputs needs samples x inputs x inputs numbers, which are more than {MOST_NUMBERS:,}"
FAR_TARGETS = "targets are far from ordinary size: measure them in other units"


@dataclass(frozen=True)
class WholeColumns:
    """One entry for each value; mean squared errors a sample, summed over outputs.

    Attributes
    ----------
    train, norm : (m,) arrays
    trivial : (m,) array of bool
    rank : (m,) array of int
    freedom : (m,) array or None
        Degrees of freedom; None with a reason.
    freedom_reason : str
    left_out : (m,) array or None
        None with a reason.
    doubt : (m,) array of int
        Why an entry of `left_out` cannot be trusted; see `leave_one_out.REASONS`.
    left_out_reason : str
    quadratic : bool
        Whether the objective is quadratic in the map, so that errors on samples left out are exact.
    """

    train: FloatArray
    norm: FloatArray
    trivial: BoolArray
    rank: IntArray
    freedom: FloatArray | None
    freedom_reason: str
    left_out: FloatArray | None
    doubt: IntArray
    left_out_reason: str
    quadratic: bool


def is_on_one_curve(problem: Problem) -> bool:
    """Whether all values are answered on one table; `NotCovered` where no solver applies."""
    solver, _, _ = choose(problem)
    return solver.one_curve and scaled_targets(problem) is None


def whole_columns(problem: Problem, axis: Axis, *, summed: bool, step: bool = True) -> WholeColumns:
    """The columns of a problem with one thing varied.

    Parameters
    ----------
    problem : Problem
        With its samples, where errors on samples left out are wanted.
    axis : Axis
    summed : bool
        Whether errors are added over samples.
    step : bool
        Whether errors on samples left out are wanted.

    Raises
    ------
    NotCovered
        If no solver applies.
    """
    held, reason = _held(problem, summed=summed) if step else (None, "")
    if is_on_one_curve(problem):
        return _on_one_curve(replace(problem, evaluation=problem.data), axis, held, reason)
    return _one_by_one(problem, axis, held, reason)


def _held(problem: Problem, *, summed: bool) -> tuple[Held | None, str]:
    """The samples for a step, or why there is none."""
    network, samples = problem.network, problem.samples
    if samples is None:
        return None, NO_SAMPLES
    if len(samples.x) < 2:
        return None, ONE_SAMPLE
    if network.input_noise_variance and samples.x.shape[0] * samples.x.shape[1] ** 2 > MOST_NUMBERS:
        return None, TOO_LARGE
    free = network.has_bias(network.n_layers - 1)
    if network.bias is Bias.HIDDEN or any(
        network.bias_weight_decays[index] for index in network.bias_layers if network.bias_weight_decays
    ):
        return None, HIDDEN_BIAS
    bias = Bias.NONE if not free else Bias.ALL if network.bias is Bias.ALL and network.n_hidden else Bias.OUTPUT
    return Held(samples.x, samples.y[:, 0], bias, network.input_noise_variance, summed), ""


def _on_one_curve(problem: Problem, axis: Axis, held: Held | None, reason: str) -> WholeColumns:
    swept = sweep_of(problem, axis.parameter, axis.values)
    m = axis.values.size
    freedom, error, doubt = np.empty(m), np.empty(m), np.full(m, TRUSTED)
    for places, own in _forms(problem, axis):
        part = replace(axis, values=axis.values[places])
        found, rival, log_noise = _with_rival(own, part, swept.norm[places])
        freedom[places] = degrees_of_freedom(own, found)
        if held is not None:
            apart = left_out(held, found, log_noise, rival)
            error[places], doubt[places] = apart.error, apart.doubt
    assert swept.evaluation_fit is not None  # noqa: S101 - the data themselves were given to be evaluated on
    return WholeColumns(
        train=swept.evaluation_fit,
        norm=swept.norm,
        trivial=swept.trivial,
        rank=swept.rank,
        freedom=freedom,
        freedom_reason="",
        left_out=None if held is None else error,
        doubt=doubt,
        left_out_reason=reason,
        quadratic=problem.network.n_hidden == 0,
    )


def _forms(problem: Problem, axis: Axis) -> Iterator[tuple[IntArray, Problem]]:
    """Places of the values that share a quadratic form, each with a problem that has it."""
    noisy = axis.parameter in (SweepParameter.NOISE_VARIANCE, SweepParameter.WIDTH)
    if not noisy or not noise_changes_form(problem.network, problem.data):
        yield np.arange(axis.values.size), problem
        return
    for value in np.unique(axis.values):
        places = np.flatnonzero(axis.values == value)
        yield places, varied(problem, [axis], int(places[0]))


def _with_rival(problem: Problem, axis: Axis, norms: FloatArray) -> tuple[Minimisers, Rival | None, FloatArray]:
    """The minimisers, the second best minima where weights of two hidden layers or more multiply, and log C."""
    reduced, settings = reduced_of(problem), settings_of(problem.network, [axis])
    outside = shared_factor(reduced, settings)
    found = minimisers(reduced, settings, outside, norms)
    log_kappa = settings.log_decays.mean(axis=1) + reduced.noise_share * outside
    decayed = np.isfinite(log_kappa)
    if reduced.n_hidden < 2 or not decayed.any():
        return found, None, settings.log_factor
    excess, log_norm = np.full(norms.size, np.inf), np.full(norms.size, -np.inf)
    points = sweep(reduced, log_kappa[decayed], [])
    excess[decayed] = (points.gain - points.rival_gain) * np.exp(-outside[decayed])
    log_norm[decayed] = points.rival_log_norm - outside[decayed]
    rival = minimisers(reduced, settings, outside, np.exp(log_norm))
    return found, Rival(rival, excess), settings.log_factor


def _one_by_one(problem: Problem, axis: Axis, held: Held | None, reason: str) -> WholeColumns:
    """Each value solved on its own, since no table holds the minima of such networks."""
    network = problem.network
    at = [varied(problem, [axis], index) for index in range(axis.values.size)]
    minima = [solve(each, MINIMUM).solution.minimum for each in at]
    freedom, why = freedom_of_several(at, minima)
    one_layer = network.n_hidden == 0 and network.input_noise_variance == 0.0 and scaled_targets(problem) is None
    error: FloatArray | None = None
    if held is not None and one_layer:
        error = left_out_of_one_layer(problem, held, network_decays(at))
    elif held is not None:
        reason = SEVERAL if network.outputs > 1 or network.n_hidden else FAR_TARGETS
    return WholeColumns(
        train=np.array([_fit(problem, minimum) for minimum in minima]),
        norm=np.array([float(np.linalg.norm(minimum.singular_values)) for minimum in minima]),
        trivial=np.array([minimum.trivial for minimum in minima]),
        rank=np.array([minimum.rank for minimum in minima]),
        freedom=freedom,
        freedom_reason=why,
        left_out=error,
        doubt=np.full(axis.values.size, TRUSTED),
        left_out_reason=reason,
        quadratic=error is not None,
    )


def network_decays(problems: list[Problem]) -> FloatArray:
    """The decay of the only layer of each problem (m,)."""
    return np.array([each.network.layers[0].weight_decay for each in problems])


def _fit(problem: Problem, minimum: GlobalMinimum) -> float:
    return problem.data.fit(minimum.end_to_end_map, minimum.output_offset)


def held_out_error(problem: Problem, axis: Axis) -> FloatArray:
    """Mean squared error (m,) on the evaluation data of a problem at each value."""
    swept: Sweep = sweep_of(problem, axis.parameter, axis.values)
    assert swept.evaluation_fit is not None  # noqa: S101 - a fold has held-out data
    return swept.evaluation_fit
