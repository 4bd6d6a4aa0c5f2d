"""Gradient flow in segments: a state in, a state out, so that a job can stop and go on anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from service.core.dynamics.flow_rates import Rates
from service.core.dynamics.flow_steps import MAX_EVALUATIONS, smooth_steps, stepped_over_kinks
from service.core.dynamics.initialisations import start as start_stack
from service.core.ground.numbers.arrays import FloatArray
from service.core.ranks.setting import Setting
from service.core.ranks.snapshot import Snapshot, blank, flatten, unflatten
from service.errors import NumericalError
from service.vocabulary import FlowStop, FlowTime, Initialisation, SkipKind

LONGEST_LOG_NORM: Final = 40.0
LONGEST_PLAIN: Final = 1e9
STATIONARY: Final = 1e-9
"""Gradient norm, relative to that at the start, below which a flow in plain time has arrived."""

ARRIVED: Final = 1e-9
"""Relative distance from the log loss asked for that counts as reached."""

STIFF_WEIGHTS: Final = 1_000
"""Weights above which a linear network is stepped like one with kinks: a stiff solver factors P x P matrices."""

SEGMENT: Final = 0.5
"""Log-norm time of one segment; in plain time segments double instead.  The stiff solver starts anew in each."""

KINK_SEGMENT: Final = 0.25
PATIENCE: Final = 2.0
"""Log-norm time without progress after which a flow has stalled."""


@dataclass(frozen=True)
class FlowState:
    """Where a flow stands.

    Attributes
    ----------
    theta : (P,) array
        All weights, as `flatten` lays them out.
    time : float
    evaluations : int
        Gradients so far.
    segment : int
        Segments so far.
    first_gradient : float
        Gradient norm at the start.
    best_value : float
        Least value so far.
    idle : float
        Time since it fell noticeably.
    stop : FlowStop or None
    is_cut : bool
        Whether the last segment was cut short because it took too many gradients; the next one goes on.
    """

    theta: FloatArray
    time: float
    evaluations: int
    segment: int
    first_gradient: float
    best_value: float
    idle: float
    stop: FlowStop | None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Until:
    """When to stop: a log loss (log-norm time), and gradients in all."""

    log_loss: float = -1000.0
    evaluations: int = 400_000


def gaussian_start(setting: Setting, scale: float, seed: int) -> Snapshot:
    """Independent normal weights of deviation ``scale / sqrt(columns)``; biases zero, frozen layers as given."""
    rng = np.random.default_rng(seed)
    graph, shapes = setting.graph, blank(setting.graph)
    weights = [scale / np.sqrt(weight.shape[1]) * rng.normal(size=weight.shape) for weight in shapes.weights]
    skips: list[FloatArray | None] = []
    for edge in graph.skips():
        source, target = graph.widths[edge.source], graph.widths[edge.target]
        drawn = scale / np.sqrt(source) * rng.normal(size=(target, source))
        is_diagonal = edge.kind is SkipKind.DIAGONAL
        skips.append(None if not edge.trained else drawn[:, 0] if is_diagonal else drawn)
    return with_frozen(setting, Snapshot(tuple(weights), shapes.biases, tuple(skips)))


def drawn_start(setting: Setting, scheme: Initialisation, seed: int) -> Snapshot:
    """Weights of a feedforward network as a scheme of `service.core.dynamics.initialisations` draws them."""
    stack = start_stack(setting.problem.network, setting.inputs, scheme, seed, [0])
    weights = tuple(array[0] for array in stack[: setting.n_layers])
    return with_frozen(setting, replace(blank(setting.graph), weights=weights))


def with_frozen(setting: Setting, snapshot: Snapshot) -> Snapshot:
    """The same start with the layers that are not trained as they are given."""
    frozen = [layer.frozen_weights for layer in setting.problem.network.layers]
    weights = (drawn if fixed is None else fixed for drawn, fixed in zip(snapshot.weights, frozen, strict=True))
    return replace(snapshot, weights=tuple(weights))


def begin(setting: Setting, start: Snapshot) -> FlowState:
    """The state before the first segment; undefined at a start without gradient, such as zero weights."""
    rates, theta = Rates(setting, start), flatten(start)
    value, gradient = rates.log_loss(theta) if rates.time is FlowTime.LOG_NORM else rates.objective(theta)
    length = float(np.linalg.norm(gradient))
    stop = FlowStop.UNDEFINED if length == 0.0 else None
    return FlowState(theta, 0.0, 1, 0, length, value, 0.0, stop)


def advance(setting: Setting, like: Snapshot, state: FlowState, until: Until, most: int = MAX_EVALUATIONS) -> FlowState:
    """One bounded segment further: up to half a unit of log-norm time, or twice as far as before in plain time.

    Parameters
    ----------
    setting : Setting
    like : Snapshot
        Shapes of the weights.
    state : FlowState
        Not ended.
    until : Until
    most : int
        Gradients after which the segment is cut short.
    """
    rates = Rates(setting, like)
    is_log_norm = rates.time is FlowTime.LOG_NORM
    is_stiff = setting.graph.is_linear and state.theta.size <= STIFF_WEIGHTS
    length = max(0.1 / max(state.first_gradient, 1e-12), state.time)
    if is_log_norm:
        length = SEGMENT if is_stiff else KINK_SEGMENT
    steps = smooth_steps if is_stiff else stepped_over_kinks
    theta, elapsed, evaluations = steps(rates, state.theta, length, until.log_loss, most)
    if not np.isfinite(theta).all():
        raise NumericalError("the flow leaves the range of double precision")
    value, gradient = rates.log_loss(theta) if is_log_norm else rates.objective(theta)
    noticeable = 1e-4 * (1.0 + abs(state.best_value)) if is_log_norm else 0.0
    is_cut = evaluations >= most
    fell = value < state.best_value - noticeable
    following = FlowState(
        theta=theta,
        time=state.time + elapsed,
        evaluations=state.evaluations + evaluations + 1,
        segment=state.segment + 1,
        first_gradient=state.first_gradient,
        best_value=min(value, state.best_value),
        idle=0.0 if fell else state.idle + elapsed,
        stop=None,
        is_cut=is_cut,
    )
    stop = _stop(setting, rates, following, value, float(np.linalg.norm(gradient)), until)
    return replace(following, stop=stop)


def run(setting: Setting, start: Snapshot, until: Until) -> tuple[Sequence[FlowState], Sequence[Snapshot]]:
    """All segments to the end: states and snapshots, the start first."""
    states = [begin(setting, start)]
    while states[-1].stop is None:
        states.append(advance(setting, start, states[-1], until))
    return states, [unflatten(state.theta, start) for state in states]


def _stop(
    setting: Setting, rates: Rates, state: FlowState, value: float, gradient: float, until: Until
) -> FlowStop | None:
    if rates.time is FlowTime.LOG_NORM:
        if value <= until.log_loss + ARRIVED * abs(until.log_loss):
            return FlowStop.REACHED
        if gradient == 0.0 or state.idle >= PATIENCE or state.time >= LONGEST_LOG_NORM:
            return FlowStop.STALLED
    elif gradient <= STATIONARY * state.first_gradient:
        hopeless = setting.labelled is not None and setting.separability.separable is False and setting.graph.is_linear
        return FlowStop.NOT_SEPARABLE if hopeless and not setting.is_decayed else FlowStop.STATIONARY
    elif state.time >= LONGEST_PLAIN:
        return FlowStop.STALLED
    return FlowStop.EFFORT if state.evaluations >= until.evaluations else None
